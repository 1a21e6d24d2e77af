//! Graphs to test with.

use std::sync::Arc;

use plonnx_ir::op::{
    Arg, Compare, Contract, Conv, Extremum, Input, OneHot, Quotient, Reduce, Reducer, Requant, Sum, Table, View, Window,
};
use plonnx_ir::{CoreOp, DType, Domain, Field, Float, Function, Graph, Log2Scale, NodeId, Scalar, Tensor, op_bound};

use crate::random::Random;

/// A graph under construction, with nodes named after their operators.
pub(crate) struct Builder<D: Domain> {
    pub(crate) graph: Graph<D>,
    /// Annotation of the nodes to come.
    pub(crate) note: D::Note,
}

impl<D: Domain> Builder<D> {
    pub(crate) fn new(note: D::Note) -> Self {
        Self { graph: Graph::new(), note }
    }

    pub(crate) fn add(&mut self, op: CoreOp<D>, inputs: &[NodeId]) -> NodeId {
        let name = format!("{}_{}", op.name(), self.graph.len());
        self.graph.add_noted(&name, op, inputs, self.note).expect("operands fit")
    }

    pub(crate) fn input(&mut self, shape: &[usize], dtype: DType, domain: D::Input) -> NodeId {
        self.add(CoreOp::Input(Input { shape: shape.to_vec(), dtype, domain }), &[])
    }

    pub(crate) fn constant(&mut self, shape: &[usize], dtype: DType, data: &[i64]) -> NodeId {
        let data = data.iter().map(|v| D::Scalar::from_i64(*v)).collect();
        self.add(CoreOp::Const(Tensor::from_vec(shape, data).expect("shape and data agree"), dtype), &[])
    }

    /// Every view, of `x` of shape `[2, 3]`; returns the last.
    fn views(&mut self, x: NodeId) -> NodeId {
        let fill = self.constant(&[], DType::Real, &[-1]);
        let v = self.add(CoreOp::View(View::Reshape { shape: vec![3, 2] }), &[x]);
        let v = self.add(CoreOp::View(View::Transpose { perm: vec![1, 0] }), &[v]);
        let v = self.add(CoreOp::View(View::Slice { start: vec![1, 2], step: vec![-1, -2], size: vec![2, 2] }), &[v]);
        let v = self.add(CoreOp::View(View::Concat { axis: 1 }), &[v, x, v]);
        let pad = |n| View::Pad { before: vec![n, 0], after: vec![0, n], interior: vec![1, 0] };
        let v = self.add(CoreOp::View(pad(1)), &[v]);
        let v = self.add(CoreOp::View(pad(2)), &[v, fill]);
        let v = self.add(CoreOp::View(View::Gather { axis: 1, shape: vec![2, 1], indices: vec![6, 0] }), &[v]);
        let many: Vec<usize> = (0..20).map(|i| i * 7 % 18).collect();
        let v = self.add(CoreOp::View(View::Index { shape: vec![1, 20], indices: many }), &[v]);
        let v = self.add(CoreOp::View(View::Index { shape: vec![1, 3], indices: vec![0, 19, 2] }), &[v]);
        let v = self.add(CoreOp::View(View::Broadcast { shape: vec![2, 3] }), &[v]);
        self.add(CoreOp::View(View::Retype { dtype: DType::Real }), &[v])
    }

    /// Every operator without domain attributes that gives narrow results, of `x` and `y` of one shape of rank 2.
    fn choices(&mut self, x: NodeId, y: NodeId) -> NodeId {
        let less = self.add(CoreOp::Compare(Compare::Less), &[x, y]);
        let equal = self.add(CoreOp::Compare(Compare::Equal), &[less, less]);
        let either = self.add(CoreOp::Compare(Compare::LessEqual), &[less, equal]);
        let max = self.add(CoreOp::Extremum(Extremum::Max), &[x, y]);
        let min = self.add(CoreOp::Extremum(Extremum::Min), &[x, max]);
        let chosen = self.add(CoreOp::Select, &[either, max, min]);
        let arg = |extremum, last, keep| CoreOp::Arg(Arg { extremum, axis: 1, last, keep });
        let first = self.add(arg(Extremum::Max, false, false), &[chosen]);
        let last = self.add(arg(Extremum::Min, true, true), &[chosen]);
        let units = self.add(CoreOp::OneHot(OneHot { depth: 3 }), &[first]);
        let reduce = |reducer, keep| CoreOp::Reduce(Reduce { reducer, axes: vec![1], keep });
        let top = self.add(reduce(Reducer::Max, true), &[chosen]);
        let bottom = self.add(reduce(Reducer::Min, false), &[chosen]);
        self.graph.add_output("unit \"vectors\"\n", units);
        self.graph.add_output("last", last);
        self.graph.add_output("top", top);
        self.graph.add_output("bottom", bottom);
        chosen
    }
}

fn conv() -> Conv {
    Conv { strides: vec![2, 1], dilations: vec![1, 2], before: vec![1, 0], after: vec![0, 2], groups: 2 }
}

/// A graph with every operator of the float domain.
pub(crate) fn float() -> Graph<Float> {
    let mut b = Builder::<Float>::new(());
    let image = b.input(&[1, 4, 3, 5], DType::Real, ());
    let x = b.input(&[2, 3], DType::Real, ());
    let weights: Vec<i64> = (0..48).collect();
    let w = b.constant(&[6, 2, 2, 2], DType::Real, &weights);
    let features = b.add(CoreOp::Conv(conv()), &[image, w]);
    let k = b.add(CoreOp::Const(Tensor::vector(vec![0.1, -0.0, 1e-300]), DType::Real), &[]);
    let nan = b.add(CoreOp::Const(Tensor::vector(vec![f64::INFINITY, -2.5]), DType::Real), &[]);
    let product = b.add(CoreOp::Contract(Contract::parse("ab,b->ab").expect("labels")), &[x, k]);
    let sum = b.add(CoreOp::Sum(Sum { coefficients: vec![0.5, -1e21] }), &[x, product]);
    let total = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![0, 1], keep: false }), &[sum]);
    let mapped = b.add(CoreOp::Map(Function::LeakyRelu(0.01)), &[sum]);
    let mapped = b.add(CoreOp::Map(Function::Clip { lo: -6.0, hi: f64::INFINITY }), &[mapped]);
    let quotient = b.add(CoreOp::Div(()), &[mapped, x]);
    let chosen = b.choices(quotient, x);
    let moved = b.views(chosen);
    for (name, node) in [("features", features), ("total", total), ("nan", nan), ("moved", moved)] {
        b.graph.add_output(name, node);
    }
    b.graph
}

pub(crate) fn table(bits: u32) -> Arc<Table> {
    let window = Window::signed(bits);
    let values = (window.lo..=window.hi()).map(|i| i * i % 11 - 3).collect();
    Arc::new(Table { name: "odd \"one\" : \\ \u{7}".into(), window, values })
}

/// A graph with every operator of the field domain; [`plonnx_ir::verify`] accepts it.
pub(crate) fn field() -> Graph<Field> {
    let mut b = Builder::<Field>::new(Log2Scale(7));
    let image = b.input(&[1, 4, 3, 5], DType::Real, Window::signed(8));
    let x = b.input(&[2, 3], DType::Real, Window { lo: 1, bits: 7 });
    b.note = Log2Scale(-3);
    let weights: Vec<i64> = (-24..24).collect();
    let w = b.constant(&[6, 2, 2, 2], DType::Real, &weights);
    let k = b.constant(&[3], DType::Int, &[5, 0, -7]);
    b.note = Log2Scale(0);
    let features = b.add(CoreOp::Conv(conv()), &[image, w]);
    let features = b.add(CoreOp::Map(Requant::Relu { shift: 4, bits: 12 }), &[features]);
    let product = b.add(CoreOp::Contract(Contract::parse("ab,b->ab").expect("labels")), &[x, k]);
    let sum = b.add(CoreOp::Sum(Sum { coefficients: vec![3, -1] }), &[x, product]);
    let total = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![0, 1], keep: false }), &[x]);
    let total = b.add(CoreOp::Map(Requant::Round { shift: 1, window: Window { lo: 0, bits: 10 } }), &[total]);
    let looked_up = b.add(CoreOp::Map(Requant::Table { shift: 9, table: table(3) }), &[sum]);
    let root = b.add(CoreOp::Map(Requant::Sqrt { shift: 6, bits: 10 }), &[x]);
    let inverse = b.add(CoreOp::Map(Requant::Rsqrt { shift: 20, bits: 11 }), &[x]);
    let quotient = b.add(CoreOp::Div(Quotient { shift: 3, window: Window::unsigned(14) }), &[root, inverse]);
    let chosen = b.choices(quotient, looked_up);
    let moved = b.views(chosen);
    for (name, node) in [("features", features), ("total", total), ("moved", moved)] {
        b.graph.add_output(name, node);
    }
    b.graph
}

/// Inputs within the windows of `graph`, often at their ends.
pub(crate) fn inputs(random: &mut Random, graph: &Graph<Field>) -> Vec<Tensor<i64>> {
    let corner = random.below(3);
    let tensor = |id: &NodeId| {
        let CoreOp::Input(input) = &graph.node(*id).op else { unreachable!("inputs are input nodes") };
        let (lo, hi) = (input.domain.lo, input.domain.hi());
        let data = (0..input.shape.iter().product())
            .map(|_| if corner == 0 { random.int(lo, hi) } else { random.pick(&[lo, hi]) })
            .collect();
        Tensor::from_vec(&input.shape, data).expect("shape and data agree")
    };
    graph.inputs().iter().map(tensor).collect()
}

/// A random graph that [`plonnx_ir::verify`] accepts and that evaluates on most inputs.
pub(crate) fn random(random: &mut Random) -> Graph<Field> {
    let mut b = Builder::<Field>::new(Log2Scale(0));
    let mut narrow = Vec::new();
    for _ in 0..3 {
        let bits = 1 + random.below(8) as u32;
        let domain = Window { lo: random.int(-200, 20), bits };
        narrow.push(b.input(&[2, 3], DType::Int, domain));
    }
    for _ in 0..12 {
        let (x, y) = (random.pick(&narrow), random.pick(&narrow));
        let weights: Vec<i64> = (0..9).map(|_| random.int(-20, 20)).collect();
        let contract = |s: &str| CoreOp::Contract(Contract::parse(s).expect("labels"));
        let result = match random.below(14) {
            0 => {
                let w = b.constant(&[3, 3], DType::Int, &weights);
                b.add(contract(random.pick(&["ab,bc->ac", "ab,cb->ac"])), &[x, w])
            }
            1 => {
                let w = b.constant(&[3], DType::Int, &weights[..3]);
                let w = b.add(CoreOp::View(View::Broadcast { shape: vec![2, 3] }), &[w]);
                b.add(contract(random.pick(&["ab,ab->ab", "ac,bc->ab", "ab,cd->cd"])), &[w, x])
            }
            2 => b.add(contract(random.pick(&["ab,ab->ab", "ab,cb->ac", "ab,ab->a"])), &[x, y]),
            3 | 4 => {
                let image = b.add(CoreOp::View(View::Reshape { shape: vec![1, 1, 6] }), &[x]);
                let pad = random.below(3);
                let conv = Conv {
                    strides: vec![1],
                    dilations: vec![1 + random.below(2)],
                    before: vec![pad],
                    after: vec![pad],
                    groups: 1,
                };
                let w = if random.below(2) == 0 {
                    b.constant(&[3, 1, 3], DType::Int, &weights)
                } else {
                    b.add(CoreOp::View(View::Reshape { shape: vec![3, 1, 2] }), &[y])
                };
                b.add(CoreOp::Conv(conv), &[image, w])
            }
            5 => b.add(CoreOp::Sum(Sum { coefficients: weights[..2].to_vec() }), &[x, y]),
            6 => {
                let (axes, keep) = (vec![random.below(2)], random.below(2) == 0);
                let reducer = random.pick(&[Reducer::Sum, Reducer::Max, Reducer::Min]);
                b.add(CoreOp::Reduce(Reduce { reducer, axes, keep }), &[x])
            }
            7 => b.add(CoreOp::Extremum(random.pick(&[Extremum::Max, Extremum::Min])), &[x, y]),
            8 => {
                let relation = random.pick(&[Compare::Less, Compare::LessEqual, Compare::Equal]);
                let c = b.add(CoreOp::Compare(relation), &[x, y]);
                b.add(CoreOp::Select, &[c, y, x])
            }
            9 => {
                let extremum = random.pick(&[Extremum::Max, Extremum::Min]);
                b.add(CoreOp::Arg(Arg { extremum, axis: 1, last: false, keep: true }), &[x])
            }
            10 => {
                let view = View::Pad { before: vec![1, 0], after: vec![0, 1], interior: vec![0, 0] };
                b.add(CoreOp::View(view), &[x])
            }
            11 => b.add(CoreOp::View(View::Concat { axis: 0 }), &[x, y]),
            12 => {
                let one = b.constant(&[2, 3], DType::Int, &[1; 6]);
                let positive = b.add(CoreOp::Extremum(Extremum::Max), &[y, one]);
                b.add(CoreOp::Div(Quotient { shift: 2, window: Window::signed(40) }), &[x, positive])
            }
            _ => {
                let one = b.constant(&[2, 3], DType::Int, &[1; 6]);
                let positive = b.add(CoreOp::Extremum(Extremum::Max), &[y, one]);
                let requant = random.pick(&[0, 1]);
                b.add(
                    CoreOp::Map(match requant {
                        0 => Requant::Sqrt { shift: 10, bits: 30 },
                        _ => Requant::Rsqrt { shift: 30, bits: 16 },
                    }),
                    &[positive],
                )
            }
        };
        // Back to 12 bits, by a window that is sometimes too small, and to the common shape.
        let bound = bound_of(&b.graph, result);
        let bits = bound.magnitude().bits() as u32 + 1;
        let shift = bits.saturating_sub(10 + random.below(3) as u32);
        let requant = match random.below(3) {
            0 => Requant::Round { shift, window: Window::signed(12) },
            1 => Requant::Relu { shift, bits: 11 },
            _ => Requant::Table { shift, table: table(12) },
        };
        let flat = b.add(CoreOp::Map(requant), &[result]);
        let n = b.graph.node(flat).fact.len();
        let indices = (0..6).map(|i| i * 5 % n).collect();
        narrow.push(b.add(CoreOp::View(View::Index { shape: vec![2, 3], indices }), &[flat]));
    }
    let last = *narrow.last().expect("not empty");
    b.graph.add_output("y", last);
    b.graph
}

fn bound_of(graph: &Graph<Field>, id: NodeId) -> plonnx_ir::Interval {
    let operands: Vec<_> = graph.node(id).inputs.iter().map(|i| bound_of(graph, *i)).collect();
    op_bound(graph, id, &operands)
}

//! Facts about a float graph that follow from its structure alone.

use plonnx_ir::op::{Extremum, Reducer, View};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, NodeId};

/// Facts of every node, by index.
#[derive(Debug)]
pub(crate) struct Structure {
    constant: Vec<bool>,
    nonnegative: Vec<bool>,
    limits: Vec<f64>,
    least: Vec<f64>,
    uses: Vec<usize>,
    softmax_only: Vec<bool>,
    live: Vec<bool>,
}

impl Structure {
    pub(crate) fn of(graph: &Graph<Float>) -> Self {
        let mut this = Self {
            constant: vec![false; graph.len()],
            nonnegative: vec![false; graph.len()],
            limits: vec![f64::INFINITY; graph.len()],
            least: vec![f64::NEG_INFINITY; graph.len()],
            uses: vec![0; graph.len()],
            softmax_only: vec![false; graph.len()],
            live: vec![false; graph.len()],
        };
        let mut stack: Vec<NodeId> = graph.outputs().iter().map(|o| o.node).chain(graph.inputs().to_vec()).collect();
        while let Some(id) = stack.pop() {
            if !std::mem::replace(&mut this.live[id.index()], true) {
                stack.extend(&graph.node(id).inputs);
            }
        }
        for id in graph.ids() {
            let node = graph.node(id);
            this.constant[id.index()] =
                !matches!(node.op, CoreOp::Input(_)) && node.inputs.iter().all(|i| this.constant[i.index()]);
            this.nonnegative[id.index()] = this.infer_nonnegative(graph, id);
            this.limits[id.index()] = this.infer_limit(graph, id);
            this.least[id.index()] = this.infer_least(graph, id);
            this.uses[id.index()] = graph.consumers(id).iter().filter(|c| this.live[c.index()]).count();
        }
        for output in graph.outputs() {
            this.uses[output.node.index()] += 1;
        }
        for id in graph.ids().rev() {
            this.softmax_only[id.index()] = this.infer_softmax_only(graph, id);
        }
        this
    }

    /// Whether no input influences the node.
    pub(crate) fn is_constant(&self, id: NodeId) -> bool {
        self.constant[id.index()]
    }

    /// Whether no element can be negative.
    pub(crate) fn is_nonnegative(&self, id: NodeId) -> bool {
        self.nonnegative[id.index()]
    }

    /// Whether no element can be positive: a difference from the peak, or a sum of what is not negative with factors that
    /// are not positive.
    pub(crate) fn is_nonpositive(&self, graph: &Graph<Float>, id: NodeId) -> bool {
        let node = graph.node(id);
        match &node.op {
            CoreOp::Sum(sum) if sum.coefficients.iter().all(|c| *c <= 0.0) => {
                node.inputs.iter().all(|i| self.nonnegative[i.index()])
            }
            _ => peak_difference(graph, id).is_some(),
        }
    }

    /// Largest magnitude that the operator can give, whatever the inputs are; may be infinite.
    pub(crate) fn limit(&self, id: NodeId) -> f64 {
        self.limits[id.index()]
    }

    /// No element is less, whatever the inputs are; may be infinite.
    pub(crate) fn least(&self, id: NodeId) -> f64 {
        self.least[id.index()]
    }

    /// Number of nodes that use the node, and once more for every result of the graph that it is.
    pub(crate) fn uses(&self, id: NodeId) -> usize {
        self.uses[id.index()]
    }

    /// Whether a result of the graph depends on the node.
    pub(crate) fn is_live(&self, id: NodeId) -> bool {
        self.live[id.index()]
    }

    /// Whether the node is used only by softmaxes: values far below the largest of their row have no influence.
    pub(crate) fn sees_only_softmax(&self, id: NodeId) -> bool {
        self.softmax_only[id.index()]
    }

    fn infer_nonnegative(&self, graph: &Graph<Float>, id: NodeId) -> bool {
        let node = graph.node(id);
        let all = |ids: &[NodeId]| ids.iter().all(|i| self.nonnegative[i.index()]);
        match &node.op {
            CoreOp::Input(input) => input.dtype == DType::Bool,
            CoreOp::Const(tensor, _) => tensor.iter().all(|v| v >= 0.0),
            CoreOp::View(_) | CoreOp::Div(()) | CoreOp::Reduce(_) => all(&node.inputs),
            CoreOp::Contract(c) => all(&node.inputs) || (node.inputs[0] == node.inputs[1] && c.a == c.b),
            CoreOp::Conv(_) => all(&node.inputs),
            CoreOp::Sum(sum) => sum.coefficients.iter().all(|c| *c >= 0.0) && all(&node.inputs),
            CoreOp::Map(function) => match function {
                Function::Abs
                | Function::Acos
                | Function::Acosh
                | Function::Cosh
                | Function::Exp
                | Function::HardSigmoid { .. }
                | Function::Relu
                | Function::Rsqrt
                | Function::Sigmoid
                | Function::Softplus
                | Function::Sqrt => true,
                Function::Clip { lo, .. } if *lo >= 0.0 => true,
                Function::Pow(p) if *p % 2.0 == 0.0 => true,
                Function::Ceil
                | Function::Clip { .. }
                | Function::Floor
                | Function::Gelu
                | Function::GeluTanh
                | Function::HardSwish
                | Function::LeakyRelu(_)
                | Function::Mish
                | Function::Pow(_)
                | Function::Reciprocal
                | Function::Round
                | Function::Sign
                | Function::Softsign
                | Function::Tanh
                | Function::Trunc => all(&node.inputs),
                _ => false,
            },
            CoreOp::Extremum(Extremum::Max) => node.inputs.iter().any(|i| self.nonnegative[i.index()]),
            CoreOp::Extremum(Extremum::Min) => all(&node.inputs),
            CoreOp::Select => all(&node.inputs[1..]),
            CoreOp::Compare(_) | CoreOp::OneHot(_) | CoreOp::Arg(_) => true,
        }
    }

    fn infer_limit(&self, graph: &Graph<Float>, id: NodeId) -> f64 {
        let node = graph.node(id);
        let largest = |ids: &[NodeId]| ids.iter().map(|i| self.limits[i.index()]).fold(0.0, f64::max);
        match &node.op {
            CoreOp::View(_) | CoreOp::Extremum(_) => largest(&node.inputs),
            CoreOp::Reduce(r) if r.reducer != Reducer::Sum => largest(&node.inputs),
            CoreOp::Select => largest(&node.inputs[1..]),
            CoreOp::Const(tensor, _) => tensor.iter().fold(0.0, |m, v| v.abs().max(m)),
            CoreOp::Map(function) => match function {
                Function::Clip { lo, hi } => lo.abs().max(hi.abs()),
                Function::Cos
                | Function::Erf
                | Function::HardSigmoid { .. }
                | Function::Sigmoid
                | Function::Sign
                | Function::Sin
                | Function::Softsign
                | Function::Tanh => 1.0,
                _ => f64::INFINITY,
            },
            CoreOp::Div(()) if is_share(graph, id) => 1.0,
            _ => f64::INFINITY,
        }
    }

    fn infer_least(&self, graph: &Graph<Float>, id: NodeId) -> f64 {
        let node = graph.node(id);
        let of = |i: &NodeId| self.least[i.index()];
        match &node.op {
            CoreOp::Const(tensor, _) => tensor.iter().fold(f64::INFINITY, f64::min),
            CoreOp::View(View::Pad { .. }) if node.inputs.len() == 1 => of(&node.inputs[0]).min(0.0),
            CoreOp::View(_) => node.inputs.iter().map(of).fold(f64::INFINITY, f64::min),
            CoreOp::Sum(sum) if sum.coefficients.iter().all(|c| *c >= 0.0) => {
                let terms = sum.coefficients.iter().zip(&node.inputs).filter(|(c, _)| **c > 0.0);
                terms.map(|(c, i)| c * of(i)).sum()
            }
            CoreOp::Reduce(_) if is_softmax_total(graph, id) => 1.0,
            _ if self.nonnegative[id.index()] => 0.0,
            _ => f64::NEG_INFINITY,
        }
    }

    fn infer_softmax_only(&self, graph: &Graph<Float>, id: NodeId) -> bool {
        if graph.outputs().iter().any(|o| o.node == id) {
            return false;
        }
        let consumers: Vec<NodeId> = graph.consumers(id).into_iter().filter(|c| self.is_live(*c)).collect();
        !consumers.is_empty()
            && consumers.iter().all(|c| {
                let node = graph.node(*c);
                match &node.op {
                    CoreOp::Reduce(r) if r.reducer == Reducer::Max => only_peak_of(graph, *c, id),
                    CoreOp::Map(Function::Exp) => peak_difference(graph, id).is_some(),
                    CoreOp::Sum(sum) => match peak_difference(graph, *c) {
                        Some((x, _)) => x == id && self.softmax_only[c.index()],
                        None => {
                            self.softmax_only[c.index()]
                                && node.inputs.iter().zip(&sum.coefficients).all(|(i, k)| *i != id || *k > 0.0)
                        }
                    },
                    CoreOp::Select => node.inputs.first() != Some(&id) && self.softmax_only[c.index()],
                    CoreOp::View(_) => self.softmax_only[c.index()],
                    _ => false,
                }
            })
    }
}

/// For `x - broadcast(reduce_max(x))`: `x` and the `reduce_max`. No element is positive.
pub(crate) fn peak_difference(graph: &Graph<Float>, id: NodeId) -> Option<(NodeId, NodeId)> {
    let node = graph.node(id);
    let CoreOp::Sum(sum) = &node.op else { return None };
    let (x, peak) = match (sum.coefficients.as_slice(), node.inputs.as_slice()) {
        ([1.0, -1.0], [x, peak]) | ([-1.0, 1.0], [peak, x]) => (*x, repeated(graph, *peak)),
        _ => return None,
    };
    match &graph.node(peak).op {
        CoreOp::Reduce(r) if r.reducer == Reducer::Max && graph.node(peak).inputs == [x] => Some((x, peak)),
        _ => None,
    }
}

/// Whether `id` sums exponentials of differences from the peak along the axes of that peak: one of them is 1.
fn is_softmax_total(graph: &Graph<Float>, id: NodeId) -> bool {
    let total = graph.node(id);
    let CoreOp::Reduce(sum) = &total.op else { return false };
    let [exp] = total.inputs[..] else { return false };
    let CoreOp::Map(Function::Exp) = graph.node(exp).op else { return false };
    let peak = graph.node(exp).inputs.first().and_then(|x| peak_difference(graph, *x));
    peak.is_some_and(|(_, peak)| {
        sum.reducer == Reducer::Sum
            && matches!(&graph.node(peak).op, CoreOp::Reduce(max) if max.axes.iter().all(|a| sum.axes.contains(a)))
    })
}

/// Whether `id` is `exp(x)` divided by a sum of its own elements.
fn is_share(graph: &Graph<Float>, id: NodeId) -> bool {
    let [x, y] = graph.node(id).inputs[..] else { return false };
    let total = graph.node(repeated(graph, y));
    matches!(graph.node(x).op, CoreOp::Map(Function::Exp))
        && matches!(&total.op, CoreOp::Reduce(r) if r.reducer == Reducer::Sum)
        && total.inputs == [x]
}

/// The node whose elements the view chain at `id` repeats or reshapes; `id` itself if it is no such view.
pub(crate) fn repeated(graph: &Graph<Float>, mut id: NodeId) -> NodeId {
    while let CoreOp::View(View::Reshape { .. } | View::Broadcast { .. }) = &graph.node(id).op {
        id = graph.node(id).inputs[0];
    }
    id
}

/// Whether every use of the `reduce_max` (or of a view of it) at `id` subtracts it from `x`.
fn only_peak_of(graph: &Graph<Float>, id: NodeId, x: NodeId) -> bool {
    graph.outputs().iter().all(|o| o.node != id)
        && graph.consumers(id).iter().all(|c| match &graph.node(*c).op {
            CoreOp::View(View::Reshape { .. } | View::Broadcast { .. }) => only_peak_of(graph, *c, x),
            _ => peak_difference(graph, *c).is_some_and(|(of, _)| of == x),
        })
}

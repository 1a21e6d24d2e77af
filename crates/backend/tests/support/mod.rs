//! Small field programs, one per operator, with inputs; and what malicious provers need.

#![allow(dead_code, reason = "every test binary uses a part")]

use std::sync::Arc;

use plonnx_ir::op::{
    Arg, Compare, Contract, Conv, Extremum, OneHot, Quotient, Reduce, Reducer, Requant, Sum, Table, View, Window,
};
use plonnx_ir::{CoreOp, DType, Field, Graph, NodeId, Tensor};
use plonnx_testkit::{Case, CaseBuilder};

fn contract(spec: &str) -> CoreOp<Field> {
    CoreOp::Contract(Contract::parse(spec).unwrap())
}

fn conv_case(
    name: &str,
    x: &[usize],
    w: &[usize],
    stride: usize,
    dilation: usize,
    pad: (usize, usize),
    groups: usize,
) -> Case {
    let mut b = CaseBuilder::new();
    let rank = x.len() - 2;
    let input = b.signed(x, 6);
    let weights = b.constant(w, -7, 7);
    let conv = Conv {
        strides: vec![stride; rank],
        dilations: vec![dilation; rank],
        before: vec![pad.0; rank],
        after: vec![pad.1; rank],
        groups,
    };
    let y = b.add(CoreOp::Conv(conv), &[input, weights]);
    let y = b.round(y, 2, 13);
    b.done(name, y)
}

fn contract_case(name: &str, spec: &str, a: &[usize], w: &[usize], data: bool) -> Case {
    let mut b = CaseBuilder::new();
    let x = b.signed(a, 6);
    let other = if data { b.signed(w, 6) } else { b.constant(w, -31, 31) };
    let y = b.add(contract(spec), &[x, other]);
    let y = b.round(y, 4, 13);
    b.done(name, y)
}

fn unary(name: &str, window: Window, shape: &[usize], op: CoreOp<Field>) -> Case {
    let mut b = CaseBuilder::new();
    let x = b.input(shape, window, DType::Real);
    let y = b.add(op, &[x]);
    b.done(name, y)
}

fn binary(name: &str, op: CoreOp<Field>) -> Case {
    let mut b = CaseBuilder::new();
    let x = b.signed(&[40], 4);
    let y = b.signed(&[40], 4);
    let z = b.add(op, &[x, y]);
    b.done(name, z)
}

/// The program's evaluation by someone who alters results: `lie` sees every node's elements, and what it changes is
/// used from there on. `None` if a value leaves its range.
pub fn evaluate(
    graph: &Graph<Field>,
    inputs: &[Tensor<i64>],
    lie: &mut dyn FnMut(NodeId, &mut Vec<i64>),
) -> Option<Vec<Tensor<i64>>> {
    let mut values: Vec<Tensor<i64>> = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let value = match &node.op {
            CoreOp::Input(_) => inputs[graph.inputs().iter().position(|i| *i == id)?].clone(),
            op => {
                let operands: Vec<&Tensor<i64>> = node.inputs.iter().map(|i| &values[i.index()]).collect();
                plonnx_ir::eval_op(&node.name, op, &operands).ok()?
            }
        };
        let mut data = value.to_vec();
        lie(id, &mut data);
        values.push(Tensor::from_vec(value.shape(), data)?);
    }
    Some(values)
}

/// Seeded pseudo-random numbers (xorshift64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// The largest three of five elements with their positions, as the importer lowers TopK: every pair is compared once.
fn top_k() -> Case {
    let mut b = CaseBuilder::new();
    // Few values, so that ties occur.
    let x = b.signed(&[4, 5], 2);
    let pairs: Vec<(usize, usize)> = (0..5).flat_map(|i| (i + 1..5).map(move |j| (i, j))).collect();
    let pick = |b: &mut CaseBuilder, of: Vec<usize>| {
        b.add(CoreOp::View(View::Gather { axis: 1, shape: vec![of.len()], indices: of }), &[x])
    };
    let first = pick(&mut b, pairs.iter().map(|p| p.0).collect());
    let second = pick(&mut b, pairs.iter().map(|p| p.1).collect());
    let swapped = b.add(CoreOp::Compare(Compare::Less), &[first, second]);
    let swapped = b.add(CoreOp::View(View::Retype { dtype: DType::Real }), &[swapped]);
    let one = b.graph.add("one", CoreOp::Const(Tensor::full(&[4, 10], 1), DType::Real), &[]).unwrap();
    let straight = b.add(CoreOp::Sum(Sum { coefficients: vec![1, -1] }), &[one, swapped]);
    let bit = CoreOp::Map(Requant::Round { shift: 0, window: Window::unsigned(1) });
    let straight = b.add(bit, &[straight]);
    let both = b.add(CoreOp::View(View::Concat { axis: 1 }), &[swapped, straight]);
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); 5];
    for (pair, (i, j)) in pairs.into_iter().enumerate() {
        before[i].push(pair);
        before[j].push(10 + pair);
    }
    let indices = before.into_iter().flatten().collect();
    let counted = b.add(CoreOp::View(View::Gather { axis: 1, shape: vec![5, 4], indices }), &[both]);
    let places = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![2], keep: false }), &[counted]);
    let places = b.add(CoreOp::Map(Requant::Round { shift: 0, window: Window::unsigned(3) }), &[places]);
    let places = b.add(CoreOp::View(View::Retype { dtype: DType::Int }), &[places]);
    let unit = b.add(CoreOp::OneHot(OneHot { depth: 5 }), &[places]);
    let unit = b.add(CoreOp::View(View::Slice { start: vec![0; 3], step: vec![1; 3], size: vec![4, 5, 3] }), &[unit]);
    let unit = b.add(CoreOp::View(View::Retype { dtype: DType::Real }), &[unit]);
    let values = b.add(contract("rft,rf->rt"), &[unit, x]);
    let values = b.round(values, 0, 4);
    let positions = CoreOp::Const(Tensor::from_vec(&[5], vec![0, 1, 2, 3, 4]).unwrap(), DType::Real);
    let positions = b.graph.add("positions", positions, &[]).unwrap();
    let positions = b.add(contract("rft,f->rt"), &[unit, positions]);
    let positions = b.round(positions, 0, 4);
    let y = b.add(CoreOp::View(View::Concat { axis: 0 }), &[values, positions]);
    b.done("top k", y)
}

/// A forest as the importer lowers it: features of 39 bits compared with thresholds, nodes that choose between their
/// children, unit vectors of the leaves, sums of their weights.
fn forest() -> Case {
    let mut b = CaseBuilder::new();
    let x = b.signed(&[1, 8], 39);
    let indices = vec![0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 4, 6];
    let tested = b.add(CoreOp::View(View::Gather { axis: 1, shape: vec![12], indices }), &[x]);
    let thresholds = b.constant(&[1, 12], -(1 << 38), (1 << 38) - 1);
    let below = b.add(CoreOp::Compare(Compare::LessEqual), &[tested, thresholds]);
    let leaf = |b: &mut CaseBuilder, first: i64| {
        let leaves = (0..12).map(|i| (3 * i + first) % 40).collect();
        let leaves = CoreOp::Const(Tensor::from_vec(&[1, 12], leaves).unwrap(), DType::Int);
        b.graph.add("leaves", leaves, &[]).unwrap()
    };
    let (left, right) = (leaf(&mut b, 0), leaf(&mut b, 17));
    let chosen = b.add(CoreOp::Select, &[below, left, right]);
    // More than one row of bits.
    let unit = b.add(CoreOp::OneHot(OneHot { depth: 40 }), &[chosen]);
    let unit = b.add(CoreOp::View(View::Retype { dtype: DType::Real }), &[unit]);
    let weights = b.constant(&[12, 40, 2], -5000, 5000);
    let sums = b.add(contract("atl,tlc->ac"), &[unit, weights]);
    let sums = b.round(sums, 2, 15);
    b.done("forest", sums)
}

/// A convolution over a volume as the importer lowers it: one over areas for each slice of the kernel, summed.
fn volume() -> Case {
    let mut b = CaseBuilder::new();
    let x = b.signed(&[1, 2, 4, 4, 4], 6);
    let mut parts = Vec::new();
    for depth in 0..2 {
        let slice = View::Slice { start: vec![0, 0, depth, 0, 0], step: vec![1; 5], size: vec![1, 2, 3, 4, 4] };
        let slice = b.add(CoreOp::View(slice), &[x]);
        let slice = b.add(CoreOp::View(View::Transpose { perm: vec![0, 2, 1, 3, 4] }), &[slice]);
        let slice = b.add(CoreOp::View(View::Reshape { shape: vec![3, 2, 4, 4] }), &[slice]);
        let w = b.constant(&[3, 2, 3, 3], -7, 7);
        let conv =
            Conv { strides: vec![1; 2], dilations: vec![1; 2], before: vec![1; 2], after: vec![1; 2], groups: 1 };
        parts.push(b.add(CoreOp::Conv(conv), &[slice, w]));
    }
    let y = b.add(CoreOp::Sum(Sum { coefficients: vec![1, 1] }), &parts);
    let y = b.round(y, 2, 13);
    b.done("volume", y)
}

/// One case per operator and variant.
pub fn cases() -> Vec<Case> {
    let mut out = vec![
        top_k(),
        forest(),
        volume(),
        conv_case("conv 3x3 same", &[1, 3, 12, 12], &[5, 3, 3, 3], 1, 1, (1, 1), 1),
        conv_case("conv 5x5 valid", &[1, 2, 9, 9], &[4, 2, 5, 5], 1, 1, (0, 0), 1),
        conv_case("conv stride 2", &[1, 3, 11, 11], &[4, 3, 3, 3], 2, 1, (1, 1), 1),
        conv_case("conv stride 3 uneven padding", &[1, 2, 10, 10], &[3, 2, 4, 4], 3, 1, (2, 1), 1),
        conv_case("conv dilation 2", &[1, 2, 12, 12], &[3, 2, 3, 3], 1, 2, (2, 2), 1),
        conv_case("conv depthwise", &[1, 18, 8, 8], &[18, 1, 3, 3], 1, 1, (1, 1), 18),
        conv_case("conv two groups", &[1, 4, 7, 7], &[6, 2, 3, 3], 1, 1, (1, 1), 2),
        conv_case("conv 1x1 stride 2", &[1, 4, 8, 8], &[3, 4, 1, 1], 2, 1, (0, 0), 1),
        conv_case("conv 1-d", &[1, 3, 20], &[2, 3, 5], 2, 1, (1, 2), 1),
        conv_case("conv batch", &[2, 2, 5, 5], &[3, 2, 3, 3], 1, 1, (1, 1), 1),
        contract_case("gemm", "ab,cb->ac", &[1, 50], &[20, 50], false),
        contract_case("matmul rows", "ab,bc->ac", &[7, 20], &[20, 33], false),
        contract_case("scale channels", "abc,c->abc", &[2, 5, 19], &[19], false),
        contract_case("batched weights", "abc,acd->abd", &[3, 4, 5], &[3, 5, 6], false),
        contract_case("transposed result", "ab,bc->ca", &[4, 9], &[9, 5], false),
        contract_case("weights summed alone", "ab,bcd->ac", &[3, 4], &[4, 2, 3], false),
        contract_case("data summed alone", "abe,bc->ac", &[3, 4, 2], &[4, 5], false),
        contract_case("elementwise", "ab,ab->ab", &[6, 9], &[6, 9], true),
        contract_case("inner products", "ab,ab->a", &[6, 9], &[6, 9], true),
        contract_case("attention scores", "hik,hjk->hij", &[2, 5, 4], &[2, 6, 4], true),
        contract_case("row scale", "ab,a->ab", &[6, 9], &[6], true),
    ];
    for (name, source_wide, shift, bits, relu) in [
        ("round wide", true, 6, 9, false),
        ("round wide unaligned", true, 7, 11, false),
        ("round local", false, 4, 9, false),
        ("relu wide", true, 5, 12, true),
        ("relu wide unaligned", true, 4, 13, true),
        ("relu local", false, 0, 14, true),
        ("round exact", true, 0, 16, false),
    ] {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[3, 15], 12);
        let x = if source_wide { b.add(CoreOp::Sum(Sum { coefficients: vec![3] }), &[x]) } else { x };
        let map =
            if relu { Requant::Relu { shift, bits } } else { Requant::Round { shift, window: Window::signed(bits) } };
        let y = b.add(CoreOp::Map(map), &[x]);
        out.push(b.done(name, y));
    }
    {
        // A window without zero: idle slots must hold another accumulator.
        let mut b = CaseBuilder::new();
        let x = b.input(&[5], Window { lo: 100, bits: 6 }, DType::Real);
        let x = b.add(CoreOp::Sum(Sum { coefficients: vec![2] }), &[x]);
        let y = b.add(CoreOp::Map(Requant::Round { shift: 1, window: Window { lo: 100, bits: 6 } }), &[x]);
        out.push(b.done("round away from zero", y));
    }
    {
        // Sum of a convolution, a scaled skip connection and a broadcast bias.
        let mut b = CaseBuilder::new();
        let x = b.signed(&[1, 3, 6, 6], 6);
        let w = b.constant(&[3, 3, 3, 3], -7, 7);
        let bias = b.constant(&[1, 3, 1, 1], -99, 99);
        let bias = b.add(CoreOp::View(View::Broadcast { shape: vec![1, 3, 6, 6] }), &[bias]);
        let one = [1];
        let conv =
            Conv { strides: vec![1; 2], dilations: vec![1; 2], before: one.repeat(2), after: one.repeat(2), groups: 1 };
        let y = b.add(CoreOp::Conv(conv), &[x, w]);
        let y = b.add(CoreOp::Sum(Sum { coefficients: vec![1, -5, 3] }), &[y, x, bias]);
        let y = b.add(CoreOp::Map(Requant::Relu { shift: 3, bits: 12 }), &[y]);
        out.push(b.done("residual sum", y));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[2, 7, 3], 8);
        let full = b.constant(&[2, 3], -50, 50);
        let y = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![1], keep: false }), &[x]);
        let y = b.add(CoreOp::Sum(Sum { coefficients: vec![1, 1] }), &[y, full]);
        let y = b.round(y, 0, 13);
        out.push(b.done("reduce sum with constant", y));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[2, 3, 4], 8);
        let y = b.add(CoreOp::Reduce(Reduce { reducer: Reducer::Sum, axes: vec![0, 2], keep: true }), &[x]);
        let y = b.round(y, 1, 13);
        out.push(b.done("reduce sum keep", y));
    }
    {
        let table = |offset: i64| {
            Arc::new(Table {
                name: "square".into(),
                window: Window::signed(7),
                values: (-64..64).map(|v| v * v + offset).collect(),
            })
        };
        let mut b = CaseBuilder::new();
        let x = b.signed(&[50], 9);
        let wide = b.add(CoreOp::Sum(Sum { coefficients: vec![2] }), &[x]);
        let y = b.add(CoreOp::Map(Requant::Table { shift: 4, table: table(0) }), &[wide]);
        let z = b.add(CoreOp::Map(Requant::Table { shift: 3, table: table(-7) }), &[x]);
        let y = b.add(CoreOp::View(View::Concat { axis: 0 }), &[y, z]);
        out.push(b.done("tables", y));
    }
    out.push(unary("sqrt", Window::unsigned(12), &[30], CoreOp::Map(Requant::Sqrt { shift: 6, bits: 9 })));
    out.push(unary("rsqrt", Window { lo: 1, bits: 9 }, &[30], CoreOp::Map(Requant::Rsqrt { shift: 20, bits: 11 })));
    out.push(unary(
        "rsqrt over a wide range",
        Window { lo: 1, bits: 24 },
        &[30],
        CoreOp::Map(Requant::Rsqrt { shift: 56, bits: 28 }),
    ));
    {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[30], 9);
        let y = b.input(&[30], Window { lo: 1, bits: 6 }, DType::Real);
        let z = b.add(CoreOp::Div(Quotient { shift: 4, window: Window::signed(14) }), &[x, y]);
        out.push(b.done("div", z));
    }
    out.push(binary("max", CoreOp::Extremum(Extremum::Max)));
    out.push(binary("min", CoreOp::Extremum(Extremum::Min)));
    out.push(binary("less", CoreOp::Compare(Compare::Less)));
    out.push(binary("less equal", CoreOp::Compare(Compare::LessEqual)));
    out.push(binary("equal", CoreOp::Compare(Compare::Equal)));
    for (name, compare) in [("less of 39 bits", Compare::Less), ("equal of 39 bits", Compare::Equal)] {
        let mut b = CaseBuilder::new();
        let (x, y) = (b.signed(&[12], 39), b.signed(&[12], 39));
        // Every second pair is of equal numbers.
        for i in (0..12).step_by(2) {
            let mut data = b.inputs[1].to_vec();
            data[i] = b.inputs[0].to_vec()[i];
            b.inputs[1] = Tensor::from_vec(&[12], data).unwrap();
        }
        let z = b.add(CoreOp::Compare(compare), &[x, y]);
        out.push(b.done(name, z));
    }
    {
        // A choice between values of different widths, one of which is the result of a table.
        let mut b = CaseBuilder::new();
        let x = b.signed(&[20], 7);
        let y = b.signed(&[20], 30);
        let values = (-64..64).map(|v: i64| v.abs()).collect();
        let table = Arc::new(Table { name: "abs".into(), window: Window::signed(7), values });
        let z = b.add(CoreOp::Map(Requant::Table { shift: 0, table }), &[x]);
        let c = b.add(CoreOp::Compare(Compare::Less), &[x, z]);
        let z = b.add(CoreOp::Select, &[c, z, y]);
        out.push(b.done("select of a table", z));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[2, 3, 5, 5], 6);
        let w = b.signed(&[2, 3, 3, 3], 6);
        let pads = vec![1; 2];
        let conv = Conv { strides: vec![1; 2], dilations: vec![1; 2], before: pads.clone(), after: pads, groups: 1 };
        let y = b.add(CoreOp::Conv(conv), &[x, w]);
        let y = b.round(y, 2, 14);
        out.push(b.done("conv with kernels of data", y));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.input(&[3], Window { lo: 0, bits: 7 }, DType::Int);
        let y = b.add(CoreOp::OneHot(OneHot { depth: 128 }), &[x]);
        out.push(b.done("one hot of 128", y));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[20], 9);
        let y = b.signed(&[20], 9);
        let c = b.add(CoreOp::Compare(Compare::Less), &[x, y]);
        let z = b.add(CoreOp::Select, &[c, x, y]);
        out.push(b.done("select", z));
    }
    for (name, reducer) in [("reduce max", Reducer::Max), ("reduce min", Reducer::Min)] {
        let op = CoreOp::Reduce(Reduce { reducer, axes: vec![1], keep: false });
        out.push(unary(name, Window::signed(9), &[3, 7, 2], op));
    }
    for (name, extremum, last) in [
        ("arg max", Extremum::Max, false),
        ("arg max last", Extremum::Max, true),
        ("arg min", Extremum::Min, false),
        ("arg min last", Extremum::Min, true),
    ] {
        // Few values, so that ties occur.
        out.push(unary(name, Window::signed(3), &[6, 9], CoreOp::Arg(Arg { extremum, axis: 1, last, keep: false })));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.input(&[5], Window::unsigned(6), DType::Int);
        let y = b.add(CoreOp::OneHot(OneHot { depth: 64 }), &[x]);
        let w = b.constant(&[64, 4], -100, 100);
        let y = b.add(contract("ab,bc->ac"), &[y, w]);
        let y = b.round(y, 0, 10);
        out.push(b.done("embedding", y));
    }
    {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[2, 3, 4], 9);
        let y = b.add(CoreOp::View(View::Transpose { perm: vec![2, 0, 1] }), &[x]);
        let y =
            b.add(CoreOp::View(View::Pad { before: vec![0, 1, 0], after: vec![0, 0, 1], interior: vec![0; 3] }), &[y]);
        let y =
            b.add(CoreOp::View(View::Slice { start: vec![3, 0, 0], step: vec![-1, 1, 2], size: vec![4, 3, 2] }), &[y]);
        let y = b.add(CoreOp::View(View::Reshape { shape: vec![24] }), &[y]);
        out.push(b.done("views", y));
    }
    out
}

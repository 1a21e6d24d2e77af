//! A small language for float graphs, and the check that all tests share.

use plonnx_ir::op::{Compare, Contract, Conv, Extremum, Input, Reduce, Reducer, Sum, View};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, NodeId, Tensor, bounds, eval_all, verify};
use plonnx_quant::{Config, Fidelity, Program, calibrate, fidelity, quantise};

/// Reproducible numbers.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn uniform(&mut self, lo: f64, hi: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        lo + (hi - lo) * ((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }

    pub(crate) fn tensor(&mut self, shape: &[usize], lo: f64, hi: f64) -> Tensor<f64> {
        let data = (0..shape.iter().product()).map(|_| self.uniform(lo, hi)).collect();
        Tensor::from_vec(shape, data).unwrap()
    }
}

/// A float graph under construction; every method adds one node and returns it.
pub(crate) struct Build {
    pub(crate) graph: Graph<Float>,
    pub(crate) numbers: Numbers,
}

impl Build {
    pub(crate) fn new(seed: u64) -> Self {
        Self { graph: Graph::new(), numbers: Numbers::new(seed) }
    }

    pub(crate) fn add(&mut self, name: &str, op: CoreOp<Float>, inputs: &[NodeId]) -> NodeId {
        self.graph.add(name, op, inputs).unwrap()
    }

    pub(crate) fn shape(&self, id: NodeId) -> Vec<usize> {
        self.graph.shape(id).to_vec()
    }

    pub(crate) fn input(&mut self, name: &str, shape: &[usize]) -> NodeId {
        self.typed_input(name, shape, DType::Real)
    }

    pub(crate) fn typed_input(&mut self, name: &str, shape: &[usize], dtype: DType) -> NodeId {
        self.add(name, CoreOp::Input(Input { shape: shape.to_vec(), dtype, domain: () }), &[])
    }

    pub(crate) fn constant(&mut self, shape: &[usize], data: &[f64]) -> NodeId {
        let tensor = Tensor::from_vec(shape, data.to_vec()).unwrap();
        self.add("constant", CoreOp::Const(tensor, DType::Real), &[])
    }

    pub(crate) fn weights(&mut self, shape: &[usize], size: f64) -> NodeId {
        let tensor = self.numbers.tensor(shape, -size, size);
        self.add("weights", CoreOp::Const(tensor, DType::Real), &[])
    }

    pub(crate) fn contract(&mut self, spec: &str, a: NodeId, b: NodeId) -> NodeId {
        let name = format!("contract {spec}");
        self.add(&name, CoreOp::Contract(Contract::parse(spec).unwrap()), &[a, b])
    }

    pub(crate) fn conv(&mut self, x: NodeId, w: NodeId, stride: usize, padding: usize) -> NodeId {
        let conv = Conv {
            strides: vec![stride; 2],
            dilations: vec![1; 2],
            before: vec![padding; 2],
            after: vec![padding; 2],
            groups: self.graph.shape(x)[1] / self.graph.shape(w)[1],
        };
        self.add("conv", CoreOp::Conv(conv), &[x, w])
    }

    pub(crate) fn sum(&mut self, terms: &[(f64, NodeId)]) -> NodeId {
        let coefficients = terms.iter().map(|t| t.0).collect();
        self.add("sum", CoreOp::Sum(Sum { coefficients }), &terms.iter().map(|t| t.1).collect::<Vec<_>>())
    }

    pub(crate) fn view(&mut self, view: View, inputs: &[NodeId]) -> NodeId {
        self.add("view", CoreOp::View(view), inputs)
    }

    pub(crate) fn broadcast(&mut self, x: NodeId, shape: &[usize]) -> NodeId {
        self.view(View::Broadcast { shape: shape.to_vec() }, &[x])
    }

    pub(crate) fn reshape(&mut self, x: NodeId, shape: &[usize]) -> NodeId {
        self.view(View::Reshape { shape: shape.to_vec() }, &[x])
    }

    pub(crate) fn transpose(&mut self, x: NodeId, perm: &[usize]) -> NodeId {
        self.view(View::Transpose { perm: perm.to_vec() }, &[x])
    }

    pub(crate) fn map(&mut self, function: Function, x: NodeId) -> NodeId {
        self.add(&format!("{function:?}").to_lowercase(), CoreOp::Map(function), &[x])
    }

    pub(crate) fn relu(&mut self, x: NodeId) -> NodeId {
        self.map(Function::Relu, x)
    }

    pub(crate) fn div(&mut self, x: NodeId, y: NodeId) -> NodeId {
        self.add("div", CoreOp::Div(()), &[x, y])
    }

    pub(crate) fn extremum(&mut self, extremum: Extremum, x: NodeId, y: NodeId) -> NodeId {
        self.add("extremum", CoreOp::Extremum(extremum), &[x, y])
    }

    pub(crate) fn compare(&mut self, compare: Compare, x: NodeId, y: NodeId) -> NodeId {
        self.add("compare", CoreOp::Compare(compare), &[x, y])
    }

    pub(crate) fn reduce(&mut self, reducer: Reducer, axes: &[usize], x: NodeId) -> NodeId {
        self.add("reduce", CoreOp::Reduce(Reduce { reducer, axes: axes.to_vec(), keep: true }), &[x])
    }

    /// `x w + b`, for the last axis of a matrix.
    pub(crate) fn linear(&mut self, x: NodeId, outputs: usize) -> NodeId {
        let (rows, inputs) = (self.shape(x)[0], self.shape(x)[1]);
        let w = self.weights(&[inputs, outputs], 1.7 / (inputs as f64).sqrt());
        let b = self.weights(&[outputs], 0.1);
        let b = self.broadcast(b, &[rows, outputs]);
        let y = self.contract("ab,bc->ac", x, w);
        self.sum(&[(1.0, y), (1.0, b)])
    }

    /// Mean over the last axis, which stays with extent 1.
    pub(crate) fn mean(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let total = self.reduce(Reducer::Sum, &[shape.len() - 1], x);
        self.sum(&[(1.0 / shape[shape.len() - 1] as f64, total)])
    }

    /// `exp(x - max) / sum` along the last axis, as the frontend writes it.
    pub(crate) fn softmax(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x);
        let axis = shape.len() - 1;
        let peak = self.reduce(Reducer::Max, &[axis], x);
        let peak = self.broadcast(peak, &shape);
        let difference = self.sum(&[(1.0, x), (-1.0, peak)]);
        let e = self.map(Function::Exp, difference);
        let total = self.reduce(Reducer::Sum, &[axis], e);
        let total = self.broadcast(total, &shape);
        self.div(e, total)
    }

    pub(crate) fn output(&mut self, name: &str, id: NodeId) {
        self.graph.add_output(name, id);
    }

    /// Samples with every input uniform in `[-size, size]`.
    pub(crate) fn samples(&mut self, count: usize, size: f64) -> Vec<Vec<Tensor<f64>>> {
        let shapes: Vec<Vec<usize>> = self.graph.inputs().iter().map(|i| self.graph.shape(*i).to_vec()).collect();
        (0..count).map(|_| shapes.iter().map(|s| self.numbers.tensor(s, -size, size)).collect()).collect()
    }
}

/// Quantises with the first half of the samples, checks the laws that every program obeys on all of them, and returns
/// how close the results are.
pub(crate) fn check(graph: &Graph<Float>, samples: &[Vec<Tensor<f64>>]) -> (Program, Fidelity) {
    check_with(graph, samples, &Config::default())
}

pub(crate) fn check_with(graph: &Graph<Float>, samples: &[Vec<Tensor<f64>>], config: &Config) -> (Program, Fidelity) {
    let calibration = calibrate(graph, &samples[..samples.len().div_ceil(2)]).unwrap();
    let program = quantise(graph, &calibration, config).unwrap();
    verify(&program.graph).unwrap();
    let bounds = bounds(&program.graph).unwrap();
    for sample in samples {
        let integers = program.quantise_inputs(sample).unwrap();
        let values = eval_all(&program.graph, &integers).unwrap();
        for id in program.graph.ids() {
            let interval = &bounds[id.index()];
            let outside = values[id.index()].iter().find(|v| !interval.contains(*v));
            assert_eq!(outside, None, "{id} leaves {interval}\n{}", program.report());
        }
    }
    let fidelity = fidelity(graph, &program, samples).unwrap();
    (program, fidelity)
}

/// Asserts that every result is within `relative` of its range.
#[track_caller]
pub(crate) fn assert_close(graph: &Graph<Float>, samples: &[Vec<Tensor<f64>>], relative: f64) -> Program {
    let (program, fidelity) = check(graph, samples);
    for output in &fidelity.outputs {
        assert!(
            output.relative_error <= relative,
            "\"{}\" is off by {:.2e} of its range, expected {relative:.0e}\n{}\n{:#?}",
            output.name,
            output.relative_error,
            program.report(),
            fidelity.nodes
        );
    }
    program
}

//! How far a program is from the float graph it was made of.

use plonnx_ir::{Float, Graph, Tensor, eval_all};
use serde::Serialize;

use crate::error::QuantError;
use crate::program::{Program, at_run_time, dequantised};
use crate::range::Range;

/// Errors of all nodes and results over a set of samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fidelity {
    pub samples: usize,
    /// Nodes of the float graph that have a value in the program.
    pub nodes: Vec<NodeFidelity>,
    pub outputs: Vec<OutputFidelity>,
}

/// Errors of one node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeFidelity {
    /// Index of the node in the float graph.
    pub node: usize,
    pub name: String,
    pub op: &'static str,
    /// Smallest and largest value in the float graph.
    pub range: (f64, f64),
    /// Largest difference.
    pub max_error: f64,
    /// Mean absolute difference.
    pub mean_error: f64,
}

/// Errors of one result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputFidelity {
    pub name: String,
    /// Smallest and largest value in the float graph.
    pub range: (f64, f64),
    /// Largest difference.
    pub max_error: f64,
    /// Mean absolute difference.
    pub mean_error: f64,
    /// `max_error` divided by the width of `range`; by its magnitude if all values are equal.
    pub relative_error: f64,
    /// Share of the vectors along the last axis whose largest element is at the same index; `None` for scalars and
    /// vectors of one element.
    pub top1_agreement: Option<f64>,
}

/// Running error of one tensor.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    range: Option<Range>,
    max: f64,
    sum: f64,
    count: usize,
    agreeing: usize,
    vectors: usize,
}

impl Tally {
    fn add(&mut self, float: &Tensor<f64>, field: &Tensor<f64>) {
        for (a, b) in float.iter().zip(field.iter()) {
            // Masked values are infinite in the float graph only.
            let error = if a.is_finite() { (a - b).abs() } else { 0.0 };
            self.max = self.max.max(error);
            self.sum += error;
            self.count += 1;
            if a.is_finite() {
                self.range = Some(self.range.map_or(Range::point(a), |r| r.join(Range::point(a))));
            }
        }
    }

    fn rank(&mut self, float: &Tensor<f64>, field: &Tensor<f64>) {
        let width = float.shape().last().copied().unwrap_or(0);
        if width > 1 {
            let (float, field) = (float.to_vec(), field.to_vec());
            for (a, b) in float.chunks(width).zip(field.chunks(width)) {
                self.vectors += 1;
                self.agreeing += usize::from(first_largest(a) == first_largest(b));
            }
        }
    }

    fn range(&self) -> (f64, f64) {
        self.range.map_or((0.0, 0.0), |r| (r.min, r.max))
    }

    fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    fn relative(&self) -> f64 {
        let (min, max) = self.range();
        let size = if max > min { max - min } else { max.abs() };
        match (self.max == 0.0, size > 0.0) {
            (true, _) => 0.0,
            (false, true) => self.max / size,
            (false, false) => f64::INFINITY,
        }
    }
}

/// Runs both on `samples`, each one tensor per input, and compares every value that both have.
pub fn fidelity(float: &Graph<Float>, program: &Program, samples: &[Vec<Tensor<f64>>]) -> Result<Fidelity, QuantError> {
    let mut nodes = vec![Tally::default(); program.origin.len()];
    let mut outputs = vec![Tally::default(); program.outputs.len()];
    for inputs in samples {
        let expected = eval_all(float, inputs)?;
        let integers = program.quantise_inputs(inputs)?;
        let got = eval_all(&program.graph, &integers).map_err(at_run_time)?;
        for (tally, (source, id)) in nodes.iter_mut().zip(&program.origin) {
            if let (Some(a), Some(b)) = (expected.get(source.index()), got.get(id.index())) {
                tally.add(a, &dequantised(b, program.graph.node(*id).note));
            }
        }
        let pairs = float.outputs().iter().zip(program.graph.outputs()).zip(&program.outputs);
        for (tally, ((source, output), port)) in outputs.iter_mut().zip(pairs) {
            if let (Some(a), Some(b)) = (expected.get(source.node.index()), got.get(output.node.index())) {
                let b = dequantised(b, port.scale);
                tally.add(a, &b);
                tally.rank(a, &b);
            }
        }
    }
    let nodes = nodes.iter().zip(&program.origin).map(|(tally, (source, _))| {
        let node = float.node(*source);
        NodeFidelity {
            node: source.index(),
            name: node.name.clone(),
            op: node.op.name(),
            range: tally.range(),
            max_error: tally.max,
            mean_error: tally.mean(),
        }
    });
    let outputs = outputs.iter().zip(&program.outputs).map(|(tally, port)| OutputFidelity {
        name: port.name.clone(),
        range: tally.range(),
        max_error: tally.max,
        mean_error: tally.mean(),
        relative_error: tally.relative(),
        top1_agreement: (tally.vectors > 0).then(|| tally.agreeing as f64 / tally.vectors as f64),
    });
    Ok(Fidelity { samples: samples.len(), nodes: nodes.collect(), outputs: outputs.collect() })
}

/// Index of the largest element, the first among equals.
fn first_largest(values: &[f64]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}

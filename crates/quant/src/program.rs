//! A field program with the meaning of its inputs and results.

use plonnx_ir::op::Window;
use plonnx_ir::{DType, Field, Graph, IrError, Log2Scale, NodeId, Tensor, eval};

use crate::error::QuantError;

/// An input or a result of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    pub name: String,
    pub shape: Vec<usize>,
    pub dtype: DType,
    /// The real value of the integer `q` is `q * 2^-scale`.
    pub scale: Log2Scale,
    /// Integers that the circuit proves the elements to be in.
    pub window: Window,
}

impl Port {
    /// Real values at both ends of the window.
    pub fn range(&self) -> (f64, f64) {
        (self.scale.real(self.window.lo), self.scale.real(self.window.hi()))
    }
}

/// What [`crate::quantise`] makes of a float graph.
#[derive(Clone, Debug)]
pub struct Program {
    /// Passes [`plonnx_ir::verify`].
    pub graph: Graph<Field>,
    /// In the order of the graph's inputs.
    pub inputs: Vec<Port>,
    /// In the order of the graph's results.
    pub outputs: Vec<Port>,
    /// Float nodes and the field nodes that hold their values at their noted scale, in order of the float nodes. Float
    /// nodes that were fused into others are not listed. The field node may be in another shape, with the same elements
    /// in row-major order.
    pub origin: Vec<(NodeId, NodeId)>,
}

impl Program {
    /// Integers for real inputs, each rounded to the nearest; Int and Bool inputs must be whole.
    ///
    /// Fails on NaN and infinities, and on values outside of the window of their input.
    pub fn quantise_inputs(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<i64>>, QuantError> {
        if inputs.len() != self.inputs.len() {
            let input = self.inputs.get(inputs.len()).or(self.inputs.last()).map_or(String::new(), |p| p.name.clone());
            let reason = format!("expected {} inputs, got {}", self.inputs.len(), inputs.len());
            return Err(QuantError::Input { input, reason });
        }
        self.inputs.iter().zip(inputs).map(|(port, tensor)| quantise_input(port, tensor)).collect()
    }

    /// Real values of the results; `outputs` are as [`Program::run`] gives them.
    pub fn dequantise_outputs(&self, outputs: &[Tensor<i64>]) -> Vec<Tensor<f64>> {
        self.outputs.iter().zip(outputs).map(|(port, t)| dequantised(t, port.scale)).collect()
    }

    /// Results for quantised inputs, bit for bit what the circuit proves.
    ///
    /// Fails when a value leaves the range it was calibrated for.
    pub fn run(&self, inputs: &[Tensor<i64>]) -> Result<Vec<Tensor<i64>>, QuantError> {
        eval(&self.graph, inputs).map_err(at_run_time)
    }

    /// [`Program::run`] on real inputs, with real results.
    pub fn infer(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, QuantError> {
        Ok(self.dequantise_outputs(&self.run(&self.quantise_inputs(inputs)?)?))
    }

    /// One line for every node: scale, window, operator, shape and name.
    pub fn report(&self) -> String {
        crate::report::report(self)
    }
}

/// Real values of integers.
pub(crate) fn dequantised(tensor: &Tensor<i64>, scale: Log2Scale) -> Tensor<f64> {
    Tensor::from(tensor.array().mapv(|q| scale.real(q)).into_owned())
}

/// An error of evaluation as one of quantisation.
pub(crate) fn at_run_time(error: IrError) -> QuantError {
    match error {
        IrError::Range { node, op, reason } => QuantError::Range { node, op, reason },
        IrError::Input { name, reason } => QuantError::Input { input: name, reason },
        other => QuantError::Graph(other),
    }
}

fn quantise_input(port: &Port, tensor: &Tensor<f64>) -> Result<Tensor<i64>, QuantError> {
    if tensor.shape() != port.shape {
        let reason = format!("expected shape {:?}, got {:?}", port.shape, tensor.shape());
        return Err(QuantError::Input { input: port.name.clone(), reason });
    }
    let (lo, hi) = port.range();
    let mut integers = Vec::with_capacity(tensor.len());
    for (index, value) in tensor.iter().enumerate() {
        let whole = port.dtype == DType::Real || libm::trunc(value) == value;
        let q = libm::round(libm::ldexp(value, port.scale.0));
        // Comparison fails for NaN.
        let inside = q >= port.window.lo as f64 && q <= port.window.hi() as f64;
        if !inside {
            return Err(QuantError::InputRange { input: port.name.clone(), index, value, lo, hi });
        }
        if !whole {
            let reason = format!("element {index} is {value}, expected a whole number");
            return Err(QuantError::Input { input: port.name.clone(), reason });
        }
        integers.push(q as i64);
    }
    let malformed = || QuantError::Input { input: port.name.clone(), reason: "the tensor is malformed".into() };
    Tensor::from_vec(&port.shape, integers).ok_or_else(malformed)
}

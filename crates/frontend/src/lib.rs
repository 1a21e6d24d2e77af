//! Reads ONNX models into plonnx graphs.
//!
//! [`import`] takes the bytes of an ONNX file through two stages:
//!
//! - `decode`: protobuf -> a checked model with typed attributes and dense tensors. Bytes are not trusted.
//! - `lower`: every ONNX node becomes core operators of a [`Graph<Float>`](plonnx_ir::Graph). Shapes are static:
//!   they are inferred from the input shapes, and whatever depends on shapes alone is evaluated on the way. Loops are
//!   unrolled, functions expanded, and sequences resolved to their tensors.
//!
//! The operators are an open table ([`supported_ops`]): one line of `ops.rs` each, with the lowering in a file of
//! `ops/`. A use of something unsupported is never skipped: all of them are reported in one error.
//!
//! What is deliberately absent: rounding of 32-bit and 16-bit floats (the graph is over real numbers), wrap-around of
//! integers, loops whose number of turns depends on the data, and training.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod cost;
#[deny(clippy::indexing_slicing)]
mod decode;
mod error;
mod lower;
mod ops;
pub mod proto;

use std::collections::BTreeMap;
use std::fmt;

use plonnx_ir::{DType, Float, Graph, Tensor};

pub use cost::Cost;
pub use decode::{ElemType, decode_tensor};
pub use error::{FrontendError, Problem, UnboundDim};
pub use ops::{OpInfo, supported_ops};

/// What the model leaves open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Extents of named dimensions, such as `batch`.
    pub dims: BTreeMap<String, usize>,
    /// Shapes of inputs by name; they win over the declared ones and must agree with their fixed extents.
    pub input_shapes: BTreeMap<String, Vec<usize>>,
    /// Values of inputs by name: such an input becomes a constant of the model. Circuits need shapes, axes and the like at
    /// compile time, and some models take them as inputs.
    pub constants: BTreeMap<String, Tensor<f64>>,
}

/// A graph input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    /// Name in the model.
    pub name: String,
    /// Extents of the axes, outermost first.
    pub shape: Vec<usize>,
    /// Kind of numbers in the graph.
    pub dtype: DType,
    /// Element type in the model.
    pub elem: ElemType,
}

/// A model as a graph.
#[derive(Clone, Debug)]
pub struct Import {
    /// The graph; nodes carry the names of the ONNX nodes they come from.
    pub graph: Graph<Float>,
    /// Inputs in the order of declaration, without initialisers.
    pub inputs: Vec<ValueInfo>,
    /// Outputs in the order of declaration.
    pub outputs: Vec<ValueInfo>,
    /// Version of the standard operator set.
    pub opset: i64,
    /// Name and version of the tool that wrote the model.
    pub producer: String,
    /// Elements of all initialisers that an output depends on.
    pub params: u64,
    /// Nodes of the ONNX graph.
    pub node_count: usize,
    /// How many nodes each operator has.
    pub op_histogram: BTreeMap<String, usize>,
    /// Where the graph differs from what the model says, such as class labels that are texts.
    pub remarks: Vec<Remark>,
}

/// How the lowering of a node differs from what the model says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Name of the ONNX node.
    pub node: String,
    pub op: String,
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\": {}", self.op, self.node, self.text)
    }
}

/// Reads an ONNX model.
///
/// # Errors
/// [`FrontendError::Unsupported`] lists everything that has no lowering, [`FrontendError::UnboundDims`] every open
/// dimension that `options` does not bind; the other errors name the one place where the model or an option is wrong.
pub fn import(bytes: &[u8], options: &Options) -> Result<Import, FrontendError> {
    lower::lower(decode::decode(bytes)?, options)
}

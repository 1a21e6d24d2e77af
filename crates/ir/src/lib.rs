//! The graph that every stage of plonnx shares.
//!
//! A [`Graph`] is a directed acyclic graph of core operators ([`CoreOp`]) over static shapes. It exists in two
//! domains with one operator set:
//!
//! - [`Float`]: scalars are real numbers (`f64`). This is what an ONNX model means, and [`eval`] of it must agree
//!   with onnxruntime.
//! - [`Field`]: scalars are integers (`i64`) that the circuit holds as elements of the Goldilocks field. Every node
//!   carries a [`Log2Scale`]: the real number is `q * 2^-e`. Evaluating this graph with integers is the
//!   *specification* of the circuit, bit for bit.
//!
//! In the field domain a value is either *narrow* (it has a cell of the circuit for every element) or *wide* (the
//! exact result of a linear operator; no cell exists). A wide value may only be consumed by [`CoreOp::Sum`] and by
//! [`CoreOp::Map`], which brings it back to narrow. [`verify`] checks this and all other invariants; a graph that
//! passes makes no later stage panic.

mod bound;
mod domain;
mod error;
mod eval;
mod function;
mod graph;
mod matmul;
pub mod op;
mod tensor;
pub mod text;
mod verify;

pub use bound::{Interval, bounds, op_bound};
pub use domain::{Domain, Field, Float, Log2Scale, Scalar};
pub use error::IrError;
pub use eval::{constant, eval, eval_all, eval_op};
pub use function::Function;
pub use graph::{DType, Fact, Graph, MAX_ELEMENTS, Node, NodeId, Output};
pub use op::CoreOp;
pub use tensor::Tensor;
pub use verify::verify;

//! Protobuf bytes -> checked model.
//!
//! Nothing in here trusts the bytes: data lengths are compared with shapes before anything of that size is
//! allocated, message nesting is bounded by the protobuf reader (100 levels), and every name that a later stage
//! resolves is checked there. Value infos of inner values are not read: shapes are inferred.

mod attribute;
mod elem;
mod model;
mod tensor;

pub(crate) use attribute::Attribute;
pub use elem::ElemType;
pub(crate) use model::{Boundary, Dim, Form, Function, FunctionKey, Graph, Model, Node, Opsets};
pub(crate) use tensor::{Initialiser, checked_len};

use plonnx_ir::{DType, Tensor};
use prost::{DecodeError, Message};

use crate::error::FrontendError;
use crate::proto::{ModelProto, TensorProto};

/// Most axes a tensor may have.
pub(crate) const MAX_RANK: usize = 26;

/// Most elements a tensor may have.
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;

/// Reads an ONNX model file.
pub(crate) fn decode(bytes: &[u8]) -> Result<Model, FrontendError> {
    let proto = ModelProto::decode(bytes).map_err(unreadable)?;
    Model::from_proto(proto)
}

/// Reads a file that holds one `TensorProto`, as the ONNX test suites do.
///
/// # Errors
/// [`FrontendError::Decode`], [`FrontendError::Tensor`] or [`FrontendError::ExternalData`].
pub fn decode_tensor(bytes: &[u8]) -> Result<(String, Tensor<f64>, DType), FrontendError> {
    let proto = TensorProto::decode(bytes).map_err(unreadable)?;
    let Initialiser { name, elem, value } = Initialiser::from_proto(proto)?;
    Ok((name, value, elem.dtype()))
}

fn unreadable(error: DecodeError) -> FrontendError {
    FrontendError::Decode { reason: error.to_string() }
}

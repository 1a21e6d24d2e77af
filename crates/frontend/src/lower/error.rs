//! Why one node could not be lowered; the driver adds the node's name and operator.

use plonnx_ir::IrError;

use super::value::Value;
use crate::error::FrontendError;

/// Why one node could not be lowered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OpError {
    /// The model breaks a rule of the operator.
    Invalid(String),
    /// plonnx has no lowering for this use.
    Unsupported { reason: String, fix: String },
    /// Nodes of a graph or a function inside the node could not be lowered.
    Inner(Box<FrontendError>),
}

/// Result of lowering code.
pub(crate) type Lowering<T> = Result<T, OpError>;

/// The nodes that stand for a node's results, in order.
pub(crate) type Results = Lowering<Vec<plonnx_ir::NodeId>>;

/// What stands for a node's results, in order, where they may be sequences.
pub(crate) type ValueResults = Lowering<Vec<Value>>;

/// The model breaks a rule of the operator.
pub(crate) fn invalid<T>(reason: impl Into<String>) -> Lowering<T> {
    Err(OpError::Invalid(reason.into()))
}

/// plonnx has no lowering for this use; `fix` says what to change.
pub(crate) fn unsupported<T>(reason: impl Into<String>, fix: impl Into<String>) -> Lowering<T> {
    Err(OpError::Unsupported { reason: reason.into(), fix: fix.into() })
}

impl From<IrError> for OpError {
    fn from(error: IrError) -> Self {
        match error {
            IrError::Limit { what, got, limit, .. } => OpError::Unsupported {
                reason: format!("{what} is {got}, the limit is {limit}"),
                fix: "use a smaller model or smaller inputs".into(),
            },
            IrError::Invalid { reason, .. } | IrError::Range { reason, .. } => OpError::Invalid(reason),
            other => OpError::Invalid(other.to_string()),
        }
    }
}

//! Errors of graph construction and evaluation.

/// What can be wrong with a graph, or with the data it is evaluated on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IrError {
    /// The operands of a node do not fit each other.
    #[error("{op} \"{node}\": {reason}")]
    Invalid { node: String, op: &'static str, reason: String },
    /// A value left the range that the node can represent.
    #[error("{op} \"{node}\": {reason}")]
    Range { node: String, op: &'static str, reason: String },
    /// An input tensor is missing or has another shape.
    #[error("input \"{name}\": {reason}")]
    Input { name: String, reason: String },
    /// A size is beyond what the program can hold.
    #[error("{op} \"{node}\": {what} is {got}, the limit is {limit}")]
    Limit { node: String, op: &'static str, what: &'static str, got: u128, limit: u128 },
    /// The text form could not be read.
    #[error("line {line}: {reason}")]
    Text { line: usize, reason: String },
}

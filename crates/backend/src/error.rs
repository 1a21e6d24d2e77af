//! Errors of emission, assignment, proving and verification.

/// What can go wrong between a field program and a verified proof.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The program breaks an invariant of the field domain.
    #[error(transparent)]
    Program(#[from] plonnx_ir::IrError),
    /// A node is valid but has no circuit.
    #[error("{op} \"{node}\": {reason}")]
    Unsupported { node: String, op: &'static str, reason: String },
    /// A number is beyond what the field or the proof system holds.
    #[error("{op} \"{node}\": {what} is {got}, the limit is {limit}; {fix}")]
    Limit { node: String, op: &'static str, what: &'static str, got: u64, limit: u64, fix: &'static str },
    /// The settings do not fit the program.
    #[error("{0}")]
    Settings(String),
    /// The witness breaks constraints: a defect of plonnx, or a tampered witness.
    #[error("{} constraints are violated; the first: {}", .0.len(), .0[0])]
    Unsatisfied(Vec<crate::check::Violation>),
    /// The prover failed.
    #[error("proving failed: {0}")]
    Prove(String),
    /// Bytes are not a proof, or not a key.
    #[error("malformed {what}: {reason}")]
    Malformed { what: &'static str, reason: String },
    /// The proof does not prove the statement.
    #[error("the proof is invalid: {0}")]
    Rejected(String),
}

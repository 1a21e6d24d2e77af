//! Errors of artifacts, proving and verification.

use std::path::PathBuf;

use plonnx_backend::BackendError;
use plonnx_quant::QuantError;

use crate::artifact::Kind;

/// What can go wrong between files and a verified proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// The problem is in this file.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: Box<RuntimeError> },
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The file is an artifact, but another one.
    #[error("expected {expected}, found {got}")]
    Kind { expected: Kind, got: Kind },
    /// The file is no artifact of plonnx.
    #[error("expected {expected}, found a file that plonnx did not write")]
    Foreign { expected: Kind },
    /// The file was written in a format that this version does not read.
    #[error("{kind} has format version {got}, expected {expected}; write it again with this version of plonnx")]
    Version { kind: Kind, expected: u32, got: u32 },
    /// The file is larger than any artifact of its kind.
    #[error("{kind} has {got} bytes, the limit is {limit}")]
    TooLarge { kind: Kind, got: u64, limit: u64 },
    /// The file was cut, extended or altered.
    #[error("{kind} is damaged: {reason}")]
    Damaged { kind: Kind, reason: String },
    /// The contents break a rule of the format.
    #[error("{kind} is malformed: {reason}")]
    Malformed { kind: Kind, reason: String },
    /// The circuit rebuilt from a model is not the one that it was written with.
    #[error(
        "the model was compiled by plonnx {version} to another circuit (key {expected}, rebuilt {got}); compile it again"
    )]
    Rebuilt { version: String, expected: String, got: String },
    /// The proof was made for another key.
    #[error("the proof was made for key {got}, expected key {expected}")]
    OtherKey { expected: String, got: String },
    /// The proof names another profile than its key.
    #[error("the proof has profile {got}, expected {expected}")]
    OtherProfile { expected: &'static str, got: &'static str },
    /// A claimed element differs from the proven one.
    #[error("{role} \"{port}\": element {index} was claimed to be {claimed}, the proof says {proven}")]
    Claim { role: &'static str, port: String, index: usize, claimed: f64, proven: f64 },
    /// A claim cannot be compared with the proof.
    #[error("claim on \"{port}\": {reason}")]
    Claims { port: String, reason: String },
    /// A real number has no integer at its port.
    #[error("\"{port}\": element {index} is {value}: {reason}")]
    Encode { port: String, index: usize, value: f64, reason: String },
    /// An opening does not fit its tensor.
    #[error("opening of \"{tensor}\": {reason}")]
    Opening { tensor: String, reason: String },
    /// Neighbours of a chain are not linked.
    #[error("proofs {first} and {second} of the chain are not linked: {reason}")]
    Chain { first: usize, second: usize, reason: &'static str },
    /// Data do not fit the program.
    #[error(transparent)]
    Quant(#[from] QuantError),
    /// The circuit, the prover or the verifier refused.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl RuntimeError {
    /// The error with the file that it is about.
    pub fn at(self, path: impl Into<PathBuf>) -> Self {
        Self::File { path: path.into(), source: Box::new(self) }
    }

    /// The error without the file that it is about.
    pub fn root(&self) -> &Self {
        match self {
            Self::File { source, .. } => source.root(),
            error => error,
        }
    }
}

/// First 16 hexadecimal digits, by which messages name a hash.
pub(crate) fn short(hash: &[u8]) -> String {
    hash.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

//! The error of every function of this crate.

use std::path::PathBuf;

use plonnx_backend::BackendError;
use plonnx_frontend::FrontendError;
use plonnx_ir::IrError;
use plonnx_quant::QuantError;
use plonnx_runtime::RuntimeError;

use crate::data::DataError;

/// Why something was not compiled, proved or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The problem is in this file.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: Box<Error> },
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The model file is larger than any that is read.
    #[error("the model has more than {limit} bytes")]
    ModelSize { limit: u64 },
    /// A settings file cannot be read.
    #[error("settings: {reason}")]
    Settings { reason: String },
    /// The settings are of another model.
    #[error("the settings are of the model with hash {expected}, this one has {got}")]
    OtherModel { expected: String, got: String },
    /// The ranges of the inputs are not known.
    #[error("the ranges of values are not known; give samples of the inputs, or their range")]
    Uncalibrated,
    /// A name that is no input, or no output.
    #[error("no {role} is called \"{name}\"; the model has {}", known.join(", "))]
    Name { role: &'static str, name: String, known: Vec<String> },
    /// The model could not be imported.
    #[error(transparent)]
    Frontend(#[from] FrontendError),
    /// The model could not be quantised, or an input does not fit it.
    #[error(transparent)]
    Quant(#[from] QuantError),
    /// Artifacts, proving or verification.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// Data files.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// Whose fault an error is, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The call: an option is missing or does not fit.
    Usage,
    /// The model or the data: they are malformed or do not fit.
    Invalid,
    /// The model uses something that plonnx has no circuit for.
    Unsupported,
    /// The model or a value is too large.
    Limit,
    /// The proof does not prove what it should.
    Rejected,
    /// A defect of plonnx.
    Bug,
}

impl Class {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
            Self::Rejected => "rejected",
            Self::Bug => "bug",
        }
    }
}

impl Error {
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

    /// Whose fault it is.
    pub fn class(&self) -> Class {
        match self {
            Self::File { source, .. } => source.class(),
            Self::Io(_) | Self::Settings { .. } | Self::OtherModel { .. } => Class::Invalid,
            Self::ModelSize { .. } => Class::Limit,
            Self::Uncalibrated | Self::Name { .. } => Class::Usage,
            Self::Frontend(error) => frontend(error),
            Self::Quant(error) => quant(error),
            Self::Runtime(error) => runtime(error),
            Self::Data(error) => match error.root() {
                DataError::TooLarge { .. } => Class::Limit,
                _ => Class::Invalid,
            },
        }
    }
}

fn frontend(error: &FrontendError) -> Class {
    match error {
        FrontendError::Unsupported { .. } | FrontendError::ElemType { .. } | FrontendError::ExternalData { .. } => {
            Class::Unsupported
        }
        FrontendError::UnboundDims { .. } | FrontendError::Options { .. } => Class::Usage,
        _ => Class::Invalid,
    }
}

fn quant(error: &QuantError) -> Class {
    match error {
        QuantError::Config { .. } => Class::Usage,
        QuantError::Unsupported { .. } | QuantError::Undefined { .. } | QuantError::Divisor { .. } => {
            Class::Unsupported
        }
        QuantError::Bound { .. } | QuantError::Graph(IrError::Limit { .. }) => Class::Limit,
        QuantError::Graph(IrError::Invalid { .. } | IrError::Text { .. }) => Class::Bug,
        _ => Class::Invalid,
    }
}

fn runtime(error: &RuntimeError) -> Class {
    match error.root() {
        RuntimeError::Quant(error) => quant(error),
        RuntimeError::TooLarge { .. } => Class::Limit,
        RuntimeError::OtherKey { .. }
        | RuntimeError::OtherProfile { .. }
        | RuntimeError::Claim { .. }
        | RuntimeError::Chain { .. } => Class::Rejected,
        // A proof that was altered is no proof.
        RuntimeError::Damaged { kind, .. } | RuntimeError::Malformed { kind, .. }
            if *kind == plonnx_runtime::artifact::Kind::Proof =>
        {
            Class::Rejected
        }
        RuntimeError::Backend(error) => match error {
            BackendError::Rejected(_) => Class::Rejected,
            BackendError::Unsupported { .. } => Class::Unsupported,
            BackendError::Limit { .. } | BackendError::Program(IrError::Limit { .. }) => Class::Limit,
            BackendError::Program(IrError::Input { .. } | IrError::Range { .. }) | BackendError::Malformed { .. } => {
                Class::Invalid
            }
            _ => Class::Bug,
        },
        _ => Class::Invalid,
    }
}

//! Runs tests of ONNX operators and models that others wrote, from the bytes of the model to a verified proof.
//!
//! A [`Suite`] is a folder of tests as the Python package `onnx` ships them. [`run`] takes a test through the stages of
//! [`Stage`], and stops where it is rejected or differs from what is expected. A [`Summary`] counts, and a [`Manifest`]
//! holds what is known to pass and to be rejected.
//!
//! Circuits have fixed shapes, so some operands must be known at compile time where ONNX takes them as data. The values
//! that a test gives for them are bound as constants, see [`Binding`].

mod agree;
mod binding;
mod case;
mod manifest;
mod run;
mod summary;

pub use agree::{QUANT_TOLERANCE, float_agrees, quant_agrees};
pub use binding::{Binding, bindings};
pub use case::{Case, DataSet, Suite, SuiteError};
pub use manifest::Manifest;
pub use run::{Limits, run, run_all};
pub use summary::{Counts, Summary};

use std::fmt;

use crate::error::Class;

/// How far a test goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The model becomes a graph.
    Import,
    /// The graph agrees with the expected results.
    Float,
    /// The field program agrees with the expected results, within [`QUANT_TOLERANCE`].
    Quantise,
    /// The circuit's constraints hold on the assigned witness.
    Check,
    /// A proof is made, and verified.
    Prove,
}

impl Stage {
    /// All stages in their order.
    pub const ALL: [Self; 5] = [Self::Import, Self::Float, Self::Quantise, Self::Check, Self::Prove];

    /// Name in manifests and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Float => "float",
            Self::Quantise => "quantise",
            Self::Check => "check",
            Self::Prove => "prove",
        }
    }
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All stages that were asked for.
    Passed,
    /// plonnx refused with an error.
    Rejected { stage: Stage, class: Class, reason: String },
    /// A result differs from the expected one, or constraints do not hold: a defect.
    Mismatched { stage: Stage, detail: String },
    /// A panic: a defect.
    Panicked { stage: Stage, message: String },
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub case: String,
    /// The operator that the test is about; see [`Case::operator`].
    pub operator: String,
    /// Inputs that were bound as constants.
    pub constants: Vec<String>,
    /// Whether inputs remain that are not constants.
    pub has_inputs: bool,
    /// The last stage that succeeded.
    pub passed: Option<Stage>,
    pub end: End,
}

impl Outcome {
    /// Whether `stage` succeeded.
    pub fn passes(&self, stage: Stage) -> bool {
        self.passed >= Some(stage)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Rejected { stage, class, reason } => {
                write!(f, "rejected at {}, {}: {reason}", stage.name(), class.name())
            }
            Self::Mismatched { stage, detail } => write!(f, "mismatched at {}: {detail}", stage.name()),
            Self::Panicked { stage, message } => write!(f, "panicked at {}: {message}", stage.name()),
        }
    }
}

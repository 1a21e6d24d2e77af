//! What can be wrong with a model.

use std::fmt;

/// Why a model could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrontendError {
    /// The bytes are not an ONNX model, or break a rule of the format.
    #[error("not a readable ONNX file: {reason}")]
    Decode { reason: String },
    /// A tensor's data does not fit its shape or type.
    #[error("tensor \"{name}\": {reason}")]
    Tensor { name: String, reason: String },
    /// A tensor of a type that plonnx does not read.
    #[error("tensor \"{name}\": element type number {number} is not supported")]
    ElemType { name: String, number: i32 },
    /// A tensor's data lies outside the model file.
    #[error("tensor \"{name}\": its data is in another file ({location}); save the model with the data inside it")]
    ExternalData { name: String, location: String },
    /// The model's operators do not fit each other.
    #[error("{op} \"{node}\": {reason}")]
    Invalid { node: String, op: String, reason: String },
    /// The model uses what plonnx has no circuit for; all such uses at once.
    #[error("{}", Problems(problems))]
    Unsupported { problems: Vec<Problem> },
    /// Dimensions without a fixed extent; all of them at once.
    #[error("{}", Unbound(dims))]
    UnboundDims { dims: Vec<UnboundDim> },
    /// An option does not fit the model.
    #[error("option {option}: {reason}")]
    Options { option: String, reason: String },
    /// A graph input or output that cannot be used.
    #[error("{role} \"{name}\": {reason}")]
    Boundary { role: &'static str, name: String, reason: String },
}

/// One use of something unsupported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the ONNX node.
    pub node: String,
    /// Operator, with its domain unless that is the standard one.
    pub op: String,
    /// What is not supported.
    pub reason: String,
    /// What to change in the model or its export.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \"{}\": {}; {}", self.op, self.node, self.reason, self.fix)
    }
}

/// A dimension that has no extent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnboundDim {
    /// Name in the model; `None` for an anonymous dimension.
    pub dim: Option<String>,
    /// Graph input it belongs to.
    pub input: String,
    /// Axis of that input; `None` when not even its rank is known.
    pub axis: Option<usize>,
}

impl fmt::Display for UnboundDim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.dim, self.axis) {
            (Some(dim), Some(axis)) => {
                write!(f, "\"{dim}\" (axis {axis} of input \"{}\"): bind it with --dim {dim}=1", self.input)
            }
            (_, Some(axis)) => {
                write!(f, "axis {axis} of input \"{0}\": give the shape with --shape {0}=1,..", self.input)
            }
            _ => write!(f, "input \"{0}\" has no shape: give it with --shape {0}=1,..", self.input),
        }
    }
}

struct Problems<'a>(&'a [Problem]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "use" } else { "uses" };
        write!(f, "{} unsupported {plural} in the model", self.0.len())?;
        self.0.iter().try_for_each(|p| write!(f, "\n  {p}"))
    }
}

struct Unbound<'a>(&'a [UnboundDim]);

impl fmt::Display for Unbound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "circuits have fixed shapes, and these dimensions are open")?;
        self.0.iter().try_for_each(|d| write!(f, "\n  {d}"))
    }
}

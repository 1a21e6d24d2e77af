//! Errors of calibration, quantisation and of running a program.

use plonnx_ir::IrError;

/// Why a float graph has no field program, or why data does not fit one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantError {
    /// A field of the configuration is out of its supported range.
    #[error("config: expected {field} between {least} and {most}, got {got}")]
    Config { field: &'static str, least: f64, most: f64, got: f64 },
    /// A calibration sample makes the model compute something that is no number.
    #[error("{op} \"{node}\": calibration sample {sample} gives {value}; remove the sample or repair the model")]
    NotFinite { node: String, op: &'static str, sample: usize, value: f64 },
    /// The declared input ranges allow an operand that the operator is not defined for.
    #[error("{op} \"{node}\": undefined on the declared range [{lo}, {hi}] of its operand; calibrate with samples")]
    Undefined { node: String, op: &'static str, lo: f64, hi: f64 },
    /// The calibration does not belong to the graph, or is empty.
    #[error("calibration: {reason}")]
    Calibration { reason: String },
    /// Samples or inputs do not match the inputs of the model.
    #[error("input \"{input}\": {reason}")]
    Input { input: String, reason: String },
    /// An input element cannot be represented.
    #[error(
        "input \"{input}\": element {index} is {value}, expected a value in [{lo}, {hi}]; recalibrate with this \
         sample, or clip it"
    )]
    InputRange { input: String, index: usize, value: f64, lo: f64, hi: f64 },
    /// A divisor may be zero, so that the quotient has no bound.
    #[error(
        "{op} \"{node}\": the divisor is 0 in a calibration sample or rounds to 0 (range [{lo}, {hi}]); add an \
         epsilon to it in the model"
    )]
    Divisor { node: String, op: &'static str, lo: f64, hi: f64 },
    /// The operator cannot be expressed in the field domain.
    #[error("{op} \"{node}\": {reason}; {fix}")]
    Unsupported { node: String, op: &'static str, reason: String, fix: &'static str },
    /// A value of the program may leave the range that the field holds.
    #[error("{op} \"{node}\": {reason}; {fix}")]
    Bound { node: String, op: &'static str, reason: String, fix: &'static str },
    /// A value left the range it was calibrated for.
    #[error("{op} \"{node}\": {reason}; recalibrate with this input among the samples, or increase the headroom")]
    Range { node: String, op: &'static str, reason: String },
    /// The graph that was handed in, or the one that was built, is malformed.
    #[error(transparent)]
    Graph(#[from] IrError),
}

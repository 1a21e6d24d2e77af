//! Turns a float graph into a field program.
//!
//! 1. [`calibrate`] runs the float graph on samples (or [`calibrate_declared`] propagates declared input ranges) and
//!    records the range of every node.
//! 2. [`quantise`] chooses a power-of-two scale for every value that is rounded, lowers every operator to integers
//!    and proves that no value can leave the field.
//! 3. [`Program::quantise_inputs`], [`Program::run`] and [`Program::dequantise_outputs`] execute the result; [`fidelity`]
//!    measures how far it is from the float graph.
//!
//! The same graph, configuration and calibration give the same program, bit for bit: ranges are exact functions of the
//! samples, transcendental functions come from `libm`, and nothing depends on hashing order.

mod bound;
mod calibrate;
mod config;
mod declared;
mod error;
mod fidelity;
mod program;
mod quantise;
mod range;
mod report;
mod scale;
mod structure;

pub use calibrate::{Calibration, CalibrationSource, Observed, calibrate};
pub use config::Config;
pub use declared::calibrate_declared;
pub use error::QuantError;
pub use fidelity::{Fidelity, NodeFidelity, OutputFidelity, fidelity};
pub use program::{Port, Program};
pub use quantise::quantise;
pub use range::Range;

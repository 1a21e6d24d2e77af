//! Tests for models and operators.
//!
//! - [`ModelTest`] takes an ONNX model with samples through every executor: the float graph, the field program, the
//!   constraints of the circuit, a proof. It attacks the circuit with provers that cheat, and gives the texts that
//!   snapshots hold; [`assert_model_snapshots!`] compares all of them.
//! - [`onnx`] writes small ONNX models, for operators.
//! - [`Case`] is a field program with inputs, for core operators and gates; [`adversary`] holds the attacks on it.
//!
//! Everything here panics when a test fails: use it in tests only.
//!
//! ```
//! use plonnx_testkit::ModelTest;
//! use plonnx_testkit::onnx::{Attr, Model};
//!
//! let lower = Model::new(14).input("x", &[2, 2]).node_with("Trilu", &["x"], &["y"], &[("upper", Attr::Int(0))]);
//! let test = ModelTest::new(&lower.output("y").bytes()).expect(&[&[1., 2., 3., 4.]], &[&[1., 0., 3., 4.]]);
//! test.run();
//! test.attack();
//! ```

#[cfg(feature = "circuit")]
pub mod adversary;
mod case;
mod model;
pub mod onnx;
mod snapshot;

pub use case::{Case, CaseBuilder, numbers, tensor};
pub use insta;
pub use model::{ModelTest, Tolerance};

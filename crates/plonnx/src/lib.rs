//! Proves that a neural network ran as claimed.
//!
//! plonnx compiles an ONNX model to a plonky2 circuit. A proof says: *I know inputs such that these are the outputs of
//! this quantised model*, where each input and output is public, committed or private. The statement contains public
//! tensors, salted commitments to committed ones ([`opening`]), and nothing of private ones. Proofs are **not zero
//! knowledge** unless they are blinded ([`Model::zero_knowledge`]), so they may leak information about private tensors.
//!
//! ```
//! use plonnx::{Model, data};
//!
//! # fn main() -> Result<(), plonnx::Error> {
//! # let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");
//! let flowers = data::read(format!("{fixtures}/logreg-iris/inputs.npz"))?;
//! let compiled = Model::from_file(format!("{fixtures}/logreg-iris/model.onnx"))?
//!     .dim("batch", 1)
//!     .calibrate(&flowers)
//!     .compile()?;
//!
//! let flower = compiled.samples(&flowers)?.get(0)?;
//! let proof = compiled.prove(&flower)?;
//!
//! let verified = compiled.verifying_key().verify(&proof)?;
//! let probabilities = verified.tensor("probabilities").expect("outputs are public unless said otherwise");
//! assert_eq!(probabilities.shape(), [1, 3]);
//! assert_eq!(verified.private, ["features"]);
//! # Ok(())
//! # }
//! ```
//!
//! The stages are crates of their own, re-exported here: [`frontend`] reads ONNX, [`quant`] turns real numbers into
//! integers, [`backend`] builds circuits, [`runtime`] has keys, proofs and files; [`ir`] is the graph that they share.
//! [`circuit`] puts a model inside a circuit of one's own.
//!
//! Errors name the node and say what to change; [`Error::class`] tells whose fault they are.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod circuit;
mod compiled;
pub mod conformance;
pub mod data;
mod error;
mod model;
mod recipe;
mod size;

pub use compiled::{Compiled, Quantised};
pub use error::{Class, Error};
pub use model::{Model, Observer, Phase};
pub use recipe::Recipe;
pub use size::macs;

pub use plonnx_backend as backend;
pub use plonnx_frontend as frontend;
pub use plonnx_ir as ir;
pub use plonnx_quant as quant;
pub use plonnx_runtime as runtime;

pub use plonnx_backend::{Commitment, Preference, Profile, Salt, Visibility, Weights};
pub use plonnx_ir::Tensor;
pub use plonnx_quant::Config;
pub use plonnx_runtime::{
    Chain, Claim, Opening, Proof, Prover, Values, Verified, VerifyingKey, opening, verify, verify_chain,
};

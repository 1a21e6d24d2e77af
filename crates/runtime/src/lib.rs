//! Keys, witnesses, proofs and their files.
//!
//! Four artifacts leave this crate, all in the container that [`artifact`] describes:
//!
//! - a [`Model`] (`model.plonnx`): everything that a prover needs, from which the circuit is rebuilt bit for bit;
//! - a [`VerifyingKey`]: what a verifier needs; it names the tensors that a proof speaks of, and their scales;
//! - a [`Proof`]: the public tensors, commitments to others, and the proof that they belong to a run of the model;
//! - [`opening`]s: what opens commitments, for their owner.
//!
//! A verifier who did not make the key checks it by compiling the model again: the same model, settings and version of
//! plonnx give the same key, and [`VerifyingKey::hash`] identifies it.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod artifact;
mod chain;
pub mod encoding;
mod error;
mod key;
pub mod memory;
mod message;
mod model;
pub mod opening;
mod proof;
mod prover;
mod verifier;

pub use chain::{Chain, Link, verify_chain};
pub use error::RuntimeError;
pub use key::VerifyingKey;
pub use model::{Model, Provenance};
pub use opening::Opening;
pub use proof::Proof;
pub use prover::Prover;
pub use verifier::{Claim, Committed, Revealed, Values, Verified, verify};

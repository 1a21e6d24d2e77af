//! Emits field programs as plonky2 circuits: gates, arguments, witness assignment, checker and statistics.
//!
//! The argument in one paragraph: a segment first commits to everything a prover may choose (boundary inputs, digits of
//! accumulators, table results, multiplicities) by absorbing it into a transcript inside the circuit; the transcript
//! yields challenges; and with those, all linear relations of the segment are checked by one equation, and all lookups
//! by another. Whatever is determined by committed cells through ordinary constraints is not absorbed.

mod argument;
mod assembler;
mod blinding;
pub mod check;
mod circuit;
mod closing;
pub mod commitment;
pub mod config;
mod copies;
mod digest;
mod effort;
mod emit;
mod error;
pub mod gate;
mod key;
mod layout;
mod plan;
mod prover;
mod random;
mod scan;
mod security;
mod statement;
mod stats;
mod tracks;
pub mod weights;
mod witness;

pub use assembler::reserve_constants;
pub use circuit::{Circuit, Salts, Settings, Witness};
pub use commitment::{Commitment, Encoding, Salt};
pub use config::Profile;
pub use digest::program_digest;
pub use effort::Preference;
pub use emit::{Emission, Segment, Visibility, emit};
pub use error::BackendError;
pub use gate::Operations;
pub use key::{Proof, VerifyingKey};
pub use layout::Choice;
pub use plan::{Candidate, Plan};
pub use plonky2;
pub use prover::Clock;
#[doc(hidden)]
pub use prover::kernels;
pub use security::SecurityReport;
pub use statement::{Port, PortKind};
pub use stats::Stats;
pub use weights::Weights;
pub use witness::{Assignment, Hint, Moment, Phase, Place, Step, Tamper, Tape};

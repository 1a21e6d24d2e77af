//! What a proof takes: its time from what the prover computes, and its bytes from what the verifier is shown.
//!
//! Time is a sum of parts, each proportional to a count that the plan gives. The factors are nanoseconds on one thread of
//! a reference machine (AMD EPYC, AVX2), fitted to the fixtures; another machine differs by one factor for all, which
//! calibration measures.

use serde::{Deserialize, Serialize};

use crate::config::D;
use crate::plan::Plan;

/// Low-degree extension of an element, for each level of the transform.
const TRANSFORM: f64 = 0.9;
/// Hashing an element of a leaf.
const HASH: f64 = 3.6;
/// A vectorised product in the field, and what belongs to it.
const PRODUCT: f64 = 1.8;
/// A vectorised addition.
const ADDITION: f64 = 0.73;
/// Loading an element of a column into a tile.
const LOAD: f64 = 0.8;
/// What an element of a constant column costs more: the gates with the most constants are those with the most products.
const CONSTANT: f64 = 3.9;
/// An element of a coefficient that is opened and combined.
const OPENING: f64 = 6.5;
/// A factor of the permutation argument in one row.
const PERMUTATION: f64 = 13.0;
/// Products of the range polynomial of a digit wire.
const DIGIT_PRODUCTS: usize = 5;
/// Folding and hashing in the low-degree test, for each point.
const FOLDING: f64 = 98.0;
/// What does not depend on the circuit: the proof of work above all.
const FIXED: f64 = 19e6;

/// What layouts are chosen for. More tracks make proofs faster and longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preference {
    /// The shortest time of a proof.
    Speed,
    /// Half the time is worth nearly six times the length.
    #[default]
    Balance,
    /// Half the length is worth nearly three times the time.
    Size,
}

impl Preference {
    /// All preferences.
    pub const ALL: [Preference; 3] = [Preference::Speed, Preference::Balance, Preference::Size];

    /// Name on the command line and in digests.
    pub fn name(self) -> &'static str {
        match self {
            Preference::Speed => "speed",
            Preference::Balance => "balance",
            Preference::Size => "size",
        }
    }

    /// The preference called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }
}

impl Plan {
    /// What layouts are chosen by: time times a power of the proof's bytes.
    pub(crate) fn cost(&self, preference: Preference) -> f64 {
        let exponent = match preference {
            Preference::Speed => 0.0,
            Preference::Balance => 0.4,
            Preference::Size => 1.5,
        };
        self.reference_nanoseconds() * (self.proof_bytes() as f64).powf(exponent)
    }

    /// Length of a proof in bytes, but for what lookups of equal Merkle paths save.
    pub fn proof_bytes(&self) -> usize {
        const ELEMENT: usize = 8;
        const DIGEST: usize = 32;
        const ORACLES: usize = 4;
        let columns = self.witness_columns() + self.preprocessed_columns();
        let (mut path, mut degree_bits) = (self.degree_bits + self.rate_bits - self.cap_height, self.degree_bits);
        let (mut query, mut caps) =
            (ELEMENT * (columns + ORACLES * self.salt_columns) + DIGEST * ORACLES * path, ORACLES - 1);
        for bits in &self.folds {
            path = path.saturating_sub(*bits);
            degree_bits -= bits;
            query += ((D * ELEMENT) << bits) + DIGEST * path;
            caps += 1;
        }
        let openings = D * ELEMENT * (columns + self.challenges);
        self.queries * query + openings + ((caps * DIGEST) << self.cap_height) + ((D * ELEMENT) << degree_bits)
    }

    /// Time of a proof on one thread of the reference machine, in nanoseconds.
    pub fn reference_nanoseconds(&self) -> f64 {
        let rows = (1u64 << self.degree_bits) as f64;
        let points = rows * (1u64 << self.rate_bits) as f64;
        let (witness, preprocessed) = (self.witness_columns(), self.preprocessed_columns());
        let commit = points * witness as f64 * (TRANSFORM * (self.degree_bits + 1) as f64 + HASH);
        let permutation = rows * (self.challenges * self.routed_wires) as f64 * PERMUTATION;
        let opening = rows * (witness + preprocessed) as f64 * OPENING;
        points * self.constraints_at_a_point() + commit + permutation + opening + points * FOLDING + FIXED
    }

    /// Columns that a proof commits to.
    fn witness_columns(&self) -> usize {
        self.wires + self.product_columns + self.quotient_columns
    }

    /// Columns that the key commits to.
    fn preprocessed_columns(&self) -> usize {
        self.routed_wires + self.constant_columns
    }

    /// Time to evaluate all constraints at one point, in nanoseconds.
    fn constraints_at_a_point(&self) -> f64 {
        let ours = self.operations;
        let digits = self.digits * DIGIT_PRODUCTS;
        let permutation = self.challenges * self.routed_wires * 4;
        let combination = self.constraints * self.challenges + ours.constraints;
        let products = ours.products + digits + permutation + combination;
        let loaded = self.witness_columns() + self.preprocessed_columns();
        let sums = (ours.additions + ours.shifted) as f64 * ADDITION;
        products as f64 * PRODUCT + sums + loaded as f64 * LOAD + self.constant_columns as f64 * CONSTANT
    }
}

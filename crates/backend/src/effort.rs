//! What a proof takes, from what the prover computes.
//!
//! A proof is a sum of parts, each proportional to a count that the plan gives. The factors are nanoseconds on one thread of
//! a reference machine (AMD EPYC, AVX2), fitted to the fixtures; another machine differs by one factor for all, which
//! calibration measures. Layouts are chosen by this sum.

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

impl Plan {
    /// Time of a proof on one thread of the reference machine, in nanoseconds.
    pub fn reference_nanoseconds(&self) -> f64 {
        let rows = (1u64 << self.degree_bits) as f64;
        let points = rows * (1u64 << self.rate_bits) as f64;
        let (witness, preprocessed) =
            (self.wires + self.product_columns + self.quotient_columns, self.routed_wires + self.constant_columns);
        let commit = points * witness as f64 * (TRANSFORM * (self.degree_bits + 1) as f64 + HASH);
        let permutation = rows * (self.challenges * self.routed_wires) as f64 * PERMUTATION;
        let opening = rows * (witness + preprocessed) as f64 * OPENING;
        points * self.constraints_at_a_point() + commit + permutation + opening + points * FOLDING + FIXED
    }

    /// Time to evaluate all constraints at one point, in nanoseconds.
    fn constraints_at_a_point(&self) -> f64 {
        let ours = self.operations;
        let digits = self.digits * DIGIT_PRODUCTS;
        let permutation = self.challenges * self.routed_wires * 4;
        let combination = self.constraints * self.challenges + ours.constraints;
        let products = ours.products + digits + permutation + combination;
        let loaded =
            self.wires + self.product_columns + self.quotient_columns + self.routed_wires + self.constant_columns;
        let sums = (ours.additions + ours.shifted) as f64 * ADDITION;
        products as f64 * PRODUCT + sums + loaded as f64 * LOAD + self.constant_columns as f64 * CONSTANT
    }
}

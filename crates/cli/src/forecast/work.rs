//! Time, from what the prover computes.
//!
//! A proof is a sum of parts, each proportional to a count that the plan gives. The factors are nanoseconds on one thread of
//! a reference machine (AMD EPYC, AVX2), fitted to the fixtures; another machine differs by one factor for all, which
//! calibration measures.

use plonnx::backend::Plan;

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
/// Products of a Poseidon row's constraints.
const POSEIDON_PRODUCTS: usize = 1500;
/// Products of the range polynomial of a digit wire.
const DIGIT_PRODUCTS: usize = 5;
/// Folding and hashing in the low-degree test, for each point.
const FOLDING: f64 = 98.0;
/// What does not depend on the circuit: the proof of work above all.
const FIXED: f64 = 19e6;

/// Time of a proof on the reference machine with this many threads, in seconds.
pub(super) fn reference_seconds(plan: &Plan, threads: usize) -> f64 {
    nanoseconds(plan) / 1e9 / threads.max(1) as f64
}

fn nanoseconds(plan: &Plan) -> f64 {
    let rows = (1u64 << plan.degree_bits) as f64;
    let points = rows * (1u64 << plan.rate_bits) as f64;
    let (witness, preprocessed) =
        (plan.wires + plan.product_columns + plan.quotient_columns, plan.routed_wires + plan.constant_columns);
    let commit = points * witness as f64 * (TRANSFORM * (plan.degree_bits + 1) as f64 + HASH);
    let permutation = rows * (plan.challenges * plan.routed_wires) as f64 * PERMUTATION;
    let opening = rows * (witness + preprocessed) as f64 * OPENING;
    points * constraints_at_a_point(plan) + commit + permutation + opening + points * FOLDING + FIXED
}

/// Time to evaluate all constraints at one point, in nanoseconds.
fn constraints_at_a_point(plan: &Plan) -> f64 {
    let ours = plan.operations;
    let digits = (plan.wires - plan.routed_wires) * DIGIT_PRODUCTS;
    let permutation = plan.challenges * plan.routed_wires * 4;
    let combination = plan.constraints * plan.challenges + ours.constraints;
    let products = ours.products + digits + permutation + combination + POSEIDON_PRODUCTS;
    let loaded = plan.wires + plan.product_columns + plan.quotient_columns + plan.routed_wires + plan.constant_columns;
    let sums = (ours.additions + ours.shifted) as f64 * ADDITION;
    products as f64 * PRODUCT + sums + loaded as f64 * LOAD + plan.constant_columns as f64 * CONSTANT
}

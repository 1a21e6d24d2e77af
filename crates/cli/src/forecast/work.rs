//! Time, from what the prover computes.

use plonnx::backend::Plan;

/// Time of a proof on the reference machine with this many threads, in seconds.
pub(super) fn reference_seconds(plan: &Plan, threads: usize) -> f64 {
    plan.reference_nanoseconds() / 1e9 / threads.max(1) as f64
}

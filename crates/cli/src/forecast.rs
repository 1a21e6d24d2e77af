//! Estimates of proving time and memory, from the shape of a circuit.
//!
//! Both are dominated by the low-degree extension of the wires and of what follows from them, so both are about
//! proportional to its number of elements. The factors were measured on the models of `fixtures` and are within a factor of
//! two on machines with AVX-512.

use std::time::Duration;

use plonnx::backend::Stats;

/// Logarithm of the rate of the extension.
const RATE_BITS: usize = 3;
/// Columns that depend on the witness: 135 wires, 3 permutation products with 10 parts each, 3 quotients of 8 parts.
const WITNESS_COLUMNS: u64 = 135 + 30 + 24;
/// Columns of the copy constraints, which are extended when the circuit is built.
const SIGMA_COLUMNS: u64 = 80;

fn extended(columns: u64, stats: &Stats) -> f64 {
    (columns << (stats.degree_bits + RATE_BITS)) as f64
}

/// Memory at the peak of proving, in bytes.
pub(crate) fn memory(stats: &Stats) -> u64 {
    const BYTES_PER_ELEMENT: f64 = 17.0;
    let columns = WITNESS_COLUMNS + SIGMA_COLUMNS + stats.constant_columns as u64;
    (extended(columns, stats) * BYTES_PER_ELEMENT) as u64 + (40 << 20)
}

/// Time of a proof on `threads` threads.
pub(crate) fn prove_time(stats: &Stats, threads: usize) -> Duration {
    const NANOSECONDS_PER_ELEMENT: f64 = 150.0;
    let columns = WITNESS_COLUMNS + stats.constant_columns as u64 / 4;
    Duration::from_secs_f64(extended(columns, stats) * NANOSECONDS_PER_ELEMENT / threads as f64 / 1e9)
}

/// Threads that the prover uses.
pub(crate) fn threads() -> usize {
    let chosen = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    chosen.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

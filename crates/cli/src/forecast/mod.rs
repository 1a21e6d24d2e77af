//! How long a proof will take and how much memory it will need, from the plan of a circuit.

mod calibration;
mod limit;
mod memory;

use std::time::Duration;

use plonnx::backend::Plan;
use serde_json::{Value, json};

pub(crate) use calibration::{Speed, cache_file, measure};
pub(crate) use limit::{MemoryArgs, Purpose, Refusal, Size};

use crate::text::{bytes, seconds};

/// What a circuit will cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// Time of a proof, without its witness.
    pub(crate) prove: Duration,
    /// Whether the speed was measured on this machine.
    pub(crate) calibrated: bool,
    pub(crate) threads: usize,
    /// Peak memory while the circuit and its keys are built, in bytes.
    pub(crate) build_bytes: u64,
    /// Peak memory of a process that builds the circuit and proves, in bytes.
    pub(crate) memory_bytes: u64,
}

impl Forecast {
    /// The forecast for a process that [`held`] so much before the circuit was planned: what planning frees is used again.
    pub(crate) fn new(plan: &Plan, speed: &Speed, held: Option<u64>) -> Self {
        let held = held.unwrap_or(memory::program(plan));
        let build_bytes = held + memory::build(plan);
        Self {
            prove: Duration::from_secs_f64(reference_seconds(plan, speed.threads) * speed.factor),
            calibrated: speed.calibrated,
            threads: speed.threads,
            build_bytes,
            memory_bytes: build_bytes.max(held + memory::prove(plan)),
        }
    }

    /// As part of a JSON object.
    pub(crate) fn to_json(self) -> Value {
        json!({
            "prove_s": self.prove.as_secs_f64(), "calibrated": self.calibrated, "threads": self.threads,
            "memory_bytes": self.memory_bytes, "build_memory_bytes": self.build_bytes,
        })
    }

    /// As a line.
    pub(crate) fn to_text(self) -> String {
        let how = if self.calibrated { "calibrated on this machine" } else { "not calibrated on this machine" };
        format!(
            "forecast: a proof in {} on {} threads ({how}), with {} of memory",
            seconds(self.prove),
            self.threads,
            bytes(self.memory_bytes)
        )
    }
}

/// Memory that the process holds now, in bytes; `None` where the system does not tell: it is then taken to be what the program takes.
pub(crate) fn held() -> Option<u64> {
    plonnx::runtime::memory::current()
}

/// Threads that the prover uses.
pub(crate) fn threads() -> usize {
    let chosen = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    chosen.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Time of a proof on the reference machine with this many threads, in seconds.
fn reference_seconds(plan: &Plan, threads: usize) -> f64 {
    plan.reference_nanoseconds() / 1e9 / threads.max(1) as f64
}

//! How long the parts of a proof take.

use std::time::{Duration, Instant};

/// Measures parts that follow each other.
#[derive(Clone, Debug)]
pub struct Clock {
    last: Instant,
    laps: Vec<(&'static str, Duration)>,
}

impl Clock {
    /// The first part begins.
    pub fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    /// The part that ends here is called `part`.
    pub(crate) fn lap(&mut self, part: &'static str) {
        let now = Instant::now();
        self.laps.push((part, now - self.last));
        self.last = now;
    }

    /// The parts in order.
    pub fn laps(&self) -> &[(&'static str, Duration)] {
        &self.laps
    }
}

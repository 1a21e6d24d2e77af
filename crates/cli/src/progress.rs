//! Progress on the terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use plonnx::Phase;

use crate::text::seconds;

/// A line for every phase on the standard error output; nothing unless that is a terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    current: Option<(ProgressBar, Instant)>,
    quiet: bool,
    /// Whether finished phases stay on the terminal.
    keep: bool,
}

impl Progress {
    /// Shows phases, unless `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        Self { current: None, quiet, keep: true }
    }

    /// Shows the current phase only, unless `quiet`.
    pub(crate) fn transient(quiet: bool) -> Self {
        Self { current: None, quiet, keep: false }
    }

    /// Begins a phase; the one before has ended.
    pub(crate) fn begin(&mut self, name: &'static str) {
        self.end();
        let bar = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg:<20} {elapsed_precise}") {
            bar.set_style(style);
        }
        bar.set_message(name);
        bar.enable_steady_tick(Duration::from_millis(120));
        self.current = Some((bar, Instant::now()));
    }

    /// Ends the phase.
    pub(crate) fn end(&mut self) {
        if let Some((bar, started)) = self.current.take() {
            if !self.keep {
                return bar.finish_and_clear();
            }
            if let Ok(style) = ProgressStyle::with_template("    {msg}") {
                bar.set_style(style);
            }
            let message = format!("{:<20} {:>8}", bar.message(), seconds(started.elapsed()));
            bar.finish_with_message(message);
        }
    }

    /// An observer of compilation.
    pub(crate) fn observer(&mut self) -> impl FnMut(Phase) + '_ {
        |phase| self.begin(phase.name())
    }

    /// Runs `work` as a phase and tells how long it took.
    pub(crate) fn timed<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> (T, Duration) {
        self.begin(name);
        let started = Instant::now();
        let result = work();
        let elapsed = started.elapsed();
        self.end();
        (result, elapsed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((bar, _)) = self.current.take() {
            bar.finish_and_clear();
        }
    }
}

//! Panics are defects of plonnx, and say so.

use std::panic::{self, AssertUnwindSafe, UnwindSafe};
use std::sync::Mutex;

use crate::failure::Failure;

/// Message and place of the latest panic.
static LATEST: Mutex<String> = Mutex::new(String::new());

/// Runs `work`; a panic becomes [`Failure::Bug`]. Panics that a library catches itself stay silent.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    panic::set_hook(Box::new(|info| {
        if let Ok(mut latest) = LATEST.lock() {
            *latest = info.to_string();
        }
    }));
    guarded(AssertUnwindSafe(work))
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Failure> + UnwindSafe) -> Result<T, Failure> {
    panic::catch_unwind(work).unwrap_or_else(|_| {
        let message = LATEST.lock().map(|latest| latest.clone()).unwrap_or_default();
        Err(Failure::Bug(message))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_bugs() {
        let failure = caught::<()>(|| panic!("on purpose")).unwrap_err();
        assert!(matches!(&failure, Failure::Bug(m) if m.contains("on purpose")), "{failure:?}");
        assert_eq!(failure.code(), 70);
    }
}

//! Elementwise maximum and minimum.

use crate::bound::Interval;
use crate::domain::Scalar;

/// Which of two elements is kept; the first where they are equal or one is NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extremum {
    Max,
    Min,
}

impl Extremum {
    /// Name in the text form and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Extremum::Max => "max",
            Extremum::Min => "min",
        }
    }

    /// Whether `x` is strictly better than `y`.
    pub(super) fn prefers<T: Scalar>(self, x: T, y: T) -> bool {
        match self {
            Extremum::Max => x > y,
            Extremum::Min => x < y,
        }
    }

    /// The better of the two; `x` when neither is.
    pub(super) fn eval<T: Scalar>(self, x: T, y: T) -> T {
        if self.prefers(y, x) { y } else { x }
    }

    pub(super) fn bound(self, x: &Interval, y: &Interval) -> Interval {
        match self {
            Extremum::Max => Interval { lo: (&x.lo).max(&y.lo).clone(), hi: (&x.hi).max(&y.hi).clone() },
            Extremum::Min => Interval { lo: (&x.lo).min(&y.lo).clone(), hi: (&x.hi).min(&y.hi).clone() },
        }
    }
}

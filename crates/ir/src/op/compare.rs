//! Elementwise comparison.

use crate::domain::Scalar;

/// Which relation gives 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `x < y`
    Less,
    /// `x <= y`
    LessEqual,
    /// `x = y`
    Equal,
}

impl Compare {
    /// Name in the text form and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Compare::Less => "less",
            Compare::LessEqual => "less_equal",
            Compare::Equal => "equal",
        }
    }

    /// 1 where the relation holds, 0 elsewhere.
    pub(super) fn eval<T: Scalar>(self, x: T, y: T) -> T {
        let holds = match self {
            Compare::Less => x < y,
            Compare::LessEqual => x <= y,
            Compare::Equal => x == y,
        };
        T::from_i64(i64::from(holds))
    }
}

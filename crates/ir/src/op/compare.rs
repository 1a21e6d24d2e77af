//! Elementwise comparison.

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
}

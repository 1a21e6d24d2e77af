//! What operators cost in a circuit, in kinds.

use std::fmt;

/// What an operator costs for every element, when its operands depend on the data. Rows that hold a rounded sum or a table
/// lookup serve about ten elements each; weights that are public cost hundreds to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cost {
    /// Nothing: copies of cells, or constants.
    Wiring,
    /// A part of a linear equation; sums of any length are rounded once, where a narrow value is needed.
    Linear,
    /// A product of two values of the data, or a linear equation where one factor is known.
    Product,
    /// A sum is rounded, or read digit by digit.
    Rounding,
    /// A lookup in a table of the function.
    Table,
    /// Digits of the difference that is compared with zero, for every comparison.
    Order,
    /// A quotient or root, proven by its inequality.
    Root,
    /// What the operators cost that it is made of.
    Several,
}

impl Cost {
    /// All kinds, from cheap to expensive.
    pub const ALL: [Self; 8] = [
        Self::Wiring,
        Self::Linear,
        Self::Product,
        Self::Rounding,
        Self::Table,
        Self::Order,
        Self::Root,
        Self::Several,
    ];

    /// One sentence on the kind.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Wiring => "nothing: copies of cells, or constants",
            Self::Linear => "a part of a linear equation, rounded once where a narrow value is needed",
            Self::Product => "a product of two values of the data; a linear equation where one factor is known",
            Self::Rounding => "a rounding, or the digits of the element",
            Self::Table => "a lookup in a table of the function",
            Self::Order => "digits of a difference for every comparison",
            Self::Root => "a quotient or root, proven by its inequality",
            Self::Several => "what the operators cost that it is made of",
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wiring => "wiring",
            Self::Linear => "linear",
            Self::Product => "product",
            Self::Rounding => "rounding",
            Self::Table => "table",
            Self::Order => "order",
            Self::Root => "root",
            Self::Several => "several",
        })
    }
}

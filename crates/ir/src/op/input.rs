//! Tensors that the caller provides.

use std::fmt;

use crate::domain::Domain;
use crate::graph::DType;

/// Attributes of an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Input<D: Domain> {
    pub shape: Vec<usize>,
    pub dtype: DType,
    /// In the field domain the range that the circuit proves of every element.
    pub domain: D::Input,
}

/// The integers `[lo, lo + 2^bits)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub lo: i64,
    pub bits: u32,
}

impl Window {
    /// Two's complement range of `bits` bits: `[-2^(bits-1), 2^(bits-1))`.
    pub fn signed(bits: u32) -> Self {
        Self { lo: -(1 << (bits - 1)), bits }
    }

    /// `[0, 2^bits)`.
    pub fn unsigned(bits: u32) -> Self {
        Self { lo: 0, bits }
    }

    /// Largest member.
    pub fn hi(self) -> i64 {
        self.lo + ((1i64 << self.bits) - 1)
    }

    /// Whether `value` is a member.
    pub fn contains(self, value: i64) -> bool {
        value >= self.lo && value <= self.hi()
    }

    /// `value` itself, or why it is not a member.
    pub fn admit(self, value: i64) -> Result<i64, String> {
        if self.contains(value) { Ok(value) } else { Err(format!("{value} is outside [{}, {}]", self.lo, self.hi())) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+2^{}", self.lo, self.bits)
    }
}

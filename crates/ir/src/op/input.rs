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
    /// Two's complement range of `bits` bits, 1 to 62: `[-2^(bits-1), 2^(bits-1))`.
    pub fn signed(bits: u32) -> Self {
        Self { lo: -(1 << (bits.clamp(1, 62) - 1)), bits }
    }

    /// `[0, 2^bits)`.
    pub fn unsigned(bits: u32) -> Self {
        Self { lo: 0, bits }
    }

    /// Largest member.
    pub fn hi(self) -> i64 {
        let size = 1i64.checked_shl(self.bits).filter(|size| *size > 0);
        self.lo.saturating_add(size.map_or(i64::MAX, |size| size - 1))
    }

    /// Whether `value` is a member.
    pub fn contains(self, value: i64) -> bool {
        value >= self.lo && value <= self.hi()
    }

    /// Whether the circuit can prove membership by decomposing `value * 2^shift` into bits: the width of the window is 1
    /// to 61 bits, and the shifted window has at most 62 bits and lies within `[-2^62, 2^62]`. The error says what is
    /// too large.
    pub(crate) fn check(self, shift: u32) -> Result<(), String> {
        if !(1..=61).contains(&self.bits) {
            return Err(format!("expected a window of 1 to 61 bits, got {}", self.bits));
        }
        if shift > 61 || shift + self.bits > 62 {
            return Err(format!(
                "expected shift and window of at most 62 bits together, got {shift} and {}",
                self.bits
            ));
        }
        let limit = 1i128 << 62;
        let (lo, end) = (i128::from(self.lo) << shift, (i128::from(self.lo) + (1i128 << self.bits)) << shift);
        if lo < -limit || end > limit {
            return Err(format!("window {self} shifted by {shift} leaves [-2^62, 2^62]"));
        }
        Ok(())
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

//! Requantisation: the unary operator of the field domain.

use std::sync::Arc;

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::input::Window;
use crate::bound::Interval;

/// How a wide or narrow integer becomes a narrow one. With `s = shift`, `acc` the operand and
/// `hi = floor((acc + 2^(s-1)) / 2^s)` (`hi = acc` when `s = 0`):
#[derive(Clone, Debug, PartialEq)]
pub enum Requant {
    /// `hi`, which must lie in `window`.
    Round { shift: u32, window: Window },
    /// `max(hi, 0)`, with `hi` in `[-2^bits, 2^bits)`.
    Relu { shift: u32, bits: u32 },
    /// `table[hi]`, with `hi` in the table's window.
    Table { shift: u32, table: Arc<Table> },
    /// `floor(sqrt(acc * 2^shift))` for `acc >= 0`; the result must lie in `[0, 2^bits)`.
    Sqrt { shift: u32, bits: u32 },
    /// `floor(sqrt(2^shift / acc))` for `acc >= 1`; the result must lie in `[0, 2^bits)`.
    Rsqrt { shift: u32, bits: u32 },
}

/// A function given by its values on a window of integers.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What the table approximates, for people.
    pub name: String,
    /// Arguments.
    pub window: Window,
    /// Values at `window.lo`, `window.lo + 1`, ...; `2^window.bits` of them.
    pub values: Vec<i64>,
}

/// Largest number of bits of a table's window.
pub const MAX_TABLE_BITS: u32 = 20;

/// `floor((acc + 2^(shift-1)) / 2^shift)`.
pub(crate) fn round_shift(acc: i64, shift: u32) -> i64 {
    if shift == 0 { acc } else { acc.wrapping_add(1i64.wrapping_shl(shift - 1)).wrapping_shr(shift) }
}

/// Largest `y` with `y * y <= n`.
fn isqrt(n: u128) -> i64 {
    i64::try_from(n.isqrt()).unwrap_or(i64::MAX)
}

impl Requant {
    /// The result for one value; the error says which range it left. Parameters that [`crate::verify`] rejects give
    /// unspecified results.
    pub fn eval(&self, acc: i64) -> Result<i64, String> {
        match self {
            Requant::Round { shift, window } => window.admit(round_shift(acc, *shift)),
            Requant::Relu { shift, bits } => relu_window(*bits).admit(round_shift(acc, *shift)).map(|hi| hi.max(0)),
            Requant::Table { shift, table } => {
                let hi = table.window.admit(round_shift(acc, *shift))?;
                table.at(hi).ok_or_else(|| format!("table has no value at {hi}"))
            }
            Requant::Sqrt { shift, bits } => match u128::try_from(acc) {
                Ok(acc) => Window::unsigned(*bits).admit(isqrt(acc.wrapping_shl(*shift))),
                Err(_) => Err(format!("square root of {acc}")),
            },
            Requant::Rsqrt { shift, bits } => match u128::try_from(acc) {
                Ok(acc) if acc > 0 => Window::unsigned(*bits).admit(isqrt(1u128.wrapping_shl(*shift) / acc)),
                _ => Err(format!("inverse square root of {acc}")),
            },
        }
    }

    /// Smallest and largest possible result.
    pub fn range(&self) -> (i64, i64) {
        match self {
            Requant::Round { window, .. } => (window.lo, window.hi()),
            Requant::Relu { bits, .. } | Requant::Sqrt { bits, .. } | Requant::Rsqrt { bits, .. } => {
                (0, Window::unsigned(*bits).hi())
            }
            Requant::Table { table, .. } => extent(&table.values),
        }
    }

    /// Whether the operand may be wide: the circuit decomposes it by one shift.
    pub fn takes_wide(&self) -> bool {
        matches!(self, Requant::Round { .. } | Requant::Relu { .. } | Requant::Table { .. })
    }

    /// Why the circuit cannot prove this requantisation, if so.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Requant::Round { shift, window } => window.check(*shift),
            Requant::Relu { shift, bits } => Window::unsigned(*bits).check(*shift),
            Requant::Sqrt { shift, bits } | Requant::Rsqrt { shift, bits } => {
                // The circuit squares the result.
                if *shift > 61 || !(1..=31).contains(bits) {
                    return Err(format!("expected a shift of at most 61 and 1 to 31 bits, got {shift} and {bits}"));
                }
                Ok(())
            }
            Requant::Table { shift, table } => {
                table.window.check(*shift)?;
                let bits = table.window.bits;
                if bits > MAX_TABLE_BITS {
                    return Err(format!("expected a table of at most {MAX_TABLE_BITS} bits, got {bits}"));
                }
                if table.values.len() != 1 << bits {
                    return Err(format!("expected a table of {} values, got {}", 1 << bits, table.values.len()));
                }
                match table.values.iter().find(|v| v.unsigned_abs() >= 1 << 62) {
                    Some(v) => Err(format!("expected table values below 2^62, got {v}")),
                    None => Ok(()),
                }
            }
        }
    }

    /// Results on operands within `x` that do not fail. When all fail: [`Requant::range`].
    pub(super) fn bound(&self, x: &Interval) -> Interval {
        let (lo, hi) = self.range();
        let range = Interval::new(lo, hi);
        let end = |v: &BigInt| v.to_i64().unwrap_or(if v < &BigInt::ZERO { i64::MIN / 2 } else { i64::MAX / 2 });
        let (x_lo, x_hi) = (end(&x.lo), end(&x.hi));
        let reached = match self {
            Requant::Round { shift, .. } => Some((round_shift(x_lo, *shift), round_shift(x_hi, *shift))),
            Requant::Relu { shift, .. } => Some((round_shift(x_lo, *shift).max(0), round_shift(x_hi, *shift).max(0))),
            Requant::Table { shift, table } => {
                let Window { lo: first, .. } = table.window;
                let clamp = |hi: i64| hi.clamp(first, table.window.hi()).wrapping_sub(first) as usize;
                let (from, to) = (clamp(round_shift(x_lo, *shift)), clamp(round_shift(x_hi, *shift)));
                table.values.get(from..=to).map(extent)
            }
            Requant::Sqrt { shift, .. } => {
                let root = |v: i64| isqrt((v.max(0) as u128).wrapping_shl(*shift));
                Some((root(x_lo), root(x_hi)))
            }
            Requant::Rsqrt { shift, .. } => {
                let root = |v: i64| isqrt(1u128.wrapping_shl(*shift) / v.max(1) as u128);
                Some((root(x_hi), root(x_lo)))
            }
        };
        reached.and_then(|(lo, hi)| range.intersection(&Interval::new(lo, hi))).unwrap_or(range)
    }
}

/// Values that [`Requant::Relu`] admits before it clips them.
fn relu_window(bits: u32) -> Window {
    Window { lo: 1i64.wrapping_shl(bits).wrapping_neg(), bits: bits.saturating_add(1) }
}

fn extent(values: &[i64]) -> (i64, i64) {
    (values.iter().copied().min().unwrap_or(0), values.iter().copied().max().unwrap_or(0))
}

impl Table {
    /// The value at `argument`; `None` outside the window.
    pub fn at(&self, argument: i64) -> Option<i64> {
        let position = usize::try_from(argument.checked_sub(self.window.lo)?).ok()?;
        self.values.get(position).copied()
    }
}

//! Requantisation: the unary operator of the field domain.

use std::sync::Arc;

use super::input::Window;

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

/// `floor((acc + 2^(shift-1)) / 2^shift)`.
pub(crate) fn round_shift(acc: i64, shift: u32) -> i64 {
    if shift == 0 { acc } else { (acc + (1i64 << (shift - 1))) >> shift }
}

/// Largest `y` with `y * y <= n`.
fn isqrt(n: u128) -> i64 {
    n.isqrt() as i64
}

impl Requant {
    /// The result for one value; the error says which range it left.
    pub fn eval(&self, acc: i64) -> Result<i64, String> {
        match self {
            Requant::Round { shift, window } => window.admit(round_shift(acc, *shift)),
            Requant::Relu { shift, bits } => {
                Window { lo: -(1 << bits), bits: bits + 1 }.admit(round_shift(acc, *shift)).map(|hi| hi.max(0))
            }
            Requant::Table { shift, table } => {
                let hi = table.window.admit(round_shift(acc, *shift))?;
                Ok(table.values[(hi - table.window.lo) as usize])
            }
            Requant::Sqrt { shift, bits } => match u128::try_from(acc) {
                Ok(acc) => Window::unsigned(*bits).admit(isqrt(acc << shift)),
                Err(_) => Err(format!("square root of {acc}")),
            },
            Requant::Rsqrt { shift, bits } => {
                if acc < 1 {
                    return Err(format!("inverse square root of {acc}"));
                }
                Window::unsigned(*bits).admit(isqrt((1u128 << shift) / acc as u128))
            }
        }
    }

    /// Smallest and largest possible result.
    pub fn range(&self) -> (i64, i64) {
        match self {
            Requant::Round { window, .. } => (window.lo, window.hi()),
            Requant::Relu { bits, .. } | Requant::Sqrt { bits, .. } | Requant::Rsqrt { bits, .. } => {
                (0, Window::unsigned(*bits).hi())
            }
            Requant::Table { table, .. } => (
                table.values.iter().copied().min().unwrap_or(0),
                table.values.iter().copied().max().unwrap_or(0),
            ),
        }
    }
}

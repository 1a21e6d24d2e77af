//! Division in the field domain.

use super::input::Window;

/// `floor((x * 2^shift + floor(y / 2)) / y)` for `y >= 1`; the result must lie in `window`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quotient {
    pub shift: u32,
    pub window: Window,
}

impl Quotient {
    /// The quotient of one pair; the error says which range was left.
    pub fn eval(&self, x: i64, y: i64) -> Result<i64, String> {
        if y < 1 {
            return Err(format!("divisor {y} is not positive"));
        }
        let numerator = i128::from(x).wrapping_shl(self.shift).wrapping_add(i128::from(y) / 2);
        let q = numerator.div_euclid(i128::from(y));
        i64::try_from(q).map_err(|_| format!("quotient {q} is too large")).and_then(|q| self.window.admit(q))
    }

    /// Why the circuit cannot prove this quotient, if so.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.window.check(0)?;
        if self.shift > 61 || self.shift + self.window.bits > 62 {
            let bits = self.window.bits;
            return Err(format!(
                "expected shift and window of at most 62 bits together, got {} and {bits}",
                self.shift
            ));
        }
        Ok(())
    }
}

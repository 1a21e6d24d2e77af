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
        let numerator = ((x as i128) << self.shift) + (y as i128 / 2);
        let q = numerator.div_euclid(y as i128);
        i64::try_from(q).map_err(|_| format!("quotient {q} is too large")).and_then(|q| self.window.admit(q))
    }
}

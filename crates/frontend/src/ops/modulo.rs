//! Mod: the remainder of an elementwise division.
//!
//! Spec: Mod; all opsets. With fmod = 1 the remainder has the sign of the dividend, else that of the divisor. Rejected:
//! operands that depend on the data, because remainders truncate.

use crate::lower::{Call, Results, invalid, unsupported};

use super::operands;

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    let truncated = call.flag("fmod", false)?;
    let remainder = |x: f64, y: f64| match y {
        0.0 => invalid("division by zero"),
        _ if truncated => Ok(x % y),
        _ => Ok(x - y * (x / y).floor()),
    };
    let dtype = call.dtype(x);
    match operands::known_pairs(call, [x, y], dtype, remainder)? {
        Some(remainder) => Ok(vec![remainder]),
        None => unsupported("the operands depend on the input data", "precompute the remainder"),
    }
}

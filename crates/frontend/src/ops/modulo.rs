//! Mod: the remainder of an elementwise division.
//!
//! Spec: Mod; all opsets. With fmod = 1, and for real numbers, the remainder has the sign of the dividend, else that of the
//! divisor. It follows from that of the magnitudes. Nothing is rejected.

use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::compare::equals;
use super::div::{is_unsigned, magnitude, whole_quotient};
use super::logic::negation;
use super::operands;
use crate::lower::{Call, Lowering, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    let dtype = call.dtype(x);
    let truncated = call.flag("fmod", false)? || dtype == DType::Real;
    let remainder = |x: f64, y: f64| match y {
        0.0 => invalid("division by zero"),
        _ if truncated => Ok(x % y),
        _ => Ok(x - y * (x / y).floor()),
    };
    if let Some(remainder) = operands::known_pairs(call, [x, y], dtype, remainder)? {
        return Ok(vec![remainder]);
    }
    let unsigned = is_unsigned(call);
    let [top, bottom] = [magnitude(call, x, unsigned)?, magnitude(call, y, unsigned)?];
    let quotient = whole_quotient(call, top, bottom)?;
    let taken = call.product(bottom, quotient)?;
    let size = call.linear(&[(1.0, top), (-1.0, taken)])?;
    if unsigned {
        return Ok(vec![size]);
    }
    if truncated {
        let sign = call.map(Function::Sign, x)?;
        return Ok(vec![call.product(size, sign)?]);
    }
    Ok(vec![of_divisor(call, [x, y], bottom, size)?])
}

/// The remainder with the sign of the divisor `y`, for that of the magnitudes, `size`.
fn of_divisor(call: &mut Call, [x, y]: [NodeId; 2], bottom: NodeId, size: NodeId) -> Lowering<NodeId> {
    let [x_sign, y_sign] = [call.map(Function::Sign, x)?, call.map(Function::Sign, y)?];
    let signs = call.product(x_sign, y_sign)?;
    let opposite = equals(call, signs, -1.0)?;
    let zero = equals(call, size, 0.0)?;
    let rest = negation(call, zero)?;
    let turned = call.product(opposite, rest)?;
    let turned = call.retype(turned, DType::Bool)?;
    let other = call.linear(&[(1.0, bottom), (-1.0, size)])?;
    let operands = call.aligned(&[turned, other, size])?;
    let kept = call.add(CoreOp::Select, &operands)?;
    call.product(kept, y_sign)
}

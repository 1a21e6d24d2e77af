//! Equal, Less, LessOrEqual, Greater, GreaterOrEqual: elementwise relations with broadcasting. IsInf, IsNaN: whether
//! elements are no finite numbers.
//!
//! Spec: the pages of these names; all opsets. Nothing is rejected.

use plonnx_ir::op::Compare;
use plonnx_ir::{CoreOp, DType, NodeId};

use super::logic::negation;
use super::operands;
use crate::lower::{Builder, Call, Lowering, Results};

/// Whether `x` relates to `y`, or `y` to `x` when `swapped`.
pub(super) fn lower(call: &mut Call, compare: Compare, swapped: bool) -> Results {
    let [x, y] = operands::pair(call)?;
    let mut operands = call.aligned(&[x, y])?;
    if swapped {
        operands.reverse();
    }
    Ok(vec![call.add(CoreOp::Compare(compare), &operands)?])
}

/// An element that is NaN is the only one that differs from itself.
pub(super) fn is_nan(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let same = call.add(CoreOp::Compare(Compare::Equal), &[x, x])?;
    Ok(vec![negation(call, same)?])
}

pub(super) fn is_inf(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let (negative, positive) = (call.flag("detect_negative", true)?, call.flag("detect_positive", true)?);
    let mut found = Vec::new();
    if positive {
        found.push((1.0, equals(call, x, f64::INFINITY)?));
    }
    if negative {
        found.push((1.0, equals(call, x, f64::NEG_INFINITY)?));
    }
    if found.is_empty() {
        let no = call.scalar(0.0, DType::Bool)?;
        let shape = call.shape(x);
        return Ok(vec![call.broadcast(no, &shape)?]);
    }
    // No element equals both.
    let sum = call.linear(&found)?;
    Ok(vec![call.retype(sum, DType::Bool)?])
}

/// Whether elements of `x` equal `value`.
pub(super) fn equals(builder: &mut Builder, x: NodeId, value: f64) -> Lowering<NodeId> {
    let dtype = builder.dtype(x);
    let value = builder.scalar(value, dtype)?;
    let operands = builder.aligned(&[x, value])?;
    builder.add(CoreOp::Compare(Compare::Equal), &operands)
}

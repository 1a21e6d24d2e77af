//! Equal, Less, LessOrEqual, Greater, GreaterOrEqual: elementwise relations with broadcasting.
//!
//! Spec: the pages of these names; all opsets. Nothing is rejected.

use plonnx_ir::CoreOp;
use plonnx_ir::op::Compare;

use super::operands;
use crate::lower::{Call, Results};

/// Whether `x` relates to `y`, or `y` to `x` when `swapped`.
pub(super) fn lower(call: &mut Call, compare: Compare, swapped: bool) -> Results {
    let [x, y] = operands::pair(call)?;
    let mut operands = call.aligned(&[x, y])?;
    if swapped {
        operands.reverse();
    }
    Ok(vec![call.add(CoreOp::Compare(compare), &operands)?])
}

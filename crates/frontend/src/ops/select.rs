//! Where: elementwise choice with broadcasting.
//!
//! Spec: Where; all opsets. Nothing is rejected.

use plonnx_ir::{CoreOp, DType};

use crate::lower::{Call, Results};

pub(super) fn lower(call: &mut Call) -> Results {
    let (condition, x, y) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let condition = call.retype(condition, DType::Bool)?;
    let operands = call.aligned(&[condition, x, y])?;
    // A condition that is the same everywhere is no choice.
    match call.uniform(condition) {
        Some(0.0) => Ok(vec![operands[2]]),
        Some(_) => Ok(vec![operands[1]]),
        None => Ok(vec![call.add(CoreOp::Select, &operands)?]),
    }
}

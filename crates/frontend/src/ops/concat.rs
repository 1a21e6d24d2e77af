//! Concat: tensors one after the other along an axis.
//!
//! Spec: Concat; all opsets (the axis has a default before 4). Nothing is rejected.

use plonnx_ir::CoreOp;
use plonnx_ir::op::View;

use crate::lower::{Call, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let operands = call.all_inputs()?;
    if call.opset >= 4 && !call.has("axis") {
        return invalid("attribute \"axis\" is missing");
    }
    let axis = call.axis("axis", 1, call.rank(operands[0]))?;
    if let [x] = operands.as_slice() {
        return Ok(vec![*x]);
    }
    Ok(vec![call.add(CoreOp::View(View::Concat { axis }), &operands)?])
}

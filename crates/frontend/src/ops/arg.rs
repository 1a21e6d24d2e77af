//! ArgMax, ArgMin: the index of the extremum along an axis.
//!
//! Spec: the pages of these names; all opsets. Nothing is rejected.

use plonnx_ir::CoreOp;
use plonnx_ir::op::{Arg, Extremum};

use crate::decode::ElemType;
use crate::lower::{Call, Results};

pub(super) fn lower(call: &mut Call, extremum: Extremum) -> Results {
    let x = call.input(0)?;
    let axis = call.axis("axis", 0, call.rank(x))?;
    let keep = call.flag("keepdims", true)?;
    let last = call.flag("select_last_index", false)?;
    call.set_elem(0, ElemType::Int64);
    Ok(vec![call.add(CoreOp::Arg(Arg { extremum, axis, last, keep }), &[x])?])
}

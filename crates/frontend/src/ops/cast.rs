//! Cast, CastLike: the same numbers as another element type.
//!
//! Spec: the pages of these names; all opsets. Real numbers are truncated towards zero when they become integers, and
//! everything but 0 is true. Rounding to a narrower type of real numbers and the wrap-around of narrow integers are not
//! modelled. Rejected: strings, complex numbers, and types of 8 bits or less other than int8, uint8 and bool.

use plonnx_ir::op::Compare;
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::logic::negation;
use crate::lower::{Builder, Call, Lowering, Results, invalid, unsupported};

pub(super) fn cast(call: &mut Call) -> Results {
    let x = call.input(0)?;
    call.ignore(&["saturate", "round_mode"]);
    let to = if call.opset < 6 {
        return Ok(vec![cast_by_name(call, x)?]);
    } else {
        call.int("to")?
    };
    let Some(to) = to else { return invalid("attribute \"to\" is missing") };
    let dtype = call.elem_type(to)?;
    Ok(vec![convert(call, x, dtype)?])
}

pub(super) fn cast_like(call: &mut Call) -> Results {
    let (x, like) = (call.input(0)?, call.input(1)?);
    call.ignore(&["saturate", "round_mode"]);
    let dtype = call.dtype(like);
    Ok(vec![convert(call, x, dtype)?])
}

fn cast_by_name(call: &mut Call, x: NodeId) -> Lowering<NodeId> {
    let dtype = match call.text("to", "")? {
        "FLOAT" | "DOUBLE" | "FLOAT16" => DType::Real,
        "INT8" | "INT16" | "INT32" | "INT64" | "UINT8" | "UINT16" | "UINT32" | "UINT64" => DType::Int,
        "BOOL" => DType::Bool,
        other => return unsupported(format!("element type \"{other}\""), "use float, integer or bool tensors"),
    };
    convert(call, x, dtype)
}

fn convert(builder: &mut Builder, x: NodeId, to: DType) -> Lowering<NodeId> {
    match (builder.dtype(x), to) {
        (DType::Real, DType::Int) => {
            let whole = builder.map(Function::Trunc, x)?;
            builder.retype(whole, DType::Int)
        }
        (from @ (DType::Real | DType::Int), DType::Bool) => {
            let zero = builder.scalar(0.0, from)?;
            let operands = builder.aligned(&[x, zero])?;
            let is_zero = builder.add(CoreOp::Compare(Compare::Equal), &operands)?;
            negation(builder, is_zero)
        }
        _ => builder.retype(x, to),
    }
}

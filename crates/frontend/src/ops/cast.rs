//! Cast, CastLike: the same numbers as another element type.
//!
//! Spec: the pages of these names; all opsets. Real numbers are truncated towards zero when they become integers, and
//! everything but 0 is true. Integers of 4 bits or less wrap around. Rounding to a narrower type of real numbers of 16
//! bits or more and the wrap-around of other integers are not modelled. Rejected: strings, complex numbers, and rounding
//! to real numbers of 8 bits or less where it depends on the data.

use plonnx_ir::op::Compare;
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::logic::negation;
use crate::decode::ElemType;
use crate::lower::{Builder, Call, Lowering, Results, invalid, unsupported};

pub(super) fn cast(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let to = if call.opset < 6 {
        let name = call.text("to", "")?;
        match ElemType::from_name(&name.to_lowercase()) {
            Some(elem) => elem,
            None => {
                return unsupported(format!("element type \"{name}\""), "use float, integer or bool tensors");
            }
        }
    } else {
        match call.int("to")? {
            Some(number) => call.elem_type(number)?,
            None => return invalid("attribute \"to\" is missing"),
        }
    };
    Ok(vec![convert(call, x, to)?])
}

pub(super) fn cast_like(call: &mut Call) -> Results {
    let x = call.input(0)?;
    call.input(1)?;
    match call.elem(1) {
        Some(elem) => Ok(vec![convert(call, x, elem)?]),
        None => invalid("operand 1 is missing"),
    }
}

fn convert(call: &mut Call, x: NodeId, to: ElemType) -> Lowering<NodeId> {
    call.set_elem(0, to);
    let saturate = call.flag("saturate", true)?;
    let up = call.text("round_mode", "up")? == "up";
    let Some(format) = to.minifloat() else {
        let y = as_kind(call, x, to.dtype())?;
        return if to.bits() <= 4 { wrapped(call, y, to) } else { Ok(y) };
    };
    let same = call.elem(0) == Some(to);
    let Some(value) = call.known(x).filter(|_| !same && (up || to != ElemType::Float8E8M0)) else {
        return if same {
            Ok(x)
        } else {
            unsupported(
                format!("rounding to {to} of values that depend on the input data"),
                "leave the cast to float numbers of 8 bits or less out of the model",
            )
        };
    };
    let data = value.iter().map(|v| format.round(v, saturate)).collect();
    call.tensor(value.shape(), data, DType::Real)
}

/// `x` as numbers of another kind.
fn as_kind(builder: &mut Builder, x: NodeId, to: DType) -> Lowering<NodeId> {
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

/// What `compute` makes of `x` as real numbers; of integers it makes integers, towards zero.
pub(super) fn of_reals(
    builder: &mut Builder,
    x: NodeId,
    compute: impl FnOnce(&mut Builder, NodeId) -> Lowering<NodeId>,
) -> Lowering<NodeId> {
    let dtype = builder.dtype(x);
    if dtype == DType::Real {
        return compute(builder, x);
    }
    let x = builder.retype(x, DType::Real)?;
    let y = compute(builder, x)?;
    as_kind(builder, y, dtype)
}

/// The integer of type `to` that agrees with `x` in the lowest bits.
fn wrapped(builder: &mut Builder, x: NodeId, to: ElemType) -> Lowering<NodeId> {
    let Some((least, most)) = to.integers() else { return Ok(x) };
    let count = most - least + 1.0;
    let real = builder.retype(x, DType::Real)?;
    let offset = builder.scalar(-least / count, DType::Real)?;
    let turns = builder.linear(&[(1.0 / count, real), (1.0, offset)])?;
    let turns = builder.map(Function::Floor, turns)?;
    let kept = builder.linear(&[(1.0, real), (-count, turns)])?;
    builder.retype(kept, DType::Int)
}

//! ReverseSequence: the first elements of every row in reverse order.
//!
//! Spec: ReverseSequence; all opsets. Known lengths are wiring; others select elements by their positions. Nothing is
//! rejected.

use plonnx_ir::op::Compare;
use plonnx_ir::{CoreOp, DType};

use super::gather::along;
use crate::lower::{Call, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, lengths) = (call.input(0)?, call.input(1)?);
    let shape = call.shape(x);
    let rank = shape.len();
    let (batch, time) = (call.axis("batch_axis", 1, rank)?, call.axis("time_axis", 0, rank)?);
    if batch == time || call.shape(lengths) != [shape[batch]] {
        return invalid(format!("lengths of shape {:?} for shape {shape:?}", call.shape(lengths)));
    }
    let mut column = vec![1; rank];
    column[batch] = shape[batch];
    let lengths = call.reshape(lengths, &column)?;
    let mut line = vec![1; rank];
    line[time] = shape[time];
    let steps = call.integers(&(0..shape[time]).collect::<Vec<_>>())?;
    let steps = call.reshape(steps, &line)?;
    // length - 1 - t where t is below the length, t elsewhere.
    let one = call.scalar(1.0, DType::Int)?;
    let mirrored = call.linear(&[(1.0, lengths), (-1.0, steps), (-1.0, one)])?;
    let operands = call.aligned(&[steps, lengths])?;
    let inside = call.add(CoreOp::Compare(Compare::Less), &operands)?;
    let operands = call.aligned(&[inside, mirrored, steps])?;
    let positions = call.add(CoreOp::Select, &operands)?;
    let positions = call.broadcast(positions, &shape)?;
    Ok(vec![along(call, x, time, positions)?])
}

//! MatMul: matrix product over the last two axes, broadcasting the others.
//!
//! Spec: MatMul; all opsets. A vector stands for a row on the left and for a column on the right. Nothing is rejected.

use plonnx_ir::NodeId;
use plonnx_ir::op::Label;

use crate::lower::{Call, Lowering, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let (a, b) = (call.input(0)?, call.input(1)?);
    Ok(vec![product(call, a, b)?])
}

/// The matrix product of `a` and `b`.
pub(super) fn product(call: &mut Call, a: NodeId, b: NodeId) -> Lowering<NodeId> {
    let (a_shape, b_shape) = (call.shape(a), call.shape(b));
    let (Some(inner), Some(other)) = (a_shape.last(), b_shape.get(b_shape.len().saturating_sub(2))) else {
        return invalid("expected operands with at least one axis");
    };
    if inner != other {
        return invalid(format!("inner dimensions differ: {inner} and {other}"));
    }
    let batch = a_shape.len().max(b_shape.len()).saturating_sub(2);
    let labels: Vec<Label> = (b'a'..=b'z').take(batch).collect();
    let [row, sum, column] = [0u8, 1, 2].map(|i| b'a' + (batch as u8) + i);
    let matrix = |rank: usize, last: [Label; 2]| match rank {
        1 => vec![sum],
        _ => [&labels[batch + 2 - rank..], &last].concat(),
    };
    let mut out = labels.clone();
    if a_shape.len() > 1 {
        out.push(row);
    }
    if b_shape.len() > 1 {
        out.push(column);
    }
    let (a_labels, b_labels) = (matrix(a_shape.len(), [row, sum]), matrix(b_shape.len(), [sum, column]));
    call.contract(a, &a_labels, b, &b_labels, &out)
}

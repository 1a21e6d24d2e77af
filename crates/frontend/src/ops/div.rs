//! Div: elementwise quotient with broadcasting.
//!
//! Spec: Div; all opsets. A known divisor of real numbers is a multiplication by its reciprocal, and the quotient by a
//! square root a multiplication by the inverse square root. The quotient of integers is that of their magnitudes, rounded
//! down, with the product of their signs. Nothing is rejected.

use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::{operands, recognise};
use crate::lower::{Builder, Call, Lowering, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    if call.dtype(x) != DType::Real && call.dtype(y) != DType::Real {
        let unsigned = is_unsigned(call);
        return Ok(vec![truncating(call, x, y, unsigned)?]);
    }
    if call.uniform(x) == Some(1.0) {
        let shape = call.common_shape(&[x, y])?;
        let inverse = reciprocal(call, y)?;
        return Ok(vec![call.broadcast(inverse, &shape)?]);
    }
    let (divisor, repeated) = call.unrepeated(y);
    if call.is_known(divisor) || is_sqrt(call, divisor) {
        let inverse = reciprocal(call, divisor)?;
        let inverse = call.broadcast(inverse, &repeated)?;
        let quotient = call.product(x, inverse)?;
        return Ok(vec![recognise::gelu(call, quotient)?]);
    }
    Ok(vec![quotient(call, x, y)?])
}

/// `x / y` of real numbers, with broadcasting.
pub(super) fn quotient(builder: &mut Builder, x: NodeId, y: NodeId) -> Lowering<NodeId> {
    if builder.is_known(y) {
        let inverse = reciprocal(builder, y)?;
        return builder.product(x, inverse);
    }
    let operands = builder.aligned(&[x, y])?;
    builder.add(CoreOp::Div(()), &operands)
}

/// `1 / x`; of a square root the inverse square root.
pub(super) fn reciprocal(builder: &mut Builder, x: NodeId) -> Lowering<NodeId> {
    let node = builder.graph.node(x);
    match (&node.op, node.inputs.as_slice()) {
        (CoreOp::Map(Function::Sqrt), [square]) => {
            let square = *square;
            builder.map(Function::Rsqrt, square)
        }
        _ => builder.map(Function::Reciprocal, x),
    }
}

fn is_sqrt(builder: &Builder, x: NodeId) -> bool {
    matches!(builder.graph.node(x).op, CoreOp::Map(Function::Sqrt))
}

/// Whether no operand of the node can be negative.
pub(super) fn is_unsigned(call: &Call) -> bool {
    [0, 1].iter().all(|i| call.elem(*i).is_some_and(|e| e.dtype() != DType::Real && !e.is_signed()))
}

/// Quotient of integers, towards zero.
pub(super) fn truncating(call: &mut Call, x: NodeId, y: NodeId, unsigned: bool) -> Lowering<NodeId> {
    if call.uniform(y) == Some(1.0) {
        return call.product(x, y);
    }
    let exact = |x: f64, y: f64| if y == 0.0 { invalid("division by zero") } else { Ok((x / y).trunc()) };
    if let Some(quotient) = operands::known_pairs(call, [x, y], DType::Int, exact)? {
        return Ok(quotient);
    }
    let [top, bottom] = [magnitude(call, x, unsigned)?, magnitude(call, y, unsigned)?];
    let size = whole_quotient(call, top, bottom)?;
    if unsigned {
        return Ok(size);
    }
    let [x_sign, y_sign] = [call.map(Function::Sign, x)?, call.map(Function::Sign, y)?];
    let signed = call.product(size, x_sign)?;
    call.product(signed, y_sign)
}

/// The magnitude of `x`, as a node that is seen not to be negative.
pub(super) fn magnitude(builder: &mut Builder, x: NodeId, unsigned: bool) -> Lowering<NodeId> {
    builder.map(if unsigned { Function::Relu } else { Function::Abs }, x)
}

/// The largest integer that is at most the quotient of two numbers that are not negative.
pub(super) fn whole_quotient(builder: &mut Builder, x: NodeId, y: NodeId) -> Lowering<NodeId> {
    let operands = builder.aligned(&[x, y])?;
    let quotient = builder.add(CoreOp::Div(()), &operands)?;
    builder.map(Function::Floor, quotient)
}

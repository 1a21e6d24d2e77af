//! Div: elementwise quotient with broadcasting.
//!
//! Spec: Div; all opsets. A known divisor of real numbers is a multiplication by its reciprocal, and the quotient by a
//! square root a multiplication by the inverse square root. Rejected: integer quotients that depend on the data,
//! because they truncate.

use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::{operands, recognise};
use crate::lower::{Builder, Call, Lowering, Results, invalid, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    if call.dtype(x) != DType::Real && call.dtype(y) != DType::Real {
        return Ok(vec![truncating(call, x, y)?]);
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
    let operands = call.aligned(&[x, y])?;
    Ok(vec![call.add(CoreOp::Div(()), &operands)?])
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

/// Quotient of known integers, towards zero.
fn truncating(call: &mut Call, x: NodeId, y: NodeId) -> Lowering<NodeId> {
    if call.uniform(y) == Some(1.0) {
        return call.product(x, y);
    }
    let quotient = |x: f64, y: f64| if y == 0.0 { invalid("division by zero") } else { Ok((x / y).trunc()) };
    match operands::known_pairs(call, [x, y], DType::Int, quotient)? {
        Some(quotient) => Ok(quotient),
        None => unsupported(
            "integer division of values that depend on the input data",
            "divide real numbers, or precompute the quotient",
        ),
    }
}

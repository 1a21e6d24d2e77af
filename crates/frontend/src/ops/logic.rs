//! And, Or, Xor, Not: elementwise logic on 0 and 1, with broadcasting.
//!
//! Spec: the pages of these names; all opsets. With p = x * y: and = p, or = x + y - p, xor = x + y - 2p, not = 1 - x.
//! Nothing is rejected.

use plonnx_ir::DType;
use plonnx_ir::NodeId;

use super::operands;
use crate::lower::{Builder, Call, Lowering, Results};

pub(super) fn and(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    let product = call.product(x, y)?;
    Ok(vec![call.retype(product, DType::Bool)?])
}

/// `x + y - overlap * x * y`: or with 1, xor with 2.
pub(super) fn either(call: &mut Call, overlap: f64) -> Results {
    let [x, y] = operands::pair(call)?;
    let product = call.product(x, y)?;
    let sum = call.linear(&[(1.0, x), (1.0, y), (-overlap, product)])?;
    Ok(vec![call.retype(sum, DType::Bool)?])
}

pub(super) fn not(call: &mut Call) -> Results {
    let x = call.input(0)?;
    Ok(vec![negation(call, x)?])
}

pub(super) fn negation(builder: &mut Builder, x: NodeId) -> Lowering<NodeId> {
    let one = builder.scalar(1.0, DType::Int)?;
    let difference = builder.linear(&[(-1.0, x), (1.0, one)])?;
    builder.retype(difference, DType::Bool)
}

//! Softmax, LogSoftmax, Hardmax: an axis as a distribution.
//!
//! Spec: the pages of these names; all opsets. Before opset 13 the distribution was over the axis and all axes after
//! it, and the default axis was 1. Nothing is rejected.

use plonnx_ir::op::{Arg, Extremum, OneHot, Reducer};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use crate::lower::{Call, Lowering, Results};

pub(super) fn softmax(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let axes = axes(call, x)?;
    Ok(vec![distribution(call, x, &axes)?])
}

/// Softmax over `axes` together.
pub(super) fn distribution(call: &mut Call, x: NodeId, axes: &[usize]) -> Lowering<NodeId> {
    let centred = centred(call, x, axes)?;
    let exp = call.map(Function::Exp, centred)?;
    let sum = call.reduce(Reducer::Sum, exp, axes, true)?;
    let operands = call.aligned(&[exp, sum])?;
    call.add(CoreOp::Div(()), &operands)
}

pub(super) fn log_softmax(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let axes = axes(call, x)?;
    Ok(vec![log_distribution(call, x, &axes)?])
}

/// Logarithm of the softmax over `axes` together.
pub(super) fn log_distribution(call: &mut Call, x: NodeId, axes: &[usize]) -> Lowering<NodeId> {
    let centred = centred(call, x, axes)?;
    let exp = call.map(Function::Exp, centred)?;
    let sum = call.reduce(Reducer::Sum, exp, axes, true)?;
    let log = call.map(Function::Log, sum)?;
    call.linear(&[(1.0, centred), (-1.0, log)])
}

pub(super) fn hardmax(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let axes = axes(call, x)?;
    let (first, depth) = (axes[0], axes.iter().map(|a| shape[*a]).product());
    // The axes joined into one, between those before and those after.
    let last = first + axes.len();
    let joined = [&shape[..first], &[depth], &shape[last..]].concat();
    let flat = call.reshape(x, &joined)?;
    let arg = Arg { extremum: Extremum::Max, axis: first, last: false, keep: false };
    let at = call.add(CoreOp::Arg(arg), &[flat])?;
    let unit = call.add(CoreOp::OneHot(OneHot { depth }), &[at])?;
    let mut perm: Vec<usize> = (0..joined.len() - 1).collect();
    perm.insert(first, joined.len() - 1);
    let unit = call.transpose(unit, &perm)?;
    let unit = call.reshape(unit, &shape)?;
    Ok(vec![call.retype(unit, DType::Real)?])
}

/// Axes that hold one distribution; at least one.
fn axes(call: &mut Call, x: NodeId) -> Lowering<Vec<usize>> {
    let rank = call.rank(x);
    if call.opset >= 13 {
        return Ok(vec![call.axis("axis", -1, rank)?]);
    }
    let axis = call.axis("axis", 1, rank)?;
    Ok((axis..rank).collect())
}

/// `x` minus its maximum, which keeps the exponential from growing.
fn centred(call: &mut Call, x: NodeId, axes: &[usize]) -> Lowering<NodeId> {
    if call.shape(x).contains(&0) {
        return Ok(x);
    }
    let max = call.reduce(Reducer::Max, x, axes, true)?;
    call.linear(&[(1.0, x), (-1.0, max)])
}

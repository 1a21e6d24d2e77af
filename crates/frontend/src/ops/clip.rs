//! Clip: the nearest value within two bounds.
//!
//! Spec: Clip; all opsets (bounds are attributes before 11, operands from 11 on). When the bounds cross, the result is
//! the upper one. Nothing is rejected.

use plonnx_ir::op::Extremum;
use plonnx_ir::{Function, NodeId};

use crate::lower::{Builder, Call, Lowering, Results};

/// Exporters write the largest 32-bit float for "no bound".
const OPEN: f64 = f32::MAX as f64;

pub(super) fn lower(call: &mut Call) -> Results {
    call.ignore(&["consumed_inputs"]);
    let x = call.input(0)?;
    if call.opset < 11 {
        let (lo, hi) = (call.float("min", -OPEN)?, call.float("max", OPEN)?);
        return Ok(vec![within(call, x, lo, hi)?]);
    }
    let (lo, hi) = (call.optional(1), call.optional(2));
    let known = |call: &Call, bound: Option<NodeId>, open: f64| bound.map_or(Some(open), |b| call.uniform(b));
    if let (Some(lo), Some(hi)) = (known(call, lo, -OPEN), known(call, hi, OPEN)) {
        return Ok(vec![within(call, x, lo, hi)?]);
    }
    let mut y = x;
    if let Some(lo) = lo {
        y = call.extremum(Extremum::Max, y, lo)?;
    }
    if let Some(hi) = hi {
        y = call.extremum(Extremum::Min, y, hi)?;
    }
    Ok(vec![y])
}

/// `x` kept within known bounds.
pub(super) fn within(builder: &mut Builder, x: NodeId, lo: f64, hi: f64) -> Lowering<NodeId> {
    let lo = if lo <= -OPEN { f64::NEG_INFINITY } else { lo.min(hi) };
    let hi = if hi >= OPEN { f64::INFINITY } else { hi };
    match (lo, hi) {
        (f64::NEG_INFINITY, f64::INFINITY) => Ok(x),
        (0.0, f64::INFINITY) => builder.map(Function::Relu, x),
        _ => builder.map(Function::Clip { lo, hi }, x),
    }
}

//! Max, Min: elementwise extremum of any number of operands, with broadcasting.
//!
//! Spec: Max, Min; all opsets. An operand that is one known number is a bound of the others. Nothing is rejected.

use plonnx_ir::NodeId;
use plonnx_ir::op::Extremum;

use super::clip;
use crate::lower::{Call, Lowering, Results};

pub(super) fn lower(call: &mut Call, extremum: Extremum) -> Results {
    call.ignore(&["consumed_inputs"]);
    let operands = call.all_inputs()?;
    let y = operands.into_iter().map(Ok).reduce(|x, y| pair(call, extremum, x?, y?));
    y.into_iter().collect()
}

fn pair(call: &mut Call, extremum: Extremum, x: NodeId, y: NodeId) -> Lowering<NodeId> {
    let shape = call.common_shape(&[x, y])?;
    for (data, bound) in [(x, y), (y, x)] {
        if let Some(bound) = call.uniform(bound) {
            let (lo, hi) = match extremum {
                Extremum::Max => (bound, f64::INFINITY),
                Extremum::Min => (f64::NEG_INFINITY, bound),
            };
            let bounded = clip::within(call, data, lo, hi)?;
            return call.broadcast(bounded, &shape);
        }
    }
    call.extremum(extremum, x, y)
}

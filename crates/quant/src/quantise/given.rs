//! Inputs whose elements are of different sizes, as the features of classical models are: bits beyond an activation's.
//!
//! *Compared with constants*, as decision trees do: enough bits that single-precision numbers on both sides of a threshold
//! stay apart, as far as [`MOST_BITS`] allow. The threshold is rounded by the same function as the input. That function
//! is monotone, so the answer is that of the float graph whenever the input equals the threshold or is a step of the
//! input's scale or more away from it.
//!
//! *Multiplied by constants*, as scalers and linear models do: enough bits that the rounding of a small feature, times the
//! largest factor, stays within the rounding of the result.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, Float, Graph, NodeId};

use crate::scale;
use crate::structure::Structure;

/// Most signed bits of an input that is compared.
const MOST_BITS: i32 = 39;
/// Most signed bits of an input that is multiplied: products have to leave room for sums.
const MOST_FACTOR_BITS: i32 = 24;
/// Most signed bits of a constant that it is multiplied by.
const MOST_WEIGHT_BITS: u32 = 22;
/// Significant bits of single precision.
const SINGLE: i32 = 24;

/// Whether `id` has no other elements than real inputs, as they are.
pub(super) fn is_given(graph: &Graph<Float>, id: NodeId) -> bool {
    let node = graph.node(id);
    match &node.op {
        CoreOp::Input(input) => input.dtype == DType::Real,
        CoreOp::View(View::Retype { .. }) => false,
        CoreOp::View(_) => !node.inputs.is_empty() && node.inputs.iter().all(|i| is_given(graph, *i)),
        _ => false,
    }
}

/// Whether `id` is [given](is_given), or the sum of what is given and constants.
fn is_offset(graph: &Graph<Float>, structure: &Structure, id: NodeId) -> bool {
    let node = graph.node(id);
    let part = |i: &NodeId| structure.is_constant(*i) || is_given(graph, *i);
    is_given(graph, id)
        || (matches!(&node.op, CoreOp::Sum(_)) && !structure.is_constant(id) && node.inputs.iter().all(part))
}

/// Signed bits that a given `id`, or the sum of one with constants, needs for a product with a constant of magnitudes up to
/// `factor`, when its own magnitudes are up to `reach` and the result is rounded at scale `result`.
pub(super) fn factor_bits(
    graph: &Graph<Float>,
    structure: &Structure,
    id: NodeId,
    reach: f64,
    factor: f64,
    result: i32,
) -> u32 {
    let sized = |v: f64| v > 0.0 && v.is_finite();
    if !sized(reach) || !sized(factor) || !is_offset(graph, structure, id) {
        return 0;
    }
    at_scale(result + scale::ceil_log2(factor), reach, MOST_FACTOR_BITS)
}

/// Signed bits that a constant of magnitudes up to `factor` needs for a product with a given `id`, or the sum of one with
/// constants, of magnitudes up to `reach`, when the result is rounded at scale `result`.
pub(super) fn weight_bits(
    graph: &Graph<Float>,
    structure: &Structure,
    id: NodeId,
    reach: f64,
    factor: f64,
    result: i32,
) -> u32 {
    factor_bits(graph, structure, id, factor, reach, result).min(MOST_WEIGHT_BITS)
}

/// Signed bits that a given `id` needs as a summand of a sum that is rounded at scale `sum`.
pub(super) fn summand_bits(graph: &Graph<Float>, id: NodeId, reach: f64, sum: i32) -> u32 {
    if is_given(graph, id) && reach > 0.0 && reach.is_finite() { at_scale(sum, reach, MOST_FACTOR_BITS) } else { 0 }
}

/// Signed bits of magnitudes up to `reach` at scale `e`, at most `most`.
fn at_scale(e: i32, reach: f64, most: i32) -> u32 {
    u32::try_from((e + scale::ceil_log2(reach) + 1).clamp(0, most)).unwrap_or(0)
}

/// Signed bits that a given `id` needs for a comparison with the constant `limit`, when its magnitudes are up to `reach`.
pub(super) fn threshold_bits(graph: &Graph<Float>, id: NodeId, limit: NodeId, reach: f64) -> u32 {
    if !(is_given(graph, id) && reach > 0.0 && reach.is_finite()) {
        return 0;
    }
    // Neighbours of a number in [2^(k-1), 2^k) are 2^(k-24) apart; below a power of two half of that.
    let finest = match least_magnitude(graph, limit) {
        Some(least) if least == f64::INFINITY => return 0,
        Some(least) => SINGLE + 1 - scale::ceil_log2(least),
        None => MOST_BITS,
    };
    at_scale(finest, reach, MOST_BITS)
}

/// Least magnitude of the elements of a constant beside 0; infinite if all are 0, `None` if it is not stored as it is.
fn least_magnitude(graph: &Graph<Float>, id: NodeId) -> Option<f64> {
    let node = graph.node(id);
    match &node.op {
        CoreOp::Const(tensor, _) => {
            let magnitudes = tensor.iter().map(f64::abs).filter(|v| *v > 0.0 && v.is_finite());
            Some(magnitudes.fold(f64::INFINITY, f64::min))
        }
        CoreOp::View(_) => node.inputs.iter().try_fold(f64::INFINITY, |m, i| Some(m.min(least_magnitude(graph, *i)?))),
        _ => None,
    }
}

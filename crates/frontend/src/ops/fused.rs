//! BiasGelu, FastGelu, FusedMatMul, QuickGelu, SkipLayerNormalization, SkipSimplifiedLayerNormalization of com.microsoft:
//! what onnxruntime's optimiser makes of several nodes.
//!
//! Spec: ContribOperators.md of onnxruntime. Sums, then what the operators they were made of become. Rejected: the mean
//! and deviation that SkipLayerNormalization gives for training, and operands of FusedMatMul whose first axis moves.

use plonnx_ir::{Function, NodeId};

use super::layer_norm::{inverse_root_mean_square, normalised, scale_rows};
use super::matmul;
use crate::lower::{Call, Lowering, Results, invalid, unsupported};

/// `function(x + bias)`; the bias may be left out of some operators.
pub(super) fn biased(call: &mut Call, function: Function, bias: bool) -> Results {
    let x = call.input(0)?;
    let bias = if bias { Some(call.input(1)?) } else { call.optional(1) };
    let sum = match bias {
        Some(bias) => summed(call, x, &[bias])?,
        None => x,
    };
    Ok(vec![call.map(function, sum)?])
}

/// `x * sigmoid(alpha * x)`
pub(super) fn quick_gelu(call: &mut Call) -> Lowering<Function> {
    Ok(Function::Swish(call.float("alpha", 1.702)?))
}

pub(super) fn matrix_product(call: &mut Call) -> Results {
    let (mut a, mut b) = (call.input(0)?, call.input(1)?);
    if call.flag("transBatchA", false)? || call.flag("transBatchB", false)? {
        return unsupported("transBatchA or transBatchB", "transpose the operand by a node of its own");
    }
    if call.flag("transA", false)? {
        a = flipped(call, a)?;
    }
    if call.flag("transB", false)? {
        b = flipped(call, b)?;
    }
    let alpha = call.float("alpha", 1.0)?;
    // A known matrix takes the factor.
    if call.is_known(b) {
        b = call.scale(alpha, b)?;
        return Ok(vec![matmul::product(call, a, b)?]);
    }
    let product = matmul::product(call, a, b)?;
    Ok(vec![call.scale(alpha, product)?])
}

/// LayerNormalization of a sum; the sum is result 3.
pub(super) fn skip_layer_norm(call: &mut Call) -> Results {
    let (gamma, beta) = (call.input(2)?, call.optional(3));
    let (sum, epsilon) = skipped(call, 4)?;
    let axis = last_axis(call, sum)?;
    let [y, mean, inverse] = normalised(call, sum, &[axis], epsilon, gamma, beta)?;
    Ok(vec![y, mean, inverse, sum])
}

/// RMSNormalization of a sum; the sum is result 3.
pub(super) fn skip_rms_norm(call: &mut Call) -> Results {
    let gamma = call.input(2)?;
    let (sum, epsilon) = skipped(call, 3)?;
    let axis = last_axis(call, sum)?;
    let inverse = inverse_root_mean_square(call, sum, &[axis], epsilon)?;
    let normal = scale_rows(call, sum, inverse, &[axis])?;
    let y = call.product(normal, gamma)?;
    if call.shape(y) != call.shape(sum) {
        return invalid(format!("gamma does not fit an input of shape {:?}", call.shape(sum)));
    }
    Ok(vec![y, inverse, inverse, sum])
}

/// The sum of operands 0, 1 and, where given, `bias`; and epsilon.
fn skipped(call: &mut Call, bias: usize) -> Lowering<(NodeId, f64)> {
    if call.wants(1) || call.wants(2) {
        return unsupported("mean and deviation as results", "export the model in inference mode (model.eval())");
    }
    let (x, skip) = (call.input(0)?, call.input(1)?);
    let others = [Some(skip), call.optional(bias)].into_iter().flatten().collect::<Vec<_>>();
    Ok((summed(call, x, &others)?, call.float("epsilon", 1e-12)?))
}

/// `x` plus `others`, which do not change its shape.
fn summed(call: &mut Call, x: NodeId, others: &[NodeId]) -> Lowering<NodeId> {
    let terms: Vec<_> = [x].iter().chain(others).map(|x| (1.0, *x)).collect();
    let sum = call.linear(&terms)?;
    if call.shape(sum) == call.shape(x) {
        return Ok(sum);
    }
    invalid(format!("what is added to shape {:?} makes it {:?}", call.shape(x), call.shape(sum)))
}

fn last_axis(call: &Call, x: NodeId) -> Lowering<usize> {
    call.rank(x).checked_sub(1).map_or_else(|| invalid("expected operands with at least one axis"), Ok)
}

/// `x` with its last two axes exchanged; a vector stays what it is.
fn flipped(call: &mut Call, x: NodeId) -> Lowering<NodeId> {
    let rank = call.rank(x);
    if rank < 2 {
        return Ok(x);
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    call.transpose(x, &perm)
}

//! LayerNormalization, MeanVarianceNormalization: axes with mean 0 and variance 1. RMSNormalization: with mean square 1.
//!
//! Spec: the pages of these names; all opsets but MeanVarianceNormalization 1. Rejected: normalising over nothing.

use plonnx_ir::op::{Label, Reducer};
use plonnx_ir::{DType, Function, NodeId};

use crate::lower::{Call, Lowering, Results, axes, invalid};

pub(super) fn layer_norm(call: &mut Call) -> Results {
    let (x, scale, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    let axes = trailing_axes(call, x)?;
    let epsilon = call.float("epsilon", 1e-5)?;
    call.ignore(&["stash_type"]);
    let [y, mean, inverse] = normalised(call, x, &axes, epsilon, scale, bias)?;
    let kept = call.shape(mean);
    let inverse = if call.wants(2) { call.reshape(inverse, &kept)? } else { inverse };
    Ok(vec![y, mean, inverse])
}

/// `scale * (x - mean) / deviation + bias` along `axes`, the mean, and the inverse of the deviation.
pub(super) fn normalised(
    call: &mut Call,
    x: NodeId,
    axes: &[usize],
    epsilon: f64,
    scale: NodeId,
    bias: Option<NodeId>,
) -> Lowering<[NodeId; 3]> {
    let mean = mean(call, x, axes)?;
    let centred = call.linear(&[(1.0, x), (-1.0, mean)])?;
    let inverse = inverse_root_mean_square(call, centred, axes, epsilon)?;
    let normal = scale_rows(call, centred, inverse, axes)?;
    let mut y = call.product(normal, scale)?;
    if let Some(bias) = bias {
        y = call.linear(&[(1.0, y), (1.0, bias)])?;
    }
    if call.shape(y) != call.shape(x) {
        return invalid(format!("scale or bias do not fit an input of shape {:?}", call.shape(x)));
    }
    Ok([y, mean, inverse])
}

pub(super) fn rms_norm(call: &mut Call) -> Results {
    let (x, scale) = (call.input(0)?, call.input(1)?);
    let axes = trailing_axes(call, x)?;
    let epsilon = call.float("epsilon", 1e-5)?;
    call.ignore(&["stash_type"]);
    let inverse = inverse_root_mean_square(call, x, &axes, epsilon)?;
    let normal = scale_rows(call, x, inverse, &axes)?;
    Ok(vec![call.product(normal, scale)?])
}

pub(super) fn mean_variance_norm(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let given = call.ints("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    let axes = axes(&given, call.rank(x))?;
    let mean = mean(call, x, &axes)?;
    let centred = call.linear(&[(1.0, x), (-1.0, mean)])?;
    let inverse = inverse_root_mean_square(call, centred, &axes, 1e-9)?;
    Ok(vec![scale_rows(call, centred, inverse, &axes)?])
}

fn trailing_axes(call: &mut Call, x: NodeId) -> Lowering<Vec<usize>> {
    let rank = call.rank(x);
    let axis = call.axis("axis", -1, rank)?;
    Ok((axis..rank).collect())
}

/// Mean along `axes`, which stay with extent 1.
pub(super) fn mean(call: &mut Call, x: NodeId, axes: &[usize]) -> Lowering<NodeId> {
    let count = count(call, x, axes)?;
    let sum = call.reduce(Reducer::Sum, x, axes, true)?;
    call.scale(1.0 / count, sum)
}

/// `1 / sqrt(mean(x^2) + epsilon)` along `axes`, which disappear.
pub(super) fn inverse_root_mean_square(call: &mut Call, x: NodeId, axes: &[usize], epsilon: f64) -> Lowering<NodeId> {
    let count = count(call, x, axes)?;
    let (labels, kept) = labels(call, x, axes);
    let squares = call.contract(x, &labels, x, &labels, &kept)?;
    let variance = call.scale(1.0 / count, squares)?;
    let epsilon = call.scalar(epsilon, DType::Real)?;
    let variance = call.linear(&[(1.0, variance), (1.0, epsilon)])?;
    call.map(Function::Rsqrt, variance)
}

/// `x` times a factor that lacks `axes`.
pub(super) fn scale_rows(call: &mut Call, x: NodeId, factor: NodeId, axes: &[usize]) -> Lowering<NodeId> {
    let (labels, kept) = labels(call, x, axes);
    call.contract(x, &labels, factor, &kept, &labels)
}

/// Labels of all axes of `x`, and of those that are not in `axes`.
fn labels(call: &Call, x: NodeId, axes: &[usize]) -> (Vec<Label>, Vec<Label>) {
    let labels: Vec<Label> = (b'a'..=b'z').take(call.rank(x)).collect();
    let kept = (0..labels.len()).filter(|i| !axes.contains(i)).map(|i| labels[i]).collect();
    (labels, kept)
}

fn count(call: &Call, x: NodeId, axes: &[usize]) -> Lowering<f64> {
    match axes.iter().map(|a| call.graph.shape(x)[*a]).product::<usize>() {
        0 => invalid("mean of no elements"),
        count => Ok(count as f64),
    }
}

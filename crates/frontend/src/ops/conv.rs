//! Conv: cross-correlation with bias.
//!
//! Spec: Conv; all opsets. One to three spatial axes, groups, strides, dilations, every auto_pad. Rejected: other
//! numbers of spatial axes and negative padding.

use plonnx_ir::NodeId;
use plonnx_ir::op;

use super::window::Window;
use crate::lower::{Builder, Call, Lowering, Results, extent, invalid, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, w, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    let y = convolution(call, x, w)?;
    Ok(vec![add_bias(call, y, bias)?])
}

/// `x` convolved with `w` as the attributes say.
pub(super) fn convolution(call: &mut Call, x: NodeId, w: NodeId) -> Lowering<NodeId> {
    let (x_shape, w_shape) = (call.shape(x), call.shape(w));
    spatial_rank(&x_shape, &w_shape)?;
    let groups = extent(call.int("group")?.unwrap_or(1), "group")?;
    let kernel = w_shape[2..].to_vec();
    if let Some(declared) = call.extents("kernel_shape")?
        && declared != kernel
    {
        return invalid(format!("kernel_shape {declared:?} and weights of shape {w_shape:?} disagree"));
    }
    if groups == 0 || x_shape[1] != w_shape[1] * groups {
        return invalid(format!(
            "expected {} input channels ({groups} groups of {}), got {}",
            w_shape[1] * groups,
            w_shape[1],
            x_shape[1]
        ));
    }
    let Window { strides, dilations, before, after, .. } = Window::new(call, &x_shape[2..], kernel)?;
    call.conv(op::Conv { strides, dilations, before, after, groups }, x, w)
}

/// Adds one number per channel (axis 1).
pub(super) fn add_bias(builder: &mut Builder, y: NodeId, bias: Option<NodeId>) -> Lowering<NodeId> {
    let Some(bias) = bias else { return Ok(y) };
    let shape = builder.shape(y);
    if builder.graph.shape(bias) != [shape[1]] {
        return invalid(format!("bias of shape {:?} for {} channels", builder.graph.shape(bias), shape[1]));
    }
    let mut column = vec![1; shape.len() - 1];
    column[0] = shape[1];
    let bias = builder.reshape(bias, &column)?;
    builder.linear(&[(1.0, y), (1.0, bias)])
}

/// Number of spatial axes of an input and its weights.
pub(super) fn spatial_rank(x: &[usize], w: &[usize]) -> Lowering<usize> {
    match x.len().checked_sub(2) {
        Some(rank) if x.len() == w.len() && (1..=3).contains(&rank) => Ok(rank),
        Some(rank) if x.len() == w.len() && rank > 3 => {
            unsupported(format!("{rank} spatial axes"), "use one to three spatial axes")
        }
        _ => invalid(format!("input of shape {x:?} and weights of shape {w:?} do not fit")),
    }
}

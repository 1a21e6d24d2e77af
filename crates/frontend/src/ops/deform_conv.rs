//! DeformConv: a convolution whose kernel elements are moved by offsets, and weighted by a mask.
//!
//! Spec: DeformConv; all opsets. Elements between others are sampled linearly, zeros lie around; a contraction follows.
//! Offsets and mask may depend on the data. Rejected: other than two spatial axes.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType};

use super::conv::add_bias;
use super::sampling::{Kernel, Outside, sampled, weights};
use super::window::{pads, steps};
use crate::lower::{Call, Results, extent, invalid, sized, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, w, offset) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let (bias, mask) = (call.optional(3), call.optional(4));
    let (shape, w_shape, offset_shape) = (call.shape(x), call.shape(w), call.shape(offset));
    let (&[batch, channels, height, width], &[out_channels, _, kernel_h, kernel_w]) =
        (shape.as_slice(), w_shape.as_slice())
    else {
        return unsupported(format!("an operand of shape {shape:?}"), "use two spatial axes");
    };
    let groups = extent(call.int("group")?.unwrap_or(1), "group")?;
    let offset_groups = extent(call.int("offset_group")?.unwrap_or(1), "offset_group")?;
    let (strides, dilations) = steps(call, 2)?;
    let pads = pads(call, 2)?;
    if let Some(kernel) = call.extents("kernel_shape")?
        && kernel != [kernel_h, kernel_w]
    {
        return invalid(format!("kernel_shape {kernel:?} and weights of shape {w_shape:?} disagree"));
    }
    let kernel = kernel_h * kernel_w;
    let [_, _, out_h, out_w] = offset_shape[..] else {
        return invalid(format!("offsets of shape {offset_shape:?}"));
    };
    let fits = groups > 0
        && offset_groups > 0
        && channels % groups == 0
        && channels % offset_groups == 0
        && out_channels % groups == 0
        && w_shape[1] == channels / groups
        && offset_shape[..2] == [batch, offset_groups * kernel * 2];
    if !fits {
        return invalid(format!("operands of shapes {shape:?}, {w_shape:?} and {offset_shape:?} do not fit"));
    }
    let (points, own) = (out_h * out_w, channels / offset_groups);
    sized(&[batch, channels, kernel, points])?;
    let offset = call.reshape(offset, &[batch, offset_groups, kernel, 2, points])?;
    let mut parts = Vec::with_capacity(offset_groups);
    for group in 0..offset_groups {
        let moved = call.narrow(offset, 1, group, 1)?;
        let mut both = Vec::with_capacity(2);
        for (axis, n) in [height, width].into_iter().enumerate() {
            let one = call.narrow(moved, 3, axis, 1)?;
            let one = call.reshape(one, &[batch, kernel * points])?;
            let base = (0..kernel).flat_map(|k| {
                let k = if axis == 0 { k / kernel_w } else { k % kernel_w };
                let (strides, dilations, pads) = (&strides, &dilations, &pads);
                (0..points).map(move |p| {
                    let p = if axis == 0 { p / out_w } else { p % out_w };
                    (p * strides[axis] + k * dilations[axis]) as f64 - pads[axis] as f64
                })
            });
            let base = call.tensor(&[kernel * points], base.collect(), DType::Real)?;
            let at = call.linear(&[(1.0, one), (1.0, base)])?;
            both.push(weights(call, at, n, Kernel::Linear, Outside::Zeros)?);
        }
        let image = call.narrow(x, 1, group * own, own)?;
        let values = sampled(call, image, &both)?;
        let mut values = call.reshape(values, &[batch, own, kernel, points])?;
        if let Some(mask) = mask {
            if call.shape(mask) != [batch, offset_groups * kernel, out_h, out_w] {
                return invalid(format!("a mask of shape {:?}", call.shape(mask)));
            }
            let own_mask = call.narrow(mask, 1, group * kernel, kernel)?;
            let own_mask = call.reshape(own_mask, &[batch, 1, kernel, points])?;
            values = call.product(values, own_mask)?;
        }
        parts.push(values);
    }
    let values = match parts[..] {
        [one] => one,
        _ => call.add(CoreOp::View(View::Concat { axis: 1 }), &parts)?,
    };
    let values = call.reshape(values, &[batch, groups, channels / groups, kernel, points])?;
    let w = call.reshape(w, &[groups, out_channels / groups, channels / groups, kernel])?;
    let y = call.contract(values, b"ngckp", w, b"gock", b"ngop")?;
    let y = call.reshape(y, &[batch, out_channels, out_h, out_w])?;
    Ok(vec![add_bias(call, y, bias)?])
}

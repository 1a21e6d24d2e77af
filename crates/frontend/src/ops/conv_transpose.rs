//! ConvTranspose: the adjoint of a convolution.
//!
//! Spec: ConvTranspose; all opsets. It is the convolution with stride 1 of the input, spread out with zeros, and the
//! weights, flipped and with their channels exchanged. Rejected: other than one to three spatial axes.

use plonnx_ir::NodeId;
use plonnx_ir::op::{self, View};

use super::conv::{add_bias, spatial_rank};
use super::window::{AutoPad, auto_pad, pads, steps};
use crate::lower::{Call, Lowering, Results, extent, invalid, sized};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, w, bias) = (call.input(0)?, call.input(1)?, call.optional(2));
    let (x_shape, w_shape) = (call.shape(x), call.shape(w));
    let rank = spatial_rank(&x_shape, &w_shape)?;
    let groups = extent(call.int("group")?.unwrap_or(1), "group")?;
    if groups == 0 || x_shape[1] != w_shape[0] || x_shape[1] % groups != 0 {
        return invalid(format!("input of shape {x_shape:?}, weights {w_shape:?} and {groups} groups do not fit"));
    }
    let kernel = &w_shape[2..];
    if let Some(declared) = call.extents("kernel_shape")?
        && declared != kernel
    {
        return invalid(format!("kernel_shape {declared:?} and weights of shape {w_shape:?} disagree"));
    }
    if kernel.contains(&0) || x_shape[2..].contains(&0) {
        return invalid(format!("input of shape {x_shape:?} and weights of shape {w_shape:?} have an extent of 0"));
    }
    let (strides, dilations) = steps(call, rank)?;
    let mut crop = Crop { begin: Vec::new(), size: Vec::new(), extra: Vec::new() };
    let mode = auto_pad(call)?;
    let pads = pads(call, rank)?;
    let output_padding = call.extents("output_padding")?.unwrap_or_else(|| vec![0; rank]);
    let output_shape = call.extents("output_shape")?;
    // Some exporters give the whole shape, not only the spatial part.
    let output_shape = output_shape.map(|s| s[s.len().saturating_sub(rank)..].to_vec());
    if output_padding.len() != rank || output_shape.as_ref().is_some_and(|s| s.len() != rank) {
        return invalid(format!("output_padding or output_shape does not have {rank} entries"));
    }
    for i in 0..rank {
        let full = (x_shape[i + 2] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 + output_padding[i];
        let wanted = match (&output_shape, mode) {
            (Some(shape), _) => Some(shape[i]),
            (None, AutoPad::SameUpper | AutoPad::SameLower) => Some(x_shape[i + 2] * strides[i]),
            (None, _) => None,
        };
        let (begin, size) = match (wanted, mode) {
            (Some(size), AutoPad::SameUpper) => (full.saturating_sub(size) / 2, size),
            (Some(size), _) => (full.saturating_sub(size).div_ceil(2), size),
            (None, AutoPad::Valid) => (0, full),
            (None, _) => {
                let Some(size) = full.checked_sub(pads[i] + pads[rank + i]) else {
                    return invalid("padding is larger than the result");
                };
                (pads[i], size)
            }
        };
        crop.begin.push(begin);
        crop.size.push(size);
        crop.extra.push(output_padding[i] + (begin + size).saturating_sub(full));
    }
    let w = flipped(call, w, groups)?;
    let mut interior = vec![0; 2];
    interior.extend(strides.iter().map(|s| s - 1));
    let spread = if interior.iter().all(|i| *i == 0) {
        x
    } else {
        let none = vec![0; rank + 2];
        call.view(View::Pad { before: none.clone(), after: none, interior }, x)?
    };
    let y = crop.conv(call, spread, w, dilations, groups)?;
    Ok(vec![add_bias(call, y, bias)?])
}

/// Part of the full result that is kept.
struct Crop {
    begin: Vec<usize>,
    size: Vec<usize>,
    /// Zeros after the full result of a convolution without output padding.
    extra: Vec<usize>,
}

impl Crop {
    /// Convolution of which only the kept part is computed, as far as less padding can give it.
    fn conv(&self, call: &mut Call, x: NodeId, w: NodeId, dilations: Vec<usize>, groups: usize) -> Lowering<NodeId> {
        let (x_shape, kernel) = (call.shape(x), call.shape(w)[2..].to_vec());
        let rank = kernel.len();
        let mut starts = vec![0; rank];
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        for i in 0..rank {
            let reach = (kernel[i] - 1) * dilations[i];
            before[i] = reach.saturating_sub(self.begin[i]);
            starts[i] = self.begin[i].saturating_sub(reach);
            // The last kept result reads up to here, counted in the spread input with its padding before.
            let end = starts[i] + self.size[i] + reach;
            after[i] = end.saturating_sub(before[i] + x_shape[i + 2]).min(reach + self.extra[i]);
        }
        let strides = vec![1; rank];
        let mut y = call.conv(op::Conv { strides, dilations, before, after, groups }, x, w)?;
        for (i, (start, size)) in starts.iter().zip(&self.size).enumerate() {
            if start + size > call.shape(y)[i + 2] {
                return invalid("output_shape and padding do not fit");
            }
            y = call.narrow(y, i + 2, *start, *size)?;
        }
        Ok(y)
    }
}

/// Weights `[c, o / groups, k..]` as those of a convolution: `[o, c / groups, k..]`, with `k` reversed.
fn flipped(call: &mut Call, w: NodeId, groups: usize) -> Lowering<NodeId> {
    let shape = call.shape(w);
    let (channels, out, kernel) = (shape[0] / groups, shape[1], &shape[2..]);
    let split = [&[groups, channels, out], kernel].concat();
    let joined = [&[groups * out, channels], kernel].concat();
    sized(&joined)?;
    let mut perm: Vec<usize> = (0..split.len()).collect();
    perm.swap(1, 2);
    let w = call.reshape(w, &split)?;
    let w = call.transpose(w, &perm)?;
    let w = call.reshape(w, &joined)?;
    let start = (0..joined.len()).map(|i| if i < 2 { 0 } else { joined[i] - 1 }).collect();
    let step = (0..joined.len()).map(|i| if i < 2 { 1 } else { -1 }).collect();
    call.view(View::Slice { start, step, size: joined }, w)
}

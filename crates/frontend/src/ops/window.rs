//! Windows that slide over spatial axes: the geometry that convolution and pooling share.
//!
//! Attributes: kernel_shape, strides, dilations, pads, auto_pad, ceil_mode.

use crate::lower::{Call, Lowering, invalid};

/// A sliding window; one entry per spatial axis.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    /// Padding before the first element.
    pub(super) before: Vec<usize>,
    /// Padding after the last element, as the model gives it.
    pub(super) after: Vec<usize>,
    /// Number of windows.
    pub(super) out: Vec<usize>,
}

/// How `auto_pad` places the padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoPad {
    Explicit,
    Valid,
    SameUpper,
    SameLower,
}

impl Window {
    /// Window of size `kernel` over axes of extents `spatial`.
    pub(super) fn new(call: &mut Call, spatial: &[usize], kernel: Vec<usize>) -> Lowering<Self> {
        let rank = spatial.len();
        let (strides, dilations) = steps(call, rank)?;
        let pads = pads(call, rank)?;
        let auto_pad = auto_pad(call)?;
        let ceil = call.flag("ceil_mode", false)?;
        let mut window =
            Self { kernel, strides, dilations, before: vec![0; rank], after: vec![0; rank], out: vec![0; rank] };
        for i in 0..rank {
            let (extent, stride) = (spatial[i], window.strides[i]);
            let reach = window.reach(i)?;
            let (before, after) = match auto_pad {
                AutoPad::Explicit => (pads[i], pads[rank + i]),
                AutoPad::Valid => (0, 0),
                AutoPad::SameUpper | AutoPad::SameLower => {
                    let windows = extent.div_ceil(stride);
                    let total = (windows.saturating_sub(1) * stride + reach).saturating_sub(extent);
                    let less = total / 2;
                    if auto_pad == AutoPad::SameUpper { (less, total - less) } else { (total - less, less) }
                }
            };
            let Some(room) = (extent + before + after).checked_sub(reach) else {
                return invalid(format!(
                    "kernel reaches over {reach} elements, axis {} has {} with padding",
                    i + 2,
                    extent + before + after
                ));
            };
            let mut windows = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
            // A window that would start in the padding at the end does not count.
            if ceil && (windows - 1) * stride >= extent + before {
                windows -= 1;
            }
            window.before[i] = before;
            window.after[i] = after;
            window.out[i] = windows;
        }
        Ok(window)
    }

    /// Distance from the first to past the last element of a window along axis `i`.
    fn reach(&self, i: usize) -> Lowering<usize> {
        match self.kernel[i].checked_sub(1) {
            Some(gaps) => Ok(gaps * self.dilations[i] + 1),
            None => invalid("the kernel has an extent of 0"),
        }
    }

    /// Padding after the last element that the last window needs, which rounding up makes differ from `after`.
    pub(super) fn needed_after(&self, spatial: &[usize]) -> Lowering<Vec<usize>> {
        (0..spatial.len())
            .map(|i| {
                let end = self.out[i].saturating_sub(1) * self.strides[i] + self.reach(i)?;
                Ok(end.saturating_sub(spatial[i] + self.before[i]))
            })
            .collect()
    }

    /// Position of element `k` of window `p` along axis `i`; negative in the padding before.
    pub(super) fn position(&self, i: usize, p: usize, k: usize) -> isize {
        (p * self.strides[i] + k * self.dilations[i]) as isize - self.before[i] as isize
    }
}

/// Kernel that a pooling operator must name.
pub(super) fn pool_kernel(call: &mut Call, spatial: usize) -> Lowering<Vec<usize>> {
    match call.extents("kernel_shape")? {
        Some(kernel) if kernel.len() == spatial && spatial > 0 => Ok(kernel),
        Some(kernel) => invalid(format!("kernel_shape {kernel:?} for {spatial} spatial axes")),
        None => invalid("attribute \"kernel_shape\" is missing"),
    }
}

/// Strides and dilations; none is 0.
pub(super) fn steps(call: &mut Call, rank: usize) -> Lowering<(Vec<usize>, Vec<usize>)> {
    let strides = call.extents("strides")?.unwrap_or_else(|| vec![1; rank]);
    let dilations = call.extents("dilations")?.unwrap_or_else(|| vec![1; rank]);
    for (name, values) in [("strides", &strides), ("dilations", &dilations)] {
        if values.len() != rank || values.contains(&0) {
            return invalid(format!("{name} {values:?} for {rank} spatial axes"));
        }
    }
    Ok((strides, dilations))
}

/// Explicit padding: all begins, then all ends.
pub(super) fn pads(call: &mut Call, rank: usize) -> Lowering<Vec<usize>> {
    let pads = call.extents("pads")?.unwrap_or_else(|| vec![0; 2 * rank]);
    if pads.len() == 2 * rank { Ok(pads) } else { invalid(format!("pads {pads:?} for {rank} spatial axes")) }
}

pub(super) fn auto_pad(call: &mut Call) -> Lowering<AutoPad> {
    match call.text("auto_pad", "NOTSET")? {
        "NOTSET" | "" => Ok(AutoPad::Explicit),
        "VALID" => Ok(AutoPad::Valid),
        "SAME_UPPER" => Ok(AutoPad::SameUpper),
        "SAME_LOWER" => Ok(AutoPad::SameLower),
        other => invalid(format!("auto_pad is \"{other}\", expected NOTSET, VALID, SAME_UPPER or SAME_LOWER")),
    }
}

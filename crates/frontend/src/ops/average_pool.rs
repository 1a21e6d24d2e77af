//! AveragePool: the mean of every window. GlobalAveragePool: of all spatial elements.
//!
//! Spec: AveragePool, GlobalAveragePool; all opsets. A convolution per channel with equal weights; where windows at the
//! border hold fewer elements, a product with constants corrects the divisor. Rejected: more than three spatial axes.

use plonnx_ir::op::{Conv, Label, Reducer};
use plonnx_ir::{DType, NodeId, Tensor};

use super::window::{Window, pool_kernel};
use crate::lower::{Call, Lowering, Results, invalid, sized, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    Ok(vec![pooled(call, x)?])
}

/// The mean of every window of `x`, as the attributes say.
pub(super) fn pooled(call: &mut Call, x: NodeId) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let Some(spatial) = shape.get(2..) else { return invalid(format!("no spatial axes in shape {shape:?}")) };
    let kernel = pool_kernel(call, spatial.len())?;
    let window = Window::new(call, spatial, kernel)?;
    let count_padding = call.flag("count_include_pad", false)?;
    let whole = (0..spatial.len()).all(|i| {
        window.kernel[i] == spatial[i] && window.before[i] == 0 && window.after[i] == 0 && window.dilations[i] == 1
    });
    if whole {
        return mean(call, x);
    }
    if spatial.len() > 3 {
        return unsupported(format!("{} spatial axes", spatial.len()), "use one to three spatial axes");
    }
    let size = sized(&window.kernel)?;
    let y = window_sums(call, x, &window, 1.0 / size as f64)?;
    let correction = correction(call, &window, spatial, count_padding)?;
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
    if call.uniform(correction) == Some(1.0) {
        return Ok(y);
    }
    call.contract(y, &labels, correction, &labels[2..], &labels)
}

/// Sum of the elements of every window, times `weight`.
pub(super) fn window_sums(call: &mut Call, x: NodeId, window: &Window, weight: f64) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let [_, channels, spatial @ ..] = shape.as_slice() else { return invalid("no channels") };
    let weights_shape = [&[*channels, 1], window.kernel.as_slice()].concat();
    sized(&weights_shape)?;
    let weights = call.constant(Tensor::full(&weights_shape, weight), DType::Real)?;
    let conv = Conv {
        strides: window.strides.clone(),
        dilations: window.dilations.clone(),
        before: window.before.clone(),
        after: window.needed_after(spatial)?,
        groups: *channels,
    };
    let y = call.conv(conv, x, weights)?;
    crop(call, y, window)
}

pub(super) fn global(call: &mut Call) -> Results {
    let x = call.input(0)?;
    Ok(vec![mean(call, x)?])
}

/// Mean over all spatial axes, which stay with extent 1.
pub(super) fn mean(call: &mut Call, x: NodeId) -> Lowering<NodeId> {
    let axes: Vec<usize> = (2..call.rank(x)).collect();
    let count: usize = call.shape(x).iter().skip(2).product();
    if count == 0 {
        return invalid("mean of no elements");
    }
    let sum = call.reduce(Reducer::Sum, x, &axes, true)?;
    call.scale(1.0 / count as f64, sum)
}

/// Padding may reach further than the last window does.
fn crop(call: &mut Call, mut y: NodeId, window: &Window) -> Lowering<NodeId> {
    for (i, size) in window.out.iter().enumerate() {
        y = call.narrow(y, i + 2, 0, *size)?;
    }
    Ok(y)
}

/// Kernel size over the number of elements that count, for every window.
fn correction(call: &mut Call, window: &Window, spatial: &[usize], count_padding: bool) -> Lowering<NodeId> {
    sized(&window.out)?;
    let mut values = vec![1.0];
    for (i, extent) in spatial.iter().enumerate() {
        let (before, after) = if count_padding { (window.before[i], window.after[i]) } else { (0, 0) };
        let inside = |at: isize| at + before as isize >= 0 && at < (extent + after) as isize;
        let mut factors = Vec::with_capacity(window.out[i]);
        for p in 0..window.out[i] {
            let count = (0..window.kernel[i]).filter(|k| inside(window.position(i, p, *k))).count();
            if count == 0 {
                return invalid(format!("window {p} of axis {} holds nothing but padding", i + 2));
            }
            factors.push(window.kernel[i] as f64 / count as f64);
        }
        values = values.iter().flat_map(|v| factors.iter().map(move |f| v * f)).collect();
    }
    call.tensor(&window.out, values, DType::Real)
}

//! Col2Im: sums of overlapping blocks, the adjoint of cutting an image into blocks.
//!
//! Spec: Col2Im; all opsets. Every element of a block is a slice of the operand, spread out with zeros; the result is
//! their sum. Rejected: shapes that depend on the data.

use plonnx_ir::NodeId;
use plonnx_ir::op::View;

use super::window::{pads, steps};
use crate::lower::{Call, Lowering, Results, extent, invalid, sized, unsupported};

/// Most elements of a block.
const BLOCK: usize = 1024;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let extents = |call: &mut Call, index: usize, what: &'static str| -> Lowering<Vec<usize>> {
        let Some(given) = call.known_ints(index, what)? else { return invalid(format!("operand {index} is missing")) };
        given.into_iter().map(|n| extent(n, what)).collect()
    };
    let (image, block) = (extents(call, 1, "image_shape")?, extents(call, 2, "block_shape")?);
    let rank = image.len();
    let (strides, dilations) = steps(call, rank)?;
    let pads = pads(call, rank)?;
    let shape = call.shape(x);
    let size = sized(&block)?;
    let [batch, columns, count] = shape[..] else { return invalid(format!("expected 3 axes, got shape {shape:?}")) };
    if block.len() != rank || size == 0 || columns % size != 0 {
        return invalid(format!("blocks of shape {block:?} for an operand of shape {shape:?}"));
    }
    if size > BLOCK {
        return unsupported(format!("blocks of {size} elements, the limit is {BLOCK}"), "use smaller blocks");
    }
    let mut blocks = Vec::with_capacity(rank);
    for i in 0..rank {
        let reach = (block[i] - 1).saturating_mul(dilations[i]) + 1;
        let Some(room) = (image[i] + pads[i] + pads[rank + i]).checked_sub(reach) else {
            return invalid(format!("a block reaches over {reach} elements of {} ", image[i]));
        };
        blocks.push(room / strides[i] + 1);
    }
    if sized(&blocks)? != count {
        return invalid(format!("{count} blocks, expected {blocks:?}"));
    }
    let channels = columns / size;
    let x = call.reshape(x, &[&[batch, channels, size], blocks.as_slice()].concat())?;
    let mut terms = Vec::with_capacity(size);
    for element in 0..size {
        let one = call.narrow(x, 2, element, 1)?;
        let mut y = call.reshape(one, &[&[batch, channels], blocks.as_slice()].concat())?;
        let mut rest = element;
        for i in (0..rank).rev() {
            let offset = rest % block[i] * dilations[i];
            rest /= block[i];
            y = placed(call, y, i + 2, (offset, strides[i]), (pads[i], image[i]))?;
        }
        terms.push((1.0, y));
    }
    Ok(vec![call.linear(&terms)?])
}

/// Elements of `axis` put at `offset`, `offset + stride`, ... of an axis that has `before` elements before the `size` that
/// are kept.
fn placed(
    call: &mut Call,
    x: NodeId,
    axis: usize,
    (offset, stride): (usize, usize),
    (before, size): (usize, usize),
) -> Lowering<NodeId> {
    let at = |i: usize| (offset + i * stride).checked_sub(before).filter(|at| *at < size);
    let count = call.shape(x)[axis];
    let Some(first) = (0..count).find(|i| at(*i).is_some()) else {
        let mut shape = call.shape(x);
        shape[axis] = size;
        let dtype = call.dtype(x);
        let zero = call.scalar(0.0, dtype)?;
        return call.broadcast(zero, &shape);
    };
    let last = (first..count).rev().find(|i| at(*i).is_some()).unwrap_or(first);
    let kept = call.narrow(x, axis, first, last + 1 - first)?;
    let rank = call.rank(x);
    let (mut head, mut tail, mut interior) = (vec![0; rank], vec![0; rank], vec![0; rank]);
    head[axis] = at(first).unwrap_or(0);
    tail[axis] = size - 1 - at(last).unwrap_or(0);
    interior[axis] = stride - 1;
    call.view(View::Pad { before: head, after: tail, interior }, kept)
}

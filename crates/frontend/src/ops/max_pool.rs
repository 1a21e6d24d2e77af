//! MaxPool: the largest element of every window. GlobalMaxPool: of all spatial elements.
//!
//! Spec: MaxPool, GlobalMaxPool; all opsets. The maximum is taken along one axis after the other. Padding never wins:
//! its positions read an element that the window has anyway. Rejected: the result with indices, and windows that
//! hold nothing but padding.

use plonnx_ir::op::{Extremum, Reducer, View};
use plonnx_ir::{CoreOp, NodeId};

use super::window::{Window, pool_kernel};
use crate::lower::{Call, Lowering, Results, invalid, sized};

/// Windows up to this size are a tree of maxima of two operands; larger ones one reduction.
const TREE: usize = 16;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let Some(spatial) = shape.get(2..) else { return invalid(format!("no spatial axes in shape {shape:?}")) };
    let kernel = pool_kernel(call, spatial.len())?;
    let window = Window::new(call, spatial, kernel)?;
    // The order of indices, which are not computed.
    call.ignore(&["storage_order"]);
    let mut y = x;
    for (i, extent) in spatial.iter().enumerate() {
        y = along(call, y, &window, i, *extent)?;
    }
    Ok(vec![y])
}

pub(super) fn global(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let axes: Vec<usize> = (2..call.rank(x)).collect();
    Ok(vec![call.reduce(Reducer::Max, x, &axes, true)?])
}

/// Maximum along spatial axis `i` of extent `extent`.
fn along(call: &mut Call, x: NodeId, window: &Window, i: usize, extent: usize) -> Lowering<NodeId> {
    let (out, size) = (window.out[i], window.kernel[i]);
    sized(&[out, size])?;
    let valid = |p: usize, k: usize| usize::try_from(window.position(i, p, k)).ok().filter(|at| *at < extent);
    let mut offsets: Vec<Vec<usize>> = vec![Vec::with_capacity(out); size];
    for p in 0..out {
        let Some(stand_in) = (0..size).find_map(|k| valid(p, k)) else {
            return invalid(format!("window {p} of axis {} holds nothing but padding", i + 2));
        };
        for (k, indices) in offsets.iter_mut().enumerate() {
            indices.push(valid(p, k).unwrap_or(stand_in));
        }
    }
    let axis = i + 2;
    if size > TREE {
        let indices = (0..out).flat_map(|p| offsets.iter().map(move |o| o[p])).collect();
        let windows = call.view(View::Gather { axis, shape: vec![out, size], indices }, x)?;
        return call.reduce(Reducer::Max, windows, &[axis + 1], false);
    }
    offsets.dedup();
    let mut level = offsets.into_iter().map(|o| call.gather(x, axis, o)).collect::<Lowering<Vec<_>>>()?;
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        for pair in level.chunks(2) {
            next.push(match pair {
                [a, b] => call.add(CoreOp::Extremum(Extremum::Max), &[*a, *b])?,
                _ => pair[0],
            });
        }
        level = next;
    }
    level.first().copied().map_or_else(|| invalid("the kernel is empty"), Ok)
}

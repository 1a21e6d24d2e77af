//! MaxPool: the largest element of every window. GlobalMaxPool: of all spatial elements.
//!
//! Spec: MaxPool, GlobalMaxPool; all opsets. The maximum is taken along one axis after the other. Padding never wins:
//! its positions read an element that the window has anyway. Indices, where they are asked for, are those of the unit
//! vectors of the largest elements. Rejected: windows that hold nothing but padding.

use plonnx_ir::op::{Arg, Extremum, OneHot, Reducer, View};
use plonnx_ir::{CoreOp, DType, NodeId};

use super::gather::strides;
use super::window::{Window, pool_kernel};
use crate::decode::ElemType;
use crate::lower::{Call, Lowering, Results, invalid, sized};

/// Windows up to this size are a tree of maxima of two operands; larger ones one reduction.
const TREE: usize = 16;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let Some(spatial) = shape.get(2..) else { return invalid(format!("no spatial axes in shape {shape:?}")) };
    let kernel = pool_kernel(call, spatial.len())?;
    let window = Window::new(call, spatial, kernel)?;
    let by_columns = call.flag("storage_order", false)?;
    if call.wants(1) {
        return with_indices(call, x, &window, by_columns);
    }
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

/// Maxima, and their positions in the whole tensor; in a plane counted by rows or by columns.
fn with_indices(call: &mut Call, x: NodeId, window: &Window, by_columns: bool) -> Results {
    let shape = call.shape(x);
    let (outer, spatial) = shape.split_at(2);
    let (planes, size) = (sized(outer)?, sized(spatial)?);
    let (count, kernel) = (sized(&window.out)?, sized(&window.kernel)?);
    sized(&[planes, count, kernel])?;
    let by_rows = strides(spatial);
    let order: Vec<usize> = match by_columns {
        true => (0..spatial.len()).map(|i| spatial[..i].iter().product()).collect(),
        false => by_rows.clone(),
    };
    let (mut sources, mut names) = (Vec::with_capacity(count * kernel), Vec::with_capacity(count * kernel));
    for p in 0..count {
        // Row-major position and name of every element of the window that is no padding.
        let mut elements = Vec::with_capacity(kernel);
        for k in 0..kernel {
            let (mut rest_p, mut rest_k) = (p, k);
            let mut found = Some((0, 0));
            for i in (0..spatial.len()).rev() {
                let at = window.position(i, rest_p % window.out[i], rest_k % window.kernel[i]);
                (rest_p, rest_k) = (rest_p / window.out[i], rest_k / window.kernel[i]);
                let at = usize::try_from(at).ok().filter(|at| *at < spatial[i]);
                found = found.zip(at).map(|((source, name), at)| (source + at * by_rows[i], name + at * order[i]));
            }
            elements.push(found);
        }
        let Some(stand_in) = elements.iter().flatten().next().copied() else {
            return invalid(format!("window {p} holds nothing but padding"));
        };
        for element in elements {
            let (source, name) = element.unwrap_or(stand_in);
            sources.push(source);
            names.push(name as f64);
        }
    }
    let flat = call.reshape(x, &[planes, size])?;
    let windows = call.view(View::Gather { axis: 1, shape: vec![count, kernel], indices: sources }, flat)?;
    let values = call.reduce(Reducer::Max, windows, &[2], false)?;
    let arg = Arg { extremum: Extremum::Max, axis: 2, last: false, keep: false };
    let best = call.add(CoreOp::Arg(arg), &[windows])?;
    let unit = call.add(CoreOp::OneHot(OneHot { depth: kernel }), &[best])?;
    let names = call.tensor(&[count, kernel], names, DType::Int)?;
    let within = call.contract(unit, b"pck", names, b"ck", b"pc")?;
    let offsets = (0..planes).map(|p| (p * size) as f64).collect();
    let offsets = call.tensor(&[planes, 1], offsets, DType::Int)?;
    let indices = call.linear(&[(1.0, within), (1.0, offsets)])?;
    call.set_elem(1, ElemType::Int64);
    let out = [outer, window.out.as_slice()].concat();
    Ok(vec![call.reshape(values, &out)?, call.reshape(indices, &out)?])
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

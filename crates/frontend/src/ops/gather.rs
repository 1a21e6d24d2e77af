//! Gather, GatherElements, GatherND: elements selected by index tensors.
//!
//! Spec: the pages of these names; all opsets. Known indices are wiring and may be negative. Indices that depend on the
//! data select by their unit vectors; those of Gather must lie in `[0, extent)`, others may be negative.

use plonnx_ir::op::{Label, View};
use plonnx_ir::{DType, NodeId, Tensor};

use super::one_hot::{look_up, unit_vectors, wrapped};
use crate::lower::{Call, Lowering, Results, axis, extent, invalid, sized, unsupported};

pub(super) fn gather(call: &mut Call) -> Results {
    let (table, indices) = (call.input(0)?, call.input(1)?);
    let axis = call.axis("axis", 0, call.rank(table))?;
    Ok(vec![select(call, table, axis, indices)?])
}

/// Slices of `axis` of `table`: a view if the indices are known, else looked up.
pub(super) fn select(call: &mut Call, table: NodeId, axis: usize, indices: NodeId) -> Lowering<NodeId> {
    let Some(known) = call.known(indices) else { return look_up(call, table, axis, indices) };
    let indices = positions(&known, call.shape(table)[axis])?;
    call.view(View::Gather { axis, shape: known.shape().to_vec(), indices }, table)
}

pub(super) fn gather_elements(call: &mut Call) -> Results {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let axis = call.axis("axis", 0, call.rank(x))?;
    Ok(vec![along(call, x, axis, indices)?])
}

/// Elements of `x` whose coordinate on `axis` is replaced by `indices`.
pub(super) fn along(call: &mut Call, x: NodeId, axis: usize, indices: NodeId) -> Lowering<NodeId> {
    let (shape, picked) = (call.shape(x), call.shape(indices));
    let fits =
        picked.len() == shape.len() && picked.iter().zip(&shape).enumerate().all(|(i, (a, b))| i == axis || a <= b);
    if !fits {
        return invalid(format!("indices of shape {picked:?} for a tensor of shape {shape:?}"));
    }
    if let Some(known) = call.known(indices) {
        let indices = flat_positions(&known, &shape, axis)?;
        return call.view(View::Index { shape: picked, indices }, x);
    }
    let mut x = x;
    for (i, size) in picked.iter().enumerate().filter(|(i, _)| *i != axis) {
        x = call.narrow(x, i, 0, *size)?;
    }
    let unit = selectors(call, indices, shape[axis])?;
    let (labels, new) = labels(shape.len())?;
    let mut from = labels.clone();
    from[axis] = new;
    let y = call.contract(unit, &[labels.as_slice(), &[new]].concat(), x, &from, &labels)?;
    let dtype = call.dtype(x);
    call.retype(y, dtype)
}

pub(super) fn gather_nd(call: &mut Call) -> Results {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let (shape, tuples) = (call.shape(x), call.shape(indices));
    let batch = extent(call.int("batch_dims")?.unwrap_or(0), "batch_dims")?;
    let Some((depth, outer)) = tuples.split_last() else { return invalid("indices without an axis") };
    if batch > outer.len() || batch + depth > shape.len() || outer[..batch] != shape[..batch] {
        return invalid(format!("indices of shape {tuples:?} for a tensor of shape {shape:?}"));
    }
    let inner = &shape[batch + depth..];
    let out = [outer, inner].concat();
    let (block, count) = (sized(inner)?, sized(outer)?);
    sized(&out)?;
    let indexed = &shape[batch..batch + depth];
    let batches = sized(&shape[..batch])?;
    let at = flattened(call, indices, indexed)?;
    let Some(known) = call.known(at) else {
        let size = sized(indexed)?;
        let rows = count / batches.max(1);
        let x = call.reshape(x, &[batches, size, block])?;
        let at = call.reshape(at, &[batches, rows])?;
        let unit = unit_vectors(call, at, size)?;
        let y = call.contract(unit, b"brs", x, b"bsi", b"bri")?;
        let dtype = call.dtype(x);
        let y = call.retype(y, dtype)?;
        return Ok(vec![call.reshape(y, &out)?]);
    };
    let per_batch = outer[batch..].iter().product::<usize>().max(1);
    let size: usize = shape[batch..].iter().product();
    let mut positions = Vec::with_capacity(count * block);
    for (tuple, value) in known.iter().enumerate() {
        let base = (tuple / per_batch) * size + value as usize * block;
        positions.extend(base..base + block);
    }
    Ok(vec![call.view(View::Index { shape: out, indices: positions }, x)?])
}

/// Row-major positions in axes of extents `indexed` for tuples of indices along the last axis of `indices`.
pub(super) fn flattened(call: &mut Call, indices: NodeId, indexed: &[usize]) -> Lowering<NodeId> {
    let shape = call.shape(indices);
    let (outer, last) = (&shape[..shape.len() - 1], shape.len() - 1);
    sized(indexed)?;
    let strides = strides(indexed);
    if let Some(known) = call.known(indices) {
        let mut data = Vec::with_capacity(known.len() / indexed.len().max(1));
        let values = known.to_vec();
        for tuple in 0..sized(outer)? {
            let mut at = 0;
            for (k, value) in values[tuple * indexed.len()..][..indexed.len()].iter().enumerate() {
                at += axis(*value as i64, indexed[k])? * strides[k];
            }
            data.push(at as f64);
        }
        return call.tensor(outer, data, DType::Int);
    }
    let mut terms = Vec::with_capacity(indexed.len());
    for (k, extent) in indexed.iter().enumerate() {
        let one = call.narrow(indices, last, k, 1)?;
        let one = call.reshape(one, outer)?;
        terms.push((strides[k] as f64, wrapped(call, one, *extent)?));
    }
    if terms.is_empty() {
        let zero = call.scalar(0.0, DType::Int)?;
        return call.broadcast(zero, outer);
    }
    call.linear(&terms)
}

/// Unit vectors of indices that depend on the data and may be negative.
pub(super) fn selectors(call: &mut Call, indices: NodeId, n: usize) -> Lowering<NodeId> {
    let indices = wrapped(call, indices, n)?;
    unit_vectors(call, indices, n)
}

/// Labels of `rank` axes and one more.
pub(super) fn labels(rank: usize) -> Lowering<(Vec<Label>, Label)> {
    let mut labels: Vec<Label> = (b'a'..=b'z').take(rank + 1).collect();
    match labels.pop().filter(|_| labels.len() == rank) {
        Some(new) => Ok((labels, new)),
        None => unsupported(format!("{rank} axes"), "use fewer axes"),
    }
}

/// Row-major positions in a tensor of `shape` of the elements that `indices` select along `axis`.
pub(super) fn flat_positions(indices: &Tensor<f64>, shape: &[usize], axis: usize) -> Lowering<Vec<usize>> {
    let strides = strides(shape);
    let mut out = Vec::with_capacity(indices.len());
    for (flat, at) in positions(indices, shape[axis])?.into_iter().enumerate() {
        let mut rest = flat;
        let mut index = at * strides[axis];
        for i in (0..shape.len()).rev() {
            let coordinate = rest % indices.shape()[i];
            rest /= indices.shape()[i];
            if i != axis {
                index += coordinate * strides[i];
            }
        }
        out.push(index);
    }
    Ok(out)
}

/// Known indices into an axis of extent `n`.
fn positions(indices: &Tensor<f64>, n: usize) -> Lowering<Vec<usize>> {
    indices
        .iter()
        .map(|v| axis(v as i64, n).or_else(|_| invalid(format!("index {v} of an axis of extent {n}"))))
        .collect()
}

/// Row-major strides.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect()
}

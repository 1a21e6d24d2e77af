//! Gather, GatherElements, GatherND: elements selected by index tensors.
//!
//! Spec: the pages of these names; all opsets. Known indices are wiring and may be negative. Gather with indices that
//! depend on the data looks up in a table, whose indices must lie in `[0, extent)`. Rejected: GatherElements and
//! GatherND with indices that depend on the data.

use plonnx_ir::Tensor;
use plonnx_ir::op::View;

use super::one_hot::look_up;
use crate::lower::{Call, Lowering, Results, axis, extent, invalid, sized};

pub(super) fn gather(call: &mut Call) -> Results {
    let (table, indices) = (call.input(0)?, call.input(1)?);
    let axis = call.axis("axis", 0, call.rank(table))?;
    let Some(known) = call.known(indices) else { return Ok(vec![look_up(call, table, axis, indices)?]) };
    let indices = positions(&known, call.shape(table)[axis])?;
    Ok(vec![call.view(View::Gather { axis, shape: known.shape().to_vec(), indices }, table)?])
}

pub(super) fn gather_elements(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let axis = call.axis("axis", 0, shape.len())?;
    let Some(known) = call.known_input(1, "indices")? else { return invalid("operand 1 is missing") };
    let fits = known.shape().len() == shape.len()
        && known.shape().iter().zip(&shape).enumerate().all(|(i, (a, b))| i == axis || a <= b);
    if !fits {
        return invalid(format!("indices of shape {:?} for a tensor of shape {shape:?}", known.shape()));
    }
    let strides = strides(&shape);
    let at = positions(&known, shape[axis])?;
    let mut indices = Vec::with_capacity(at.len());
    for (flat, at) in at.into_iter().enumerate() {
        let mut rest = flat;
        let mut index = at * strides[axis];
        for i in (0..shape.len()).rev() {
            let coordinate = rest % known.shape()[i];
            rest /= known.shape()[i];
            if i != axis {
                index += coordinate * strides[i];
            }
        }
        indices.push(index);
    }
    Ok(vec![call.view(View::Index { shape: known.shape().to_vec(), indices }, x)?])
}

pub(super) fn gather_nd(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let Some(known) = call.known_input(1, "indices")? else { return invalid("operand 1 is missing") };
    let batch = extent(call.int("batch_dims")?.unwrap_or(0), "batch_dims")?;
    let Some((depth, outer)) = known.shape().split_last() else { return invalid("indices without an axis") };
    if batch > outer.len() || batch + depth > shape.len() || outer[..batch] != shape[..batch] {
        return invalid(format!("indices of shape {:?} for a tensor of shape {shape:?}", known.shape()));
    }
    let strides = strides(&shape);
    let inner = &shape[batch + depth..];
    let out = [outer, inner].concat();
    let (block, count) = (sized(inner)?, sized(outer)?);
    sized(&out)?;
    let per_batch = outer[batch..].iter().product::<usize>().max(1);
    let data = known.to_vec();
    let mut indices = Vec::with_capacity(count * block);
    for tuple in 0..count {
        let mut base = (tuple / per_batch) * shape[batch..].iter().product::<usize>();
        for (k, value) in data[tuple * depth..(tuple + 1) * depth].iter().enumerate() {
            base += axis(*value as i64, shape[batch + k])? * strides[batch + k];
        }
        indices.extend(base..base + block);
    }
    Ok(vec![call.view(View::Index { shape: out, indices }, x)?])
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

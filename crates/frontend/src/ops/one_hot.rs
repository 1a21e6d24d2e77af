//! OneHot: unit vectors with given values for "off" and "on".
//!
//! Spec: OneHot; all opsets (indices below 0 count from the end from 11 on, and are outside before). Rejected: a depth
//! that depends on the data. Indices that depend on the data must not be outside; known indices may be.

use plonnx_ir::op::{self, Compare, Label};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use crate::lower::{Call, Lowering, Results, extent, invalid, sized, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let (indices, values) = (call.input(0)?, call.input(2)?);
    let Some(depth) = call.known_int(1, "depth")? else { return invalid("operand 1 is missing") };
    let depth = extent(depth, "depth")?;
    if let Some(elem) = call.elem(2) {
        call.set_elem(0, elem);
    }
    let rank = call.rank(indices) + 1;
    let axis = call.axis("axis", -1, rank)?;
    let indices = if call.dtype(indices) == DType::Real && !call.is_known(indices) {
        let whole = call.map(Function::Trunc, indices)?;
        call.retype(whole, DType::Int)?
    } else {
        indices
    };
    let indices = if call.opset < 11 { none_negative(call, indices, depth)? } else { wrapped(call, indices, depth)? };
    let unit = unit_vectors(call, indices, depth)?;
    let mut perm: Vec<usize> = (0..rank - 1).collect();
    perm.insert(axis, rank - 1);
    let unit = call.transpose(unit, &perm)?;
    let dtype = call.dtype(values);
    let unit = call.retype(unit, dtype)?;
    if call.shape(values) != [2] {
        return invalid(format!("expected two values, got shape {:?}", call.shape(values)));
    }
    let (off, on) = (call.narrow(values, 0, 0, 1)?, call.narrow(values, 0, 1, 1)?);
    let (off, on) = (call.reshape(off, &[])?, call.reshape(on, &[])?);
    let step = call.linear(&[(1.0, on), (-1.0, off)])?;
    let scaled = call.product(unit, step)?;
    if call.uniform(off) == Some(0.0) {
        return Ok(vec![call.retype(scaled, dtype)?]);
    }
    let y = call.linear(&[(1.0, scaled), (1.0, off)])?;
    Ok(vec![call.retype(y, dtype)?])
}

/// `indices` with `depth`, which is outside, for known ones below 0.
fn none_negative(call: &mut Call, indices: NodeId, depth: usize) -> Lowering<NodeId> {
    let Some(known) = call.known(indices) else { return Ok(indices) };
    let (shape, dtype) = (call.shape(indices), call.dtype(indices));
    let data = known.iter().map(|v| if v < 0.0 { depth as f64 } else { v }).collect();
    call.tensor(&shape, data, dtype)
}

/// Unit vectors along a new last axis. Known indices may be negative, and give no unit where they are outside; others
/// must lie in `[0, depth)`.
pub(super) fn unit_vectors(call: &mut Call, indices: NodeId, depth: usize) -> Lowering<NodeId> {
    let shape = [call.shape(indices).as_slice(), &[depth]].concat();
    sized(&shape)?;
    let Some(known) = call.known(indices) else {
        if call.dtype(indices) == DType::Real {
            return unsupported("real indices that depend on the input data", "cast the indices to int64 in the model");
        }
        return call.add(CoreOp::OneHot(op::OneHot { depth }), &[indices]);
    };
    let wrap = |v: f64| if v < 0.0 { v + depth as f64 } else { v };
    let ones = known.iter().flat_map(|v| (0..depth).map(move |k| f64::from(u8::from(wrap(v) == k as f64)))).collect();
    call.tensor(&shape, ones, DType::Bool)
}

/// `indices` into an axis of extent `n`, with `n` added to negative ones.
pub(super) fn wrapped(call: &mut Call, indices: NodeId, n: usize) -> Lowering<NodeId> {
    if call.is_known(indices) || call.dtype(indices) == DType::Bool {
        return Ok(indices);
    }
    let zero = call.scalar(0.0, DType::Int)?;
    let operands = call.aligned(&[indices, zero])?;
    let negative = call.add(CoreOp::Compare(Compare::Less), &operands)?;
    call.linear(&[(1.0, indices), (n as f64, negative)])
}

/// Slices of `axis` of `table` at indices that depend on the data: a contraction of unit vectors with the table.
pub(super) fn look_up(call: &mut Call, table: NodeId, axis: usize, indices: NodeId) -> Lowering<NodeId> {
    let (rank, dtype) = (call.rank(table), call.dtype(table));
    let indices_rank = call.rank(indices);
    let depth = call.shape(table)[axis];
    if call.dtype(indices) == DType::Real {
        return unsupported("real indices", "cast the indices to int64 in the model");
    }
    let Some(letters) = Some(rank + indices_rank).filter(|n| *n <= 26) else {
        return unsupported("more than 26 axes", "use fewer axes");
    };
    let unit = call.add(CoreOp::OneHot(op::OneHot { depth }), &[indices])?;
    let labels: Vec<Label> = (b'a'..=b'z').take(letters).collect();
    let (table_labels, index_labels) = labels.split_at(rank);
    let unit_labels = [index_labels, &[table_labels[axis]]].concat();
    let out = [&table_labels[..axis], index_labels, &table_labels[axis + 1..]].concat();
    let y = call.contract(unit, &unit_labels, table, table_labels, &out)?;
    call.retype(y, dtype)
}

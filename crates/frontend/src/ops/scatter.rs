//! Scatter, ScatterElements, ScatterND, TensorScatter: a tensor with some elements replaced by, or joined with, others.
//!
//! Spec: the pages of these names; all opsets. Known indices are wiring, and sums, products or extrema where elements are
//! joined. With indices that depend on the data, updates are moved by unit vectors; no two may have one target unless they
//! are added. Rejected: products and extrema with such indices.

use plonnx_ir::op::{Compare, Extremum, Reducer, View};
use plonnx_ir::{CoreOp, DType, NodeId};

use super::gather::{flat_positions, flattened, labels, selectors};
use super::one_hot::unit_vectors;
use crate::lower::{Call, Lowering, Results, invalid, sized, unsupported};

/// How an update joins the element that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    Replace,
    Add,
    Multiply,
    Extremum(Extremum),
}

/// Most updates that one element may be joined with.
const ROUNDS: usize = 1024;

pub(super) fn scatter_elements(call: &mut Call) -> Results {
    let (data, indices, updates) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let axis = call.axis("axis", 0, call.rank(data))?;
    let join = join(call)?;
    Ok(vec![along(call, data, axis, indices, updates, join)?])
}

pub(super) fn tensor_scatter(call: &mut Call) -> Results {
    let (cache, update, starts) = (call.input(0)?, call.input(1)?, call.optional(2));
    let (shape, update_shape) = (call.shape(cache), call.shape(update));
    let axis = call.axis("axis", -2, shape.len())?;
    let circular = match call.text("mode", "linear")? {
        "linear" => false,
        "circular" => true,
        other => return invalid(format!("mode is \"{other}\", expected linear or circular")),
    };
    let fits = update_shape.len() == shape.len()
        && update_shape.iter().zip(&shape).enumerate().all(|(i, (a, b))| a == b || (i == axis && a <= b));
    if !fits || axis == 0 {
        return invalid(format!("an update of shape {update_shape:?} for shape {shape:?} along axis {axis}"));
    }
    let mut line = vec![1; shape.len()];
    line[axis] = update_shape[axis];
    let steps = call.integers(&(0..update_shape[axis]).collect::<Vec<_>>())?;
    let mut at = call.reshape(steps, &line)?;
    if let Some(starts) = starts {
        if call.shape(starts) != [shape[0]] {
            return invalid(format!("indices of shape {:?} for a batch of {}", call.shape(starts), shape[0]));
        }
        let mut column = vec![1; shape.len()];
        column[0] = shape[0];
        let starts = call.reshape(starts, &column)?;
        at = call.linear(&[(1.0, starts), (1.0, at)])?;
        if circular {
            // Both terms are below the extent: one turn is enough.
            let last = call.scalar(shape[axis] as f64 - 1.0, DType::Int)?;
            let operands = call.aligned(&[last, at])?;
            let beyond = call.add(CoreOp::Compare(Compare::Less), &operands)?;
            at = call.linear(&[(1.0, at), (-(shape[axis] as f64), beyond)])?;
        }
    }
    let at = call.broadcast(at, &update_shape)?;
    Ok(vec![along(call, cache, axis, at, update, Join::Replace)?])
}

pub(super) fn scatter_nd(call: &mut Call) -> Results {
    let (data, indices, updates) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let (shape, tuples) = (call.shape(data), call.shape(indices));
    let join = join(call)?;
    let Some((depth, outer)) = tuples.split_last().filter(|(depth, _)| **depth <= shape.len()) else {
        return invalid(format!("indices of shape {tuples:?} for shape {shape:?}"));
    };
    let (indexed, inner) = shape.split_at(*depth);
    if call.shape(updates) != [outer, inner].concat() {
        return invalid(format!("updates of shape {:?}, expected {outer:?} and {inner:?}", call.shape(updates)));
    }
    let (rows, size, block) = (sized(outer)?, sized(indexed)?, sized(inner)?);
    let at = flattened(call, indices, indexed)?;
    if let Some(known) = call.known(at) {
        let targets = known.iter().flat_map(|v| (0..block).map(move |i| v as usize * block + i)).collect();
        return Ok(vec![known_targets(call, data, updates, targets, join)?]);
    }
    let at = call.reshape(at, &[rows])?;
    let unit = unit_vectors(call, at, size)?;
    let updates = call.reshape(updates, &[rows, block])?;
    let moved = call.contract(unit, b"rs", updates, b"ri", b"si")?;
    let hit = call.reduce(Reducer::Sum, unit, &[0], false)?;
    let hit = call.reshape(hit, &[size, 1])?;
    let flat = call.reshape(data, &[size, block])?;
    let y = joined(call, flat, moved, hit, join)?;
    Ok(vec![call.reshape(y, &shape)?])
}

fn join(call: &mut Call) -> Lowering<Join> {
    Ok(match call.text("reduction", "none")? {
        "none" => Join::Replace,
        "add" => Join::Add,
        "mul" => Join::Multiply,
        "max" => Join::Extremum(Extremum::Max),
        "min" => Join::Extremum(Extremum::Min),
        other => return invalid(format!("reduction is \"{other}\", expected none, add, mul, max or min")),
    })
}

/// `data` where the elements that `indices` name along `axis` are joined with `updates`.
fn along(call: &mut Call, data: NodeId, axis: usize, indices: NodeId, updates: NodeId, join: Join) -> Lowering<NodeId> {
    let (shape, picked) = (call.shape(data), call.shape(indices));
    let fits =
        picked.len() == shape.len() && picked.iter().zip(&shape).enumerate().all(|(i, (a, b))| i == axis || a <= b);
    if !fits || call.shape(updates) != picked {
        return invalid(format!(
            "indices of shape {picked:?} and updates of shape {:?} for shape {shape:?}",
            call.shape(updates)
        ));
    }
    if let Some(known) = call.known(indices) {
        let targets = flat_positions(&known, &shape, axis)?;
        return known_targets(call, data, updates, targets, join);
    }
    let unit = selectors(call, indices, shape[axis])?;
    let (labels, new) = labels(shape.len())?;
    let mut to = labels.clone();
    to[axis] = new;
    let moved = call.contract(unit, &[labels.as_slice(), &[new]].concat(), updates, &labels, &to)?;
    let hit = call.reduce(Reducer::Sum, unit, &[axis], false)?;
    // The axis of the unit vectors comes last.
    let mut perm: Vec<usize> = (0..shape.len() - 1).collect();
    perm.insert(axis, shape.len() - 1);
    let hit = call.transpose(hit, &perm)?;
    let [moved, hit] = [extended(call, moved, &shape)?, extended(call, hit, &shape)?];
    joined(call, data, moved, hit, join)
}

/// `x` with zeros after it up to `shape`.
fn extended(call: &mut Call, x: NodeId, shape: &[usize]) -> Lowering<NodeId> {
    let after: Vec<usize> = shape.iter().zip(call.shape(x)).map(|(to, from)| to.saturating_sub(from)).collect();
    if after.iter().all(|n| *n == 0) {
        return Ok(x);
    }
    call.view(View::Pad { before: vec![0; shape.len()], interior: vec![0; shape.len()], after }, x)
}

/// `data` joined with `moved` where `hit` is 1.
fn joined(call: &mut Call, data: NodeId, moved: NodeId, hit: NodeId, join: Join) -> Lowering<NodeId> {
    let dtype = call.dtype(data);
    let y = match join {
        Join::Add => call.linear(&[(1.0, data), (1.0, moved)])?,
        Join::Replace => {
            let old = call.product(data, hit)?;
            call.linear(&[(1.0, data), (-1.0, old), (1.0, moved)])?
        }
        Join::Multiply | Join::Extremum(_) => {
            return unsupported(
                "products and extrema with indices that depend on the input data",
                "make the indices constants, or add the updates",
            );
        }
    };
    call.retype(y, dtype)
}

/// `data` where element `targets[i]` is joined with element `i` of `updates`.
fn known_targets(call: &mut Call, data: NodeId, updates: NodeId, targets: Vec<usize>, join: Join) -> Lowering<NodeId> {
    let shape = call.shape(data);
    let len = sized(&shape)?;
    let count = targets.len();
    let data = call.reshape(data, &[len])?;
    let updates = call.reshape(updates, &[count])?;
    let both = call.add(CoreOp::View(View::Concat { axis: 0 }), &[data, updates])?;
    if join == Join::Replace {
        let mut indices: Vec<usize> = (0..len).collect();
        for (i, target) in targets.into_iter().enumerate() {
            indices[target] = len + i;
        }
        return call.view(View::Index { shape, indices }, both);
    }
    // Round `r` has the updates that are the r-th one of their target.
    let mut seen = vec![0usize; len];
    let mut rounds: Vec<Vec<Option<usize>>> = Vec::new();
    for (i, target) in targets.into_iter().enumerate() {
        let round = seen[target];
        if round == ROUNDS {
            return unsupported(format!("more than {ROUNDS} updates of one element"), "use fewer updates");
        }
        seen[target] += 1;
        if rounds.len() == round {
            rounds.push(vec![None; len]);
        }
        rounds[round][target] = Some(i);
    }
    let dtype = call.dtype(data);
    let neutral = call.scalar(if join == Join::Multiply { 1.0 } else { 0.0 }, dtype)?;
    let pad = View::Pad { before: vec![0], after: vec![1], interior: vec![0] };
    let padded = call.add(CoreOp::View(pad), &[updates, neutral])?;
    let mut y = data;
    for round in rounds {
        y = match join {
            // An element without an update is compared with itself.
            Join::Extremum(extremum) => {
                let indices = round.iter().enumerate().map(|(at, i)| i.map_or(at, |i| len + i)).collect();
                let other = call.view(View::Index { shape: vec![len], indices }, both)?;
                call.extremum(extremum, y, other)?
            }
            _ => {
                let indices = round.iter().map(|i| i.unwrap_or(count)).collect();
                let other = call.view(View::Index { shape: vec![len], indices }, padded)?;
                if join == Join::Multiply { call.product(y, other)? } else { call.linear(&[(1.0, y), (1.0, other)])? }
            }
        };
    }
    let y = call.retype(y, dtype)?;
    call.reshape(y, &shape)
}

//! Expand, Tile: a tensor repeated along axes.
//!
//! Spec: the pages of these names; all opsets (before 6 Tile repeats one axis). Rejected: shapes or repeats that depend
//! on the data.

use crate::lower::{Call, Lowering, Results, axis, broadcast_shapes, extent, invalid, sized};

pub(super) fn expand(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let Some(shape) = call.known_ints(1, "shape")? else { return invalid("operand 1 is missing") };
    let shape = shape.into_iter().map(|d| extent(d, "shape")).collect::<Result<Vec<_>, _>>()?;
    let shape = broadcast_shapes(&call.shape(x), &shape)?;
    Ok(vec![call.broadcast(x, &shape)?])
}

/// Every axis becomes two, of which the first repeats the second.
pub(super) fn tile(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let given = if call.opset < 6 { one_axis(call, shape.len())? } else { call.known_ints(1, "repeats")? };
    let Some(repeats) = given else { return invalid("operand 1 is missing") };
    let repeats = repeats.into_iter().map(|r| extent(r, "repeats")).collect::<Result<Vec<_>, _>>()?;
    if repeats.len() != shape.len() {
        return invalid(format!("{} repeats for a tensor of rank {}", repeats.len(), shape.len()));
    }
    let (mut single, mut repeated, mut joined) = (Vec::new(), Vec::new(), Vec::new());
    for (extent, times) in shape.iter().zip(&repeats) {
        if *times != 1 && *extent != 1 {
            single.push(1);
            repeated.push(*times);
        }
        single.push(*extent);
        repeated.push(if *extent == 1 { *times } else { *extent });
        joined.push(extent.saturating_mul(*times));
    }
    sized(&joined)?;
    let x = call.reshape(x, &single)?;
    let x = call.broadcast(x, &repeated)?;
    Ok(vec![call.reshape(x, &joined)?])
}

/// Repeats of a tensor of rank `rank` from the operands tiles and axis.
fn one_axis(call: &mut Call, rank: usize) -> Lowering<Option<Vec<i64>>> {
    let (Some(tiles), Some(at)) = (call.known_int(1, "tiles")?, call.known_int(2, "axis")?) else { return Ok(None) };
    let mut repeats = vec![1; rank];
    repeats[axis(at, rank)?] = tiles;
    Ok(Some(repeats))
}

//! Expand, Tile: a tensor repeated along axes.
//!
//! Spec: the pages of these names; Expand all opsets, Tile from opset 6. Rejected: shapes or repeats that depend on the
//! data.

use crate::lower::{Call, Results, broadcast_shapes, extent, invalid, sized};

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
    let Some(repeats) = call.known_ints(1, "repeats")? else { return invalid("operand 1 is missing") };
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

//! MaxUnpool: elements put back to where MaxPool found them, zeros elsewhere.
//!
//! Spec: MaxUnpool; all opsets. A contraction with the unit vectors of the positions, which must differ within a channel.
//! Rejected: a shape that depends on the data.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType};

use super::one_hot::unit_vectors;
use super::window::{pads, pool_kernel, steps};
use crate::lower::{Call, Results, extent, invalid, sized};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let shape = call.shape(x);
    if shape.len() < 3 || call.shape(indices) != shape {
        return invalid(format!("an operand of shape {shape:?} and indices of shape {:?}", call.shape(indices)));
    }
    let (outer, spatial) = shape.split_at(2);
    let kernel = pool_kernel(call, spatial.len())?;
    let (strides, _) = steps(call, spatial.len())?;
    let pads = pads(call, spatial.len())?;
    let given = call.known_ints(2, "output_shape")?;
    let mut full = Vec::with_capacity(spatial.len());
    for i in 0..spatial.len() {
        let reach = (spatial[i].saturating_sub(1)).saturating_mul(strides[i]) + kernel[i];
        let Some(size) = reach.checked_sub(pads[i] + pads[spatial.len() + i]) else {
            return invalid("padding is larger than the result");
        };
        full.push(size);
    }
    let (planes, count, size) = (sized(outer)?, sized(spatial)?, sized(&full)?);
    sized(&[planes, count, size])?;
    let x = call.reshape(x, &[planes, count])?;
    let indices = call.reshape(indices, &[planes, count])?;
    // Indices count through all planes.
    let offsets = (0..planes).map(|p| (p * size) as f64).collect();
    let offsets = call.tensor(&[planes, 1], offsets, DType::Int)?;
    let local = call.linear(&[(1.0, indices), (-1.0, offsets)])?;
    let unit = unit_vectors(call, local, size)?;
    let y = call.contract(unit, b"pcs", x, b"pc", b"ps")?;
    let y = call.reshape(y, &[outer, full.as_slice()].concat())?;
    let Some(given) = given else { return Ok(vec![y]) };
    let given = given.into_iter().map(|n| extent(n, "output_shape")).collect::<Result<Vec<_>, _>>()?;
    let old = call.shape(y);
    if given.len() != old.len() || given.iter().zip(&old).any(|(to, from)| to < from) {
        return invalid(format!("output_shape {given:?} for {old:?}"));
    }
    let after: Vec<usize> = given.iter().zip(&old).map(|(to, from)| to - from).collect();
    let view = View::Pad { before: vec![0; old.len()], interior: vec![0; old.len()], after };
    Ok(vec![call.add(CoreOp::View(view), &[y])?])
}

//! CenterCropPad: axes cut or padded with zeros to given extents, around their middle.
//!
//! Spec: CenterCropPad; all opsets. It is wiring. Rejected: a shape that depends on the data.

use plonnx_ir::op::View;

use crate::lower::{Call, Lowering, Results, axes, axis, extent, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let rank = call.rank(x);
    let Some(sizes) = call.known_ints(1, "shape")? else { return invalid("operand 1 is missing") };
    let at = match call.ints("axes")? {
        Some(given) => {
            axes(&given, rank)?;
            given.into_iter().map(|a| axis(a, rank)).collect::<Lowering<Vec<_>>>()?
        }
        None => (0..rank).collect(),
    };
    if sizes.len() != at.len() {
        return invalid(format!("{} extents for {} axes", sizes.len(), at.len()));
    }
    let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
    let mut y = x;
    for (axis, size) in at.into_iter().zip(sizes) {
        let (size, old) = (extent(size, "shape")?, call.shape(y)[axis]);
        if size <= old {
            y = call.narrow(y, axis, (old - size) / 2, size)?;
        } else {
            before[axis] = (size - old) / 2;
            after[axis] = size - old - before[axis];
        }
    }
    if before.iter().chain(&after).all(|p| *p == 0) {
        return Ok(vec![y]);
    }
    Ok(vec![call.view(View::Pad { before, after, interior: vec![0; rank] }, y)?])
}

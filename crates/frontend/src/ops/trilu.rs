//! Trilu: the upper or lower triangle of matrices; the rest is 0.
//!
//! Spec: Trilu; all opsets. The result is wiring: its elements are those of the operand or a zero put after them.
//! Rejected: a diagonal that depends on the data.

use plonnx_ir::op::View;

use crate::lower::{Call, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let [.., rows, columns] = shape.as_slice() else {
        return invalid(format!("expected a matrix, got shape {shape:?}"));
    };
    let diagonal = i128::from(call.known_int(1, "k")?.unwrap_or(0));
    let upper = call.flag("upper", true)?;
    let len: usize = shape.iter().product();
    let flat = call.reshape(x, &[len])?;
    let padded = call.view(View::Pad { before: vec![0], after: vec![1], interior: vec![0] }, flat)?;
    let indices = (0..len)
        .map(|at| {
            let (row, column) = ((at / columns % rows) as i128, (at % columns) as i128);
            let offset = column - row - diagonal;
            let inside = if upper { offset >= 0 } else { offset <= 0 };
            if inside { at } else { len }
        })
        .collect();
    Ok(vec![call.view(View::Index { shape, indices }, padded)?])
}

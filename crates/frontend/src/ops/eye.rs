//! EyeLike: ones on a diagonal of a matrix of zeros.
//!
//! Spec: EyeLike; all opsets. Nothing is rejected.

use crate::lower::{Call, Results, invalid, sized};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let [rows, columns] = shape[..] else { return invalid(format!("expected a matrix, got shape {shape:?}")) };
    sized(&shape)?;
    let offset = i128::from(call.int("k")?.unwrap_or(0));
    let dtype = match call.int("dtype")? {
        Some(number) => {
            let elem = call.elem_type(number)?;
            call.set_elem(0, elem);
            elem.dtype()
        }
        None => call.dtype(x),
    };
    let one = |row: usize, column: usize| f64::from(u8::from(column as i128 - row as i128 == offset));
    let data = (0..rows).flat_map(|row| (0..columns).map(move |column| one(row, column))).collect();
    Ok(vec![call.tensor(&shape, data, dtype)?])
}

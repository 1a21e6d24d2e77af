//! Det: determinants of square matrices.
//!
//! Spec: Det; all opsets. Minors of the first rows follow from those of one row less, for every set of columns. Rejected:
//! matrices of more than 8 rows.

use plonnx_ir::{DType, NodeId};

use crate::lower::{Call, Lowering, Results, invalid, unsupported};

/// Most rows: the number of minors doubles with every row.
const ROWS: usize = 8;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let [outer @ .., rows, columns] = shape.as_slice() else {
        return invalid(format!("expected matrices, got shape {shape:?}"));
    };
    if rows != columns {
        return invalid(format!("expected square matrices, got {rows} rows and {columns} columns"));
    }
    let n = *rows;
    if n > ROWS {
        return unsupported(format!("matrices of {n} rows, the limit is {ROWS}"), "use smaller matrices");
    }
    let rank = shape.len();
    let element = |call: &mut Call, row: usize, column: usize| -> Lowering<NodeId> {
        let line = call.narrow(x, rank - 2, row, 1)?;
        let one = call.narrow(line, rank - 1, column, 1)?;
        call.reshape(one, outer)
    };
    let one = call.scalar(1.0, DType::Real)?;
    // minors[set] is the determinant of the first rows and the columns in `set`, as many as there are.
    let mut minors: Vec<Option<NodeId>> = vec![None; 1 << n];
    minors[0] = Some(call.broadcast(one, outer)?);
    for set in 1usize..1 << n {
        let size = set.count_ones() as usize;
        let mut terms = Vec::with_capacity(size);
        for (position, column) in (0..n).filter(|c| set & (1 << c) != 0).enumerate() {
            let Some(smaller) = minors[set & !(1 << column)] else { continue };
            let own = element(call, size - 1, column)?;
            let product = if size == 1 { own } else { call.product(own, smaller)? };
            // Expansion along the last row: its last column has sign 1.
            terms.push((if (size - 1 - position).is_multiple_of(2) { 1.0 } else { -1.0 }, product));
        }
        minors[set] = Some(call.linear(&terms)?);
    }
    match minors.last() {
        Some(Some(determinant)) => Ok(vec![*determinant]),
        _ => invalid("no minors"),
    }
}

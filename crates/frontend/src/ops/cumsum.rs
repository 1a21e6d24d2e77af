//! CumSum: partial sums along an axis.
//!
//! Spec: CumSum; all opsets. A contraction with a triangular matrix of ones. Rejected: an axis that depends on the
//! data.

use plonnx_ir::DType;
use plonnx_ir::op::Label;

use crate::lower::{Call, Results, axis, invalid, sized};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let Some(at) = call.known_int(1, "axis")? else { return invalid("operand 1 is missing") };
    let at = axis(at, shape.len())?;
    let (exclusive, reverse) = (call.flag("exclusive", false)?, call.flag("reverse", false)?);
    let n = shape[at];
    sized(&[n, n])?;
    // Element (i, j) says whether x[i] is part of result j.
    let mut ones = Vec::with_capacity(n * n);
    for i in 0..n {
        ones.extend((0..n).map(|j| {
            let (early, late) = if reverse { (j, i) } else { (i, j) };
            f64::from(u8::from(early < late || (early == late && !exclusive)))
        }));
    }
    let dtype = if call.dtype(x) == DType::Real { DType::Real } else { DType::Int };
    let triangle = call.tensor(&[n, n], ones, dtype)?;
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len() + 1).collect();
    let Some((new, labels)) = labels.split_last() else { return invalid("expected at least one axis") };
    let mut out = labels.to_vec();
    out[at] = *new;
    Ok(vec![call.contract(x, labels, triangle, &[labels[at], *new], &out)?])
}

//! CumProd: partial products along an axis.
//!
//! Spec: CumProd; all opsets. Partial products of twice as many factors follow from the previous ones, so that rounding
//! happens a logarithmic number of times. Rejected: an axis that depends on the data, and axes of more than 64 elements.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType};

use crate::lower::{Call, Results, axis, invalid, unsupported};

/// Most factors of a product.
const FACTORS: usize = 64;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let Some(at) = call.known_int(1, "axis")? else { return invalid("operand 1 is missing") };
    let at = axis(at, shape.len())?;
    let (exclusive, reverse) = (call.flag("exclusive", false)?, call.flag("reverse", false)?);
    let n = shape[at];
    if n > FACTORS {
        return unsupported(format!("products of {n} factors, the limit is {FACTORS}"), "use fewer factors");
    }
    let backwards: Vec<usize> = (0..n).rev().collect();
    let mut y = if reverse { call.gather(x, at, backwards.clone())? } else { x };
    if exclusive && n > 0 {
        let dtype = if call.dtype(x) == DType::Real { DType::Real } else { DType::Int };
        let one = call.scalar(1.0, dtype)?;
        let mut first = shape.clone();
        first[at] = 1;
        let first = call.broadcast(one, &first)?;
        let rest = call.narrow(y, at, 0, n - 1)?;
        y = call.add(CoreOp::View(View::Concat { axis: at }), &[first, rest])?;
    }
    let mut step = 1;
    while step < n {
        let head = call.narrow(y, at, 0, step)?;
        let (early, late) = (call.narrow(y, at, 0, n - step)?, call.narrow(y, at, step, n - step)?);
        let product = call.product(early, late)?;
        y = call.add(CoreOp::View(View::Concat { axis: at }), &[head, product])?;
        step *= 2;
    }
    Ok(vec![if reverse { call.gather(y, at, backwards)? } else { y }])
}

//! Gemm: `alpha * A * B + beta * C`, with `A` and `B` transposed on demand.
//!
//! Spec: Gemm; all opsets. Scales of known operands are folded into them. Nothing is rejected.

use crate::lower::{Call, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let (a, mut b) = (call.input(0)?, call.input(1)?);
    let (flip_a, flip_b) = (call.flag("transA", false)?, call.flag("transB", false)?);
    let (mut alpha, mut beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    call.ignore(&["broadcast"]);
    let ([a0, a1], [b0, b1]) = (matrix(&call.shape(a))?, matrix(&call.shape(b))?);
    let ((rows, inner), (other, columns)) =
        (if flip_a { (a1, a0) } else { (a0, a1) }, if flip_b { (b1, b0) } else { (b0, b1) });
    if inner != other {
        return invalid(format!("inner dimensions differ: {inner} and {other}"));
    }
    if call.is_known(b) {
        b = call.scale(alpha, b)?;
        alpha = 1.0;
    }
    let labels_a = if flip_a { b"ba" } else { b"ab" };
    let labels_b = if flip_b { b"cb" } else { b"bc" };
    let product = call.contract(a, labels_a, b, labels_b, b"ac")?;
    let Some(mut c) = call.optional(2).filter(|_| beta != 0.0) else {
        return Ok(vec![call.scale(alpha, product)?]);
    };
    if call.is_known(c) {
        c = call.scale(beta, c)?;
        beta = 1.0;
    }
    let shape = [rows, columns];
    if call.common_shape(&[product, c])? != shape {
        return invalid(format!("bias of shape {:?} for a product of shape {shape:?}", call.shape(c)));
    }
    let c = call.broadcast(c, &shape)?;
    Ok(vec![call.linear(&[(alpha, product), (beta, c)])?])
}

fn matrix(shape: &[usize]) -> crate::lower::Lowering<[usize; 2]> {
    match shape {
        [rows, columns] => Ok([*rows, *columns]),
        _ => invalid(format!("expected a matrix, got shape {shape:?}")),
    }
}

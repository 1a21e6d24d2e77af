//! LpNormalization, LpPool, GlobalLpPool: roots of sums of powers.
//!
//! Spec: the pages of these names; all opsets (before 2 the pools have powers that are no integers). Sums of windows are convolutions with ones. A norm of 0
//! leaves its zeros. Rejected: other powers than 1 and 2 to normalise with, and more than three spatial axes.

use plonnx_ir::op::{Label, Reducer};
use plonnx_ir::{DType, Function, NodeId};

use super::average_pool::window_sums;
use super::compare::equals;
use super::div;
use super::pow::power;
use super::window::{Window, pool_kernel};
use crate::lower::{Call, Lowering, Results, invalid, unsupported};

pub(super) fn normalization(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let rank = call.rank(x);
    let axis = call.axis("axis", -1, rank)?;
    let labels: Vec<Label> = (b'a'..=b'z').take(rank).collect();
    let mut kept = labels.clone();
    kept.remove(axis);
    let p = call.int("p")?.unwrap_or(2);
    let size = match p {
        1 => {
            let sizes = call.map(Function::Abs, x)?;
            call.reduce(Reducer::Sum, sizes, &[axis], false)?
        }
        2 => call.contract(x, &labels, x, &labels, &kept)?,
        _ => return unsupported(format!("the {p}-norm"), "normalise with the 1-norm or the 2-norm"),
    };
    // All elements are 0 where the norm is: any divisor will do.
    let zero = equals(call, size, 0.0)?;
    let zero = call.retype(zero, DType::Real)?;
    let divisor = call.linear(&[(1.0, size), (1.0, zero)])?;
    let inverse = if p == 1 { div::reciprocal(call, divisor)? } else { call.map(Function::Rsqrt, divisor)? };
    Ok(vec![call.contract(x, &labels, inverse, &kept, &labels)?])
}

pub(super) fn pool(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let Some(spatial) = shape.get(2..) else { return invalid(format!("no spatial axes in shape {shape:?}")) };
    let kernel = pool_kernel(call, spatial.len())?;
    let window = Window::new(call, spatial, kernel)?;
    if spatial.len() > 3 {
        return unsupported(format!("{} spatial axes", spatial.len()), "use one to three spatial axes");
    }
    let p = degree(call)?;
    let powers = raised(call, x, p)?;
    let sums = window_sums(call, powers, &window, 1.0)?;
    Ok(vec![root(call, sums, p)?])
}

pub(super) fn global(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let p = degree(call)?;
    let axes: Vec<usize> = (2..call.rank(x)).collect();
    let powers = raised(call, x, p)?;
    let sums = call.sum_along(powers, &axes, true, true)?;
    Ok(vec![root(call, sums, p)?])
}

/// The power; before opset 2 any number.
fn degree(call: &mut Call) -> Lowering<f64> {
    let p = if call.opset < 2 { call.float("p", 2.0)? } else { call.int("p")?.unwrap_or(2) as f64 };
    if p >= 1.0 && p.is_finite() { Ok(p) } else { invalid(format!("p is {p}, expected a number of at least 1")) }
}

/// `|x|^p`, by squares and products as far as they go: they keep the small powers that roots enlarge.
fn raised(call: &mut Call, x: NodeId, p: f64) -> Lowering<NodeId> {
    const MOST_FACTORS: f64 = 8.0;
    if p == 2.0 {
        return call.square(x);
    }
    let size = call.map(Function::Abs, x)?;
    if p > MOST_FACTORS || p.fract() != 0.0 {
        return power(call, size, p);
    }
    let (mut product, mut square, mut rest) = (None, size, p as u32);
    while rest > 0 {
        if rest % 2 == 1 {
            product = Some(match product {
                Some(product) => call.product(product, square)?,
                None => square,
            });
        }
        rest /= 2;
        if rest > 0 {
            square = call.square(square)?;
        }
    }
    Ok(product.unwrap_or(size))
}

fn root(call: &mut Call, x: NodeId, p: f64) -> Lowering<NodeId> {
    power(call, x, 1.0 / p)
}

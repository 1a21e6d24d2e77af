//! Pow: elementwise power.
//!
//! Spec: Pow; all opsets. A known exponent becomes a product (2), a root (1/2, -1/2), a reciprocal (-1) or a function
//! of one variable, after roots if it is broken; a known positive base becomes an exponential. Rejected: base and
//! exponent that both depend on the data, and more than 64 different exponents.

use std::collections::BTreeMap;

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, Function, NodeId, Tensor};

use super::{div, operands};
use crate::lower::{Builder, Call, Lowering, Results, invalid, unsupported};

/// Most different exponents.
const EXPONENTS: usize = 64;

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    let shape = call.common_shape(&[x, y])?;
    let dtype = call.dtype(x);
    let whole = call.known(y).is_some_and(|e| e.iter().all(|e| e >= 0.0 && e.fract() == 0.0));
    // Other powers of integers are no integers.
    let x = if dtype == DType::Real || whole { x } else { call.retype(x, DType::Real)? };
    let power = if let Some(exponent) = call.uniform(y) {
        let power = constant_power(call, x, exponent)?;
        call.broadcast(power, &shape)?
    } else if let Some(power) = operands::known_pairs(call, [x, y], DType::Real, |b, e| Ok(b.powf(e)))? {
        power
    } else if let Some(base) = call.uniform(x).filter(|b| *b > 0.0 && dtype == DType::Real) {
        let y = call.retype(y, DType::Real)?;
        let scaled = call.scale(base.ln(), y)?;
        let power = call.map(Function::Exp, scaled)?;
        call.broadcast(power, &shape)?
    } else if let Some(exponents) = call.known(y) {
        by_exponent(call, x, &exponents, &shape)?
    } else {
        return unsupported("the exponent depends on the input data", "use a constant exponent, or a constant base");
    };
    if dtype == DType::Real || call.dtype(power) == dtype {
        return Ok(vec![power]);
    }
    let whole = call.map(Function::Trunc, power)?;
    Ok(vec![call.retype(whole, dtype)?])
}

/// Elements of `x` with one exponent at a time, put together again.
fn by_exponent(call: &mut Call, x: NodeId, exponents: &Tensor<f64>, shape: &[usize]) -> Lowering<NodeId> {
    let x = call.broadcast(x, shape)?;
    let spread = call.tensor(exponents.shape(), exponents.to_vec(), DType::Real)?;
    let spread = call.broadcast(spread, shape)?;
    let Some(exponents) = call.known(spread) else { return invalid("exponents that do not fit") };
    let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, exponent) in exponents.iter().enumerate() {
        groups.entry(exponent.to_bits()).or_default().push(at);
    }
    if groups.len() > EXPONENTS {
        return unsupported(format!("{} different exponents, the limit is {EXPONENTS}", groups.len()), "use fewer");
    }
    let (mut parts, mut place, mut next) = (Vec::new(), vec![0; exponents.len()], 0);
    for (bits, indices) in groups {
        for at in &indices {
            place[*at] = next;
            next += 1;
        }
        let part = call.view(View::Index { shape: vec![indices.len()], indices }, x)?;
        parts.push(constant_power(call, part, f64::from_bits(bits))?);
    }
    let all = call.add(CoreOp::View(View::Concat { axis: 0 }), &parts)?;
    call.view(View::Index { shape: shape.to_vec(), indices: place }, all)
}

fn constant_power(call: &mut Call, x: NodeId, exponent: f64) -> Lowering<NodeId> {
    if exponent == 1.0 {
        return Ok(x);
    }
    if exponent == 2.0 {
        return call.square(x);
    }
    if exponent == 0.0 {
        let (dtype, shape) = (call.dtype(x), call.shape(x));
        let one = call.scalar(1.0, dtype)?;
        return call.broadcast(one, &shape);
    }
    if exponent == 0.5 {
        return call.map(Function::Sqrt, x);
    }
    if exponent == -0.5 {
        return call.map(Function::Rsqrt, x);
    }
    if exponent == -1.0 {
        return div::reciprocal(call, x);
    }
    power(call, x, exponent)
}

/// `x` to a constant power. Roots have no bounded slope at 0: square roots, which are exact, come first, until the rest is
/// a power of at least 1.
pub(super) fn power(builder: &mut Builder, x: NodeId, exponent: f64) -> Lowering<NodeId> {
    let (mut base, mut rest) = (x, exponent);
    if exponent.fract() != 0.0 && exponent.is_finite() {
        if exponent < 0.0 {
            base = builder.map(Function::Rsqrt, base)?;
            rest *= -2.0;
        }
        while rest < 1.0 && rest > 1.0 / 64.0 {
            base = builder.map(Function::Sqrt, base)?;
            rest *= 2.0;
        }
    }
    if rest == 1.0 { Ok(base) } else { builder.map(Function::Pow(rest), base) }
}

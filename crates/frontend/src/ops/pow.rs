//! Pow: elementwise power.
//!
//! Spec: Pow; all opsets. A known exponent becomes a product (2), a root (1/2, -1/2), a reciprocal (-1) or a function
//! of one variable; a known positive base becomes an exponential. Rejected: base and exponent that both depend on the
//! data, and exponents that differ between elements.

use plonnx_ir::{DType, Function, NodeId};

use super::{div, operands};
use crate::lower::{Call, Lowering, Results, unsupported};

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    let shape = call.common_shape(&[x, y])?;
    let dtype = call.dtype(x);
    let power = if let Some(exponent) = call.uniform(y) {
        let power = constant_power(call, x, exponent)?;
        call.broadcast(power, &shape)?
    } else if let Some(power) = operands::known_pairs(call, [x, y], DType::Real, |b, e| Ok(b.powf(e)))? {
        power
    } else if let Some(base) = call.uniform(x).filter(|b| *b > 0.0 && dtype == DType::Real) {
        let scaled = call.scale(base.ln(), y)?;
        let power = call.map(Function::Exp, scaled)?;
        call.broadcast(power, &shape)?
    } else {
        return unsupported("the exponent is not one known number", "use the same constant exponent for all elements");
    };
    if dtype == DType::Real || call.dtype(power) == dtype {
        return Ok(vec![power]);
    }
    let whole = call.map(Function::Trunc, power)?;
    Ok(vec![call.retype(whole, dtype)?])
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
    call.map(Function::Pow(exponent), x)
}

//! QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: real numbers to integers and back.
//!
//! Spec: the pages of these names; all opsets. Scales for the whole tensor, along an axis, or for blocks. Quotients are
//! exact real numbers here, not rounded to the type of the scale; where that rounding crosses a tie, the integer differs
//! by one. Rejected: rounding to floats of 8 bits or less when it depends on the data.

use plonnx_ir::op::{Extremum, Reducer};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::grid::{Grid, dequantised, quantised};
use crate::decode::ElemType;
use crate::lower::{Call, Lowering, Results, unsupported};

pub(super) fn quantize(call: &mut Call) -> Results {
    let (x, scale, zero) = (call.input(0)?, call.input(1)?, call.optional(2));
    // The type in which the quotient is rounded.
    call.ignore(&["precision"]);
    let declared = call.int("output_dtype")?.filter(|n| *n != 0);
    let elem = match (declared, call.elem(2)) {
        (Some(number), _) => call.elem_type(number)?,
        (None, Some(elem)) => elem,
        (None, None) => ElemType::Uint8,
    };
    let saturate = call.flag("saturate", true)?;
    let shape = call.shape(x);
    let grid = Grid::new(call, scale, zero, &shape)?;
    call.set_elem(0, elem);
    let Some(format) = elem.minifloat() else { return Ok(vec![quantised(call, x, grid, elem)?]) };
    let inverse = call.map(Function::Reciprocal, grid.scale)?;
    let ratio = call.product(x, inverse)?;
    let Some(value) = call.known(ratio) else {
        return unsupported(
            format!("rounding to {elem} of values that depend on the input data"),
            "quantise to integers",
        );
    };
    let data = value.iter().map(|v| format.round(v, saturate)).collect();
    Ok(vec![call.tensor(value.shape(), data, DType::Real)?])
}

pub(super) fn dequantize(call: &mut Call) -> Results {
    let (x, scale, zero) = (call.input(0)?, call.input(1)?, call.optional(2));
    let declared = call.int("output_dtype")?.filter(|n| *n != 0);
    let elem = match declared {
        Some(number) => call.elem_type(number)?,
        None => call.elem(1).unwrap_or(ElemType::Float),
    };
    call.set_elem(0, elem);
    let shape = call.shape(x);
    let grid = Grid::new(call, scale, zero, &shape)?;
    Ok(vec![dequantised(call, x, grid)?])
}

pub(super) fn dynamic(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let results = by_range(call, x)?;
    call.set_elem(0, ElemType::Uint8);
    call.set_elem(1, ElemType::Float);
    call.set_elem(2, ElemType::Uint8);
    Ok(results.to_vec())
}

/// `x` as integers, with scale and zero point from the least and the largest element, with 0 among them.
pub(super) fn by_range(call: &mut Call, x: NodeId) -> Lowering<[NodeId; 3]> {
    let axes: Vec<usize> = (0..call.rank(x)).collect();
    let zero = call.scalar(0.0, DType::Real)?;
    let least = call.reduce(Reducer::Min, x, &axes, false)?;
    let least = call.extremum(Extremum::Min, least, zero)?;
    let most = call.reduce(Reducer::Max, x, &axes, false)?;
    let most = call.extremum(Extremum::Max, most, zero)?;
    let scale = call.linear(&[(1.0 / 255.0, most), (-1.0 / 255.0, least)])?;
    let below = call.scale(-1.0, least)?;
    let quotient = call.add(CoreOp::Div(()), &[below, scale])?;
    let point = call.map(Function::Round, quotient)?;
    let point = call.map(Function::Clip { lo: 0.0, hi: 255.0 }, point)?;
    let point = call.retype(point, DType::Int)?;
    let y = quantised(call, x, Grid { scale, zero: Some(point) }, ElemType::Uint8)?;
    Ok([y, scale, point])
}

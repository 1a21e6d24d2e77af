//! ConvInteger, MatMulInteger, QLinearConv, QLinearMatMul: products of integers with zero points.
//!
//! Spec: the pages of these names; all opsets. Sums of products are exact. The results of QLinearConv and QLinearMatMul
//! are rounded from exact real numbers; onnxruntime rounds the factor and the product to single precision first, so that
//! results near a tie may differ by one. Rejected: weights of a convolution whose scale depends on the data.

use plonnx_ir::{DType, NodeId};

use super::conv::{self, convolution};
use super::grid::{Grid, dequantised, integer_type, quantised, units};
use super::matmul;
use crate::decode::ElemType;
use crate::lower::{Call, Lowering, Results, invalid};

pub(super) fn conv_integer(call: &mut Call) -> Results {
    let (x, w) = (call.input(0)?, call.input(1)?);
    let (x, w) = (without_zero(call, x, 2, 1)?, without_zero(call, w, 3, 0)?);
    // Over three axes there are views of sums, which are rounded unless they are integers.
    let (x, w) = (call.retype(x, DType::Int)?, call.retype(w, DType::Int)?);
    call.set_elem(0, ElemType::Int32);
    Ok(vec![convolution(call, x, w)?])
}

pub(super) fn matmul_integer(call: &mut Call) -> Results {
    let (a, b) = (call.input(0)?, call.input(1)?);
    // One zero point for every row of A, or for every column of B.
    let (a, b) = (without_zero(call, a, 2, -2)?, without_zero(call, b, 3, -1)?);
    let y = matmul::product(call, a, b)?;
    call.set_elem(0, ElemType::Int32);
    Ok(vec![call.retype(y, DType::Int)?])
}

pub(super) fn qlinear_matmul(call: &mut Call) -> Results {
    let (a, b) = (real(call, 0, -2)?, real(call, 3, -1)?);
    let y = matmul::product(call, a, b)?;
    rounded(call, y, 6)
}

pub(super) fn qlinear_conv(call: &mut Call) -> Results {
    let (x, w) = (real(call, 0, 1)?, real(call, 3, 0)?);
    let y = convolution(call, x, w)?;
    let bias = match call.optional(8) {
        Some(bias) => {
            // The bias is an integer in units of both scales.
            let (of_x, of_w) = (call.input(1)?, call.input(4)?);
            let of_x = one(call, of_x)?;
            let scale = call.product(of_w, of_x)?;
            let bias = call.retype(bias, DType::Real)?;
            let bias = call.product(bias, scale)?;
            let channels = call.shape(y).get(1).copied().unwrap_or(0);
            Some(call.reshape(bias, &[channels])?)
        }
        None => None,
    };
    let y = conv::add_bias(call, y, bias)?;
    rounded(call, y, 6)
}

/// Operand `index` of integers, with scale and zero point after it, as real numbers.
pub(super) fn real(call: &mut Call, index: usize, axis: i64) -> Lowering<NodeId> {
    let (x, scale, zero) = (call.input(index)?, call.input(index + 1)?, call.optional(index + 2));
    let shape = call.shape(x);
    let grid = Grid::along(call, scale, zero, &shape, axis)?;
    dequantised(call, x, grid)
}

/// The result `y` as integers at the scale of operand `index`, with the zero point after it.
pub(super) fn rounded(call: &mut Call, y: NodeId, index: usize) -> Results {
    let (scale, zero) = (call.input(index)?, call.optional(index + 1));
    let elem = integer_type(call, index + 1);
    let shape = call.shape(y);
    let grid = Grid::along(call, scale, zero, &shape, -2)?;
    call.set_elem(0, elem);
    Ok(vec![quantised(call, y, grid, elem)?])
}

/// Integers less the zero point at operand `index`, as real numbers.
fn without_zero(call: &mut Call, x: NodeId, index: usize, axis: i64) -> Lowering<NodeId> {
    let zero = call.optional(index);
    let shape = call.shape(x);
    let one = call.scalar(1.0, DType::Real)?;
    let grid = Grid::along(call, one, zero, &shape, axis)?;
    units(call, x, grid.zero)
}

/// The one number of `x`.
pub(super) fn one(call: &mut Call, x: NodeId) -> Lowering<NodeId> {
    if call.graph.node(x).fact.len() != 1 {
        return invalid(format!("expected one scale, got shape {:?}", call.shape(x)));
    }
    call.reshape(x, &[])
}

//! DynamicQuantizeMatMul, MatMulIntegerToFloat, QGemm, QLinearAdd, QLinearAveragePool, QLinearConcat,
//! QLinearGlobalAveragePool, QLinearLeakyRelu, QLinearMul, QLinearSigmoid, QLinearSoftmax of com.microsoft: operators on
//! integers with scales and zero points, as onnxruntime's quantiser and optimiser write them.
//!
//! Spec: ContribOperators.md of onnxruntime. The operator on real numbers between dequantisation and quantisation; results
//! are rounded once from exact real numbers, where onnxruntime's may differ by one. Rejected: channels_last.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::grid::{Grid, dequantised};
use super::integer::{one, real, rounded};
use super::{average_pool, map, matmul, quantize, softmax};
use crate::decode::ElemType;
use crate::lower::{Call, Lowering, Results, invalid, unsupported};

pub(super) fn add(call: &mut Call) -> Results {
    let (a, b) = (real(call, 0, 1)?, real(call, 3, 1)?);
    let sum = call.linear(&[(1.0, a), (1.0, b)])?;
    rounded(call, sum, 6)
}

pub(super) fn mul(call: &mut Call) -> Results {
    let (a, b) = (real(call, 0, 1)?, real(call, 3, 1)?);
    let product = call.product(a, b)?;
    rounded(call, product, 6)
}

pub(super) fn sigmoid(call: &mut Call) -> Results {
    applied(call, Function::Sigmoid)
}

pub(super) fn leaky_relu(call: &mut Call) -> Results {
    let function = map::leaky_relu(call)?;
    applied(call, function)
}

fn applied(call: &mut Call, function: Function) -> Results {
    let x = real(call, 0, 1)?;
    let y = call.map(function, x)?;
    rounded(call, y, 3)
}

pub(super) fn average_pool(call: &mut Call) -> Results {
    channels_second(call)?;
    let x = real(call, 0, 1)?;
    let y = average_pool::pooled(call, x)?;
    rounded(call, y, 3)
}

pub(super) fn global_average_pool(call: &mut Call) -> Results {
    channels_second(call)?;
    let x = real(call, 0, 1)?;
    let y = average_pool::mean(call, x)?;
    rounded(call, y, 3)
}

fn channels_second(call: &mut Call) -> Lowering<()> {
    if call.flag("channels_last", false)? {
        return unsupported("channels_last", "optimise the model without layouts of single machines");
    }
    Ok(())
}

/// Scale and zero point of the result come first, then every operand with its own.
pub(super) fn concat(call: &mut Call) -> Results {
    let count = call.operand_count().saturating_sub(2);
    if count == 0 || !count.is_multiple_of(3) {
        return invalid(format!("expected an operand, a scale and a zero point each time, got {count} operands"));
    }
    if !call.has("axis") {
        return invalid("attribute \"axis\" is missing");
    }
    let operands = (0..count / 3).map(|i| real(call, 2 + 3 * i, 1)).collect::<Lowering<Vec<NodeId>>>()?;
    let axis = call.axis("axis", 0, call.rank(operands[0]))?;
    let y = match operands.as_slice() {
        [x] => *x,
        _ => call.add(CoreOp::View(View::Concat { axis }), &operands)?,
    };
    rounded(call, y, 0)
}

/// The attribute `opset` says which version of Softmax is meant.
pub(super) fn softmax(call: &mut Call) -> Results {
    let x = real(call, 0, 1)?;
    let Some(opset) = call.int("opset")? else { return invalid("attribute \"opset\" is missing") };
    let rank = call.rank(x);
    let axis = call.axis("axis", -1, rank)?;
    let axes: Vec<usize> = if opset >= 13 { vec![axis] } else { (axis..rank).collect() };
    let y = softmax::distribution(call, x, &axes)?;
    rounded(call, y, 3)
}

/// The bias is an integer in units of both scales and alpha. Without a scale for it the result is real.
pub(super) fn gemm(call: &mut Call) -> Results {
    let (flip_a, flip_b) = (call.flag("transA", false)?, call.flag("transB", false)?);
    let alpha = call.float("alpha", 1.0)?;
    let (mut a, mut b) = (real(call, 0, 0)?, real(call, 3, if flip_b { 0 } else { 1 })?);
    if call.rank(a) != 2 || call.rank(b) != 2 {
        return invalid(format!("expected matrices, got shapes {:?} and {:?}", call.shape(a), call.shape(b)));
    }
    if flip_a {
        a = call.transpose(a, &[1, 0])?;
    }
    if flip_b {
        b = call.transpose(b, &[1, 0])?;
    }
    let mut y = matmul::product(call, a, b)?;
    if let Some(bias) = call.optional(6) {
        let (of_a, of_b) = (call.input(1)?, call.input(4)?);
        let of_a = one(call, of_a)?;
        let scale = call.product(of_b, of_a)?;
        let bias = call.retype(bias, DType::Real)?;
        let bias = call.product(bias, scale)?;
        y = biased(call, y, bias)?;
    }
    let y = call.scale(alpha, y)?;
    if call.optional(7).is_some() {
        return rounded(call, y, 7);
    }
    call.set_elem(0, ElemType::Float);
    Ok(vec![y])
}

pub(super) fn matmul_to_float(call: &mut Call) -> Results {
    let (a, b, of_a, of_b) = (call.input(0)?, call.input(1)?, call.input(2)?, call.input(3)?);
    let (zero_a, zero_b, bias) = (call.optional(4), call.optional(5), call.optional(6));
    let (a_shape, b_shape) = (call.shape(a), call.shape(b));
    let of_a = Grid::along(call, of_a, zero_a, &a_shape, -2)?;
    let of_b = Grid::along(call, of_b, zero_b, &b_shape, -1)?;
    let (a, b) = (dequantised(call, a, of_a)?, dequantised(call, b, of_b)?);
    real_product(call, a, b, bias)
}

pub(super) fn dynamic_matmul(call: &mut Call) -> Results {
    let (a, b, of_b) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let (zero_b, bias) = (call.optional(3), call.optional(4));
    let b_shape = call.shape(b);
    let of_b = Grid::along(call, of_b, zero_b, &b_shape, -1)?;
    let [a, scale, zero] = quantize::by_range(call, a)?;
    let a = dequantised(call, a, Grid { scale, zero: Some(zero) })?;
    let b = dequantised(call, b, of_b)?;
    real_product(call, a, b, bias)
}

fn real_product(call: &mut Call, a: NodeId, b: NodeId, bias: Option<NodeId>) -> Results {
    call.set_elem(0, ElemType::Float);
    let y = matmul::product(call, a, b)?;
    Ok(vec![match bias {
        Some(bias) => biased(call, y, bias)?,
        None => y,
    }])
}

fn biased(call: &mut Call, y: NodeId, bias: NodeId) -> Lowering<NodeId> {
    let shape = call.shape(y);
    if call.common_shape(&[y, bias])? != shape {
        return invalid(format!("bias of shape {:?} for a product of shape {shape:?}", call.shape(bias)));
    }
    call.linear(&[(1.0, y), (1.0, bias)])
}

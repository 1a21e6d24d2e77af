//! CausalConvWithState: a convolution per channel that sees only earlier elements, and the elements that the next call
//! needs.
//!
//! Spec: CausalConvWithState; all opsets. Nothing is rejected.

use plonnx_ir::op::{Conv, View};
use plonnx_ir::{CoreOp, Function};

use super::conv::add_bias;
use crate::lower::{Call, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let (x, w, bias, past) = (call.input(0)?, call.input(1)?, call.optional(2), call.optional(3));
    let (shape, w_shape) = (call.shape(x), call.shape(w));
    let ([_, channels, length], [w_channels, 1, kernel]) = (&shape[..], &w_shape[..]) else {
        return invalid(format!("an operand of shape {shape:?} and weights of shape {w_shape:?}"));
    };
    if channels != w_channels || *kernel == 0 || *length == 0 {
        return invalid(format!("an operand of shape {shape:?} and weights of shape {w_shape:?}"));
    }
    let missing = kernel - 1;
    let padded = match past {
        Some(past) => call.add(CoreOp::View(View::Concat { axis: 2 }), &[past, x])?,
        None => call.view(View::Pad { before: vec![0, 0, missing], after: vec![0; 3], interior: vec![0; 3] }, x)?,
    };
    if call.shape(padded)[2] != length + missing {
        return invalid(format!("a state that does not have {missing} elements per channel"));
    }
    let conv = Conv { strides: vec![1], dilations: vec![1], before: vec![0], after: vec![0], groups: *channels };
    let y = call.conv(conv, padded, w)?;
    let y = add_bias(call, y, bias)?;
    let y = match call.text("activation", "none")? {
        "none" => y,
        "silu" | "swish" => call.map(Function::Swish(1.0), y)?,
        other => return invalid(format!("activation is \"{other}\", expected none, silu or swish")),
    };
    let state = call.narrow(padded, 2, *length, missing)?;
    Ok(vec![y, state])
}

//! Operators that apply a function of one variable to every element.
//!
//! Spec: Abs, Acos, Acosh, Asin, Asinh, Atan, Atanh, Ceil, Celu, Cos, Cosh, Elu, Erf, Exp, Floor, Gelu, HardSigmoid,
//! HardSwish, LeakyRelu, Log, Mish, Reciprocal, Relu, Round, Selu, Shrink, Sigmoid, Sign, Sin, Sinh, Softplus, Softsign,
//! Sqrt, Swish, Tan, Tanh, ThresholdedRelu; all opsets. Values for integers become integers again, towards zero. Nothing
//! is rejected.

use plonnx_ir::op::Compare;
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use super::cast::of_reals;
use super::{div, recognise};
use crate::lower::{Builder, Call, Lowering, Results, invalid};

/// A function without attributes.
pub(super) fn lower(call: &mut Call, function: Function) -> Results {
    call.ignore(&["consumed_inputs"]);
    let x = call.input(0)?;
    if function == Function::Log
        && let Some(y) = recognise::log_sum_exp(call, x)?
    {
        return Ok(vec![y]);
    }
    if matches!(function, Function::Abs | Function::Sign | Function::Relu) {
        return Ok(vec![call.map(function, x)?]);
    }
    Ok(vec![of_reals(call, x, |b, x| b.map(function, x))?])
}

/// A function whose parameters are attributes.
pub(super) fn with(call: &mut Call, function: fn(&mut Call) -> Lowering<Function>) -> Results {
    let function = function(call)?;
    lower(call, function)
}

pub(super) fn reciprocal(call: &mut Call) -> Results {
    call.ignore(&["consumed_inputs"]);
    let x = call.input(0)?;
    Ok(vec![div::reciprocal(call, x)?])
}

pub(super) fn celu(call: &mut Call) -> Lowering<Function> {
    Ok(Function::Celu(call.float("alpha", 1.0)?))
}

pub(super) fn elu(call: &mut Call) -> Lowering<Function> {
    Ok(Function::Elu(call.float("alpha", 1.0)?))
}

pub(super) fn gelu(call: &mut Call) -> Lowering<Function> {
    match call.text("approximate", "none")? {
        "none" => Ok(Function::Gelu),
        "tanh" => Ok(Function::GeluTanh),
        other => invalid(format!("approximate is \"{other}\", expected none or tanh")),
    }
}

pub(super) fn hard_sigmoid(call: &mut Call) -> Lowering<Function> {
    Ok(Function::HardSigmoid { alpha: call.float("alpha", 0.2)?, beta: call.float("beta", 0.5)? })
}

pub(super) fn leaky_relu(call: &mut Call) -> Lowering<Function> {
    Ok(Function::LeakyRelu(call.float("alpha", 0.01)?))
}

pub(super) fn selu(call: &mut Call) -> Lowering<Function> {
    // Opset 1 rounded the defaults to four digits.
    let (alpha, gamma) =
        if call.opset < 6 { (1.6732, 1.0507) } else { (1.673_263_192_176_818_8, 1.050_701_022_148_132_3) };
    Ok(Function::Selu { alpha: call.float("alpha", alpha)?, gamma: call.float("gamma", gamma)? })
}

pub(super) fn swish(call: &mut Call) -> Lowering<Function> {
    Ok(Function::Swish(call.float("alpha", 1.0)?))
}

/// `x + bias` below `-lambd`, `x - bias` above `lambd`, 0 between.
pub(super) fn shrink(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let (bias, lambd) = (call.float("bias", 0.0)?, call.float("lambd", 0.5)?);
    Ok(vec![of_reals(call, x, |b, x| shrunk(b, x, bias, lambd))?])
}

fn shrunk(builder: &mut Builder, x: NodeId, bias: f64, lambd: f64) -> Lowering<NodeId> {
    let mut number = |value: f64| builder.scalar(value, DType::Real);
    let (low, high, zero, bias) = (number(-lambd)?, number(lambd)?, number(0.0)?, number(bias)?);
    let below = builder.aligned(&[x, low])?;
    let below = builder.add(CoreOp::Compare(Compare::Less), &below)?;
    let mut above = builder.aligned(&[x, high])?;
    above.reverse();
    let above = builder.add(CoreOp::Compare(Compare::Less), &above)?;
    let raised = builder.linear(&[(1.0, x), (1.0, bias)])?;
    let lowered = builder.linear(&[(1.0, x), (-1.0, bias)])?;
    let kept = builder.aligned(&[above, lowered, zero])?;
    let kept = builder.add(CoreOp::Select, &kept)?;
    builder.add(CoreOp::Select, &[below, raised, kept])
}

pub(super) fn thresholded_relu(call: &mut Call) -> Lowering<Function> {
    Ok(Function::ThresholdedRelu(call.float("alpha", 1.0)?))
}

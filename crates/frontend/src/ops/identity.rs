//! Identity, Dropout: operators that change nothing at inference.
//!
//! Spec: the pages of these names; all opsets. Rejected: Dropout in training mode.

use plonnx_ir::DType;

use crate::lower::{Call, Results, ValueResults, unsupported};

pub(super) fn identity(call: &mut Call) -> ValueResults {
    Ok(vec![call.value(0)?])
}

pub(super) fn dropout(call: &mut Call) -> Results {
    call.ignore(&["seed", "consumed_inputs"]);
    let x = call.input(0)?;
    let ratio = call.float("ratio", 0.5)?;
    let ratio = call.known_scalar(1, "ratio")?.unwrap_or(ratio);
    // Before opset 7 the default was training, but exporters left is_test out of models that are done with it.
    let training = match call.opset {
        ..7 => call.int("is_test")? == Some(0),
        _ => call.known_scalar(2, "training_mode")?.unwrap_or(0.0) != 0.0,
    };
    if training && ratio != 0.0 {
        return unsupported("training mode", "export the model in inference mode (model.eval())");
    }
    if !call.wants(1) {
        return Ok(vec![x]);
    }
    let dtype = if call.opset < 10 { call.dtype(x) } else { DType::Bool };
    let kept = call.scalar(1.0, dtype)?;
    let shape = call.shape(x);
    let mask = call.broadcast(kept, &shape)?;
    Ok(vec![x, mask])
}

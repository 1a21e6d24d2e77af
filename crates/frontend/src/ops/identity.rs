//! Identity, Dropout: operators that change nothing at inference.
//!
//! Spec: the pages of these names; all opsets. Rejected: Dropout in training mode.

use plonnx_ir::DType;

use crate::lower::{Call, Results, ValueResults, unsupported};

pub(super) fn identity(call: &mut Call) -> ValueResults {
    Ok(vec![call.value(0)?])
}

pub(super) fn dropout(call: &mut Call) -> Results {
    call.ignore(&["ratio", "seed", "is_test", "consumed_inputs"]);
    let x = call.input(0)?;
    let ratio = call.known_scalar(1, "ratio")?.unwrap_or(0.5);
    let training = call.known_scalar(2, "training_mode")?.unwrap_or(0.0) != 0.0;
    if training && ratio != 0.0 {
        return unsupported("training mode", "export the model in inference mode (model.eval())");
    }
    if !call.wants(1) {
        return Ok(vec![x]);
    }
    let kept = call.scalar(1.0, DType::Bool)?;
    let shape = call.shape(x);
    let mask = call.broadcast(kept, &shape)?;
    Ok(vec![x, mask])
}

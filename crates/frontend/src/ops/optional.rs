//! Optional, OptionalHasElement, OptionalGetElement: values that may be missing.
//!
//! Spec: the pages of these names; all opsets. Whether a value is there is known when the model is read. Rejected: an
//! element of nothing.

use plonnx_ir::DType;

use crate::decode::ElemType;
use crate::lower::{Call, Item, Value, ValueResults, invalid};

pub(super) fn optional(call: &mut Call) -> ValueResults {
    call.ignore(&["type"]);
    Ok(vec![call.optional_value(0).unwrap_or(Value::Nothing)])
}

pub(super) fn has_element(call: &mut Call) -> ValueResults {
    // From opset 18 on a missing operand is an empty value.
    if call.opset < 18 {
        call.value(0)?;
    }
    let present = !matches!(call.optional_value(0), None | Some(Value::Nothing));
    let id = call.scalar(f64::from(u8::from(present)), DType::Bool)?;
    Ok(vec![Value::Tensor(Item { id, elem: ElemType::Bool })])
}

pub(super) fn get_element(call: &mut Call) -> ValueResults {
    match call.value(0)? {
        Value::Nothing => invalid("the optional value is empty"),
        value => Ok(vec![value]),
    }
}

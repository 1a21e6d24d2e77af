//! Shape, Size: extents of a tensor. They are known, whatever the data.
//!
//! Spec: the pages of these names; all opsets. Nothing is rejected.

use plonnx_ir::DType;

use crate::decode::ElemType;
use crate::lower::{Call, Results};

pub(super) fn shape(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let bound = |value: i64| {
        let wrapped = if value < 0 { value.saturating_add_unsigned(shape.len() as u64) } else { value };
        usize::try_from(wrapped).unwrap_or(0).min(shape.len())
    };
    let start = bound(call.int("start")?.unwrap_or(0));
    let end = call.int("end")?.map_or(shape.len(), bound);
    let part = shape.get(start..end).unwrap_or_default();
    call.set_elem(0, ElemType::Int64);
    Ok(vec![call.integers(part)?])
}

pub(super) fn size(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let len: usize = call.shape(x).iter().product();
    call.set_elem(0, ElemType::Int64);
    Ok(vec![call.scalar(len as f64, DType::Int)?])
}

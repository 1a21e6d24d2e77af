//! Constant, ConstantOfShape, Range: tensors that no input determines.
//!
//! Spec: the pages of these names; all opsets. Rejected: strings, sparse tensors, and shapes or limits that depend on
//! the data.

use plonnx_ir::DType;

use crate::decode::MAX_ELEMENTS;
use crate::lower::{Call, Results, extent, invalid, sized, unsupported};

pub(super) fn constant(call: &mut Call) -> Results {
    if let Some((value, elem)) = call.tensor_attribute("value")? {
        call.set_elem(0, elem);
        return Ok(vec![call.initialiser(value, elem)?.id]);
    }
    if let Some(ints) = call.ints("value_ints")? {
        let data = ints.iter().map(|v| *v as f64).collect();
        return Ok(vec![call.tensor(&[ints.len()], data, DType::Int)?]);
    }
    if let Some(int) = call.int("value_int")? {
        return Ok(vec![call.scalar(int as f64, DType::Int)?]);
    }
    if let Some(floats) = call.floats("value_floats")? {
        return Ok(vec![call.tensor(&[floats.len()], floats, DType::Real)?]);
    }
    if call.has("value_float") {
        let value = call.float("value_float", 0.0)?;
        return Ok(vec![call.scalar(value, DType::Real)?]);
    }
    unsupported("the constant is no dense tensor of numbers", "store it as a dense tensor of numbers")
}

pub(super) fn constant_of_shape(call: &mut Call) -> Results {
    let Some(shape) = call.known_ints(0, "shape")? else { return invalid("operand 0 is missing") };
    let shape = shape.into_iter().map(|d| extent(d, "shape")).collect::<Result<Vec<_>, _>>()?;
    let (value, dtype) = match call.tensor_attribute("value")? {
        None => (0.0, DType::Real),
        Some((value, elem)) => match value.to_vec().as_slice() {
            [value] => {
                call.set_elem(0, elem);
                (*value, elem.dtype())
            }
            values => return invalid(format!("expected one value, got {}", values.len())),
        },
    };
    let scalar = call.scalar(value, dtype)?;
    Ok(vec![call.broadcast(scalar, &shape)?])
}

pub(super) fn range(call: &mut Call) -> Results {
    if call.opset >= 27 {
        // The type in which float numbers of 16 bits are summed.
        call.ignore(&["stash_type"]);
    }
    let dtype = call.input(0).map(|x| call.dtype(x))?;
    let bounds = [call.known_scalar(0, "start")?, call.known_scalar(1, "limit")?, call.known_scalar(2, "delta")?];
    let [Some(start), Some(limit), Some(delta)] = bounds else { return invalid("an operand is missing") };
    let count = ((limit - start) / delta).ceil().max(0.0);
    if !count.is_finite() || count > MAX_ELEMENTS as f64 {
        return invalid(format!("a range from {start} to {limit} by {delta}"));
    }
    let count = count as usize;
    sized(&[count])?;
    let data = (0..count).map(|i| start + i as f64 * delta).collect();
    Ok(vec![call.tensor(&[count], data, dtype)?])
}

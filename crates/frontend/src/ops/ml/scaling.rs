//! Scaler, Normalizer, Binarizer, Imputer: features on their way to a model.
//!
//! Spec: the pages of these names; all opsets of ai.onnx.ml. Rejected: nothing. An Imputer that replaces NaN does
//! nothing, since inputs of circuits are numbers.

use plonnx_ir::op::{Compare, Reducer};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use crate::lower::{Call, Lowering, Results, invalid};

/// One number for all of `f` features, or one for each.
fn per_feature(values: Vec<f64>, f: usize, what: &str) -> Lowering<Vec<f64>> {
    match values.as_slice() {
        [one] => Ok(vec![*one; f]),
        _ if values.len() == f => Ok(values),
        _ => invalid(format!("expected 1 or {f} numbers as {what}, got {}", values.len())),
    }
}

/// Extent of the last axis.
fn features(call: &Call, x: NodeId) -> usize {
    call.shape(x).last().copied().unwrap_or(1)
}

pub(in crate::ops) fn scaler(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let f = features(call, x);
    let offset = per_feature(call.floats("offset")?.unwrap_or_else(|| vec![0.0]), f, "offset")?;
    let scale = per_feature(call.floats("scale")?.unwrap_or_else(|| vec![1.0]), f, "scale")?;
    let x = call.retype(x, DType::Real)?;
    let scale = call.tensor(&[f], scale, DType::Real)?;
    let offset = call.tensor(&[f], offset, DType::Real)?;
    let centred = call.linear(&[(1.0, x), (-1.0, offset)])?;
    Ok(vec![call.product(centred, scale)?])
}

pub(in crate::ops) fn normalizer(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let x = call.retype(x, DType::Real)?;
    let axis = match call.rank(x) {
        0 => return invalid("expected a tensor with an axis, got a single number"),
        rank => rank - 1,
    };
    let size = match call.text("norm", "MAX")? {
        "MAX" => call.reduce(Reducer::Max, x, &[axis], true)?,
        "L1" => {
            let magnitude = call.map(Function::Abs, x)?;
            call.reduce(Reducer::Sum, magnitude, &[axis], true)?
        }
        "L2" => {
            let square = call.square(x)?;
            let sum = call.reduce(Reducer::Sum, square, &[axis], true)?;
            let inverse = call.map(Function::Rsqrt, sum)?;
            return Ok(vec![call.product(x, inverse)?]);
        }
        other => return invalid(format!("norm {other}")),
    };
    let operands = call.aligned(&[x, size])?;
    Ok(vec![call.add(CoreOp::Div(()), &operands)?])
}

pub(in crate::ops) fn binarizer(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let threshold = call.float("threshold", 0.0)?;
    let above = above(call, x, threshold)?;
    Ok(vec![call.retype(above, DType::Real)?])
}

/// Whether elements of `x` are greater than `threshold`.
pub(super) fn above(call: &mut Call, x: NodeId, threshold: f64) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let threshold = call.scalar(threshold, DType::Real)?;
    let threshold = call.broadcast(threshold, &shape)?;
    call.add(CoreOp::Compare(Compare::Less), &[threshold, x])
}

pub(in crate::ops) fn imputer(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let f = features(call, x);
    let (given, replaced) = match call.dtype(x) {
        DType::Real => (call.floats("imputed_value_floats")?, call.float("replaced_value_float", f64::NAN)?),
        _ => {
            let given = call.ints("imputed_value_int64s")?.map(|v| v.into_iter().map(|v| v as f64).collect());
            (given, call.int("replaced_value_int64")?.unwrap_or(0) as f64)
        }
    };
    // The attributes of the other kind have no effect.
    call.ignore(&["imputed_value_floats", "replaced_value_float", "imputed_value_int64s", "replaced_value_int64"]);
    let Some(given) = given else { return invalid("expected values to impute") };
    let given = per_feature(given, f, "imputed values")?;
    if replaced.is_nan() {
        call.remark("inputs of circuits are numbers: there is no NaN to replace".into());
        return Ok(vec![x]);
    }
    let (shape, dtype) = (call.shape(x), call.dtype(x));
    let given = call.tensor(&[f], given, dtype)?;
    let given = call.broadcast(given, &shape)?;
    let replaced = call.scalar(replaced, dtype)?;
    let replaced = call.broadcast(replaced, &shape)?;
    let missing = call.add(CoreOp::Compare(Compare::Equal), &[x, replaced])?;
    Ok(vec![call.add(CoreOp::Select, &[missing, given, x])?])
}

//! LabelEncoder, OneHotEncoder, ArrayFeatureExtractor, FeatureVectorizer, ZipMap: categories and columns.
//!
//! Spec: the pages of these names; all opsets of ai.onnx.ml. Rejected: texts as operands. Texts as results become indices,
//! with a note. A OneHotEncoder gives zeros for categories that it does not know, whatever `zeros` says: a circuit has no
//! way to fail on them.

use plonnx_ir::op::{Compare, View};
use plonnx_ir::{CoreOp, DType, NodeId};

use crate::lower::{Call, Lowering, Results, axis, invalid, unsupported};
use crate::ops::one_hot::look_up;

/// Whether each element of `x` is each of `keys`: the shape of `x` with an axis more, Bool.
fn matches(call: &mut Call, x: NodeId, keys: &[f64]) -> Lowering<NodeId> {
    let mut shape = call.shape(x);
    shape.push(1);
    let column = call.reshape(x, &shape)?;
    let dtype = call.dtype(x);
    let keys = call.tensor(&[keys.len()], keys.to_vec(), dtype)?;
    let operands = call.aligned(&[column, keys])?;
    call.add(CoreOp::Compare(Compare::Equal), &operands)
}

const NO_TEXTS: &str = "encode texts as integers before the model";

pub(in crate::ops) fn one_hot_encoder(call: &mut Call) -> Results {
    let x = call.input(0)?;
    call.ignore(&["zeros"]);
    if call.texts("cats_strings")?.is_some_and(|v| !v.is_empty()) {
        return unsupported("categories that are texts", NO_TEXTS);
    }
    let Some(categories) = call.ints("cats_int64s")?.filter(|v| !v.is_empty()) else {
        return invalid("expected categories in \"cats_int64s\"");
    };
    let categories: Vec<f64> = categories.into_iter().map(|v| v as f64).collect();
    let found = matches(call, x, &categories)?;
    Ok(vec![call.retype(found, DType::Real)?])
}

/// Keys or values of a LabelEncoder: numbers, or texts with their number.
enum Column {
    Numbers(Vec<f64>, DType),
    Texts(Vec<String>),
}

/// The column in whichever attribute gives it.
fn column(call: &mut Call, names: [&'static str; 4]) -> Lowering<Option<Column>> {
    let [ints, floats, texts, tensor] = names;
    if let Some(values) = call.ints(ints)? {
        return Ok(Some(Column::Numbers(values.into_iter().map(|v| v as f64).collect(), DType::Int)));
    }
    if let Some(values) = call.floats(floats)? {
        return Ok(Some(Column::Numbers(values, DType::Real)));
    }
    if let Some(values) = call.texts(texts)? {
        return Ok(Some(Column::Texts(values)));
    }
    Ok(call.tensor_attribute(tensor)?.map(|(t, elem)| Column::Numbers(t.to_vec(), elem.dtype())))
}

pub(in crate::ops) fn label_encoder(call: &mut Call) -> Results {
    let x = call.input(0)?;
    if call.opset < 2 {
        return unsupported("a LabelEncoder of texts", NO_TEXTS);
    }
    let keys = match column(call, ["keys_int64s", "keys_floats", "keys_strings", "keys_tensor"])? {
        Some(Column::Numbers(keys, _)) if !keys.is_empty() => keys,
        Some(Column::Texts(_)) => return unsupported("keys that are texts", NO_TEXTS),
        _ => return invalid("expected keys"),
    };
    if keys.iter().any(|k| !k.is_finite()) {
        return unsupported("a key that is no finite number", "remove it");
    }
    let values = column(call, ["values_int64s", "values_floats", "values_strings", "values_tensor"])?;
    let (mut values, dtype) = match values {
        Some(Column::Numbers(values, dtype)) => (values, dtype),
        Some(Column::Texts(texts)) => {
            let list: Vec<String> = texts.iter().enumerate().map(|(i, t)| format!("{i} = \"{t}\"")).collect();
            call.remark(format!("values are texts: the result is their index or -1, {}", list.join(", ")));
            ((0..texts.len()).map(|i| i as f64).collect(), DType::Int)
        }
        None => return invalid("expected values"),
    };
    if values.len() != keys.len() {
        return invalid(format!("expected {} values, one for each key, got {}", keys.len(), values.len()));
    }
    let default = match (call.tensor_attribute("default_tensor")?, dtype) {
        (Some((t, _)), _) => t.to_vec().first().copied().unwrap_or(0.0),
        (None, DType::Real) => call.float("default_float", 0.0)?,
        (None, _) => call.int("default_int64")?.unwrap_or(-1) as f64,
    };
    // The defaults of other kinds have no effect.
    call.ignore(&["default_int64", "default_float", "default_string"]);
    values.iter_mut().for_each(|v| *v -= default);
    let found = matches(call, x, &keys)?;
    let shape = call.shape(x);
    let count: usize = shape.iter().product();
    let found = call.reshape(found, &[count, keys.len()])?;
    let values = call.tensor(&[keys.len()], values, dtype)?;
    let chosen = call.contract(found, b"nk", values, b"k", b"n")?;
    let default = call.scalar(default, dtype)?;
    let sum = call.linear(&[(1.0, chosen), (1.0, default)])?;
    Ok(vec![call.reshape(sum, &shape)?])
}

pub(in crate::ops) fn array_feature_extractor(call: &mut Call) -> Results {
    let (x, y) = (call.input(0)?, call.input(1)?);
    let mut shape = call.shape(x);
    if shape.is_empty() {
        return invalid("expected a tensor with an axis, got a single number");
    }
    if shape.len() == 1 {
        shape.insert(0, 1);
    }
    let x = call.reshape(x, &shape)?;
    let last = shape.len() - 1;
    let count: usize = call.shape(y).iter().product();
    let y = call.reshape(y, &[count])?;
    let Some(known) = call.known(y) else { return Ok(vec![look_up(call, x, last, y)?]) };
    let indices = known.iter().map(|v| axis(v as i64, shape[last])).collect::<Lowering<Vec<_>>>()?;
    Ok(vec![call.gather(x, last, indices)?])
}

pub(in crate::ops) fn feature_vectorizer(call: &mut Call) -> Results {
    let widths = call.extents("inputdimensions")?;
    let inputs = call.all_inputs()?;
    if widths.as_ref().is_some_and(|w| w.len() != inputs.len()) {
        return invalid(format!("expected {} input dimensions", inputs.len()));
    }
    let mut parts = Vec::new();
    for (i, x) in inputs.into_iter().enumerate() {
        let shape = call.shape(x);
        let n = if shape.len() > 1 { shape[0] } else { 1 };
        let size: usize = shape.iter().product();
        if n == 0 || widths.as_ref().is_some_and(|w| w[i] != size / n) {
            return invalid(format!(
                "operand {i} of shape {shape:?} does not have the width that inputdimensions says"
            ));
        }
        let x = call.reshape(x, &[n, size / n])?;
        parts.push(call.retype(x, DType::Real)?);
    }
    Ok(vec![call.add(CoreOp::View(View::Concat { axis: 1 }), &parts)?])
}

pub(in crate::ops) fn zip_map(call: &mut Call) -> Results {
    call.ignore(&["classlabels_int64s", "classlabels_strings"]);
    let x = call.input(0)?;
    call.remark("a list of maps is no tensor: the result is the tensor of scores, a column for each class".into());
    Ok(vec![x])
}

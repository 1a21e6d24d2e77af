//! Nested JSON arrays of numbers.

use plonnx_ir::Tensor;
use serde_json::Value;

use super::{Arrays, DataError};

/// Largest rank of a tensor.
const MAX_RANK: usize = 16;

/// The arrays in a JSON file: an object by name, or one array without a name.
pub(super) fn read(bytes: &[u8]) -> Result<Arrays, DataError> {
    let value: Value =
        serde_json::from_slice(bytes).map_err(|e| malformed(format!("{e}; NaN and Infinity are not JSON")))?;
    let mut arrays = Arrays::default();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let tensor = tensor(&value).map_err(|reason| malformed(format!("field \"{name}\": {reason}")))?;
                arrays.insert(&name, tensor);
            }
        }
        value => arrays.insert("", tensor(&value).map_err(malformed)?),
    }
    Ok(arrays)
}

fn malformed(reason: String) -> DataError {
    DataError::Malformed { format: "a JSON file of tensors", reason }
}

/// The tensor that nested arrays stand for.
fn tensor(value: &Value) -> Result<Tensor<f64>, String> {
    let mut shape = Vec::new();
    let mut inner = value;
    while let Value::Array(items) = inner {
        shape.push(items.len());
        if shape.len() > MAX_RANK {
            return Err(format!("expected at most {MAX_RANK} nested arrays"));
        }
        let Some(first) = items.first() else { break };
        inner = first;
    }
    let mut elements = Vec::new();
    flatten(value, &shape, &mut elements)?;
    Tensor::from_vec(&shape, elements).ok_or_else(|| "the arrays differ in length".into())
}

fn flatten(value: &Value, shape: &[usize], out: &mut Vec<f64>) -> Result<(), String> {
    match (value, shape) {
        (Value::Array(items), [extent, rest @ ..]) => {
            if items.len() != *extent {
                return Err(format!("expected arrays of equal length {extent}, got one of {}", items.len()));
            }
            items.iter().try_for_each(|item| flatten(item, rest, out))
        }
        (Value::Number(number), []) => {
            let element = match number.as_i64() {
                Some(integer) => super::whole(i128::from(integer)).map_err(|e| e.to_string())?,
                None => number.as_f64().ok_or_else(|| format!("{number} is too large"))?,
            };
            out.push(element);
            Ok(())
        }
        (Value::Bool(truth), []) => {
            out.push(f64::from(u8::from(*truth)));
            Ok(())
        }
        (Value::Array(_), []) => Err("expected a number, got an array: the nesting is uneven".into()),
        (other, _) => {
            let text: String = other.to_string().chars().take(40).collect();
            Err(format!("expected numbers in evenly nested arrays, got {text}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_by_name() {
        let arrays = read(br#"{"x": [[1, 2.5], [true, -4e1]], "y": 3}"#).unwrap();
        let x = arrays.get("x").unwrap();
        assert_eq!((x.shape(), x.to_vec()), (&[2, 2][..], vec![1.0, 2.5, 1.0, -40.0]));
        assert_eq!(arrays.get("y").unwrap().shape(), &[] as &[usize]);
    }

    #[test]
    fn malformed_arrays_are_named() {
        for (text, part) in [
            (r#"{"x": [[1, 2], [3]]}"#, "field \"x\": expected arrays of equal length 2, got one of 1"),
            (r#"{"x": [1, [2]]}"#, "uneven"),
            (r#"{"x": [[1], 2]}"#, "evenly nested"),
            (r#"["a"]"#, "got \"a\""),
            (r#"[1, NaN]"#, "NaN and Infinity are not JSON"),
            (r#"[9007199254740993]"#, "9007199254740993"),
            (r#"[1"#, "EOF"),
        ] {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(read(deep.as_bytes()).is_err());
        assert!(read("[".repeat(100_000).as_bytes()).is_err());
    }
}

//! Data files on the command line.

use std::path::Path;

use plonnx::Tensor;
use plonnx::data::{Arrays, read};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Reads all of `arguments`, each `FILE` or `INPUT=FILE`.
pub(crate) fn read_all(arguments: &[String]) -> Result<Arrays, Failure> {
    let mut all = Arrays::default();
    for argument in arguments {
        all.extend(match argument.split_once('=') {
            Some((input, file)) if !Path::new(argument).exists() => {
                let single = || Failure::Usage(format!("{argument}: expected a file with one array"));
                read(file)?.renamed(input).ok_or_else(single)?
            }
            _ => read(argument)?,
        });
    }
    Ok(all)
}

/// The tensor as nested arrays; whole numbers have no fraction.
pub(crate) fn nested(tensor: &Tensor<f64>) -> Value {
    fn level(shape: &[usize], data: &[f64]) -> Value {
        match shape {
            [] => data.first().map_or(Value::Null, |v| number(*v)),
            [0, ..] => json!([]),
            [extent, rest @ ..] => data.chunks((data.len() / extent).max(1)).map(|part| level(rest, part)).collect(),
        }
    }
    level(tensor.shape(), tensor.data())
}

fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

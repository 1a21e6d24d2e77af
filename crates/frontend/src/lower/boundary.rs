//! Graph inputs and outputs.

use std::collections::BTreeMap;

use plonnx_ir::CoreOp;
use plonnx_ir::op::Input;

use super::{Builder, OpError, Value, Values};
use crate::decode::{Boundary, Dim, checked_len};
use crate::error::{FrontendError, UnboundDim};
use crate::{Options, ValueInfo};

/// Shapes of all inputs with the open dimensions bound.
pub(super) fn bind(inputs: &[Boundary], options: &Options) -> Result<Vec<Vec<usize>>, FrontendError> {
    let dims = named_dims(inputs, options)?;
    let mut unbound = Vec::new();
    let mut shapes = Vec::new();
    for input in inputs {
        let open =
            |dim: Option<&str>, axis| UnboundDim { dim: dim.map(str::to_string), input: input.name.clone(), axis };
        let shape: Vec<usize> = match (options.input_shapes.get(&input.name), &input.dims) {
            (Some(shape), _) => shape.clone(),
            (None, None) => {
                unbound.push(open(None, None));
                Vec::new()
            }
            (None, Some(declared)) => declared
                .iter()
                .enumerate()
                .map(|(axis, dim)| match dim {
                    Dim::Fixed(extent) => *extent,
                    Dim::Named(name) => dims.get(name.as_str()).copied().unwrap_or_else(|| {
                        unbound.push(open(Some(name), Some(axis)));
                        0
                    }),
                    Dim::Unknown => {
                        unbound.push(open(None, Some(axis)));
                        0
                    }
                })
                .collect(),
        };
        checked_len(&shape).map_err(|reason| boundary("input", &input.name, reason))?;
        shapes.push(shape);
    }
    if unbound.is_empty() { Ok(shapes) } else { Err(FrontendError::UnboundDims { dims: unbound }) }
}

/// Extents of the named dimensions, given directly or by the shape of an input that has them.
fn named_dims<'a>(inputs: &'a [Boundary], options: &'a Options) -> Result<BTreeMap<&'a str, usize>, FrontendError> {
    let mut dims: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, extent) in &options.dims {
        let exists = inputs.iter().flat_map(|i| i.dims.iter().flatten()).any(|d| *d == Dim::Named(name.clone()));
        if !exists {
            return Err(option(format!("--dim {name}={extent}"), "the model has no dimension of this name".into()));
        }
        dims.insert(name, *extent);
    }
    for (name, shape) in &options.input_shapes {
        let fault = |reason: String| option(format!("--shape {name}={}", commas(shape)), reason);
        let Some(input) = inputs.iter().find(|i| i.name == *name) else {
            return Err(fault("the model has no input of this name".into()));
        };
        let Some(declared) = &input.dims else { continue };
        if declared.len() != shape.len() {
            return Err(fault(format!("the input has {} axes, got {}", declared.len(), shape.len())));
        }
        for (axis, (dim, extent)) in declared.iter().zip(shape).enumerate() {
            match dim {
                Dim::Fixed(fixed) if fixed != extent => {
                    return Err(fault(format!("axis {axis} has the fixed extent {fixed}, got {extent}")));
                }
                Dim::Named(dim) => match dims.insert(dim, *extent) {
                    Some(other) if other != *extent => {
                        return Err(fault(format!("dimension \"{dim}\" is both {other} and {extent}")));
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }
    Ok(dims)
}

/// Adds the inputs to the graph.
pub(super) fn add_inputs(
    inputs: &[Boundary],
    shapes: Vec<Vec<usize>>,
    builder: &mut Builder,
    values: &mut Values,
) -> Result<Vec<ValueInfo>, FrontendError> {
    let mut infos = Vec::new();
    for (input, shape) in inputs.iter().zip(shapes) {
        let Some(elem) = input.elem else {
            return Err(boundary("input", &input.name, format!("a {} is not supported", input.kind)));
        };
        builder.name.clone_from(&input.name);
        let op = CoreOp::Input(Input { shape: shape.clone(), dtype: elem.dtype(), domain: () });
        let id = builder.add(op, &[]).map_err(|e| match e {
            OpError::Invalid(reason) | OpError::Unsupported { reason, .. } => boundary("input", &input.name, reason),
        })?;
        values.define(&input.name, Some(Value { id, elem }))?;
        infos.push(ValueInfo { name: input.name.clone(), shape, dtype: elem.dtype(), elem });
    }
    Ok(infos)
}

/// Names the results of the graph.
pub(super) fn add_outputs(
    outputs: &[Boundary],
    builder: &mut Builder,
    values: &Values,
) -> Result<Vec<ValueInfo>, FrontendError> {
    if outputs.is_empty() {
        return Err(FrontendError::Decode { reason: "the graph has no outputs".into() });
    }
    let mut infos = Vec::new();
    for output in outputs {
        let Some(Some(Value { id, elem })) = values.get(&output.name).copied() else {
            return Err(boundary("output", &output.name, "no node, initialiser or input defines it".into()));
        };
        builder.graph.add_output(&output.name, id);
        let fact = &builder.graph.node(id).fact;
        let elem = output.elem.filter(|e| e.dtype() == fact.dtype).unwrap_or(elem);
        infos.push(ValueInfo { name: output.name.clone(), shape: fact.shape.clone(), dtype: fact.dtype, elem });
    }
    Ok(infos)
}

fn boundary(role: &'static str, name: &str, reason: String) -> FrontendError {
    FrontendError::Boundary { role, name: name.to_string(), reason }
}

fn option(option: String, reason: String) -> FrontendError {
    FrontendError::Options { option, reason }
}

fn commas(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

//! Graph inputs and outputs.

use std::collections::BTreeMap;

use plonnx_ir::op::Input;
use plonnx_ir::{CoreOp, DType};

use super::value::{Item, Value, Values};
use super::{Builder, OpError};
use crate::decode::{Boundary, Dim, Form, Graph, Initialiser, checked_len};
use crate::error::{FrontendError, Problem, UnboundDim};
use crate::{Options, ValueInfo};

/// Turns inputs whose values `options` gives into initialisers.
pub(super) fn fix_constants(graph: &mut Graph, options: &Options) -> Result<(), FrontendError> {
    for (name, value) in &options.constants {
        let fault = |reason: String| option(format!("--constant {name}"), reason);
        let Some(position) = graph.inputs.iter().position(|i| i.name == *name) else {
            return Err(fault("the model has no input of this name".into()));
        };
        let input = graph.inputs.remove(position);
        let Some(elem) = input.elem.filter(|_| input.form == Form::Tensor) else {
            return Err(fault(format!("a {} is not supported", input.kind)));
        };
        let fits = |declared: &Vec<Dim>| {
            let mut extents = declared.iter().zip(value.shape());
            declared.len() == value.shape().len()
                && extents.all(|(dim, got)| !matches!(dim, Dim::Fixed(extent) if extent != got))
        };
        if !input.dims.as_ref().is_none_or(fits) {
            return Err(fault(format!("the shape {:?} does not fit the declared one", value.shape())));
        }
        let whole = elem.dtype() == DType::Real || value.iter().all(|v| v.fract() == 0.0);
        if !whole {
            return Err(fault(format!("expected whole numbers, the input is a {}", input.kind)));
        }
        graph.initialisers.push(Initialiser { name: input.name, elem, value: value.clone() });
    }
    Ok(())
}

/// Names and shapes of the tensors of every input, with the open dimensions bound: of a sequence as many as
/// `options` gives shapes for.
pub(super) fn bind(inputs: &[Boundary], options: &Options) -> Result<Vec<Vec<Port>>, FrontendError> {
    let dims = named_dims(inputs, options)?;
    let mut unbound = Vec::new();
    let mut ports = Vec::new();
    for input in inputs {
        let names = match input.form {
            Form::Sequence => elements(&input.name, options),
            _ => vec![input.name.clone()],
        };
        let mut tensors = Vec::new();
        for name in names {
            let open = |dim: Option<&str>, axis| UnboundDim { dim: dim.map(str::to_string), input: name.clone(), axis };
            let shape: Vec<usize> = match (options.input_shapes.get(&name), &input.dims) {
                (Some(shape), _) => shape.clone(),
                (None, None) => {
                    unbound.push(open(None, None));
                    Vec::new()
                }
                (None, Some(_)) if input.form == Form::Sequence => {
                    // How many elements there are is open, too.
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
            checked_len(&shape).map_err(|reason| boundary("input", &name, reason))?;
            tensors.push(Port { name, shape });
        }
        ports.push(tensors);
    }
    if unbound.is_empty() { Ok(ports) } else { Err(FrontendError::UnboundDims { dims: unbound }) }
}

/// A tensor of an input.
#[derive(Debug)]
pub(super) struct Port {
    name: String,
    shape: Vec<usize>,
}

/// Name of element `index` of a sequence.
fn element(name: &str, index: usize) -> String {
    format!("{name}[{index}]")
}

/// Names of the elements of a sequence that `options` gives shapes for; at least the first.
fn elements(name: &str, options: &Options) -> Vec<String> {
    let given = (0..).map(|i| element(name, i)).take_while(|e| options.input_shapes.contains_key(e));
    let names: Vec<String> = given.collect();
    if names.is_empty() { vec![element(name, 0)] } else { names }
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
        let is_element = |i: &Boundary| i.form == Form::Sequence && elements(&i.name, options).contains(name);
        if inputs.iter().any(is_element) {
            continue;
        }
        let Some(input) = inputs.iter().find(|i| i.name == *name && i.form != Form::Sequence) else {
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

/// Adds the inputs to the graph. The elements of a sequence are inputs of their own.
pub(super) fn add_inputs(
    inputs: &[Boundary],
    ports: Vec<Vec<Port>>,
    builder: &mut Builder,
    values: &mut Values,
) -> Result<Vec<ValueInfo>, FrontendError> {
    let mut infos = Vec::new();
    for (input, ports) in inputs.iter().zip(ports) {
        let Some(elem) = input.elem else {
            let (node, op) = (input.name.clone(), "input".to_string());
            let reason = format!("a {} is not supported", input.kind);
            let fix = "give it as a dense tensor of numbers".to_string();
            return Err(FrontendError::Unsupported { problems: vec![Problem { node, op, reason, fix }] });
        };
        let mut items = Vec::new();
        for Port { name, shape } in ports {
            builder.name.clone_from(&name);
            let op = CoreOp::Input(Input { shape: shape.clone(), dtype: elem.dtype(), domain: () });
            let id = builder.add(op, &[]).map_err(|e| match e {
                OpError::Invalid(reason) | OpError::Unsupported { reason, .. } => boundary("input", &name, reason),
                OpError::Inner(error) => *error,
            })?;
            items.push(Item { id, elem });
            infos.push(ValueInfo { name, shape, dtype: elem.dtype(), elem });
        }
        let value = match (input.form, items.as_slice()) {
            (Form::Tensor, [item]) => Value::Tensor(*item),
            _ => Value::Sequence(items),
        };
        values.define(&input.name, Some(value), true)?;
    }
    Ok(infos)
}

/// Names the results of the graph. The elements of a sequence are results of their own.
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
        let items: Vec<(String, Item)> = match values.get(&output.name) {
            Some(Some(Value::Tensor(item))) => vec![(output.name.clone(), *item)],
            Some(Some(Value::Sequence(items))) => {
                items.iter().enumerate().map(|(i, item)| (element(&output.name, i), *item)).collect()
            }
            Some(Some(Value::Nothing)) => Vec::new(),
            _ => return Err(boundary("output", &output.name, "no node, initialiser or input defines it".into())),
        };
        for (name, item) in items {
            builder.graph.add_output(&name, item.id);
            let fact = &builder.graph.node(item.id).fact;
            let declared = output.elem.filter(|e| e.dtype() == fact.dtype);
            let elem = declared.unwrap_or(item.elem);
            infos.push(ValueInfo { name, shape: fact.shape.clone(), dtype: fact.dtype, elem });
        }
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

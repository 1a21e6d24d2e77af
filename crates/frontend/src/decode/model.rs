//! Models: graph, operator sets, nodes.

use std::collections::BTreeMap;

use super::attribute::Attribute;
use super::elem::ElemType;
use super::tensor::Initialiser;
use crate::error::FrontendError;
use crate::proto::{DimensionValue, GraphProto, ModelProto, NodeProto, ValueInfoProto};

/// A model whose bytes were well formed; nothing is known yet of how its nodes fit.
#[derive(Debug)]
pub(crate) struct Model {
    /// Version of every operator set the model imports; the standard set is named by the empty string.
    pub(crate) opsets: BTreeMap<String, i64>,
    pub(crate) producer: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) initialisers: Vec<Initialiser>,
    /// Graph inputs that are not initialisers.
    pub(crate) inputs: Vec<Boundary>,
    pub(crate) outputs: Vec<Boundary>,
}

/// An ONNX node.
#[derive(Debug)]
pub(crate) struct Node {
    /// Name in the model, or operator and position.
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) domain: String,
    /// Value names; empty for an operand left out.
    pub(crate) inputs: Vec<String>,
    /// Value names; empty for a result nobody uses.
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
}

/// A graph input or output.
#[derive(Debug)]
pub(crate) struct Boundary {
    pub(crate) name: String,
    /// Element type, when it is one plonnx reads.
    pub(crate) elem: Option<ElemType>,
    /// Kind of value that the model declares, for messages.
    pub(crate) kind: String,
    /// Declared axes; `None` without a declared rank.
    pub(crate) dims: Option<Vec<Dim>>,
}

/// A declared axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dim {
    Fixed(usize),
    Named(String),
    Unknown,
}

impl Model {
    pub(super) fn from_proto(proto: ModelProto) -> Result<Self, FrontendError> {
        let mut opsets = BTreeMap::new();
        for set in proto.opset_import {
            opsets.insert(standard_domain(set.domain), set.version);
        }
        if opsets.is_empty() {
            return decode_error("no operator set is imported");
        }
        let Some(graph) = proto.graph else { return decode_error("there is no graph") };
        let producer = [proto.producer_name, proto.producer_version].join(" ").trim().to_string();
        let GraphProto { node, initializer, sparse_initializer, input, output, .. } = graph;
        if !sparse_initializer.is_empty() {
            return decode_error("sparse initialisers are not supported; store them as dense tensors");
        }
        let nodes = node.into_iter().enumerate().map(|(i, n)| Node::from_proto(n, i)).collect::<Result<Vec<_>, _>>()?;
        let initialisers = initializer.into_iter().map(Initialiser::from_proto).collect::<Result<Vec<_>, _>>()?;
        // Before IR version 4 every initialiser was also listed as an input.
        let constants: std::collections::BTreeSet<&str> = initialisers.iter().map(|i| i.name.as_str()).collect();
        let inputs = input
            .into_iter()
            .filter(|i| !constants.contains(i.name.as_str()))
            .map(Boundary::from_proto)
            .collect::<Result<_, _>>()?;
        let outputs = output.into_iter().map(Boundary::from_proto).collect::<Result<_, _>>()?;
        Ok(Self { opsets, producer, nodes, initialisers, inputs, outputs })
    }
}

impl Node {
    fn from_proto(proto: NodeProto, index: usize) -> Result<Self, FrontendError> {
        let name = if proto.name.is_empty() { format!("{}_{index}", proto.op_type) } else { proto.name };
        let mut attributes = BTreeMap::new();
        for attribute in proto.attribute {
            let key = attribute.name.clone();
            attributes.insert(key, Attribute::from_proto(attribute)?);
        }
        Ok(Self {
            name,
            op: proto.op_type,
            domain: standard_domain(proto.domain),
            inputs: proto.input,
            outputs: proto.output,
            attributes,
        })
    }
}

impl Boundary {
    fn from_proto(proto: ValueInfoProto) -> Result<Self, FrontendError> {
        let name = proto.name;
        if name.is_empty() {
            return decode_error("a graph input or output has no name");
        }
        let Some(tensor) = proto.r#type.and_then(|t| t.tensor_type) else {
            return Ok(Self { name, elem: None, kind: "value that is no dense tensor".into(), dims: None });
        };
        let elem = ElemType::from_number(tensor.elem_type.into());
        let kind = match elem {
            Some(elem) => format!("{elem} tensor"),
            None => format!("tensor of element type number {}", tensor.elem_type),
        };
        let dims = match tensor.shape {
            Some(shape) => {
                Some(shape.dim.into_iter().map(|d| Dim::from_proto(d.value, &name)).collect::<Result<_, _>>()?)
            }
            None => None,
        };
        Ok(Self { name, elem, kind, dims })
    }
}

impl Dim {
    fn from_proto(value: Option<DimensionValue>, input: &str) -> Result<Self, FrontendError> {
        match value {
            Some(DimensionValue::Value(extent)) if extent >= 0 => match usize::try_from(extent) {
                Ok(extent) => Ok(Dim::Fixed(extent)),
                Err(_) => decode_error(&format!("extent {extent} of \"{input}\" is too large")),
            },
            Some(DimensionValue::Param(name)) if !name.is_empty() => Ok(Dim::Named(name)),
            _ => Ok(Dim::Unknown),
        }
    }
}

/// `ai.onnx` is another name of the standard operator set.
fn standard_domain(domain: String) -> String {
    if domain == "ai.onnx" { String::new() } else { domain }
}

fn decode_error<T>(reason: &str) -> Result<T, FrontendError> {
    Err(FrontendError::Decode { reason: reason.to_string() })
}

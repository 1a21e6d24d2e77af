//! Models: graphs, functions, operator sets, nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::attribute::Attribute;
use super::elem::ElemType;
use super::tensor::Initialiser;
use crate::error::FrontendError;
use crate::proto::{
    DimensionValue, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TypeProto, ValueInfoProto,
};

/// A model whose bytes were well formed; nothing is known yet of how its nodes fit.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) opsets: Opsets,
    pub(crate) producer: String,
    pub(crate) graph: Graph,
    pub(crate) functions: BTreeMap<FunctionKey, Function>,
}

/// Version of every operator set that is imported; the standard set is named by the empty string.
pub(crate) type Opsets = BTreeMap<String, i64>;

/// Domain, name and overload of a function.
pub(crate) type FunctionKey = (String, String, String);

/// The graph of the model, or one that is an attribute of a node.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) initialisers: Vec<Initialiser>,
    /// Those of the model's graph are not initialisers.
    pub(crate) inputs: Vec<Boundary>,
    pub(crate) outputs: Vec<Boundary>,
}

/// An operator that the model defines by other operators.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    /// Names of attributes without default.
    pub(crate) attributes: Vec<String>,
    pub(crate) defaults: BTreeMap<String, Attribute>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) opsets: Opsets,
}

/// An ONNX node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Name in the model, or operator and position.
    pub(crate) name: String,
    pub(crate) op: String,
    pub(crate) domain: String,
    pub(crate) overload: String,
    /// Value names; empty for an operand left out.
    pub(crate) inputs: Vec<String>,
    /// Value names; empty for a result nobody uses.
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// Values of the graph around the node that its own graphs use.
    pub(crate) captures: BTreeSet<String>,
}

/// A graph input or output.
#[derive(Clone, Debug)]
pub(crate) struct Boundary {
    pub(crate) name: String,
    pub(crate) form: Form,
    /// Element type, when it is one plonnx reads.
    pub(crate) elem: Option<ElemType>,
    /// Kind of value that the model declares, for messages.
    pub(crate) kind: String,
    /// Declared axes; `None` without a declared rank.
    pub(crate) dims: Option<Vec<Dim>>,
}

/// What is made of the tensors of a boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Tensor,
    /// A list of tensors.
    Sequence,
    Other,
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
        let opsets = opsets(proto.opset_import);
        if opsets.is_empty() {
            return decode_error("no operator set is imported");
        }
        let Some(graph) = proto.graph else { return decode_error("there is no graph") };
        let producer = [proto.producer_name, proto.producer_version].join(" ").trim().to_string();
        let mut functions = BTreeMap::new();
        for function in proto.functions {
            let key = (standard_domain(function.domain.clone()), function.name.clone(), function.overload.clone());
            if functions.insert(key, Function::from_proto(function)?).is_some() {
                return decode_error("two functions have one name");
            }
        }
        let mut graph = Graph::inner(graph)?;
        // Before IR version 4 every initialiser was also listed as an input.
        let constants: BTreeSet<&str> = graph.initialisers.iter().map(|i| i.name.as_str()).collect();
        graph.inputs.retain(|i| !constants.contains(i.name.as_str()));
        Ok(Self { opsets, producer, graph, functions })
    }
}

impl Graph {
    /// A graph with all inputs that it lists.
    pub(super) fn inner(proto: GraphProto) -> Result<Self, FrontendError> {
        let GraphProto { node, initializer, sparse_initializer, input, output, .. } = proto;
        if !sparse_initializer.is_empty() {
            return decode_error("sparse initialisers are not supported; store them as dense tensors");
        }
        Ok(Self {
            nodes: nodes(node)?,
            initialisers: initializer.into_iter().map(Initialiser::from_proto).collect::<Result<_, _>>()?,
            inputs: input.into_iter().map(Boundary::from_proto).collect::<Result<_, _>>()?,
            outputs: output.into_iter().map(Boundary::from_proto).collect::<Result<_, _>>()?,
        })
    }

    /// Names that are used and not defined in the graph.
    fn free(&self) -> BTreeSet<String> {
        let used = self.nodes.iter().flat_map(|n| n.inputs.iter().chain(&n.captures));
        let mut names: BTreeSet<String> = used.chain(self.outputs.iter().map(|o| &o.name)).cloned().collect();
        let defined = self.nodes.iter().flat_map(|n| &n.outputs);
        let inputs = self.inputs.iter().map(|i| &i.name);
        for name in defined.chain(inputs).chain(self.initialisers.iter().map(|i| &i.name)) {
            names.remove(name);
        }
        names.remove("");
        names
    }
}

impl Function {
    fn from_proto(proto: FunctionProto) -> Result<Self, FrontendError> {
        Ok(Self {
            inputs: proto.input,
            outputs: proto.output,
            attributes: proto.attribute,
            defaults: attributes(proto.attribute_proto)?,
            nodes: nodes(proto.node)?,
            opsets: opsets(proto.opset_import),
        })
    }
}

fn opsets(sets: Vec<OperatorSetIdProto>) -> Opsets {
    sets.into_iter().map(|set| (standard_domain(set.domain), set.version)).collect()
}

fn nodes(nodes: Vec<NodeProto>) -> Result<Vec<Node>, FrontendError> {
    nodes.into_iter().enumerate().map(|(i, n)| Node::from_proto(n, i)).collect()
}

fn attributes(attributes: Vec<crate::proto::AttributeProto>) -> Result<BTreeMap<String, Attribute>, FrontendError> {
    attributes.into_iter().map(|a| Ok((a.name.clone(), Attribute::from_proto(a)?))).collect()
}

impl Node {
    fn from_proto(proto: NodeProto, index: usize) -> Result<Self, FrontendError> {
        let name = if proto.name.is_empty() { format!("{}_{index}", proto.op_type) } else { proto.name };
        let attributes = attributes(proto.attribute)?;
        let graphs = attributes.values().filter_map(|a| if let Attribute::Graph(g) = a { Some(g) } else { None });
        let captures = graphs.flat_map(|g| g.free()).collect();
        Ok(Self {
            name,
            op: proto.op_type,
            domain: standard_domain(proto.domain),
            overload: proto.overload,
            inputs: proto.input,
            outputs: proto.output,
            attributes,
            captures,
        })
    }

    /// Names of all values that the node depends on.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &String> {
        self.inputs.iter().chain(&self.captures)
    }
}

impl Boundary {
    fn from_proto(proto: ValueInfoProto) -> Result<Self, FrontendError> {
        let name = proto.name;
        if name.is_empty() {
            return decode_error("a graph input or output has no name");
        }
        let (form, tensor) = match proto.r#type {
            Some(TypeProto { tensor_type: Some(tensor), .. }) => (Form::Tensor, Some(tensor)),
            Some(TypeProto { sequence_type: Some(sequence), .. }) => {
                (Form::Sequence, sequence.elem_type.and_then(|t| t.tensor_type))
            }
            _ => (Form::Other, None),
        };
        let Some(tensor) = tensor else {
            let kind = "value that is neither a dense tensor nor a sequence of them".into();
            return Ok(Self { name, form: Form::Other, elem: None, kind, dims: None });
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
        Ok(Self { name, form, elem, kind, dims })
    }
}

impl Dim {
    fn from_proto(value: Option<DimensionValue>, input: &str) -> Result<Self, FrontendError> {
        match value {
            Some(DimensionValue::Value(extent)) if extent >= 0 => match usize::try_from(extent) {
                Ok(extent) => Ok(Dim::Fixed(extent)),
                Err(_) => decode_error(&format!("extent {extent} of \"{input}\" is too large")),
            },
            // Question marks, as PaddlePaddle's exporter writes them, name nothing.
            Some(DimensionValue::Param(name)) if !name.is_empty() && name != "?" => Ok(Dim::Named(name)),
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

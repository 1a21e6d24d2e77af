//! Attributes of nodes.

use super::model::Graph;
use super::tensor::Initialiser;
use crate::error::FrontendError;
use crate::proto::{AttributeProto, attribute_type as kind};

/// A node's attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    Int(i64),
    Float(f64),
    Str(String),
    Strings(Vec<String>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Tensor(Initialiser),
    Graph(Box<Graph>),
    /// In the body of a function: the attribute of this name of the node that uses the function.
    Reference(String),
    /// A kind that no supported operator reads.
    Other(&'static str),
}

impl Attribute {
    pub(super) fn from_proto(proto: AttributeProto) -> Result<Self, FrontendError> {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .map_err(|_| FrontendError::Decode { reason: format!("attribute \"{}\" is not UTF-8", proto.name) })
        };
        if !proto.ref_attr_name.is_empty() {
            return Ok(Attribute::Reference(proto.ref_attr_name));
        }
        Ok(match proto.r#type {
            kind::INT => Attribute::Int(proto.i),
            kind::FLOAT => Attribute::Float(proto.f.into()),
            kind::STRING => Attribute::Str(text(proto.s)?),
            kind::INTS => Attribute::Ints(proto.ints),
            kind::FLOATS => Attribute::Floats(proto.floats.into_iter().map(f64::from).collect()),
            kind::STRINGS => Attribute::Strings(proto.strings.into_iter().map(text).collect::<Result<_, _>>()?),
            kind::TENSOR => match proto.t {
                Some(tensor) => Attribute::Tensor(Initialiser::from_proto(tensor)?),
                None => {
                    return Err(FrontendError::Decode {
                        reason: format!("attribute \"{}\" lacks its tensor", proto.name),
                    });
                }
            },
            kind::GRAPH => match proto.g {
                Some(graph) => Attribute::Graph(Box::new(Graph::inner(graph)?)),
                None => {
                    return Err(FrontendError::Decode {
                        reason: format!("attribute \"{}\" lacks its graph", proto.name),
                    });
                }
            },
            kind::GRAPHS => Attribute::Other("graphs"),
            kind::SPARSE_TENSOR => Attribute::Other("sparse tensor"),
            _ => Attribute::Other("unknown"),
        })
    }

    /// Kind of the attribute, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Attribute::Int(_) => "int",
            Attribute::Float(_) => "float",
            Attribute::Str(_) => "string",
            Attribute::Strings(_) => "strings",
            Attribute::Ints(_) => "ints",
            Attribute::Floats(_) => "floats",
            Attribute::Tensor(_) => "tensor",
            Attribute::Graph(_) => "graph",
            Attribute::Reference(_) => "reference",
            Attribute::Other(kind) => kind,
        }
    }
}

//! What value names stand for while a graph is lowered.

use std::collections::HashMap;

use plonnx_ir::{DType, NodeId};

use crate::decode::ElemType;
use crate::error::FrontendError;

/// A node of the graph with the element type that the ONNX model gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) id: NodeId,
    pub(crate) elem: ElemType,
}

/// A value of the ONNX model. Sequences and optional values exist only while lowering: the graph has tensors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Tensor(Item),
    Sequence(Vec<Item>),
    /// An optional value that holds nothing. One that holds something is that value.
    Nothing,
}

impl Value {
    /// Kind of the value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Tensor(_) => "a tensor",
            Value::Sequence(_) => "a sequence",
            Value::Nothing => "an empty optional value",
        }
    }
}

/// Element type of numbers of this kind of which nothing else is known.
pub(crate) fn usual_elem(dtype: DType) -> ElemType {
    match dtype {
        DType::Real => ElemType::Float,
        DType::Int => ElemType::Int64,
        DType::Bool => ElemType::Bool,
    }
}

/// What each value name stands for, in a graph and the graphs around it.
#[derive(Debug, Default)]
pub(crate) struct Values<'a> {
    named: HashMap<String, Named>,
    outer: Option<&'a Values<'a>>,
}

#[derive(Debug)]
struct Named {
    /// `None` for the result of a node that could not be lowered.
    value: Option<Value>,
    /// Whether nothing outside of this graph, and no other turn of it, can use the value.
    own: bool,
}

impl<'a> Values<'a> {
    pub(crate) fn new(outer: Option<&'a Values<'a>>) -> Self {
        Self { named: HashMap::new(), outer }
    }

    fn find(&self, name: &str) -> Option<&Named> {
        let mut scope = Some(self);
        while let Some(values) = scope {
            if let Some(named) = values.named.get(name) {
                return Some(named);
            }
            scope = values.outer;
        }
        None
    }

    /// The value of this name; `None` when there is none, `Some(None)` when its node could not be lowered.
    pub(crate) fn get(&self, name: &str) -> Option<Option<&Value>> {
        self.find(name).map(|n| n.value.as_ref())
    }

    /// Whether the value belongs to this graph alone.
    pub(crate) fn is_own(&self, name: &str) -> bool {
        self.named.get(name).is_some_and(|n| n.own)
    }

    /// Whether this graph, not one around it, gives the name to a value.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// Names a value of this graph; every name may be given once.
    pub(crate) fn define(&mut self, name: &str, value: Option<Value>, own: bool) -> Result<(), FrontendError> {
        if name.is_empty() || self.named.insert(name.to_string(), Named { value, own }).is_none() {
            return Ok(());
        }
        Err(FrontendError::Decode { reason: format!("two values have the name \"{name}\"") })
    }
}

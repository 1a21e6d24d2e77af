//! What the lowering of one node sees: operands, attributes, and the builder.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use plonnx_ir::{NodeId, Tensor};

use super::Lower;
use super::builder::Builder;
use super::error::{Lowering, ValueResults, invalid, unsupported};
use super::run::Scope;
use super::value::{Item, Value, Values, usual_elem};
use crate::Remark;
use crate::decode::{Attribute, ElemType, MAX_ELEMENTS, Node};

/// One ONNX node on its way into the graph. Which operands and attributes the lowering has read is recorded: what it
/// has not read, it does not implement, and the driver rejects it.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) node: &'a Node,
    /// Name of the node, with those of the nodes around it.
    pub(crate) name: String,
    /// Version of the operator set that the node belongs to.
    pub(crate) opset: i64,
    /// Whether each operand has exactly this one use.
    pub(crate) sole_use: Vec<bool>,
    pub(super) scope: Scope<'a>,
    /// Values that the node's graphs can use.
    pub(super) values: &'a Values<'a>,
    inputs: Vec<Option<Value>>,
    builder: &'a mut Builder,
    inputs_read: BTreeSet<usize>,
    attributes_read: BTreeSet<&'a str>,
    /// Element types of results that the usual rule does not give.
    elems: BTreeMap<usize, ElemType>,
}

impl Deref for Call<'_> {
    type Target = Builder;
    fn deref(&self) -> &Builder {
        self.builder
    }
}

impl DerefMut for Call<'_> {
    fn deref_mut(&mut self) -> &mut Builder {
        self.builder
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(
        node: &'a Node,
        name: String,
        scope: Scope<'a>,
        inputs: Vec<Option<Value>>,
        values: &'a Values<'a>,
        builder: &'a mut Builder,
    ) -> Self {
        builder.name.clone_from(&name);
        Self {
            node,
            name,
            opset: scope.opsets.get(&node.domain).copied().unwrap_or(1),
            sole_use: Vec::new(),
            scope,
            values,
            inputs,
            builder,
            inputs_read: BTreeSet::new(),
            attributes_read: BTreeSet::new(),
            elems: BTreeMap::new(),
        }
    }

    /// Lowers the node as the table says.
    pub(super) fn lower(&mut self, lower: Lower) -> ValueResults {
        let lower = match lower {
            Lower::Values(lower) => return lower(self),
            Lower::Tensors(lower) => lower,
        };
        for (i, input) in self.inputs.iter().enumerate() {
            if let Some(value @ Value::Sequence(_)) = input {
                return invalid(format!("operand {i} is {}, expected a tensor", value.kind()));
            }
        }
        let results = lower(self)?;
        Ok(results
            .into_iter()
            .enumerate()
            .map(|(i, id)| Value::Tensor(Item { id, elem: self.elem_of(i, id) }))
            .collect())
    }

    /// Element type of result `index`, which is node `id`: the one declared, or that of the first operand of its kind.
    fn elem_of(&self, index: usize, id: NodeId) -> ElemType {
        let dtype = self.dtype(id);
        let declared = self.elems.get(&index).copied();
        let operands = self.inputs.iter().filter_map(|v| match v {
            Some(Value::Tensor(item)) => Some(item.elem),
            _ => None,
        });
        declared.into_iter().chain(operands).find(|e| e.dtype() == dtype).unwrap_or(usual_elem(dtype))
    }

    /// Declares the element type of result `index`, unless it is that of the first operand of the same kind.
    pub(crate) fn set_elem(&mut self, index: usize, elem: ElemType) {
        self.elems.insert(index, elem);
    }

    /// Element type of operand `index`, when it is a tensor.
    pub(crate) fn elem(&self, index: usize) -> Option<ElemType> {
        match self.inputs.get(index) {
            Some(Some(Value::Tensor(item))) => Some(item.elem),
            _ => None,
        }
    }

    /// Operand `index`, when it is given.
    pub(crate) fn optional(&mut self, index: usize) -> Option<NodeId> {
        match self.optional_value(index) {
            Some(Value::Tensor(item)) => Some(item.id),
            _ => None,
        }
    }

    /// Operand `index`, when it is given.
    pub(crate) fn optional_value(&mut self, index: usize) -> Option<Value> {
        self.inputs_read.insert(index);
        self.inputs.get(index).cloned().flatten()
    }

    /// Operand `index`.
    pub(crate) fn value(&mut self, index: usize) -> Lowering<Value> {
        match self.optional_value(index) {
            Some(value) => Ok(value),
            None => invalid(format!("operand {index} is missing")),
        }
    }

    /// Operand `index`, a tensor.
    pub(crate) fn item(&mut self, index: usize) -> Lowering<Item> {
        match self.value(index)? {
            Value::Tensor(item) => Ok(item),
            other => invalid(format!("operand {index} is {}, expected a tensor", other.kind())),
        }
    }

    /// Operand `index`, a sequence.
    pub(crate) fn sequence(&mut self, index: usize) -> Lowering<Vec<Item>> {
        match self.value(index)? {
            Value::Sequence(items) => Ok(items),
            other => invalid(format!("operand {index} is {}, expected a sequence", other.kind())),
        }
    }

    /// Number of operands, with those left out before the last one.
    pub(crate) fn operand_count(&self) -> usize {
        self.inputs.len()
    }

    /// Operand `index`.
    pub(crate) fn input(&mut self, index: usize) -> Lowering<NodeId> {
        match self.optional(index) {
            Some(id) => Ok(id),
            None => invalid(format!("operand {index} is missing")),
        }
    }

    /// All operands; at least one, none left out.
    pub(crate) fn all_inputs(&mut self) -> Lowering<Vec<NodeId>> {
        if self.inputs.is_empty() {
            return invalid("expected at least one operand");
        }
        (0..self.inputs.len()).map(|i| self.input(i)).collect()
    }

    /// Number of results that the node names.
    pub(crate) fn outputs(&self) -> usize {
        self.node.outputs.len()
    }

    /// Whether result `index` is named, so that somebody may use it.
    pub(crate) fn wants(&self, index: usize) -> bool {
        self.node.outputs.get(index).is_some_and(|name| !name.is_empty())
    }

    /// Value of operand `index`, which the ONNX page calls `what` and which must not depend on the data.
    pub(crate) fn known_input(&mut self, index: usize, what: &str) -> Lowering<Option<Tensor<f64>>> {
        let Some(id) = self.optional(index) else { return Ok(None) };
        match self.known(id) {
            Some(value) => Ok(Some(value)),
            None => unsupported(
                format!("operand \"{what}\" depends on the input data"),
                "make it a constant, for example by exporting the model with fixed shapes",
            ),
        }
    }

    /// Integers of operand `index`.
    pub(crate) fn known_ints(&mut self, index: usize, what: &str) -> Lowering<Option<Vec<i64>>> {
        let value = self.known_input(index, what)?;
        value.map(|v| v.iter().map(|x| whole(x, what)).collect()).transpose()
    }

    /// The one integer of operand `index`.
    pub(crate) fn known_int(&mut self, index: usize, what: &str) -> Lowering<Option<i64>> {
        match self.known_ints(index, what)?.as_deref() {
            None => Ok(None),
            Some([value]) => Ok(Some(*value)),
            Some(values) => invalid(format!("expected one number as {what}, got {}", values.len())),
        }
    }

    /// The one number of operand `index`.
    pub(crate) fn known_scalar(&mut self, index: usize, what: &str) -> Lowering<Option<f64>> {
        match self.known_input(index, what)?.map(|v| v.to_vec()).as_deref() {
            None => Ok(None),
            Some([value]) => Ok(Some(*value)),
            Some(values) => invalid(format!("expected one number as {what}, got {}", values.len())),
        }
    }

    pub(super) fn attribute(&mut self, name: &'a str) -> Option<&'a Attribute> {
        self.attributes_read.insert(name);
        self.bound(name)
    }

    /// The attribute `name`; in a function, a reference is the attribute of the node that uses the function.
    fn bound(&self, name: &str) -> Option<&'a Attribute> {
        match self.node.attributes.get(name)? {
            Attribute::Reference(outer) => self.scope.bindings.get(outer.as_str()).copied(),
            attribute => Some(attribute),
        }
    }

    /// Whether the attribute `name` is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.bound(name).is_some()
    }

    /// Accepts attributes that do not change what inference computes.
    pub(crate) fn ignore(&mut self, names: &[&'static str]) {
        self.attributes_read.extend(names);
    }

    pub(crate) fn int(&mut self, name: &'static str) -> Lowering<Option<i64>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Int(v)) => Ok(Some(*v)),
            Some(other) => wrong_kind(name, "int", other),
        }
    }

    /// Attribute that is 0 or 1.
    pub(crate) fn flag(&mut self, name: &'static str, default: bool) -> Lowering<bool> {
        Ok(self.int(name)?.map_or(default, |v| v != 0))
    }

    pub(crate) fn float(&mut self, name: &'static str, default: f64) -> Lowering<f64> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Float(v)) => Ok(*v),
            Some(other) => wrong_kind(name, "float", other),
        }
    }

    pub(crate) fn text(&mut self, name: &'static str, default: &'a str) -> Lowering<&'a str> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Str(v)) => Ok(v),
            Some(other) => wrong_kind(name, "string", other),
        }
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Lowering<Option<Vec<String>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Strings(v)) => Ok(Some(v.clone())),
            Some(other) => wrong_kind(name, "strings", other),
        }
    }

    pub(crate) fn ints(&mut self, name: &'static str) -> Lowering<Option<Vec<i64>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Ints(v)) => Ok(Some(v.clone())),
            // Exporters write an empty list as one of unknown kind.
            Some(Attribute::Floats(v)) if v.is_empty() => Ok(Some(Vec::new())),
            Some(other) => wrong_kind(name, "ints", other),
        }
    }

    /// Integers of an attribute that are extents: not negative and within the limits.
    pub(crate) fn extents(&mut self, name: &'static str) -> Lowering<Option<Vec<usize>>> {
        self.ints(name)?.map(|v| v.into_iter().map(|d| extent(d, name)).collect()).transpose()
    }

    pub(crate) fn floats(&mut self, name: &'static str) -> Lowering<Option<Vec<f64>>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Floats(v)) => Ok(Some(v.clone())),
            Some(other) => wrong_kind(name, "floats", other),
        }
    }

    /// Tells users how the lowering differs from what the model says.
    pub(crate) fn remark(&mut self, text: String) {
        let remark = Remark { node: self.name.clone(), op: self.node.op.clone(), text };
        self.builder.remarks.push(remark);
    }

    pub(crate) fn tensor_attribute(&mut self, name: &'static str) -> Lowering<Option<(Tensor<f64>, ElemType)>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Tensor(t)) => Ok(Some((t.value.clone(), t.elem))),
            Some(other) => wrong_kind(name, "tensor", other),
        }
    }

    /// Axis attribute of a tensor of rank `rank`.
    pub(crate) fn axis(&mut self, name: &'static str, default: i64, rank: usize) -> Lowering<usize> {
        let value = self.int(name)?.unwrap_or(default);
        axis(value, rank)
    }

    /// Axes that moved from an attribute to operand `index` in opset `since`; `None` when not given.
    pub(crate) fn moved_ints(&mut self, name: &'static str, index: usize, since: i64) -> Lowering<Option<Vec<i64>>> {
        if self.opset < since { self.ints(name) } else { self.known_ints(index, name) }
    }

    /// The element type with number `to` must be one whose values the graph can hold.
    pub(crate) fn elem_type(&self, number: i64) -> Lowering<ElemType> {
        match ElemType::from_number(number) {
            Some(elem) => Ok(elem),
            None => unsupported(
                format!("element type number {number} is not supported"),
                "use float, integer or bool tensors",
            ),
        }
    }

    /// What the model gives the node and the lowering has not read.
    pub(crate) fn unread(&self) -> Vec<String> {
        let given = self.node.attributes.keys().filter(|name| self.has(name));
        let attributes: BTreeSet<_> = given.filter(|name| !self.attributes_read.contains(name.as_str())).collect();
        let inputs = self.inputs.iter().enumerate().filter(|(i, x)| x.is_some() && !self.inputs_read.contains(i));
        attributes
            .into_iter()
            .map(|name| format!("attribute \"{name}\" is not supported"))
            .chain(inputs.map(|(i, _)| format!("operand {i} is not supported")))
            .collect()
    }
}

fn wrong_kind<T>(name: &str, expected: &str, got: &Attribute) -> Lowering<T> {
    invalid(format!("attribute \"{name}\" should be of kind {expected}, got {}", got.kind()))
}

/// The integer that `value` is; numbers beyond the range of `i64` become its ends.
fn whole(value: f64, what: &str) -> Lowering<i64> {
    if value.fract() == 0.0 { Ok(value as i64) } else { invalid(format!("{what} holds {value}, which is no integer")) }
}

/// An axis of a tensor of rank `rank`, counted from the end when negative.
pub(crate) fn axis(value: i64, rank: usize) -> Lowering<usize> {
    let wrapped = if value < 0 { value.checked_add_unsigned(rank as u64) } else { Some(value) };
    match wrapped.and_then(|v| usize::try_from(v).ok()).filter(|v| *v < rank) {
        Some(axis) => Ok(axis),
        None => invalid(format!("axis {value} of a tensor of rank {rank}")),
    }
}

/// Distinct axes in ascending order.
pub(crate) fn axes(values: &[i64], rank: usize) -> Lowering<Vec<usize>> {
    let set = values.iter().map(|v| axis(*v, rank)).collect::<Lowering<BTreeSet<_>>>()?;
    if set.len() != values.len() {
        return invalid(format!("axes {values:?} repeat"));
    }
    Ok(set.into_iter().collect())
}

/// A size that the model gives as a number.
pub(crate) fn extent(value: i64, what: &str) -> Lowering<usize> {
    match usize::try_from(value) {
        Ok(size) if size <= MAX_ELEMENTS => Ok(size),
        _ => invalid(format!("{what} holds {value}, expected a number from 0 to {MAX_ELEMENTS}")),
    }
}

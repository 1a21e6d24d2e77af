//! If: one of two graphs.
//!
//! Spec: If; all opsets. A known condition lowers its branch alone. Otherwise both branches are lowered, and every
//! result is a choice between theirs: then no input may drive a value of either branch out of its range. Rejected:
//! branches whose results differ in shape under a condition that depends on the data.

use plonnx_ir::{CoreOp, DType, NodeId};

use crate::lower::{Call, Item, Lowering, Value, ValueResults, invalid, unsupported};

pub(super) fn lower(call: &mut Call) -> ValueResults {
    let condition = call.item(0)?.id;
    let (yes, no) = (call.graph("then_branch")?, call.graph("else_branch")?);
    match known_condition(call, condition)? {
        Some(true) => call.run(yes, "then", Vec::new()),
        Some(false) => call.run(no, "else", Vec::new()),
        None => {
            let condition = one(call, condition)?;
            let (x, y) = (call.run(yes, "then", Vec::new())?, call.run(no, "else", Vec::new())?);
            choices(call, condition, x, y)
        }
    }
}

/// The truth of a condition that does not depend on the data.
pub(super) fn known_condition(call: &Call, condition: NodeId) -> Lowering<Option<bool>> {
    if call.graph.node(condition).fact.len() != 1 {
        return invalid(format!("expected one condition, got shape {:?}", call.shape(condition)));
    }
    Ok(call.known(condition).and_then(|v| v.iter().next()).map(|value| value != 0.0))
}

/// A condition of one element from the data, as a scalar of kind Bool.
pub(super) fn one(call: &mut Call, condition: NodeId) -> Lowering<NodeId> {
    let scalar = call.reshape(condition, &[])?;
    call.retype(scalar, DType::Bool)
}

/// `condition ? x : y` for every pair of values.
pub(super) fn choices(call: &mut Call, condition: NodeId, x: Vec<Value>, y: Vec<Value>) -> ValueResults {
    if x.len() != y.len() {
        return invalid(format!("branches with {} and {} results", x.len(), y.len()));
    }
    x.into_iter().zip(y).map(|(x, y)| choice(call, condition, x, y)).collect()
}

fn choice(call: &mut Call, condition: NodeId, x: Value, y: Value) -> Lowering<Value> {
    match (x, y) {
        (Value::Tensor(x), Value::Tensor(y)) => Ok(Value::Tensor(select(call, condition, x, y)?)),
        (Value::Sequence(x), Value::Sequence(y)) if x.len() == y.len() => {
            let items = x.into_iter().zip(y).map(|(x, y)| select(call, condition, x, y));
            Ok(Value::Sequence(items.collect::<Lowering<_>>()?))
        }
        (Value::Nothing, Value::Nothing) => Ok(Value::Nothing),
        (x, y) => unsupported(
            format!("the data decides between {} and {} that cannot be one value", x.kind(), y.kind()),
            "make the condition a constant, or both results tensors of one shape",
        ),
    }
}

fn select(call: &mut Call, condition: NodeId, x: Item, y: Item) -> Lowering<Item> {
    if x.id == y.id {
        return Ok(x);
    }
    let shape = call.shape(x.id);
    if shape != call.shape(y.id) {
        return unsupported(
            format!("the data decides between shapes {shape:?} and {:?}", call.shape(y.id)),
            "make the condition a constant, or both results of one shape",
        );
    }
    let condition = call.broadcast(condition, &shape)?;
    let id = call.add(CoreOp::Select, &[condition, x.id, y.id])?;
    Ok(Item { id, elem: x.elem })
}

//! Loop: a graph that is run again and again on its own results, unrolled.
//!
//! Spec: Loop; all opsets. Every turn is lowered anew with its number as a constant. With a condition that depends on
//! the data all turns of the known trip count are lowered, and values stay what they were once it is false. Rejected: a
//! trip count that depends on the data, results that collect one element a turn when the data decide how many turns
//! there are, and loops that unroll beyond the limits.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, NodeId, Tensor};

use super::branch::{choices, known_condition, one};
use crate::decode::{Boundary, Dim, ElemType};
use crate::lower::{Call, Item, Lowering, Value, ValueResults, invalid, unsupported};

pub(super) fn lower(call: &mut Call) -> ValueResults {
    let body = call.graph("body")?;
    let trips = call.known_int(0, "M")?;
    let always = Item { id: call.scalar(1.0, DType::Bool)?, elem: ElemType::Bool };
    let mut condition = if call.optional(1).is_some() { call.item(1)? } else { always };
    let mut state = (2..call.operand_count()).map(|i| call.value(i)).collect::<Lowering<Vec<_>>>()?;
    let carried = state.len();
    if body.outputs.len() < carried + 1 {
        return invalid(format!("a body of {} results for {carried} values", body.outputs.len()));
    }
    let mut collected: Vec<Vec<Item>> = vec![Vec::new(); body.outputs.len() - carried - 1];
    let mut turn = 0i64;
    while trips.is_none_or(|trips| turn < trips) {
        let known = known_condition(call, condition.id)?;
        if known == Some(false) {
            break;
        }
        if known.is_none() && trips.is_none() {
            return unsupported("the data decide how often the loop runs", "give the loop a constant trip count");
        }
        if known.is_none() && !collected.is_empty() {
            return unsupported(
                "the data decide how many elements the loop collects",
                "make the condition a constant, or collect nothing",
            );
        }
        let number = Item { id: call.scalar(turn as f64, DType::Int)?, elem: ElemType::Int64 };
        let mut inputs = vec![Value::Tensor(number), Value::Tensor(condition)];
        inputs.extend(state.iter().cloned());
        let mut results = call.run(body, &turn.to_string(), inputs)?.into_iter();
        let Some(Value::Tensor(next)) = results.next() else { return invalid("the condition is no tensor") };
        let new: Vec<Value> = results.by_ref().take(carried).collect();
        (condition, state) = match known {
            Some(_) => (next, new),
            None => {
                let active = one(call, condition.id)?;
                let next = one(call, next.id)?;
                let both = call.product(active, next)?;
                let both = call.retype(both, DType::Bool)?;
                (Item { id: both, ..condition }, choices(call, active, new, state)?)
            }
        };
        for (items, value) in collected.iter_mut().zip(results) {
            let Value::Tensor(item) = value else { return invalid("a collected result is no tensor") };
            items.push(item);
        }
        turn += 1;
    }
    let outputs = body.outputs.iter().skip(carried + 1);
    let stacks = collected.into_iter().zip(outputs).map(|(items, output)| stack(call, &items, 0, output));
    let stacks = stacks.collect::<Lowering<Vec<_>>>()?;
    Ok(state.into_iter().chain(stacks.into_iter().map(Value::Tensor)).collect())
}

/// The items along a new axis; of no items, an empty tensor of the shape that `output` declares.
pub(super) fn stack(call: &mut Call, items: &[Item], axis: usize, output: &Boundary) -> Lowering<Item> {
    let Some(first) = items.first() else { return nothing(call, axis, output) };
    let mut shape = call.shape(first.id);
    if axis > shape.len() {
        return invalid(format!("axis {axis} of a tensor of rank {}", shape.len() + 1));
    }
    shape.insert(axis, 1);
    let parts = items.iter().map(|item| call.reshape(item.id, &shape)).collect::<Lowering<Vec<NodeId>>>()?;
    let id = match parts.as_slice() {
        [part] => *part,
        parts => call.add(CoreOp::View(View::Concat { axis }), parts)?,
    };
    Ok(Item { id, elem: first.elem })
}

fn nothing(call: &mut Call, axis: usize, output: &Boundary) -> Lowering<Item> {
    let dims = output.dims.iter().flatten().map(|d| if let Dim::Fixed(n) = d { Some(*n) } else { None });
    let dims = dims.collect::<Option<Vec<usize>>>().filter(|d| output.dims.is_some() && axis <= d.len());
    let (Some(mut shape), Some(elem)) = (dims, output.elem) else {
        return unsupported(
            format!("result \"{}\" collects the elements of no turn, and its shape is not declared", output.name),
            "declare the shape of the body's results, or remove the loop",
        );
    };
    shape.insert(axis, 0);
    let id = call.constant(Tensor::full(&shape, 0.0), elem.dtype())?;
    Ok(Item { id, elem })
}

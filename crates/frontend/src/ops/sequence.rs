//! SequenceConstruct, SequenceEmpty, SequenceInsert, SequenceErase, SequenceAt, SequenceLength, SequenceMap,
//! SplitToSequence, ConcatFromSequence: lists of tensors.
//!
//! Spec: the pages of these names; all opsets. Sequences exist only while the model is read; they cost nothing.
//! Rejected: positions and sizes that depend on the data.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType};

use crate::decode::ElemType;
use crate::lower::{Call, Item, Lowering, Value, ValueResults, axis, extent, invalid};

pub(super) fn construct(call: &mut Call) -> ValueResults {
    let items = (0..call.operand_count()).map(|i| call.item(i)).collect::<Lowering<_>>()?;
    Ok(vec![Value::Sequence(items)])
}

pub(super) fn empty(call: &mut Call) -> ValueResults {
    call.ignore(&["dtype"]);
    Ok(vec![Value::Sequence(Vec::new())])
}

pub(super) fn insert(call: &mut Call) -> ValueResults {
    let (mut items, item) = (call.sequence(0)?, call.item(1)?);
    // Unlike an index, a position may be one past the end.
    let at = match call.known_int(2, "position")? {
        Some(position) if usize::try_from(position) == Ok(items.len()) => items.len(),
        Some(position) => axis(position, items.len())?,
        None => items.len(),
    };
    items.insert(at, item);
    Ok(vec![Value::Sequence(items)])
}

pub(super) fn erase(call: &mut Call) -> ValueResults {
    let mut items = call.sequence(0)?;
    let position = call.known_int(1, "position")?.unwrap_or(-1);
    let at = axis(position, items.len())?;
    items.remove(at);
    Ok(vec![Value::Sequence(items)])
}

pub(super) fn at(call: &mut Call) -> ValueResults {
    let items = call.sequence(0)?;
    let Some(position) = call.known_int(1, "position")? else { return invalid("operand 1 is missing") };
    let at = axis(position, items.len())?;
    Ok(vec![Value::Tensor(items[at])])
}

pub(super) fn length(call: &mut Call) -> ValueResults {
    let items = call.sequence(0)?;
    let id = call.scalar(items.len() as f64, DType::Int)?;
    Ok(vec![Value::Tensor(Item { id, elem: ElemType::Int64 })])
}

/// The body on every element of the first sequence, with the elements of the others and with whole tensors.
pub(super) fn map(call: &mut Call) -> ValueResults {
    let body = call.graph("body")?;
    let first = call.sequence(0)?;
    let mut results: Vec<Vec<Item>> = vec![Vec::new(); body.outputs.len()];
    for turn in 0..first.len() {
        let mut inputs = Vec::new();
        for i in 0..call.operand_count() {
            inputs.push(match call.value(i)? {
                Value::Sequence(items) => match items.get(turn) {
                    Some(item) if items.len() == first.len() => Value::Tensor(*item),
                    _ => return invalid(format!("sequences of {} and {} elements", first.len(), items.len())),
                },
                other => other,
            });
        }
        for (items, value) in results.iter_mut().zip(call.run(body, &turn.to_string(), inputs)?) {
            let Value::Tensor(item) = value else { return invalid("a result of the body is no tensor") };
            items.push(item);
        }
    }
    for i in 0..call.operand_count() {
        call.value(i)?;
    }
    Ok(results.into_iter().map(Value::Sequence).collect())
}

pub(super) fn split(call: &mut Call) -> ValueResults {
    let x = call.item(0)?;
    let at = call.axis("axis", 0, call.rank(x.id))?;
    let whole = call.shape(x.id)[at];
    let keep = call.flag("keepdims", true)?;
    let given = call.optional(1);
    call.room(whole)?;
    let scalar = given.is_some_and(|split| call.rank(split) == 0);
    let sizes: Vec<usize> = match call.known_ints(1, "split")? {
        None => vec![1; whole],
        Some(sizes) if scalar => {
            let size = extent(sizes.first().copied().unwrap_or(0), "split")?;
            if size == 0 {
                return invalid("parts of 0 elements");
            }
            (0..whole.div_ceil(size)).map(|i| size.min(whole - i * size)).collect()
        }
        Some(sizes) => sizes.into_iter().map(|s| extent(s, "split")).collect::<Lowering<_>>()?,
    };
    if sizes.iter().sum::<usize>() != whole {
        return invalid(format!("parts of {sizes:?} for {whole} elements"));
    }
    let (mut items, mut start) = (Vec::new(), 0);
    for size in sizes {
        let mut id = call.narrow(x.id, at, start, size)?;
        start += size;
        if given.is_none() && !keep {
            let mut shape = call.shape(id);
            shape.remove(at);
            id = call.reshape(id, &shape)?;
        }
        items.push(Item { id, ..x });
    }
    Ok(vec![Value::Sequence(items)])
}

pub(super) fn concat(call: &mut Call) -> ValueResults {
    let items = call.sequence(0)?;
    let Some(first) = items.first().copied() else { return invalid("the sequence is empty") };
    let stacked = call.flag("new_axis", false)?;
    let rank = call.rank(first.id) + usize::from(stacked);
    let Some(at) = call.int("axis")? else { return invalid("attribute \"axis\" is missing") };
    let at = axis(at, rank)?;
    let mut parts = Vec::new();
    for item in &items {
        let mut shape = call.shape(item.id);
        if stacked {
            shape.insert(at.min(shape.len()), 1);
        }
        parts.push(call.reshape(item.id, &shape)?);
    }
    let id = match parts.as_slice() {
        [part] => *part,
        parts => call.add(CoreOp::View(View::Concat { axis: at }), parts)?,
    };
    Ok(vec![Value::Tensor(Item { id, ..first })])
}

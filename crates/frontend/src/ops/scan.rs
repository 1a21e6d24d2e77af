//! Scan: a graph run over the slices of sequences, unrolled.
//!
//! Spec: Scan; all opsets (before 9 with a leading batch axis and an operand of sequence lengths). Every turn is lowered
//! anew. Rejected: sequence lengths that differ from the extent, and scans that unroll beyond the limits.

use plonnx_ir::NodeId;

use super::repeat::stack;
use crate::decode::Graph;
use crate::lower::{Call, Item, Lowering, Value, ValueResults, axis, extent, invalid, unsupported};

/// How the operands are cut and the results are put together.
struct Plan<'a> {
    body: &'a Graph,
    states: Vec<Value>,
    /// Sequences with the axis of their elements.
    sequences: Vec<(Item, usize)>,
    backward: Vec<bool>,
    /// Of the collected results, before they are known: negative axes count from the end.
    out_axes: Vec<i64>,
    out_backward: Vec<bool>,
}

pub(super) fn lower(call: &mut Call) -> ValueResults {
    let body = call.graph("body")?;
    let Some(count) = call.int("num_scan_inputs")? else { return invalid("attribute \"num_scan_inputs\" is missing") };
    let first = if call.opset < 9 { 1 } else { 0 };
    let operands = (first..call.operand_count()).map(|i| call.item(i)).collect::<Lowering<Vec<_>>>()?;
    let count = extent(count, "num_scan_inputs")?;
    let Some(carried) = operands.len().checked_sub(count).filter(|_| count > 0) else {
        return invalid(format!("{count} sequences among {} operands", operands.len()));
    };
    let Some(collected) = body.outputs.len().checked_sub(carried) else {
        return invalid(format!("a body of {} results for {carried} values", body.outputs.len()));
    };
    let (states, sequences) = operands.split_at(carried);
    if call.opset < 9 {
        return batched(call, body, states, sequences, collected);
    }
    let backward = directions(call.ints("scan_input_directions")?, count)?;
    let out_backward = directions(call.ints("scan_output_directions")?, collected)?;
    let axes = call.ints("scan_input_axes")?.unwrap_or_else(|| vec![0; count]);
    let out_axes = call.ints("scan_output_axes")?.unwrap_or_else(|| vec![0; collected]);
    if axes.len() != count || out_axes.len() != collected {
        return invalid("as many axes as sequences are expected");
    }
    let axes = sequences.iter().zip(&axes).map(|(item, a)| Ok((*item, axis(*a, call.rank(item.id))?)));
    let plan = Plan {
        body,
        states: states.iter().copied().map(Value::Tensor).collect(),
        sequences: axes.collect::<Lowering<_>>()?,
        backward,
        out_axes,
        out_backward,
    };
    run(call, plan, "")
}

/// Before opset 9: one scan for every element of the batch.
fn batched<'a>(
    call: &mut Call<'a>,
    body: &'a Graph,
    states: &[Item],
    sequences: &[Item],
    collected: usize,
) -> ValueResults {
    let backward = directions(call.ints("directions")?, sequences.len())?;
    let [batch, length, ..] = call.shape(sequences[0].id)[..] else {
        return invalid("expected a sequence with a batch axis");
    };
    call.room(batch)?;
    if let Some(lengths) = call.known_ints(0, "sequence_lens")?
        && lengths.iter().any(|n| usize::try_from(*n) != Ok(length))
    {
        return unsupported("sequences of different lengths", "pad them to one length");
    }
    let mut results: Vec<Vec<Item>> = vec![Vec::new(); states.len() + collected];
    for element in 0..batch {
        let states = states.iter().map(|s| Ok(Value::Tensor(slice(call, *s, 0, element)?)));
        let states = states.collect::<Lowering<_>>()?;
        let sequences = sequences.iter().map(|s| Ok((slice(call, *s, 0, element)?, 0)));
        let plan = Plan {
            body,
            states,
            sequences: sequences.collect::<Lowering<_>>()?,
            backward: backward.clone(),
            out_axes: vec![0; collected],
            out_backward: vec![false; collected],
        };
        for (items, value) in results.iter_mut().zip(run(call, plan, &format!("{element}."))?) {
            let Value::Tensor(item) = value else { return invalid("a result is no tensor") };
            items.push(item);
        }
    }
    let stacks = results.iter().zip(&body.outputs).map(|(items, output)| stack(call, items, 0, output));
    stacks.map(|s| s.map(Value::Tensor)).collect()
}

fn run<'a>(call: &mut Call<'a>, plan: Plan<'a>, prefix: &str) -> ValueResults {
    let Plan { body, mut states, sequences, backward, out_axes, out_backward } = plan;
    let lengths: Vec<usize> = sequences.iter().map(|(item, axis)| call.shape(item.id)[*axis]).collect();
    let Some(length) = lengths.first().copied() else { return invalid("there is no sequence") };
    if lengths.iter().any(|n| *n != length) {
        return invalid(format!("sequences of different lengths: {lengths:?}"));
    }
    let carried = states.len();
    let mut collected: Vec<Vec<Item>> = vec![Vec::new(); out_axes.len()];
    for turn in 0..length {
        let mut inputs = states;
        for ((item, axis), backward) in sequences.iter().zip(&backward) {
            let at = if *backward { length - 1 - turn } else { turn };
            inputs.push(Value::Tensor(slice(call, *item, *axis, at)?));
        }
        let mut results = call.run(body, &format!("{prefix}{turn}"), inputs)?.into_iter();
        states = results.by_ref().take(carried).collect();
        for (items, value) in collected.iter_mut().zip(results) {
            let Value::Tensor(item) = value else { return invalid("a collected result is no tensor") };
            items.push(item);
        }
    }
    let outputs = body.outputs.iter().skip(carried);
    for (i, (mut items, output)) in collected.into_iter().zip(outputs).enumerate() {
        if out_backward[i] {
            items.reverse();
        }
        let rank = items.first().map_or(1, |item| call.rank(item.id) + 1);
        let at = axis(out_axes[i], rank)?;
        states.push(Value::Tensor(stack(call, &items, at, output)?));
    }
    Ok(states)
}

/// Element `at` of `axis`, without the axis.
fn slice(call: &mut Call, item: Item, axis: usize, at: usize) -> Lowering<Item> {
    let mut shape = call.shape(item.id);
    if axis >= shape.len() || at >= shape[axis] {
        return invalid(format!("element {at} along axis {axis} of shape {shape:?}"));
    }
    shape.remove(axis);
    let part: NodeId = call.narrow(item.id, axis, at, 1)?;
    Ok(Item { id: call.reshape(part, &shape)?, ..item })
}

fn directions(given: Option<Vec<i64>>, count: usize) -> Lowering<Vec<bool>> {
    match given {
        None => Ok(vec![false; count]),
        Some(given) if given.len() == count => Ok(given.iter().map(|d| *d != 0).collect()),
        Some(given) => invalid(format!("{} directions for {count} sequences", given.len())),
    }
}

//! LSTM: a layer of long short-term memory cells, unrolled.
//!
//! Spec: LSTM; all opsets. With gates i, o, f and g: `c = f * c + i * g` and `h = o * tanh(c)`. All directions, layouts
//! and activations, peepholes, coupled gates (`input_forget`). Rejected: sequence lengths that depend on the data.

use plonnx_ir::{DType, NodeId};

use super::recurrent::{self, Cell, Direction};
use crate::lower::{Call, Lowering, Results};

pub(super) fn lower(call: &mut Call) -> Results {
    recurrent::lower(call, 4, &["Sigmoid", "Tanh", "Tanh"], 2, prepare)
}

fn prepare<'c>(call: &mut Call, direction: &'c Direction) -> Lowering<Box<Cell<'c>>> {
    let coupled = call.flag("input_forget", false)?;
    let Some(peepholes) = call.optional(7) else {
        let (gates, candidate) = (direction.gates(call, 0, 3)?, direction.gates(call, 3, 1)?);
        let hidden = direction.hidden;
        return Ok(Box::new(move |call, x, states| {
            let terms = gates.terms(call, x, states[0])?;
            let all = direction.activate(call, 0, &terms)?;
            let mut gate = |i: usize| call.narrow(all, 1, i * hidden, hidden);
            let (i, o, f) = (gate(0)?, gate(1)?, gate(2)?);
            let terms = candidate.terms(call, x, states[0])?;
            let g = direction.activate(call, 1, &terms)?;
            let f = if coupled { complement(call, i)? } else { f };
            let c = cell_state(call, states[1], f, i, g)?;
            output(call, direction, o, c)
        }));
    };
    let peepholes = direction.parts(call, peepholes, 3)?;
    let gates = (0..4).map(|i| direction.gates(call, i, 1)).collect::<Lowering<Vec<_>>>()?;
    Ok(Box::new(move |call, x, states| {
        let gate = |call: &mut Call, index: usize, seen: Option<NodeId>| {
            let mut terms = gates[index].terms(call, x, states[0])?;
            if let Some(c) = seen {
                terms.push((1.0, call.product(c, peepholes[index])?));
            }
            direction.activate(call, 0, &terms)
        };
        let i = gate(call, 0, states[1])?;
        let f = if coupled { complement(call, i)? } else { gate(call, 2, states[1])? };
        let terms = gates[3].terms(call, x, states[0])?;
        let g = direction.activate(call, 1, &terms)?;
        let c = cell_state(call, states[1], f, i, g)?;
        let o = gate(call, 1, Some(c))?;
        output(call, direction, o, c)
    }))
}

/// `1 - x`
fn complement(call: &mut Call, x: NodeId) -> Lowering<NodeId> {
    let one = call.scalar(1.0, DType::Real)?;
    call.linear(&[(1.0, one), (-1.0, x)])
}

/// `f * c + i * g`
fn cell_state(call: &mut Call, c: Option<NodeId>, f: NodeId, i: NodeId, g: NodeId) -> Lowering<NodeId> {
    let mut terms = vec![(1.0, call.product(i, g)?)];
    if let Some(c) = c {
        terms.push((1.0, call.product(f, c)?));
    }
    call.linear(&terms)
}

/// The new states: `o` times the activation of `c`, and `c`.
fn output(call: &mut Call, direction: &Direction, o: NodeId, c: NodeId) -> Lowering<Vec<NodeId>> {
    let seen = direction.activate(call, 2, &[(1.0, c)])?;
    Ok(vec![call.product(o, seen)?, c])
}

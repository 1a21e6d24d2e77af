//! RNN: a layer of simple recurrent cells, `h = f(x W^T + h R^T + b)`, unrolled.
//!
//! Spec: RNN; all opsets. All directions, layouts and activations. Rejected: sequence lengths that depend on the data.

use super::recurrent::{self, Cell, Direction};
use crate::lower::{Call, Lowering, Results};

pub(super) fn lower(call: &mut Call) -> Results {
    recurrent::lower(call, 1, &["Tanh"], 1, prepare)
}

fn prepare<'c>(call: &mut Call, direction: &'c Direction) -> Lowering<Box<Cell<'c>>> {
    let gates = direction.gates(call, 0, 1)?;
    Ok(Box::new(move |call, x, states| {
        let terms = gates.terms(call, x, states[0])?;
        Ok(vec![direction.activate(call, 0, &terms)?])
    }))
}

//! GRU: a layer of gated recurrent units, unrolled.
//!
//! Spec: GRU; all opsets. With gates z and r, and `n = g(x Wn^T + (r * h) Rn^T + bn)`, or
//! `g(x Wn^T + r * (h Rn^T + Rbn) + Wbn)` with `linear_before_reset`: `h = (1 - z) * n + z * h`. All directions, layouts
//! and activations. Rejected: sequence lengths that depend on the data.

use super::recurrent::{self, Cell, Direction};
use crate::lower::{Call, Lowering, Results};

pub(super) fn lower(call: &mut Call) -> Results {
    recurrent::lower(call, 3, &["Sigmoid", "Tanh"], 1, prepare)
}

fn prepare<'c>(call: &mut Call, direction: &'c Direction) -> Lowering<Box<Cell<'c>>> {
    let reset_last = call.flag("linear_before_reset", false)?;
    let (update_reset, new) = (direction.gates(call, 0, 2)?, direction.gates(call, 2, 1)?);
    let hidden = direction.hidden;
    Ok(Box::new(move |call, x, states| {
        let terms = update_reset.terms(call, x, states[0])?;
        let both = direction.activate(call, 0, &terms)?;
        let (z, r) = (call.narrow(both, 1, 0, hidden)?, call.narrow(both, 1, hidden, hidden)?);
        let mut terms = new.input_terms(call, x)?;
        if reset_last {
            let mut inner = new.rb.map(|b| (1.0, b)).into_iter().collect::<Vec<_>>();
            if let Some(h) = states[0] {
                inner.push((1.0, call.contract(h, b"ab", new.r, b"cb", b"ac")?));
            }
            if !inner.is_empty() {
                let inner = call.linear(&inner)?;
                terms.push((1.0, call.product(r, inner)?));
            }
        } else {
            if let Some(h) = states[0] {
                let kept = call.product(r, h)?;
                terms.push((1.0, call.contract(kept, b"ab", new.r, b"cb", b"ac")?));
            }
            terms.extend(new.rb.map(|b| (1.0, b)));
        }
        let n = direction.activate(call, 1, &terms)?;
        let mut terms = vec![(1.0, n), (-1.0, call.product(z, n)?)];
        if let Some(h) = states[0] {
            terms.push((1.0, call.product(z, h)?));
        }
        Ok(vec![call.linear(&terms)?])
    }))
}

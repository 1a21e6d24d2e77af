//! Add, Sub, Neg, Sum, Mean: linear combinations with broadcasting.
//!
//! Spec: Add, Sub, Neg, Sum, Mean; all opsets. Nothing is rejected.

use super::operands;
use crate::lower::{Call, Results};

/// `x + sign * y`
pub(super) fn add(call: &mut Call, sign: f64) -> Results {
    let [x, y] = operands::pair(call)?;
    let mut terms = [(1.0, x), (sign, y)];
    // What is known comes last, as a bias does.
    if call.is_known(x) {
        terms.reverse();
    }
    Ok(vec![call.linear(&terms)?])
}

/// `-x`
pub(super) fn neg(call: &mut Call) -> Results {
    call.ignore(&["consumed_inputs"]);
    let x = call.input(0)?;
    Ok(vec![call.scale(-1.0, x)?])
}

/// Sum of all operands, or their mean.
pub(super) fn sum(call: &mut Call, mean: bool) -> Results {
    call.ignore(&["consumed_inputs"]);
    let operands = call.all_inputs()?;
    let weight = if mean { 1.0 / operands.len() as f64 } else { 1.0 };
    let terms: Vec<_> = operands.into_iter().map(|x| (weight, x)).collect();
    Ok(vec![call.linear(&terms)?])
}

//! Mul: elementwise product with broadcasting.
//!
//! Spec: Mul; all opsets. Nothing is rejected.

use super::{operands, recognise};
use crate::lower::{Call, Results};

pub(super) fn lower(call: &mut Call) -> Results {
    let [x, y] = operands::pair(call)?;
    if let Some(gated) = recognise::gated(call, x, y)? {
        return Ok(vec![gated]);
    }
    let product = call.product(x, y)?;
    Ok(vec![recognise::gelu(call, product)?])
}

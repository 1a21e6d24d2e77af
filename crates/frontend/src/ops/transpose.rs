//! Transpose: axes in another order.
//!
//! Spec: Transpose; all opsets. Nothing is rejected.

use crate::lower::{Call, Results, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let rank = call.rank(x);
    let perm = call.extents("perm")?.unwrap_or_else(|| (0..rank).rev().collect());
    if perm.len() != rank {
        return invalid(format!("perm {perm:?} for a tensor of rank {rank}"));
    }
    Ok(vec![call.transpose(x, &perm)?])
}

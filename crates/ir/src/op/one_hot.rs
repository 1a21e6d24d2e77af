//! Unit vectors.

use super::arity;
use crate::graph::{DType, Fact};

/// Appends an axis of extent `depth` that holds 1 at the position the index tensor names and 0 elsewhere. Indices lie in
/// `[0, depth)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneHot {
    pub depth: usize,
}

impl OneHot {
    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        let [x] = arity::<1>(facts)?;
        if x.dtype == DType::Real {
            return Err("expected integer indices, got real numbers".into());
        }
        let mut shape = x.shape.clone();
        shape.push(self.depth);
        Ok(Fact::new(&shape, DType::Bool))
    }
}

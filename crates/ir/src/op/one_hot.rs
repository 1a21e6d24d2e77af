//! Unit vectors.

use super::arity;
use crate::domain::Scalar;
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

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

    pub(super) fn eval<T: Scalar>(&self, x: &Tensor<T>) -> Result<Vec<T>, String> {
        let mut out = vec![T::zero(); x.len() * self.depth];
        for (i, index) in x.iter().enumerate() {
            match index.to_index() {
                Some(at) if at < self.depth => out[i * self.depth + at] = T::one(),
                _ => return Err(format!("index {index} of {} positions", self.depth)),
            }
        }
        Ok(out)
    }
}

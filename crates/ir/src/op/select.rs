//! Elementwise choice.

use super::{join, same_shape};
use crate::domain::Scalar;
use crate::graph::{DType, Fact};

pub(super) fn infer(facts: &[&Fact]) -> Result<Fact, String> {
    let [c, x, y] = same_shape::<3>(facts)?;
    if c.dtype != DType::Bool {
        return Err(format!("expected a Bool condition, got {:?}", c.dtype));
    }
    let dtype = if x.dtype == y.dtype { x.dtype } else { join(x.dtype, y.dtype) };
    Ok(Fact::new(&x.shape, dtype))
}

/// One element: `c` is 0 or 1.
pub(super) fn eval<T: Scalar>(c: T, x: T, y: T) -> Result<T, String> {
    if c == T::one() {
        Ok(x)
    } else if c == T::zero() {
        Ok(y)
    } else {
        Err(format!("expected a condition of 0 or 1, got {c}"))
    }
}

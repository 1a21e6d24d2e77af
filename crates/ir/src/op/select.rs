//! Elementwise choice.

use super::{join, same_shape};
use crate::graph::{DType, Fact};

pub(super) fn infer(facts: &[&Fact]) -> Result<Fact, String> {
    let [c, x, y] = same_shape::<3>(facts)?;
    if c.dtype != DType::Bool {
        return Err(format!("expected a Bool condition, got {:?}", c.dtype));
    }
    let dtype = if x.dtype == y.dtype { x.dtype } else { join(x.dtype, y.dtype) };
    Ok(Fact::new(&x.shape, dtype))
}

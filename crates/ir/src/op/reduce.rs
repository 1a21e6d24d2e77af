//! Reduction along axes.

use super::{arity, join};
use crate::graph::{DType, Fact};

/// What a reduction keeps of the elements it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reducer {
    Sum,
    Max,
    Min,
}

/// Joins all elements along `axes`; with `keep` the axes stay with extent 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduce {
    pub reducer: Reducer,
    /// Ascending.
    pub axes: Vec<usize>,
    pub keep: bool,
}

impl Reduce {
    /// Name in the text form and in messages.
    pub fn name(&self) -> &'static str {
        match self.reducer {
            Reducer::Sum => "reduce_sum",
            Reducer::Max => "reduce_max",
            Reducer::Min => "reduce_min",
        }
    }

    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        let [x] = arity::<1>(facts)?;
        if !self.axes.windows(2).all(|w| w[0] < w[1]) || self.axes.last().is_some_and(|a| *a >= x.shape.len()) {
            return Err(format!("axes {:?} of a tensor of rank {}", self.axes, x.shape.len()));
        }
        if self.reducer != Reducer::Sum && self.axes.iter().any(|a| x.shape[*a] == 0) {
            return Err("maximum of no elements".into());
        }
        let shape: Vec<usize> = (0..x.shape.len())
            .filter_map(|i| match (self.axes.contains(&i), self.keep) {
                (false, _) => Some(x.shape[i]),
                (true, true) => Some(1),
                (true, false) => None,
            })
            .collect();
        let dtype = if self.reducer == Reducer::Sum { join(x.dtype, DType::Int) } else { x.dtype };
        Ok(Fact::new(&shape, dtype))
    }
}

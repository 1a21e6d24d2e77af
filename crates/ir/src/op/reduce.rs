//! Reduction along axes.

use num_bigint::BigInt;

use super::extremum::Extremum;
use super::view::{row_major, strided};
use super::{arity, join};
use crate::bound::Interval;
use crate::domain::Scalar;
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

/// What a reduction keeps of the elements it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reducer {
    Sum,
    Max,
    Min,
}

/// Joins all elements along `axes`; with `keep` the axes stay with extent 1. The sum of no elements is 0.
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

    pub(super) fn eval<T: Scalar>(&self, x: &Tensor<T>) -> Vec<T> {
        let shape = x.shape();
        let kept: Vec<usize> = (0..shape.len()).map(|i| if self.axes.contains(&i) { 1 } else { shape[i] }).collect();
        let steps: Vec<isize> = row_major(&kept)
            .iter()
            .zip(0..)
            .map(|(k, i)| if self.axes.contains(&i) { 0 } else { *k as isize })
            .collect();
        let mut out = vec![None; kept.iter().product()];
        let mut values = x.iter();
        strided(shape, 0, &steps, |at| {
            let v = values.next().unwrap_or(T::zero());
            out[at] = Some(match (out[at], self.reducer) {
                (None, _) => v,
                (Some(y), Reducer::Sum) => v.plus(y),
                (Some(y), Reducer::Max) => Extremum::Max.eval(y, v),
                (Some(y), Reducer::Min) => Extremum::Min.eval(y, v),
            });
        });
        out.into_iter().map(|v| v.unwrap_or(T::zero())).collect()
    }

    /// Bound of the result on operands of `shape` within `x`.
    pub(super) fn bound(&self, shape: &[usize], x: &Interval) -> Interval {
        match self.reducer {
            Reducer::Sum => x.scaled(&self.axes.iter().map(|a| BigInt::from(shape[*a])).product()),
            Reducer::Max | Reducer::Min => x.clone(),
        }
    }
}

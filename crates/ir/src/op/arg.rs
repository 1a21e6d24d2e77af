//! Index of the largest or smallest element.

use super::arity;
use super::extremum::Extremum;
use crate::domain::Scalar;
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

/// Index along `axis` of the extremum; among equal elements the first, or the `last`. With `keep` the axis stays with
/// extent 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    pub extremum: Extremum,
    pub axis: usize,
    pub last: bool,
    pub keep: bool,
}

impl Arg {
    /// Name in the text form and in messages.
    pub fn name(self) -> &'static str {
        match self.extremum {
            Extremum::Max => "arg_max",
            Extremum::Min => "arg_min",
        }
    }

    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        let [x] = arity::<1>(facts)?;
        if self.axis >= x.shape.len() || x.shape[self.axis] == 0 {
            return Err(format!("axis {} of a tensor of shape {:?}", self.axis, x.shape));
        }
        let mut shape = x.shape.clone();
        if self.keep {
            shape[self.axis] = 1;
        } else {
            shape.remove(self.axis);
        }
        Ok(Fact::new(&shape, DType::Int))
    }

    pub(super) fn eval<T: Scalar>(&self, x: &Tensor<T>) -> Vec<T> {
        let extent = x.shape()[self.axis];
        let inner: usize = x.shape()[self.axis + 1..].iter().product();
        let outer: usize = x.shape()[..self.axis].iter().product();
        let mut out = Vec::with_capacity(outer * inner);
        for o in 0..outer {
            for i in 0..inner {
                let at = |position: usize| x.data()[(o * extent + position) * inner + i];
                let mut best = 0;
                for position in 1..extent {
                    if self.extremum.prefers(at(position), at(best)) || (self.last && at(position) == at(best)) {
                        best = position;
                    }
                }
                out.push(T::from_i64(best as i64));
            }
        }
        out
    }
}

//! Linear combinations.

use num_bigint::BigInt;

use super::join;
use crate::bound::Interval;
use crate::domain::{Domain, Field, Scalar};
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

/// `sum_i coefficients[i] * x_i` over operands of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum<D: Domain> {
    pub coefficients: Vec<D::Scalar>,
}

impl<D: Domain> Sum<D> {
    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        if facts.is_empty() || facts.len() != self.coefficients.len() {
            return Err(format!("{} coefficients for {} operands", self.coefficients.len(), facts.len()));
        }
        if let Some(other) = facts.iter().find(|f| f.shape != facts[0].shape) {
            return Err(format!("operands differ in shape: {:?} and {:?}", facts[0].shape, other.shape));
        }
        let dtype = facts.iter().fold(DType::Int, |d, f| join(d, f.dtype));
        Ok(Fact::new(&facts[0].shape, dtype))
    }

    pub(super) fn eval(&self, operands: &[&Tensor<D::Scalar>]) -> Vec<D::Scalar> {
        let mut out = vec![D::Scalar::from_i64(0); operands.first().map_or(0, |x| x.len())];
        for (x, c) in operands.iter().zip(&self.coefficients) {
            for (y, x) in out.iter_mut().zip(x.data()) {
                *y = y.plus(c.times(*x));
            }
        }
        out
    }
}

impl Sum<Field> {
    pub(super) fn bound(&self, operands: &[Interval]) -> Interval {
        let terms = operands.iter().zip(&self.coefficients).map(|(x, c)| x.scaled(&BigInt::from(*c)));
        terms.fold(Interval::point(0), |sum, term| Interval { lo: sum.lo + term.lo, hi: sum.hi + term.hi })
    }
}

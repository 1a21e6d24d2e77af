//! Linear combinations.

use super::join;
use crate::domain::Domain;
use crate::graph::{DType, Fact};

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
}

//! Sums of products over labelled axes.

use std::fmt;

use super::{arity, join};
use crate::graph::Fact;

/// Name of an axis: a lower-case letter.
pub type Label = u8;

/// Einsum of two operands. A label in both operands and not in the result is summed over; so is one that only one
/// operand has. No operand repeats a label, and every label of the result is in an operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    pub a: Vec<Label>,
    pub b: Vec<Label>,
    pub out: Vec<Label>,
}

impl Contract {
    /// Parses `ab,bc->ac`; `None` unless it is of this form with lower-case labels.
    pub fn parse(spec: &str) -> Option<Self> {
        let (operands, out) = spec.split_once("->")?;
        let (a, b) = operands.split_once(',')?;
        let labels = |s: &str| s.bytes().all(|c| c.is_ascii_lowercase()).then(|| s.as_bytes().to_vec());
        Some(Self { a: labels(a)?, b: labels(b)?, out: labels(out)? })
    }

    /// Elementwise product of two tensors of rank `rank`.
    pub fn elementwise(rank: usize) -> Self {
        let labels: Vec<Label> = (b'a'..=b'z').take(rank).collect();
        Self { a: labels.clone(), b: labels.clone(), out: labels }
    }

    /// Extent of `label` for operands of these shapes.
    pub fn extent(&self, label: Label, a: &[usize], b: &[usize]) -> Option<usize> {
        let of = |labels: &[Label], shape: &[usize]| labels.iter().position(|l| *l == label).map(|i| shape[i]);
        of(&self.a, a).or_else(|| of(&self.b, b))
    }

    /// Labels that are summed over, each once.
    pub fn summed(&self) -> Vec<Label> {
        let mut labels: Vec<Label> =
            self.a.iter().chain(&self.b).copied().filter(|l| !self.out.contains(l)).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        let [a, b] = arity::<2>(facts)?;
        for (labels, fact) in [(&self.a, a), (&self.b, b)] {
            if labels.len() != fact.shape.len() {
                return Err(format!("labels {} for a tensor of shape {:?}", text(labels), fact.shape));
            }
        }
        for labels in [&self.a, &self.b, &self.out] {
            let mut sorted = labels.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if sorted.len() != labels.len() {
                return Err(format!("labels {} repeat", text(labels)));
            }
        }
        for (i, label) in self.a.iter().enumerate() {
            if let Some(j) = self.b.iter().position(|l| l == label)
                && a.shape[i] != b.shape[j]
            {
                let axis = *label as char;
                return Err(format!("inner dimensions differ along {axis}: {} and {}", a.shape[i], b.shape[j]));
            }
        }
        let shape = self
            .out
            .iter()
            .map(|l| {
                self.extent(*l, &a.shape, &b.shape).ok_or_else(|| format!("label {} is in no operand", *l as char))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Fact::new(&shape, join(a.dtype, b.dtype)))
    }
}

fn text(labels: &[Label]) -> String {
    labels.iter().map(|l| *l as char).collect()
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}->{}", text(&self.a), text(&self.b), text(&self.out))
    }
}

//! Sums of products over labelled axes.

use std::fmt;

use num_bigint::BigInt;

use super::view::{row_major, strided};
use super::{Reduce, Reducer, View, arity, join};
use crate::bound::{Interval, SignedSums};
use crate::domain::Scalar;
use crate::graph::Fact;
use crate::matmul::{Extents, Right, matmul};
use crate::tensor::Tensor;

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
        let mut labels: Vec<Label> = self.a.iter().chain(&self.b).copied().filter(|l| !self.out.contains(l)).collect();
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

    pub(super) fn eval<T: Scalar>(&self, a: &Tensor<T>, b: &Tensor<T>) -> Result<Vec<T>, String> {
        let a = Labelled { labels: self.a.clone(), tensor: a.clone() }
            .without(|l| !self.b.contains(l) && !self.out.contains(l))?;
        let b = Labelled { labels: self.b.clone(), tensor: b.clone() }
            .without(|l| !self.a.contains(l) && !self.out.contains(l))?;
        if a.labels.iter().chain(&b.labels).all(|l| self.out.contains(l)) {
            return Ok(self.multiply(&a, &b));
        }
        // The right factor is the one with long rows: the inner loop runs along them.
        let free = |x: &Labelled<T>, y: &Labelled<T>| -> usize {
            x.labels.iter().zip(x.tensor.shape()).filter(|(l, _)| !y.labels.contains(l)).map(|(_, n)| *n).product()
        };
        let (a, b) = if free(&b, &a) < ROW && free(&b, &a) < free(&a, &b) { (b, a) } else { (a, b) };
        let of = |in_a: bool, in_b: bool| -> Vec<Label> {
            let found = |x: &Labelled<T>, l: &Label| x.labels.contains(l);
            self.out.iter().copied().filter(|l| found(&a, l) == in_a && found(&b, l) == in_b).collect()
        };
        let (batch, m, n) = (of(true, true), of(true, false), of(false, true));
        let k: Vec<Label> = b.labels.iter().copied().filter(|l| !self.out.contains(l)).collect();
        let size = |labels: &[Label]| labels.iter().map(|l| a.extent(*l).or(b.extent(*l)).unwrap_or(1)).product();
        let extents = Extents { batch: size(&batch), m: size(&m), k: size(&k), n: size(&n) };
        let left = a.arranged(&[batch.as_slice(), &m, &k].concat())?;
        let by_columns = [batch.as_slice(), &n, &k].concat();
        let product = if extents.n < ROW || (extents.m < FEW && b.labels == by_columns) {
            matmul(extents, left.data(), Right::Nk(b.arranged(&by_columns)?.data()))
        } else {
            matmul(extents, left.data(), Right::Kn(b.arranged(&[batch.as_slice(), &k, &n].concat())?.data()))
        };
        let labels = [batch, m, n].concat();
        let shape: Vec<usize> = labels.iter().map(|l| size(&[*l])).collect();
        let tensor = Tensor::from_vec(&shape, product).ok_or("product has another shape")?;
        Ok(Labelled { labels, tensor }.arranged(&self.out)?.to_vec())
    }

    /// The result when nothing is summed over.
    fn multiply<T: Scalar>(&self, a: &Labelled<T>, b: &Labelled<T>) -> Vec<T> {
        if a.labels == self.out && b.labels == self.out {
            return a.tensor.iter().zip(b.tensor.iter()).map(|(x, y)| x.times(y)).collect();
        }
        let shape: Vec<usize> = self.out.iter().map(|l| a.extent(*l).or(b.extent(*l)).unwrap_or(1)).collect();
        let (x_steps, y_steps) = (a.steps(&self.out), b.steps(&self.out));
        let (x, y) = (a.tensor.data(), b.tensor.data());
        let (Some((n, outer)), Some(x_step), Some(y_step)) = (shape.split_last(), x_steps.last(), y_steps.last())
        else {
            return x.iter().zip(y).map(|(x, y)| x.times(*y)).collect();
        };
        let mut lines = Vec::new();
        strided(outer, 0, &y_steps[..outer.len()], |j| lines.push(j));
        let mut lines = lines.into_iter();
        let mut out = Vec::with_capacity(shape.iter().product());
        strided(outer, 0, &x_steps[..outer.len()], |i| {
            let j = lines.next().unwrap_or(0);
            out.extend((0..*n).map(|t| x[i + t * *x_step as usize].times(y[j + t * *y_step as usize])));
        });
        out
    }

    /// Bound of the result with one constant operand, `constant` (operand `which`), and the other, of `shape`, in `x`.
    pub(super) fn bound_linear(&self, constant: &Tensor<i64>, which: usize, shape: &[usize], x: &Interval) -> Interval {
        let (labels, others) = if which == 0 { (&self.a, &self.b) } else { (&self.b, &self.a) };
        let kept: Vec<usize> =
            labels.iter().zip(constant.shape()).map(|(l, n)| if self.out.contains(l) { *n } else { 1 }).collect();
        let steps: Vec<isize> = row_major(&kept)
            .iter()
            .zip(labels)
            .map(|(k, l)| if self.out.contains(l) { *k as isize } else { 0 })
            .collect();
        let mut sums = SignedSums::new(kept.iter().product());
        let mut weights = constant.iter();
        strided(constant.shape(), 0, &steps, |at| sums.add(at, weights.next().unwrap_or(0)));
        let repeated = others
            .iter()
            .zip(shape)
            .filter(|(l, _)| !labels.contains(l) && !self.out.contains(l))
            .map(|(_, n)| BigInt::from(*n))
            .product();
        sums.bound(x).scaled(&repeated)
    }

    /// Number of products in one element of the result.
    pub(super) fn terms(&self, a: &[usize], b: &[usize]) -> BigInt {
        self.summed().iter().map(|l| BigInt::from(self.extent(*l, a, b).unwrap_or(1))).product()
    }
}

/// Rows shorter than this are not worth an inner loop along them.
const ROW: usize = 8;
/// Transposing the right factor pays from this number of rows of the left one.
const FEW: usize = 64;

/// A tensor with named axes.
struct Labelled<T> {
    labels: Vec<Label>,
    tensor: Tensor<T>,
}

impl<T: Scalar> Labelled<T> {
    fn extent(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|l| *l == label).map(|i| self.tensor.shape()[i])
    }

    /// Distance of neighbours along each of `labels`; 0 along labels that the tensor has not.
    fn steps(&self, labels: &[Label]) -> Vec<isize> {
        let strides = row_major(self.tensor.shape());
        let position = |label: &Label| self.labels.iter().position(|l| l == label);
        labels.iter().map(|l| position(l).map_or(0, |i| strides[i] as isize)).collect()
    }

    /// Sums over the axes whose label `drop` names.
    fn without(self, drop: impl Fn(&Label) -> bool) -> Result<Self, String> {
        let axes: Vec<usize> = (0..self.labels.len()).filter(|i| drop(&self.labels[*i])).collect();
        if axes.is_empty() {
            return Ok(self);
        }
        let rest = |i: &usize| !axes.contains(i);
        let labels = (0..self.labels.len()).filter(rest).map(|i| self.labels[i]).collect();
        let shape: Vec<usize> = (0..self.labels.len()).filter(rest).map(|i| self.tensor.shape()[i]).collect();
        let sums = Reduce { reducer: Reducer::Sum, axes, keep: false }.eval(&self.tensor);
        let tensor = Tensor::from_vec(&shape, sums).ok_or("sum has another shape")?;
        Ok(Self { labels, tensor })
    }

    /// The tensor with its axes in the order of `labels`, a permutation of its own.
    fn arranged(&self, labels: &[Label]) -> Result<Tensor<T>, String> {
        if labels == self.labels {
            return Ok(self.tensor.clone());
        }
        let perm: Vec<usize> = labels.iter().filter_map(|l| self.labels.iter().position(|m| m == l)).collect();
        let shape: Vec<usize> = perm.iter().map(|p| self.tensor.shape()[*p]).collect();
        let data = View::Transpose { perm }.eval(&[&self.tensor]);
        Tensor::from_vec(&shape, data).ok_or_else(|| "labels are not a permutation".into())
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

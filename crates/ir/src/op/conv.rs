//! Convolution.

use super::{arity, join};
use crate::graph::Fact;

/// Cross-correlation of `x` `[n, c, spatial..]` with `w` `[o, c / groups, kernel..]`, for 1 to 3 spatial axes:
/// `y[n, o, p] = sum over c', k of x[n, g * c / groups + c', p * stride + k * dilation - before] * w[o, c', k]`,
/// where `g` is the group of `o` and elements outside `x` are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conv {
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    /// Zeros before the first element of each spatial axis.
    pub before: Vec<usize>,
    /// Zeros after the last element of each spatial axis.
    pub after: Vec<usize>,
    pub groups: usize,
}

impl Conv {
    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        let [x, w] = arity::<2>(facts)?;
        let rank = self.strides.len();
        if !(1..=3).contains(&rank) {
            return Err(format!("expected 1 to 3 spatial axes, got {rank}"));
        }
        if [&self.dilations, &self.before, &self.after].iter().any(|v| v.len() != rank) {
            return Err("strides, dilations and padding differ in length".into());
        }
        if x.shape.len() != rank + 2 || w.shape.len() != rank + 2 {
            return Err(format!("expected rank {}, got {:?} and {:?}", rank + 2, x.shape, w.shape));
        }
        if self.strides.iter().chain(&self.dilations).any(|s| *s == 0) || self.groups == 0 {
            return Err("strides, dilations and groups must be at least 1".into());
        }
        let (c, o, g) = (x.shape[1], w.shape[0], self.groups);
        if c % g != 0 || o % g != 0 || w.shape[1] != c / g {
            return Err(format!("{c} input channels, weights {:?} and {g} groups do not fit", w.shape));
        }
        let mut shape = vec![x.shape[0], o];
        for i in 0..rank {
            let padded = x.shape[i + 2] + self.before[i] + self.after[i];
            let reach = (w.shape[i + 2].max(1) - 1) * self.dilations[i] + 1;
            if w.shape[i + 2] == 0 || padded < reach {
                return Err(format!("kernel reach {reach} exceeds the padded extent {padded} of axis {}", i + 2));
            }
            shape.push((padded - reach) / self.strides[i] + 1);
        }
        Ok(Fact::new(&shape, join(x.dtype, w.dtype)))
    }
}

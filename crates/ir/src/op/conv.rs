//! Convolution.

use num_bigint::BigInt;
use rayon::prelude::*;

use super::{arity, join};
use crate::bound::{Interval, SignedSums};
use crate::domain::Scalar;
use crate::graph::{Fact, MAX_ELEMENTS};
use crate::matmul::{Extents, Right, matmul};
use crate::tensor::Tensor;

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
        let attributes = [&self.strides, &self.dilations, &self.before, &self.after];
        if let Some(v) = attributes.into_iter().flatten().find(|v| **v > MAX_ELEMENTS) {
            return Err(format!("expected strides, dilations and padding of at most {MAX_ELEMENTS}, got {v}"));
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

    /// `shape` is that of the result.
    pub(super) fn eval<T: Scalar>(&self, x: &Tensor<T>, w: &Tensor<T>, shape: &[usize]) -> Vec<T> {
        let patches = Patches::new(self, x.shape(), w.shape(), shape);
        let (images, channels, positions) = (shape[0], shape[1], patches.positions());
        let (per_group, k) = (channels / self.groups, patches.len());
        let mut out = vec![T::zero(); images * channels * positions];
        if out.is_empty() || k == 0 {
            return out;
        }
        let tiles: Vec<(usize, usize, usize)> = (0..images)
            .flat_map(|n| (0..self.groups).map(move |g| (n, g)))
            .flat_map(|(n, g)| (0..positions).step_by(TILE).map(move |p| (n, g, p)))
            .collect();
        let results: Vec<Vec<T>> = tiles
            .par_iter()
            .map(|(n, g, from)| {
                let size = TILE.min(positions - from);
                let image = x.shape()[1..].iter().product::<usize>();
                let group = image / self.groups;
                let x = &x.data()[n * image + g * group..n * image + (g + 1) * group];
                let w = &w.data()[g * per_group * k..(g + 1) * per_group * k];
                let extents = Extents { batch: 1, m: per_group, k, n: size };
                let gathered = patches.gather(x, *from, size);
                if size < ROW {
                    matmul(extents, w, Right::Nk(&transposed(&gathered, size)))
                } else {
                    matmul(extents, w, Right::Kn(&gathered))
                }
            })
            .collect();
        for ((n, g, from), result) in tiles.into_iter().zip(results) {
            let size = TILE.min(positions - from);
            for (o, row) in result.chunks_exact(size).enumerate() {
                let at = (n * channels + g * per_group + o) * positions + from;
                out[at..at + size].copy_from_slice(row);
            }
        }
        out
    }

    /// Bound of the result with constant weights and `x` in an interval. Exact where some position of the result has
    /// its whole kernel inside `x`.
    pub(super) fn bound_linear(&self, weights: &Tensor<i64>, x: &Interval) -> Interval {
        let channels = weights.shape()[0];
        let kernel = weights.len().checked_div(channels).unwrap_or(0);
        let mut sums = SignedSums::new(channels);
        for (i, w) in weights.iter().enumerate() {
            sums.add(i / kernel, w);
        }
        sums.bound(&self.padded(x))
    }

    /// Bound of the elements that the kernel meets, given that of `x`: padding adds zeros.
    pub(super) fn padded(&self, x: &Interval) -> Interval {
        if self.before.iter().chain(&self.after).any(|n| *n > 0) { x.union(&Interval::point(0)) } else { x.clone() }
    }

    /// Number of products in one element of the result, at most.
    pub(super) fn terms(&self, weights: &[usize]) -> BigInt {
        weights[1..].iter().map(|n| BigInt::from(*n)).product()
    }
}

/// Positions of the result that one matrix product covers.
const TILE: usize = 512;
/// Tiles narrower than this are not worth an inner loop along them.
const ROW: usize = 8;

/// The operand of a convolution as a matrix: a row for every channel and kernel element, a column for every position of
/// the result. All axes are padded to three spatial ones by extents of 1.
struct Patches {
    channels: usize,
    input: [usize; 3],
    kernel: [usize; 3],
    output: [usize; 3],
    strides: [usize; 3],
    dilations: [usize; 3],
    before: [usize; 3],
}

impl Patches {
    fn new(conv: &Conv, x: &[usize], w: &[usize], out: &[usize]) -> Self {
        Self {
            channels: w[1],
            input: three(&x[2..], 1),
            kernel: three(&w[2..], 1),
            output: three(&out[2..], 1),
            strides: three(&conv.strides, 1),
            dilations: three(&conv.dilations, 1),
            before: three(&conv.before, 0),
        }
    }

    /// Number of columns.
    fn positions(&self) -> usize {
        self.output.iter().product()
    }

    /// Number of rows.
    fn len(&self) -> usize {
        self.channels * self.kernel.iter().product::<usize>()
    }

    /// Columns `from .. from + size`; `x` holds the channels of one group of one image.
    fn gather<T: Scalar>(&self, x: &[T], from: usize, size: usize) -> Vec<T> {
        let [_, height, width] = self.output;
        let mut out = vec![T::zero(); self.len() * size];
        for (row, out) in out.chunks_exact_mut(size).enumerate() {
            let (rest, kx) = (row / self.kernel[2], row % self.kernel[2]);
            let (rest, ky) = (rest / self.kernel[1], rest % self.kernel[1]);
            let (channel, kz) = (rest / self.kernel[0], rest % self.kernel[0]);
            let mut done = 0;
            while done < size {
                let (line, ox) = ((from + done) / width, (from + done) % width);
                let length = (width - ox).min(size - done);
                let z = self.source(0, line / height, kz);
                let y = self.source(1, line % height, ky);
                if let (Some(z), Some(y)) = (z, y) {
                    let line = ((channel * self.input[0] + z) * self.input[1] + y) * self.input[2];
                    let x = &x[line..line + self.input[2]];
                    self.copy_line(x, ox, kx, &mut out[done..done + length]);
                }
                done += length;
            }
        }
        out
    }

    /// Elements of the line `x` that kernel column `kx` meets from result column `ox` on; `out` is 0 beforehand.
    fn copy_line<T: Scalar>(&self, x: &[T], ox: usize, kx: usize, out: &mut [T]) {
        let (stride, before) = (self.strides[2], self.before[2]);
        let reach = kx * self.dilations[2];
        // Column `o` reads element `o * stride + reach - before`, which must lie in `0..x.len()`.
        let first = before.saturating_sub(reach).div_ceil(stride).max(ox);
        let end = (x.len() + before).saturating_sub(reach).div_ceil(stride).min(ox + out.len());
        if first >= end {
            return;
        }
        let out = &mut out[first - ox..end - ox];
        let x = &x[first * stride + reach - before..];
        if stride == 1 {
            out.copy_from_slice(&x[..out.len()]);
        } else {
            for (out, x) in out.iter_mut().zip(x.iter().step_by(stride)) {
                *out = *x;
            }
        }
    }

    /// Position along a spatial axis that kernel element `k` meets for result position `o`; `None` in the padding.
    fn source(&self, axis: usize, o: usize, k: usize) -> Option<usize> {
        let at = (o * self.strides[axis] + k * self.dilations[axis]).checked_sub(self.before[axis])?;
        (at < self.input[axis]).then_some(at)
    }
}

/// `values` with `fill` in front, to three.
fn three(values: &[usize], fill: usize) -> [usize; 3] {
    let missing = 3usize.saturating_sub(values.len());
    std::array::from_fn(|i| if i < missing { fill } else { values[i - missing] })
}

/// Columns of `matrix`, which has `columns` of them, one after the other.
fn transposed<T: Copy>(matrix: &[T], columns: usize) -> Vec<T> {
    (0..columns).flat_map(|j| matrix.iter().skip(j).step_by(columns).copied()).collect()
}

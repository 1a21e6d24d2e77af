//! Batched matrix products on row-major slices.
//!
//! The order in which the terms of one sum are added depends on the shapes alone, never on the machine or the number
//! of threads: results are reproducible bit for bit, also for real numbers.

use rayon::prelude::*;

use crate::domain::Scalar;

/// The right factor of a product, in one of two layouts.
#[derive(Clone, Copy)]
pub(crate) enum Right<'a, T> {
    /// `[batch, k, n]`: rows of the result are combinations of its rows.
    Kn(&'a [T]),
    /// `[batch, n, k]`: elements of the result are scalar products with its rows.
    Nk(&'a [T]),
}

/// Extents of a batched product `[batch, m, k] x [batch, k, n] -> [batch, m, n]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extents {
    pub(crate) batch: usize,
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
}

/// Products below which a parallel loop costs more than it saves.
const PARALLEL: usize = 1 << 16;
/// Elements of a block of the right factor that stays in the cache while all rows pass.
const BLOCK_K: usize = 128;
const BLOCK_N: usize = 512;
/// Independent partial sums of a scalar product.
const LANES: usize = 8;

/// The product of `a` and `b`; the slices have the lengths that `extents` says.
pub(crate) fn matmul<T: Scalar>(extents: Extents, a: &[T], b: Right<'_, T>) -> Vec<T> {
    let Extents { batch, m, k, n } = extents;
    let mut out = vec![T::zero(); batch * m * n];
    if out.is_empty() || k == 0 {
        return out;
    }
    let product = |(i, out): (usize, &mut [T])| {
        let a = &a[i * m * k..(i + 1) * m * k];
        let b = match b {
            Right::Kn(b) => Right::Kn(&b[i * k * n..(i + 1) * k * n]),
            Right::Nk(b) => Right::Nk(&b[i * k * n..(i + 1) * k * n]),
        };
        single(k, n, a, b, out);
    };
    if batch > 1 && batch * m * n * k >= PARALLEL {
        out.par_chunks_mut(m * n).enumerate().for_each(product);
    } else {
        out.chunks_mut(m * n).enumerate().for_each(product);
    }
    out
}

fn single<T: Scalar>(k: usize, n: usize, a: &[T], b: Right<'_, T>, out: &mut [T]) {
    let m = out.len() / n;
    let block = |(a, out): (&[T], &mut [T])| match b {
        Right::Kn(b) => combine(k, n, a, b, out),
        Right::Nk(b) => dots(k, n, a, b, out),
    };
    if m * n * k < PARALLEL {
        block((a, out));
    } else if m > 1 {
        let rows = m.div_ceil(4 * rayon::current_num_threads()).max(1);
        a.par_chunks(rows * k).zip(out.par_chunks_mut(rows * n)).for_each(block);
    } else if let Right::Nk(b) = b {
        let columns = n.div_ceil(4 * rayon::current_num_threads()).max(1);
        let part = |(b, out): (&[T], &mut [T])| dots(k, out.len(), a, b, out);
        b.par_chunks(columns * k).zip(out.par_chunks_mut(columns)).for_each(part);
    } else {
        block((a, out));
    }
}

/// `out += a * b` with `b` in layout `[k, n]`; every sum runs over ascending `k`.
fn combine<T: Scalar>(k: usize, n: usize, a: &[T], b: &[T], out: &mut [T]) {
    for left in (0..n).step_by(BLOCK_N) {
        let right = (left + BLOCK_N).min(n);
        for top in (0..k).step_by(BLOCK_K) {
            let bottom = (top + BLOCK_K).min(k);
            for (a, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(n)) {
                let out = &mut out[left..right];
                let row = |i: usize| &b[i * n + left..i * n + right];
                let mut i = top;
                while i + 4 <= bottom {
                    add_four(out, [a[i], a[i + 1], a[i + 2], a[i + 3]], [row(i), row(i + 1), row(i + 2), row(i + 3)]);
                    i += 4;
                }
                while i < bottom {
                    for (y, x) in out.iter_mut().zip(row(i)) {
                        *y = y.plus(a[i].times(*x));
                    }
                    i += 1;
                }
            }
        }
    }
}

/// `out += sum_i a[i] * b[i]`, term by term.
fn add_four<T: Scalar>(out: &mut [T], a: [T; 4], b: [&[T]; 4]) {
    let n = out.len();
    let [b0, b1, b2, b3] = b.map(|b| &b[..n]);
    for i in 0..n {
        let sum = out[i].plus(a[0].times(b0[i])).plus(a[1].times(b1[i]));
        out[i] = sum.plus(a[2].times(b2[i])).plus(a[3].times(b3[i]));
    }
}

/// `out = a * b` with `b` in layout `[n, k]`.
fn dots<T: Scalar>(k: usize, n: usize, a: &[T], b: &[T], out: &mut [T]) {
    for (b, j) in b.chunks_exact(k).zip(0..n) {
        for (a, out) in a.chunks_exact(k).zip(out.chunks_exact_mut(n)) {
            out[j] = dot(a, b);
        }
    }
}

fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::zero(); LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            lanes[i] = lanes[i].plus(a[i].times(b[i]));
        }
    }
    let rest = a_rest.iter().zip(b_rest).fold(T::zero(), |sum, (a, b)| sum.plus(a.times(*b)));
    lanes.iter().fold(rest, |sum, lane| sum.plus(*lane))
}

//! Reproducible random values.

use plonnx_ir::{Scalar, Tensor};

/// A linear congruential generator; the seed names the sequence.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    /// A number in `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// An integer from `lo` to `hi`, both included.
    pub(crate) fn int(&mut self, lo: i64, hi: i64) -> i64 {
        lo + self.below((hi - lo + 1) as usize) as i64
    }

    /// One of `items`.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Small integers, which both domains compute with exactly.
    pub(crate) fn tensor<T: Scalar>(&mut self, shape: &[usize]) -> Tensor<T> {
        self.tensor_in(shape, -9, 9)
    }

    pub(crate) fn tensor_in<T: Scalar>(&mut self, shape: &[usize], lo: i64, hi: i64) -> Tensor<T> {
        let data = (0..shape.iter().product()).map(|_| T::from_i64(self.int(lo, hi))).collect();
        tensor(shape, data)
    }

    /// A permutation of `0..n`.
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut out: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            out.swap(i, self.below(i + 1));
        }
        out
    }
}

pub(crate) fn tensor<T: Scalar>(shape: &[usize], data: Vec<T>) -> Tensor<T> {
    Tensor::from_vec(shape, data).expect("shape and data agree")
}

/// All index vectors below `shape`, in row-major order.
pub(crate) fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut out = vec![Vec::new()];
    for n in shape {
        out = out.iter().flat_map(|i| (0..*n).map(move |j| [i.as_slice(), &[j]].concat())).collect();
    }
    out
}

/// Element of `t` at an index vector.
pub(crate) fn at<T: Scalar>(t: &Tensor<T>, index: &[usize]) -> T {
    t.array()[index]
}

//! Kernels of the prover one at a time, for benchmarks.

use plonky2::field::types::{Field, Sample};
use rayon::prelude::*;

use super::fft::Domain;
use super::tree::Tree;
use crate::config::F;

/// Random columns with their extension.
#[derive(Debug)]
pub struct Columns {
    domain: Domain,
    coefficients: Vec<Vec<F>>,
    extended: Vec<Vec<F>>,
}

impl Columns {
    /// `count` columns of `2^degree_bits` rows, extended to `2^rate_bits` times as many points.
    pub fn random(count: usize, degree_bits: usize, rate_bits: usize) -> Self {
        let domain = Domain::new(degree_bits, rate_bits, F::coset_shift());
        let coefficients = (0..count).map(|_| F::rand_vec(1 << degree_bits)).collect();
        let mut columns = Self { domain, coefficients, extended: Vec::new() };
        columns.extended = columns.extend();
        columns
    }

    /// Extended elements.
    pub fn elements(&self) -> usize {
        self.coefficients.len() * self.domain.size()
    }

    /// The low-degree extension of all columns.
    pub fn extend(&self) -> Vec<Vec<F>> {
        self.coefficients.par_iter().map(|c| self.domain.extend(c)).collect()
    }

    /// The Merkle tree over the points, and elements of its cap.
    pub fn hash(&self) -> usize {
        let tree = Tree::new(self.domain.size(), self.extended.len(), 4, |column, leaf| self.extended[column][leaf]);
        tree.cap().0.len()
    }
}

//! Committed polynomials.

use plonky2::field::fft::ifft_with_options;
use plonky2::field::polynomial::PolynomialValues;
use plonky2::field::types::Sample;
use plonky2::fri::oracle::{PolynomialBatch, SALT_SIZE};
use rayon::prelude::*;

use super::fft::{Domain, reverse_bits};
use super::tree::Tree;
use crate::config::{Blake3Config, D, F};

/// Polynomials with their values on the domain and a Merkle tree over the points.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// Coefficients.
    pub(super) polynomials: Vec<Vec<F>>,
    /// Values of each polynomial in leaf order; then, if the oracle hides, random columns that salt the leaves.
    pub(super) columns: Vec<Vec<F>>,
    pub(super) tree: Tree,
}

impl Oracle {
    /// Commits to the polynomials with these values on the subgroup.
    pub(super) fn of_values(values: Vec<Vec<F>>, domain: &Domain, cap_height: usize, hiding: bool) -> Self {
        let roots = (domain.degree_bits > 0).then(|| domain.roots());
        let polynomials =
            values.into_par_iter().map(|v| ifft_with_options(PolynomialValues::new(v), None, roots).coeffs).collect();
        Self::of_coefficients(polynomials, domain, cap_height, hiding)
    }

    /// Commits to the polynomials with these coefficients.
    pub(super) fn of_coefficients(polynomials: Vec<Vec<F>>, domain: &Domain, cap_height: usize, hiding: bool) -> Self {
        let mut columns: Vec<Vec<F>> = polynomials.par_iter().map(|p| domain.extend(p)).collect();
        if hiding {
            columns.extend((0..SALT_SIZE).map(|_| F::rand_vec(domain.size())));
        }
        let tree = Tree::new(domain.size(), columns.len(), cap_height, |column, leaf| columns[column][leaf]);
        Self { polynomials, columns, tree }
    }

    /// Takes over a commitment that plonky2 made. Its rows are freed as the columns fill.
    pub(super) fn of_batch(batch: PolynomialBatch<F, Blake3Config, D>, cap_height: usize) -> Self {
        let leaves = batch.merkle_tree.leaves;
        let width = leaves.first().map_or(0, Vec::len);
        let size = leaves.len();
        let mut columns: Vec<Vec<F>> = (0..width).map(|_| Vec::with_capacity(size)).collect();
        let mut leaves = leaves.into_iter();
        loop {
            let block: Vec<Vec<F>> = leaves.by_ref().take(64).collect();
            if block.is_empty() {
                break;
            }
            for (c, column) in columns.iter_mut().enumerate() {
                column.extend(block.iter().map(|leaf| leaf[c]));
            }
        }
        drop(batch.merkle_tree.digests);
        let tree = Tree::new(size, width, cap_height, |column, leaf| columns[column][leaf]);
        Self { polynomials: batch.polynomials.into_iter().map(|p| p.coeffs).collect(), columns, tree }
    }

    /// All columns at one leaf.
    pub(super) fn leaf(&self, leaf: usize) -> Vec<F> {
        self.columns.iter().map(|c| c[leaf]).collect()
    }
}

/// Leaf order to natural order, and back: element `i` goes where the bits of `i` in reverse point.
pub(super) fn reverse_order(values: &mut [F]) {
    let bits = values.len().trailing_zeros() as usize;
    for i in 0..values.len() {
        let j = reverse_bits(i, bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

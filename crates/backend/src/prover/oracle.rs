//! Committed polynomials.

use plonky2::field::fft::ifft_with_options;
use plonky2::field::polynomial::PolynomialValues;
use plonky2::fri::oracle::{PolynomialBatch, SALT_SIZE};
use rayon::prelude::*;

use super::fft::{Domain, reverse_bits};
use super::tree::Tree;
use crate::config::{Blake3Config, D, F};
use crate::random::Random;

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
        Self::of_coefficients(interpolate(values, domain), domain, cap_height, hiding)
    }

    /// Commits to the polynomials with these coefficients.
    pub(super) fn of_coefficients(polynomials: Vec<Vec<F>>, domain: &Domain, cap_height: usize, hiding: bool) -> Self {
        let mut columns: Vec<Vec<F>> = polynomials.par_iter().map(|p| domain.extend(p)).collect();
        if hiding {
            let random = Random::from_system();
            columns.par_extend((0..SALT_SIZE).into_par_iter().map(|i| random.elements(i, domain.size())));
        }
        let mut this = Self { polynomials, columns, tree: Tree::default() };
        this.commit(domain, cap_height);
        this
    }

    /// Takes over polynomials that plonky2 committed to. Its rows are freed as the columns fill. There is no tree yet.
    pub(super) fn of_batch(batch: PolynomialBatch<F, Blake3Config, D>) -> Self {
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
        let polynomials = batch.polynomials.into_iter().map(|p| p.coeffs).collect();
        Self { polynomials, columns, tree: Tree::default() }
    }

    /// Puts the polynomials with these values on the subgroup in front of polynomial `at`.
    pub(super) fn insert(&mut self, at: usize, values: Vec<Vec<F>>, domain: &Domain) {
        let further = interpolate(values, domain);
        let columns: Vec<Vec<F>> = further.par_iter().map(|p| domain.extend(p)).collect();
        self.polynomials.splice(at..at, further);
        self.columns.splice(at..at, columns);
    }

    /// Makes the tree.
    pub(super) fn commit(&mut self, domain: &Domain, cap_height: usize) {
        let columns = &self.columns;
        self.tree = Tree::new(domain.size(), columns.len(), cap_height, |column, leaf| columns[column][leaf]);
    }

    /// All columns at one leaf.
    pub(super) fn leaf(&self, leaf: usize) -> Vec<F> {
        self.columns.iter().map(|c| c[leaf]).collect()
    }
}

/// Coefficients of the polynomials with these values on the subgroup.
fn interpolate(values: Vec<Vec<F>>, domain: &Domain) -> Vec<Vec<F>> {
    let roots = (domain.degree_bits > 0).then(|| domain.roots());
    values.into_par_iter().map(|v| ifft_with_options(PolynomialValues::new(v), None, roots).coeffs).collect()
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

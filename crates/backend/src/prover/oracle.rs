//! Committed polynomials.

use plonky2::fri::oracle::SALT_SIZE;
use rayon::prelude::*;

use super::fft::Domain;
use super::tree::Tree;
use crate::config::F;
use crate::random::Random;

/// Values of polynomials on the domain, with a Merkle tree over the points. Coefficients are not kept: the values on the
/// first coset determine a polynomial as well.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Values of each polynomial in leaf order; then, if the oracle hides, random columns that salt the leaves.
    pub(super) columns: Vec<Vec<F>>,
    /// Columns that are values of polynomials.
    pub(super) polynomials: usize,
    pub(super) tree: Tree,
}

impl Oracle {
    /// Commits to the polynomials with these values on the subgroup.
    pub(super) fn of_values(values: Vec<Vec<F>>, domain: &Domain, cap_height: usize, hiding: bool) -> Self {
        Self::of_columns(extended(values, domain), domain, cap_height, hiding)
    }

    /// Commits to the polynomials with these coefficients.
    pub(super) fn of_coefficients(polynomials: Vec<Vec<F>>, domain: &Domain, cap_height: usize, hiding: bool) -> Self {
        let columns = polynomials.into_par_iter().map(|p| domain.extend(&p)).collect();
        Self::of_columns(columns, domain, cap_height, hiding)
    }

    fn of_columns(mut columns: Vec<Vec<F>>, domain: &Domain, cap_height: usize, hiding: bool) -> Self {
        let polynomials = columns.len();
        if hiding {
            let random = Random::from_system();
            columns.par_extend((0..SALT_SIZE).into_par_iter().map(|i| random.elements(i, domain.size())));
        }
        let tree = Tree::new(domain.size(), columns.len(), cap_height, |column, leaf| columns[column][leaf]);
        Self { columns, polynomials, tree }
    }

    /// All columns at one leaf.
    pub(super) fn leaf(&self, leaf: usize) -> Vec<F> {
        self.columns.iter().map(|c| c[leaf]).collect()
    }
}

/// Values on the domain of the polynomials with these values on the subgroup, each of which is freed as it is extended.
fn extended(values: Vec<Vec<F>>, domain: &Domain) -> Vec<Vec<F>> {
    values.into_par_iter().map(|v| domain.extend(&domain.coefficients(v))).collect()
}

//! Blinding: rows and columns of random values. docs/zero-knowledge.md says what they hide.
//!
//! | cells | content | hides |
//! |---|---|---|
//! | `n` rows | a random value in every wire | evaluations of the wires |
//! | `n` pairs of rows | the same, routed wires alike in both rows and tied by copy constraints | evaluations of the permutation products |
//! | [`MASKS`] columns | a random value in every row | all that FRI shows of its folded polynomials |
//!
//! With `n = (D + q) (1 + c)`, for `q` queries and `c` quotient chunks a repetition: a proof shows a column at `q`
//! points of the domain and at one of the extension, and as often every quotient chunk, which all columns determine.
//!
//! plonky2 1.1.0 has blinding rows of its own, which are not used: it leaves out the copy constraints between the
//! rows of a pair, so that the permutation products stay what the witness makes them; and having no masks it needs
//! thousands of rows.

use plonky2::iop::target::Target;
use plonky2::plonk::circuit_data::CircuitConfig;
use rayon::prelude::*;

use crate::config::{D, F};
use crate::random::Random;

/// Random columns in the batch that FRI tests: with a challenge outside the base field they add up to a random
/// polynomial over the extension.
pub(crate) const MASKS: usize = D;

/// plonky2's configuration for blinded proofs, from that for others.
pub(crate) fn blinded(config: CircuitConfig) -> CircuitConfig {
    CircuitConfig { num_wires: config.num_wires + MASKS, zero_knowledge: true, ..config }
}

/// The random rows of a circuit.
#[derive(Clone, Debug)]
pub(crate) struct Blinding {
    /// The first row; single rows come before pairs.
    first: usize,
    count: usize,
    /// Wires that copy constraints can name.
    routed: usize,
}

impl Blinding {
    fn count(config: &CircuitConfig) -> usize {
        (D + config.fri_config.num_query_rounds) * (1 + config.max_quotient_degree_factor)
    }

    /// Rows that are added.
    pub(crate) fn rows(config: &CircuitConfig) -> usize {
        3 * Self::count(config)
    }

    /// Takes [`Blinding::rows`] rows without constraints from `first` on, and ties the pairs.
    pub(crate) fn add(first: usize, config: &CircuitConfig, mut connect: impl FnMut(Target, Target)) -> Self {
        let blinding = Self { first, count: Self::count(config), routed: config.num_routed_wires };
        for row in blinding.pairs() {
            for column in 0..blinding.routed {
                connect(Target::wire(row, column), Target::wire(row + 1, column));
            }
        }
        blinding
    }

    /// The first row of every pair.
    fn pairs(&self) -> impl Iterator<Item = usize> + use<> {
        (self.first + self.count..self.first + 3 * self.count).step_by(2)
    }

    /// Draws all random cells anew; `columns[j]` are the values of wire `j`, the last of them the masks.
    pub(crate) fn fill(&self, columns: &mut [Vec<F>]) {
        let random = Random::from_system();
        let wires = columns.len() - MASKS;
        columns.par_iter_mut().enumerate().for_each(|(j, column)| {
            if j >= wires {
                *column = random.elements(j, column.len());
                return;
            }
            let rows = self.first..self.first + 3 * self.count;
            column[rows.clone()].copy_from_slice(&random.elements(j, rows.len()));
            if j < self.routed {
                self.pairs().for_each(|row| column[row + 1] = column[row]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use plonky2::field::types::Field;

    use super::*;
    use crate::config::Profile;

    #[test]
    fn random_cells_are_new_each_time_and_alike_in_pairs() {
        let config = blinded(Profile::Standard.circuit_config(64));
        let routed = config.num_routed_wires;
        let count = Blinding::count(&config);
        let blinding = Blinding { first: 5, count, routed };
        let rows = 5 + Blinding::rows(&config) + 3;
        let mut fills = [(); 2].map(|()| vec![vec![F::ZERO; rows]; config.num_wires]);
        fills.iter_mut().for_each(|columns| blinding.fill(columns));
        let inside = 5..rows - 3;
        for (j, (a, b)) in fills[0].iter().zip(&fills[1]).enumerate() {
            assert!(inside.clone().all(|row| a[row] != b[row]), "column {j} repeats");
            let outside = (0..rows).filter(|row| !inside.contains(row));
            assert!(outside.clone().all(|row| (a[row] == F::ZERO) != (j >= config.num_wires - MASKS)), "column {j}");
            let tied = blinding.pairs().all(|row| a[row] == a[row + 1]);
            assert_eq!(tied, j < routed, "column {j}");
        }
        assert_eq!(blinding.pairs().count(), count);
    }
}

//! How many rows plonky2's zero-knowledge mode takes.

use plonky2::plonk::circuit_data::CircuitConfig;

use crate::config::D;

/// Rows, a power of two, of a circuit of `rows` rows once plonky2 has blinded it.
///
/// Every committed polynomial gets one random value for each of its evaluations that a proof shows: at zeta in the
/// extension, and for every query at each point of the cosets that FRI folds. The permutation products get two values for
/// each, tied by copy constraints, over both zeta and its successor.
pub(crate) fn blinded_rows(rows: usize, config: &CircuitConfig) -> usize {
    let mut degree_bits = rows.next_power_of_two().trailing_zeros() as usize;
    loop {
        let fri = config.fri_config.fri_params(degree_bits, true);
        let arities: usize = fri.reduction_arity_bits.iter().map(|bits| (1 << bits) - 1).sum();
        let last = 1usize << (degree_bits - fri.reduction_arity_bits.iter().sum::<usize>());
        let queries = config.fri_config.num_query_rounds * (1 + D * arities + D * last);
        let blinding = (D + queries) + 2 * (2 * D + queries);
        if rows + blinding <= 1 << degree_bits {
            return 1 << degree_bits;
        }
        degree_bits += 1;
    }
}

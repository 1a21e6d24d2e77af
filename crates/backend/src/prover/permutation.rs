//! The permutation argument's polynomials.
//!
//! With `f_j = w_j + beta k_j x + gamma` and `g_j = w_j + beta sigma_j + gamma` over the routed wires, `Z` starts at 1 and is
//! multiplied by `prod_j f_j / g_j` from row to row; partial products after every eight wires keep the degree of the
//! constraints at nine. Source: plonky2's paper, section 3.1.

use plonky2::field::types::Field;
use rayon::prelude::*;

use crate::config::F;

/// Rows that share one inversion.
const BLOCK: usize = 64;

/// For each challenge `Z`, then for each challenge its partial products: values on the subgroup.
///
/// `wires[j]` are the values of wire `j`, `sigmas[i][j]` the permuted position of wire `j` in row `i`, `k_is` the cosets
/// of the wires, `chunk` the number of factors of a partial product. `None` if a factor `g_j` is zero.
pub(super) fn partial_products(
    wires: &[Vec<F>],
    sigmas: &[Vec<F>],
    k_is: &[F],
    subgroup: &[F],
    challenges: &[(F, F)],
    chunk: usize,
) -> Option<Vec<Vec<F>>> {
    let routed = k_is.len();
    let chunks = routed.div_ceil(chunk);
    // Per challenge and row the quotient of every chunk.
    let per_challenge: Option<Vec<Vec<Vec<F>>>> = challenges
        .iter()
        .map(|(beta, gamma)| {
            let mut quotients = vec![F::ZERO; subgroup.len() * chunks];
            quotients.par_chunks_mut(BLOCK * chunks).enumerate().try_for_each(|(block, out)| {
                let mut denominators = vec![F::ONE; out.len()];
                for (at, row) in (block * BLOCK..).take(out.len() / chunks).enumerate() {
                    let step = *beta * subgroup[row];
                    let sigma = &sigmas[row];
                    for c in 0..chunks {
                        let (mut numerator, mut denominator) = (F::ONE, F::ONE);
                        for j in c * chunk..((c + 1) * chunk).min(routed) {
                            let wire = wires[j][row] + *gamma;
                            numerator *= wire + step * k_is[j];
                            denominator *= wire + *beta * sigma[j];
                        }
                        out[at * chunks + c] = numerator;
                        denominators[at * chunks + c] = denominator;
                    }
                }
                if denominators.contains(&F::ZERO) {
                    return None;
                }
                let inverses = F::batch_multiplicative_inverse(&denominators);
                out.iter_mut().zip(inverses).for_each(|(q, inverse)| *q *= inverse);
                Some(())
            })?;
            let mut columns = vec![vec![F::ZERO; subgroup.len()]; chunks];
            let mut product = F::ONE;
            for (row, quotients) in quotients.chunks_exact(chunks).enumerate() {
                // The product of the last chunk is the next row's `Z`; column 0 holds this row's.
                columns[0][row] = product;
                for (c, quotient) in quotients.iter().enumerate() {
                    product *= *quotient;
                    if c + 1 < chunks {
                        columns[c + 1][row] = product;
                    }
                }
            }
            Some(columns)
        })
        .collect();
    let (zs, partials): (Vec<Vec<F>>, Vec<Vec<Vec<F>>>) = per_challenge?
        .into_iter()
        .map(|mut columns| {
            let z = columns.remove(0);
            (z, columns)
        })
        .unzip();
    Some(zs.into_iter().chain(partials.into_iter().flatten()).collect())
}

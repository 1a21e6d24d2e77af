//! One Poseidon permutation: the constraints of plonky2's `PoseidonGate`, on wires in its order.
//!
//! | wires | meaning |
//! |---|---|
//! | 0..12, 12..24 | input and output (routed) |
//! | 24 | whether the halves of the first eight inputs are swapped (routed): wired to zero here |
//! | 25..29 | what swapping adds |
//! | 29..135 | inputs of the S-boxes: full rounds, partial rounds, full rounds |

use plonky2::field::types::Field;
use plonky2::hash::poseidon::{HALF_N_FULL_ROUNDS, N_PARTIAL_ROUNDS, Poseidon, SPONGE_WIDTH as WIDTH};

use super::algebra::Algebra;
use crate::config::F;

/// A row with a permutation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoseidonRow;

impl PoseidonRow {
    pub const INPUT: usize = 0;
    pub const OUTPUT: usize = WIDTH;
    pub const SWAP: usize = 2 * WIDTH;
    pub(crate) const DELTA: usize = Self::SWAP + 1;
    /// Inputs of the S-boxes of the first full rounds but the very first.
    pub(crate) const FULL_0: usize = Self::DELTA + 4;
    pub(crate) const PARTIAL: usize = Self::FULL_0 + WIDTH * (HALF_N_FULL_ROUNDS - 1);
    pub(crate) const FULL_1: usize = Self::PARTIAL + N_PARTIAL_ROUNDS;
    pub(crate) const WIRES: usize = Self::FULL_1 + WIDTH * HALF_N_FULL_ROUNDS;
    pub(super) const ROUTED: usize = Self::SWAP + 1;

    pub(super) fn eval<A: Algebra>(a: &mut A) {
        for value in a.poseidon(|i| i) {
            a.constrain(value);
        }
    }

    /// Fills everything from the input, which is not swapped.
    pub(super) fn complete(wires: &mut [F]) {
        let mut state: [F; WIDTH] = std::array::from_fn(|i| wires[Self::INPUT + i]);
        wires[Self::DELTA..Self::FULL_0].fill(F::ZERO);
        for round in 0..HALF_N_FULL_ROUNDS {
            F::constant_layer(&mut state, round);
            if round > 0 {
                let first = Self::FULL_0 + WIDTH * (round - 1);
                wires[first..first + WIDTH].copy_from_slice(&state);
            }
            F::sbox_layer(&mut state);
            state = F::mds_layer(&state);
        }
        F::partial_first_constant_layer(&mut state);
        state = F::mds_partial_layer_init(&state);
        for round in 0..N_PARTIAL_ROUNDS {
            wires[Self::PARTIAL + round] = state[0];
            state[0] = F::sbox_monomial(state[0]);
            if round + 1 < N_PARTIAL_ROUNDS {
                state[0] += F::from_canonical_u64(F::FAST_PARTIAL_ROUND_CONSTANTS[round]);
            }
            state = F::mds_partial_layer_fast(&state, round);
        }
        for r in 0..HALF_N_FULL_ROUNDS {
            F::constant_layer(&mut state, HALF_N_FULL_ROUNDS + N_PARTIAL_ROUNDS + r);
            let first = Self::FULL_1 + WIDTH * r;
            wires[first..first + WIDTH].copy_from_slice(&state);
            F::sbox_layer(&mut state);
            state = F::mds_layer(&state);
        }
        wires[Self::OUTPUT..Self::SWAP].copy_from_slice(&state);
    }
}

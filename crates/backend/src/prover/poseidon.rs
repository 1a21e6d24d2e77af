//! plonky2's Poseidon gate, evaluated on vectors.
//!
//! Same wires and same constraints in the same order as `plonky2::gates::poseidon::PoseidonGate`, whose own evaluation
//! in the base field is scalar. The verifier runs plonky2's; the tests compare the two.

use plonky2::field::ops::Square;
use plonky2::field::packed::PackedField;
use plonky2::field::types::Field;
use plonky2::hash::poseidon::{
    ALL_ROUND_CONSTANTS, HALF_N_FULL_ROUNDS, N_PARTIAL_ROUNDS, Poseidon, SPONGE_WIDTH as WIDTH,
};

use super::fft::P;
use crate::config::F;
use crate::gate::PoseidonRow;

type State = [P; WIDTH];

fn constant(value: u64) -> F {
    F::from_noncanonical_u64(value)
}

fn sbox(x: P) -> P {
    let square = x.square();
    square.square() * (square * x)
}

fn add_constants(state: &mut State, constants: &[u64]) {
    state.iter_mut().zip(constants).for_each(|(s, c)| *s += constant(*c));
}

/// Product with the circulant matrix, whose entries are small integers.
///
/// Halves of 32 bits are multiplied and summed as integers: the entries of a row sum to less than 2^9, so nothing
/// overflows, and each element is reduced once.
fn full_layer(state: &State) -> State {
    const LANES: usize = <P as PackedField>::WIDTH;
    const EPSILON: u64 = 0xffff_ffff;
    // Twice in a row, so that rotations of the state are slices.
    let mut low = [[0u64; LANES]; 2 * WIDTH];
    let mut high = [[0u64; LANES]; 2 * WIDTH];
    for (i, s) in state.iter().enumerate() {
        for (lane, x) in s.as_slice().iter().enumerate() {
            (low[i][lane], high[i][lane]) = (x.0 & EPSILON, x.0 >> 32);
        }
        (low[i + WIDTH], high[i + WIDTH]) = (low[i], high[i]);
    }
    std::array::from_fn(|row| {
        let (mut l, mut h) = ([0u64; LANES], [0u64; LANES]);
        let mut accumulate = |from: usize, factor: u64| {
            for lane in 0..LANES {
                l[lane] += (low[from][lane] & EPSILON) * factor;
                h[lane] += (high[from][lane] & EPSILON) * factor;
            }
        };
        for (j, factor) in F::MDS_MATRIX_CIRC.iter().enumerate() {
            accumulate(row + j, *factor);
        }
        accumulate(row, F::MDS_MATRIX_DIAG[row]);
        // l + 2^32 h, with 2^64 = 2^32 - 1: what of h exceeds 32 bits comes back with that factor.
        let (mut top, mut rest) = (P::default(), P::default());
        for lane in 0..LANES {
            top.as_slice_mut()[lane] = F::from_noncanonical_u64(h[lane] << 32);
            rest.as_slice_mut()[lane] = F::from_noncanonical_u64(l[lane] + (h[lane] >> 32) * EPSILON);
        }
        top + rest
    })
}

fn first_partial_layer(state: &State) -> State {
    let mut out = [P::default(); WIDTH];
    out[0] = state[0];
    for (s, row) in state[1..].iter().zip(&F::FAST_PARTIAL_ROUND_INITIAL_MATRIX) {
        out[1..].iter_mut().zip(row).for_each(|(o, m)| *o += *s * constant(*m));
    }
    out
}

fn partial_layer(state: &State, round: usize) -> State {
    let mut out = *state;
    let first = state[0];
    out[0] = first * constant(F::MDS_MATRIX_CIRC[0] + F::MDS_MATRIX_DIAG[0]);
    for i in 1..WIDTH {
        out[0] += state[i] * constant(F::FAST_PARTIAL_ROUND_W_HATS[round][i - 1]);
        out[i] += first * constant(F::FAST_PARTIAL_ROUND_VS[round][i - 1]);
    }
    out
}

/// Each S-box reads its input from a wire, which keeps the degree at seven.
fn read_inputs(state: &mut State, first: usize, wire: &impl Fn(usize) -> P, constrain: &mut impl FnMut(P)) {
    for (i, s) in state.iter_mut().enumerate() {
        let input = wire(first + i);
        constrain(*s - input);
        *s = input;
    }
}

/// Passes the values of the gate's constraints to `constrain`, in order.
pub(super) fn eval(wire: impl Fn(usize) -> P, mut constrain: impl FnMut(P)) {
    let swap = wire(PoseidonRow::SWAP);
    constrain(swap.square() - swap);
    let mut state: State = std::array::from_fn(&wire);
    for i in 0..4 {
        let delta = wire(PoseidonRow::DELTA + i);
        constrain(swap * (state[i + 4] - state[i]) - delta);
        state[i] += delta;
        state[i + 4] -= delta;
    }
    for round in 0..HALF_N_FULL_ROUNDS {
        add_constants(&mut state, &ALL_ROUND_CONSTANTS[WIDTH * round..WIDTH * (round + 1)]);
        if round > 0 {
            read_inputs(&mut state, PoseidonRow::FULL_0 + WIDTH * (round - 1), &wire, &mut constrain);
        }
        state = full_layer(&state.map(sbox));
    }
    add_constants(&mut state, &F::FAST_PARTIAL_FIRST_ROUND_CONSTANT);
    state = first_partial_layer(&state);
    for round in 0..N_PARTIAL_ROUNDS {
        let input = wire(PoseidonRow::PARTIAL + round);
        constrain(state[0] - input);
        state[0] = sbox(input);
        if round + 1 < N_PARTIAL_ROUNDS {
            state[0] += constant(F::FAST_PARTIAL_ROUND_CONSTANTS[round]);
        }
        state = partial_layer(&state, round);
    }
    for r in 0..HALF_N_FULL_ROUNDS {
        let round = HALF_N_FULL_ROUNDS + N_PARTIAL_ROUNDS + r;
        add_constants(&mut state, &ALL_ROUND_CONSTANTS[WIDTH * round..WIDTH * (round + 1)]);
        read_inputs(&mut state, PoseidonRow::FULL_1 + WIDTH * r, &wire, &mut constrain);
        state = full_layer(&state.map(sbox));
    }
    for (i, s) in state.into_iter().enumerate() {
        constrain(s - wire(WIDTH + i));
    }
}

#[cfg(test)]
mod tests {
    use plonky2::field::types::Sample;
    use plonky2::gates::gate::Gate;
    use plonky2::gates::poseidon::PoseidonGate;
    use plonky2::hash::hash_types::HashOut;
    use plonky2::plonk::vars::EvaluationVarsBaseBatch;

    use super::*;
    use crate::config::{D, WIRES};

    #[test]
    fn agrees_with_plonky2() {
        let wires: Vec<Vec<F>> = (0..P::WIDTH).map(|_| F::rand_vec(WIRES)).collect();
        let mut values = Vec::new();
        eval(|i| *P::from_slice(&wires.iter().map(|w| w[i]).collect::<Vec<F>>()), |value| values.push(value));
        for (lane, wires) in wires.iter().enumerate() {
            let hash = HashOut::ZERO;
            let expected = PoseidonGate::<F, D>::new().eval_unfiltered_base_batch(EvaluationVarsBaseBatch::new(
                1,
                &[],
                wires,
                &hash,
            ));
            assert_eq!(values.iter().map(|v| v.as_slice()[lane]).collect::<Vec<F>>(), expected);
        }
    }
}

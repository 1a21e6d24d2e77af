//! The in-circuit transcript: a Poseidon sponge over everything the prover may choose.
//!
//! The state starts with the program's digest in the capacity, so that a transcript belongs to one program. Elements
//! overwrite the rate, eight at a time; their number is fixed by the circuit, so no padding rule is needed beyond zeros
//! in the last block. Challenges are squeezed after the last block, two elements to a challenge.

use crate::assembler::{Assembler, Cell, Ext};

/// Elements absorbed per permutation.
pub const RATE: usize = 8;

/// The three challenges of a segment, in the quadratic extension.
#[derive(Clone, Copy, Debug)]
pub struct Challenges {
    /// Separates the linear relations.
    pub r: Ext,
    /// Evaluation point of the lookup argument.
    pub gamma: Ext,
    /// Separates argument and result of a lookup.
    pub delta: Ext,
}

/// Absorbs `elements` after `domain` and returns the state.
fn absorb(asm: &mut Assembler, domain: [u64; 4], elements: &[Cell]) -> [Cell; 12] {
    let mut state = [Cell::ZERO; 12];
    for (slot, value) in state[RATE..].iter_mut().zip(domain) {
        *slot = Cell::Constant(value);
    }
    let blocks: Vec<&[Cell]> = if elements.is_empty() { vec![&[]] } else { elements.chunks(RATE).collect() };
    for block in blocks {
        for (i, slot) in state[..RATE].iter_mut().enumerate() {
            *slot = block.get(i).copied().unwrap_or(Cell::ZERO);
        }
        state = asm.poseidon(state);
    }
    state
}

/// Digest of `elements` under `domain`; the number of elements is part of the domain.
pub fn digest(asm: &mut Assembler, domain: [u64; 3], elements: &[Cell]) -> [Cell; 4] {
    let [a, b, c] = domain;
    let state = absorb(asm, [a, b, c, elements.len() as u64], elements);
    [state[0], state[1], state[2], state[3]]
}

/// plonky2's hash of public inputs, `hash_n_to_hash_no_pad`: elements overwrite the rate, and a last block that is not
/// full leaves the rest of it as it was.
pub fn public_hash(asm: &mut Assembler, elements: &[Cell]) -> [Cell; 4] {
    let mut state = [Cell::ZERO; 12];
    for block in elements.chunks(RATE) {
        state[..block.len()].copy_from_slice(block);
        state = asm.poseidon(state);
    }
    [state[0], state[1], state[2], state[3]]
}

/// Draws the challenges of a segment whose committed elements are `elements`.
pub fn challenges(asm: &mut Assembler, program: [u64; 4], elements: &[Cell]) -> Challenges {
    let s = absorb(asm, program, elements);
    Challenges { r: [s[0], s[1]], gamma: [s[2], s[3]], delta: [s[4], s[5]] }
}

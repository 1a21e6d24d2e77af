//! The Fiat-Shamir transcript: plonky2's `Challenger`, which keeps its state to itself, with the search for a
//! proof-of-work witness.
//!
//! A duplex sponge in overwrite mode with rate 8: elements overwrite the state, a challenge is read after a permutation.

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::types::{Field, PrimeField64};
use plonky2::fri::FriParams;
use plonky2::hash::hash_types::{BytesHash, HashOut};
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::merkle_tree::MerkleCap;
use plonky2::plonk::config::GenericHashOut;
use rayon::prelude::*;

use crate::config::{Blake3Hash, Blake3Permutation, F, FE};

type State = Blake3Permutation<F>;

/// What was said so far.
pub(super) struct Transcript {
    state: State,
    input: Vec<F>,
    output: Vec<F>,
}

impl Transcript {
    pub(super) fn new() -> Self {
        Self { state: State::new(std::iter::repeat(F::ZERO)), input: Vec::new(), output: Vec::new() }
    }

    pub(super) fn observe(&mut self, element: F) {
        self.output.clear();
        self.input.push(element);
        if self.input.len() == State::RATE {
            self.permute();
        }
    }

    pub(super) fn observe_all(&mut self, elements: impl IntoIterator<Item = F>) {
        elements.into_iter().for_each(|e| self.observe(e));
    }

    pub(super) fn observe_extension(&mut self, elements: &[FE]) {
        self.observe_all(elements.iter().flat_map(|e| e.0));
    }

    pub(super) fn observe_digest(&mut self, digest: BytesHash<32>) {
        self.observe_all(GenericHashOut::<F>::to_vec(&digest));
    }

    pub(super) fn observe_hash(&mut self, hash: HashOut<F>) {
        self.observe_all(hash.elements);
    }

    pub(super) fn observe_cap(&mut self, cap: &MerkleCap<F, Blake3Hash>) {
        cap.0.iter().for_each(|digest| self.observe_digest(*digest));
    }

    /// The parameters of FRI, as the verifier observes them.
    pub(super) fn observe_params(&mut self, params: &FriParams) {
        let config = &params.config;
        self.observe(F::from_canonical_usize(config.rate_bits));
        self.observe(F::from_canonical_usize(config.cap_height));
        self.observe(F::from_canonical_u32(config.proof_of_work_bits));
        self.observe_all(config.reduction_strategy.serialize::<F>());
        self.observe(F::from_canonical_usize(config.num_query_rounds));
        self.observe(F::from_bool(params.hiding));
        self.observe(F::from_canonical_usize(params.degree_bits));
        self.observe_all(params.reduction_arity_bits.iter().map(|bits| F::from_canonical_usize(*bits)));
    }

    fn permute(&mut self) {
        self.state.set_from_slice(&self.input, 0);
        self.input.clear();
        self.state.permute();
        self.output = self.state.squeeze().to_vec();
    }

    pub(super) fn challenge(&mut self) -> F {
        if !self.input.is_empty() || self.output.is_empty() {
            self.permute();
        }
        self.output.pop().unwrap_or(F::ZERO)
    }

    pub(super) fn challenges(&mut self, count: usize) -> Vec<F> {
        (0..count).map(|_| self.challenge()).collect()
    }

    pub(super) fn extension_challenge(&mut self) -> FE {
        QuadraticExtension([self.challenge(), self.challenge()])
    }

    /// The least element after which the next challenge starts with `bits` zero bits; observed, with that challenge.
    pub(super) fn work(&mut self, bits: u32) -> F {
        /// Candidates tried in parallel before the next block begins.
        const BLOCK: u32 = 1 << 13;
        let mut prepared = self.state;
        prepared.set_from_slice(&self.input, 0);
        let position = self.input.len();
        let succeeds = |candidate: u64| {
            let mut state = prepared;
            state.set_elt(F::from_canonical_u64(candidate), position);
            state.permute();
            state.squeeze().last().is_some_and(|x| x.to_canonical_u64().leading_zeros() >= bits)
        };
        let witness = (0u64..).step_by(BLOCK as usize).find_map(|start| {
            let block = (0..BLOCK).into_par_iter().with_min_len(256).map(|i| start + u64::from(i));
            block.find_first(|candidate| succeeds(*candidate))
        });
        let witness = F::from_canonical_u64(witness.unwrap_or(0));
        self.observe(witness);
        self.challenge();
        witness
    }
}

//! The prover: plonky2's protocol, message by message, on data laid out for it.
//!
//! Proofs are checked by plonky2's own verifier; nothing here is trusted. What differs from plonky2's prover is speed and
//! memory: columns stay columns (no transposed copy), transforms work coset by coset, leaves are hashed eight at a
//! time, and constraints are evaluated as `quotient` describes.

mod clock;
mod fft;
mod fri;
pub mod kernels;
mod lanes;
mod oracle;
mod permutation;
mod poseidon;
mod quotient;
#[cfg(test)]
mod tests;
mod transcript;
mod tree;

use plonky2::field::types::Field;
use plonky2::hash::hash_types::{BytesHash, HashOut};
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierOnlyCircuitData};
use plonky2::plonk::config::{GenericHashOut, Hasher};
use plonky2::plonk::proof::{OpeningSet, Proof, ProofWithPublicInputs};
use plonky2::util::transpose;

use crate::config::{Blake3Config, Blake3Hash, D, F, FE};
use fft::Domain;
use fri::Batch;
use oracle::Oracle;
use quotient::{Challenges, Constraints, Inputs};
use transcript::Transcript;

pub use clock::Clock;
pub(crate) use quotient::{UNUSED_SELECTOR, groups as selector_groups};

/// Everything about a circuit that does not depend on the witness.
#[derive(Debug)]
pub(crate) struct ProvingKey {
    domain: Domain,
    /// Constants, then the permuted positions of the wires.
    preprocessed: Oracle,
    /// Permuted positions, row by row.
    sigmas: Vec<Vec<F>>,
    subgroup: Vec<F>,
    digest: BytesHash<32>,
}

impl ProvingKey {
    /// The key of a circuit with these constant columns and permuted positions, and what verifiers need of it. `separator`
    /// tells the circuit's proofs from those of other programs.
    pub(crate) fn new(
        common: &CommonCircuitData<F, D>,
        constants: Vec<Vec<F>>,
        sigmas: Vec<Vec<F>>,
        subgroup: Vec<F>,
        separator: &[F],
    ) -> (Self, VerifierOnlyCircuitData<Blake3Config, D>) {
        let params = &common.fri_params;
        let domain = Domain::new(params.degree_bits, params.config.rate_bits, F::coset_shift());
        let mut values = constants;
        values.extend(transpose(&sigmas));
        let preprocessed = Oracle::of_values(values, &domain, params.config.cap_height, false);
        let constants_sigmas_cap = preprocessed.tree.cap();
        let separator = <Blake3Hash as Hasher<F>>::hash_pad(separator).to_vec();
        let parts = [constants_sigmas_cap.flatten(), separator, vec![F::from_canonical_usize(params.degree_bits)]];
        let circuit_digest = <Blake3Hash as Hasher<F>>::hash_no_pad(&parts.concat());
        let key = Self { domain, preprocessed, sigmas, subgroup, digest: circuit_digest };
        (key, VerifierOnlyCircuitData { constants_sigmas_cap, circuit_digest })
    }

    /// Permuted positions of the wires, row by row.
    #[cfg(test)]
    pub(crate) fn sigmas(&self) -> &[Vec<F>] {
        &self.sigmas
    }

    /// Coefficients of constant `index`.
    pub(crate) fn constant(&self, index: usize) -> Vec<F> {
        let coset = &self.preprocessed.columns[index][..1 << self.domain.degree_bits];
        self.domain.coefficients_of_coset(coset.to_vec())
    }

    /// Proves; `wires[j]` holds the values of wire `j`. A witness that violates a constraint gives a proof that does not
    /// verify. `None` if a challenge hits one of the few values with which the protocol has no answer (odds below 2^-40).
    pub(crate) fn prove(
        &self,
        common: &CommonCircuitData<F, D>,
        wires: Vec<Vec<F>>,
        public_inputs: Vec<F>,
        clock: &mut Clock,
    ) -> Option<ProofWithPublicInputs<F, Blake3Config, D>> {
        let params = &common.fri_params;
        let (cap_height, hiding) = (params.config.cap_height, common.config.zero_knowledge);
        let repetitions = common.config.num_challenges;
        let public_hash: HashOut<F> = PoseidonHash::hash_no_pad(&public_inputs);
        let mut transcript = Transcript::new();
        transcript.observe_params(params);
        transcript.observe_digest(self.digest);
        transcript.observe_hash(public_hash);
        clock.lap("columns");

        let routed = wires[..common.config.num_routed_wires].to_vec();
        let wires = Oracle::of_values(wires, &self.domain, cap_height, hiding);
        transcript.observe_cap(&wires.tree.cap());
        clock.lap("commit to wires");

        let betas = transcript.challenges(repetitions);
        let gammas = transcript.challenges(repetitions);
        let permutation: Vec<(F, F)> = betas.into_iter().zip(gammas).collect();
        let products = permutation::partial_products(
            &routed,
            &self.sigmas,
            &common.k_is,
            &self.subgroup,
            &permutation,
            common.quotient_degree_factor,
        )?;
        drop(routed);
        clock.lap("permutation");
        let products = Oracle::of_values(products, &self.domain, cap_height, hiding);
        transcript.observe_cap(&products.tree.cap());
        clock.lap("commit to products");

        let alphas = transcript.challenges(repetitions);
        let inputs = Inputs {
            common,
            constraints: &Constraints::new(common),
            domain: &self.domain,
            preprocessed: &self.preprocessed,
            wires: &wires,
            products: &products,
            public_inputs: &public_hash,
            challenges: Challenges { permutation: &permutation, alphas: &alphas },
        };
        let degree = common.degree();
        let quotients = inputs.quotients();
        clock.lap("constraints");
        let chunks = quotients.into_iter().flat_map(|q| q.chunks(degree).map(<[F]>::to_vec).collect::<Vec<_>>());
        let quotients = Oracle::of_coefficients(chunks.collect(), &self.domain, cap_height, hiding);
        transcript.observe_cap(&quotients.tree.cap());
        clock.lap("commit to quotients");

        let zeta = transcript.extension_challenge();
        if zeta.exp_power_of_2(common.degree_bits()) == FE::ONE {
            return None;
        }
        let next = zeta * FE::primitive_root_of_unity(common.degree_bits());
        let points = [fri::Point::new(zeta, &self.domain)?, fri::Point::new(next, &self.domain)?];
        let openings = open(common, [&self.preprocessed, &wires, &products, &quotients], &points);
        for part in [
            &openings.constants,
            &openings.plonk_sigmas,
            &openings.wires,
            &openings.plonk_zs,
            &openings.partial_products,
            &openings.quotient_polys,
            &openings.plonk_zs_next,
        ] {
            transcript.observe_extension(part);
        }
        clock.lap("openings");
        let oracles = [&self.preprocessed, &wires, &products, &quotients];
        let all = oracles.iter().enumerate().flat_map(|(o, oracle)| (0..oracle.polynomials).map(move |i| (o, i)));
        let batches = [
            Batch { point: zeta, polynomials: all.collect() },
            Batch { point: next, polynomials: (0..repetitions).map(|i| (2, i)).collect() },
        ];
        let opening_proof = fri::prove(&batches, &oracles, &self.domain, params, &mut transcript, clock);
        let proof = Proof {
            wires_cap: wires.tree.cap(),
            plonk_zs_partial_products_cap: products.tree.cap(),
            quotient_polys_cap: quotients.tree.cap(),
            openings,
            opening_proof,
        };
        Some(ProofWithPublicInputs { proof, public_inputs })
    }
}

/// Values of all polynomials at the first point, and of the permutation's at the second: the next row.
fn open(common: &CommonCircuitData<F, D>, oracles: [&Oracle; 4], [zeta, next]: &[fri::Point; 2]) -> OpeningSet<F, D> {
    let repetitions = common.config.num_challenges;
    let [preprocessed, wires, products, quotients] = oracles.map(|o| zeta.evaluate(&o.columns[..o.polynomials]));
    let plonk_zs_next = next.evaluate(&oracles[2].columns[..repetitions]);
    let (constants, plonk_sigmas) = preprocessed.split_at(common.num_constants);
    let (plonk_zs, partial_products) = products.split_at(repetitions);
    OpeningSet {
        constants: constants.to_vec(),
        plonk_sigmas: plonk_sigmas.to_vec(),
        wires,
        plonk_zs: plonk_zs.to_vec(),
        plonk_zs_next,
        partial_products: partial_products.to_vec(),
        quotient_polys: quotients,
        lookup_zs: Vec::new(),
        lookup_zs_next: Vec::new(),
    }
}

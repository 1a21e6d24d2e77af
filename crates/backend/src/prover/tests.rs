//! The prover against plonky2's: same circuit, same witness, same messages.

use plonky2::field::fft::ifft;
use plonky2::field::polynomial::PolynomialValues;
use plonky2::field::types::Field;
use plonky2::gates::gate::Gate;
use plonky2::gates::noop::NoopGate;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::iop::generator::generate_partial_witness;
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, PartitionWitness, Witness, WitnessWrite};
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};
use plonky2::plonk::prover::prove_with_partition_witness;
use plonky2::util::timing::TimingTree;

use super::*;
use crate::blinding::{Blinding, blinded};
use crate::check::Checker;
use crate::config::Profile;
use crate::gate::{ArithmeticGate, Kind, PoolGate, RangeGate, RowGate};

/// Whose random rows a circuit has.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    None,
    Plonky2s,
    Ours,
}

type Data = CircuitData<F, Blake3Config, D>;

/// Poseidon rows, rows of ours with and without digits, plonky2's own gates, and a public input; the target whose value
/// everything follows from; and the random rows that are ours.
fn circuit(rows: usize, random: Rows) -> (Data, Target, Option<Blinding>) {
    let config = Profile::Standard.circuit_config(64);
    let config = match random {
        Rows::None => config,
        Rows::Plonky2s => CircuitConfig { zero_knowledge: true, ..config },
        Rows::Ours => CircuitConfig { zero_knowledge: false, ..blinded(config) },
    };
    let mut builder = CircuitBuilder::<F, D>::new(config);
    let x = builder.add_virtual_target();
    let mut state = x;
    for i in 0..rows {
        let hash = builder.hash_n_to_hash_no_pad::<PoseidonHash>(vec![state, x]);
        state = builder.mul_add(hash.elements[0], x, state);
        if i == 0 {
            builder.range_check(x, 20);
            builder.register_public_input(state);
        }
    }
    // Rows of zeros are valid for these kinds, the first of which take turns on a track.
    let ranges = [3, 7].map(|digits| Kind::Range(RangeGate::new(digits)));
    let gate = RowGate::new(vec![ranges.to_vec(), vec![Kind::Arithmetic]]);
    for turn in 0..2 {
        let mut constants = vec![F::ZERO; gate.num_constants()];
        constants[gate.tracks()[0].selector(turn)] = F::ONE;
        let [ranges, arithmetic] = [0, 1].map(|track| &gate.tracks()[track]);
        assert!(ranges.digits() > 0);
        constants[arithmetic.selector(0)] = F::ONE;
        let coefficients = ArithmeticGate::constant_values(F::ONE, F::TWO, F::ZERO);
        constants[arithmetic.first_constant()..][..3].copy_from_slice(&coefficients);
        builder.add_gate(gate.clone(), constants);
    }
    builder.add_gate(PoolGate, vec![]);
    // A row that no gate constrains: its wires are bound by their copies alone.
    let free = builder.add_gate(NoopGate, vec![]);
    for column in [0, 40, 79] {
        builder.connect(Target::wire(free, column), x);
    }
    let blinding = (random == Rows::Ours).then(|| {
        let first = builder.num_gates();
        for _ in 0..Blinding::rows(&builder.config) {
            builder.add_gate(NoopGate, vec![]);
        }
        let config = builder.config.clone();
        Blinding::add(first, &config, |a, b| builder.connect(a, b))
    });
    let mut data = builder.build::<Blake3Config>();
    if blinding.is_some() {
        data.common.config.zero_knowledge = true;
        data.common.fri_params.hiding = true;
    }
    (data, x, blinding)
}

/// The key of a circuit that plonky2 built, made from its columns.
fn key(data: &Data) -> ProvingKey {
    let prover = &data.prover_only;
    let constants = prover.constants_sigmas_commitment.polynomials[..data.common.num_constants].iter();
    let constants = constants.map(|p| p.clone().fft().values).collect();
    let (key, verifier) = ProvingKey::new(&data.common, constants, prover.sigmas.clone(), prover.subgroup.clone(), &[]);
    assert_eq!(verifier, data.verifier_only);
    key
}

/// Every wire by column, the public inputs, and the same witness in plonky2's form. Not deterministic: plonky2 fills unused
/// wires of its public-input row with random values.
fn witness(data: &Data, x: Target) -> (Vec<Vec<F>>, Vec<F>, PartitionWitness<'_, F>) {
    let mut inputs = PartialWitness::new();
    inputs.set_target(x, F::from_canonical_u64(77_777)).unwrap();
    let witness = generate_partial_witness(inputs, &data.prover_only, &data.common).unwrap();
    let public = witness.get_targets(&data.prover_only.public_inputs);
    let full = witness.clone().full_witness();
    let width = data.common.config.num_wires;
    let columns = (0..width).map(|j| (0..data.common.degree()).map(|i| full.get_wire(i, j)).collect()).collect();
    (columns, public, witness)
}

#[test]
fn messages_are_those_of_plonky2() {
    for rows in [1, 40] {
        let (data, x, _) = circuit(rows, Rows::None);
        let (wires, public, witness) = witness(&data, x);
        let mut timing = TimingTree::default();
        let expected = prove_with_partition_witness(&data.prover_only, &data.common, witness, &mut timing).unwrap();
        let key = key(&data);
        let proof = key.prove(&data.common, wires, public, &mut Clock::start()).unwrap();
        assert_eq!(proof.public_inputs, expected.public_inputs);
        assert_eq!(proof.proof.wires_cap, expected.proof.wires_cap);
        assert_eq!(proof.proof.plonk_zs_partial_products_cap, expected.proof.plonk_zs_partial_products_cap);
        assert_eq!(proof.proof.quotient_polys_cap, expected.proof.quotient_polys_cap);
        assert_eq!(proof.proof.openings, expected.proof.openings);
        let (ours, theirs) = (&proof.proof.opening_proof, &expected.proof.opening_proof);
        assert_eq!(ours.commit_phase_merkle_caps, theirs.commit_phase_merkle_caps);
        assert_eq!(ours.final_poly, theirs.final_poly);
        // plonky2 takes any proof-of-work witness that a thread happens to find, and the queries follow from it.
        data.verify(proof).unwrap();
    }
}

/// Whether someone who guesses the witness, but not the random rows, can recompute the permutation products that `proof`
/// shows.
fn confirms(
    data: &Data,
    key: &ProvingKey,
    proof: &ProofWithPublicInputs<F, Blake3Config, D>,
    guess: &[Vec<F>],
) -> bool {
    let common = &data.common;
    let hash = PoseidonHash::hash_no_pad(&proof.public_inputs);
    let challenges = proof.get_challenges(hash, &data.verifier_only.circuit_digest, common).unwrap();
    let permutation: Vec<(F, F)> = challenges.plonk_betas.into_iter().zip(challenges.plonk_gammas).collect();
    let routed = &guess[..common.config.num_routed_wires];
    let chunk = common.quotient_degree_factor;
    let (k_is, subgroup) = (&common.k_is, &key.subgroup);
    let products = permutation::partial_products(routed, &key.sigmas, k_is, subgroup, &permutation, chunk).unwrap();
    let products = products.into_iter().map(|p| ifft(PolynomialValues::new(p)));
    let values: Vec<FE> = products.map(|p| p.to_extension::<D>().eval(challenges.plonk_zeta)).collect();
    let shown = &proof.proof.openings;
    let same = values.iter().zip(shown.plonk_zs.iter().chain(&shown.partial_products)).filter(|(a, b)| a == b).count();
    assert!(same == 0 || same == values.len(), "{same} of {} products are those of the guess", values.len());
    same > 0
}

/// plonky2's random rows leave the permutation products as the witness makes them, so that whoever guesses it can tell.
/// Ours do not.
#[test]
fn guesses_are_not_confirmed() {
    for (rows, confirmed) in [(Rows::None, true), (Rows::Plonky2s, true), (Rows::Ours, false)] {
        let (data, x, blinding) = circuit(1, rows);
        let (mut wires, public, _) = witness(&data, x);
        let (mut guess, ..) = witness(&data, x);
        let key = key(&data);
        for columns in [&mut wires, &mut guess] {
            blinding.iter().for_each(|b| b.fill(columns));
        }
        let proof = key.prove(&data.common, wires, public, &mut Clock::start()).unwrap();
        data.verify(proof.clone()).unwrap();
        assert_eq!(confirms(&data, &key, &proof, &guess), confirmed);
    }
}

#[test]
fn wrong_witnesses_do_not_verify() {
    let (data, x, _) = circuit(1, Rows::None);
    let (wires, public, _) = witness(&data, x);
    let key = key(&data);
    let checker = Checker::new(&data.common, &key);
    let hash = PoseidonHash::hash_no_pad(&public);
    let mut refused = 0;
    for (column, row) in (0..data.common.degree()).flat_map(|row| [(0, row), (24, row), (134, row)]) {
        let mut altered = wires.clone();
        altered[column][row] += F::from_canonical_u64(9);
        let cells: Vec<F> = altered.iter().map(|c| c[row]).collect();
        if !checker.row(&data.common, &hash, row, &cells).is_empty() {
            let proof = key.prove(&data.common, altered, public.clone(), &mut Clock::start());
            assert!(proof.is_none_or(|p| data.verify(p).is_err()), "wire {column} of row {row}");
            refused += 1;
        }
    }
    assert!(refused >= 8, "only {refused} alterations");
    let mut public = public;
    public[0] += F::ONE;
    assert!(
        key.prove(&data.common, wires, public, &mut Clock::start()).is_none_or(|proof| data.verify(proof).is_err())
    );
}

/// A wire that differs from its copies is noticed by the permutation argument, also where its row's gate does not mind: a
/// value that passes from one layer to the next is the same value.
#[test]
fn broken_copies_do_not_verify() {
    let (data, x, _) = circuit(1, Rows::None);
    let (wires, public, _) = witness(&data, x);
    let key = key(&data);
    let checker = Checker::new(&data.common, &key);
    let hash = PoseidonHash::hash_no_pad(&public);
    let width = data.common.config.num_wires;
    let representatives = &data.prover_only.representative_map[..data.common.degree() * width];
    let mut members = std::collections::HashMap::new();
    representatives.iter().for_each(|class| *members.entry(*class).or_insert(0) += 1);
    let mut refused = 0;
    for (row, classes) in representatives.chunks_exact(width).enumerate() {
        for (column, _) in classes.iter().enumerate().filter(|(_, class)| members[*class] > 1) {
            let mut altered = wires.clone();
            altered[column][row] += F::ONE;
            let cells: Vec<F> = altered.iter().map(|c| c[row]).collect();
            if checker.row(&data.common, &hash, row, &cells).is_empty() {
                let proof = key.prove(&data.common, altered, public.clone(), &mut Clock::start());
                assert!(proof.is_none_or(|p| data.verify(p).is_err()), "wire {column} of row {row}");
                refused += 1;
            }
        }
    }
    assert!(refused >= 3, "only {refused} broken copies");
}

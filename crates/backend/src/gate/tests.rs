//! Every gate: coherence of its evaluations, validity of its assignment, rejection of every altered wire.

use plonky2::field::types::{Field, Sample};
use plonky2::gates::gate::Gate;
use plonky2::gates::gate_testing::{test_eval_fns, test_low_degree};
use plonky2::hash::hash_types::HashOut;
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::PoseidonPermutation;
use plonky2::plonk::vars::EvaluationVarsBaseBatch;

use super::*;
use crate::config::{Blake3Config, D, to_field};

fn kinds() -> Vec<Kind> {
    let mut kinds =
        vec![Kind::MulAdd, Kind::Arithmetic, Kind::Reduce, Kind::Product, Kind::Strips, Kind::Bits, Kind::Poseidon];
    // A window of two elements takes a top bit and no digits.
    kinds.push(Kind::Requant(RequantGate::new(AccSource::Linear, 0, false)));
    kinds.push(Kind::Requant(RequantGate::new(AccSource::Local, 0, false)));
    for d in [1, 2, 5, 9, 12, 20] {
        for masked in [false, true] {
            kinds.push(Kind::Requant(RequantGate::new(AccSource::Linear, d, masked)));
            kinds.push(Kind::Requant(RequantGate::new(AccSource::Local, d, masked)));
        }
        kinds.push(Kind::Order(OrderGate::new(d)));
        kinds.push(Kind::Range(RangeGate::new(d)));
        kinds.push(Kind::Lookup(LookupGate::new(Side::Lookup, d)));
        kinds.push(Kind::Lookup(LookupGate::new(Side::Table, d)));
    }
    for (left, right, wide) in
        [(16, 16, true), (16, 22, true), (16, 44, false), (16, 16, false), (16, 32, false), (4, 32, true)]
    {
        kinds.push(Kind::Bilinear(BilinearGate { left, right, wide }));
    }
    kinds
}

#[test]
fn low_degree_and_coherent_evaluations() {
    for kind in kinds() {
        let gate = RowGate::new(vec![vec![kind.clone()]]);
        assert!(gate.degree() <= 8, "{} has degree {}", kind.name(), gate.degree());
        assert!(gate.num_wires() <= WIRES, "{} has {} wires", kind.name(), gate.num_wires());
        test_low_degree::<F, RowGate, D>(gate.clone());
        test_eval_fns::<F, Blake3Config, RowGate, D>(gate).unwrap();
    }
    // Tracks side by side, and kinds that take turns.
    let several: Vec<Vec<Kind>> = kinds().chunks(7).map(<[Kind]>::to_vec).collect();
    let gate = RowGate::new(several);
    test_low_degree::<F, RowGate, D>(gate.clone());
    test_eval_fns::<F, Blake3Config, RowGate, D>(gate).unwrap();
    test_low_degree::<F, PoolGate, D>(PoolGate);
    test_eval_fns::<F, Blake3Config, PoolGate, D>(PoolGate).unwrap();
}

/// Two tracks with the same four kinds: what stands on one track is bound by its own selector and constants only, and every
/// wire of it by its own constraints.
#[test]
fn tracks_do_not_mind_each_other() {
    let kinds: Vec<Kind> = kinds().into_iter().step_by(11).collect();
    let gate = RowGate::new(vec![kinds.clone(), kinds.clone()]);
    let hash = HashOut::ZERO;
    let violations = |constants: &[F], wires: &[F]| -> Vec<usize> {
        let values = gate.eval_unfiltered_base_batch(EvaluationVarsBaseBatch::new(1, constants, wires, &hash));
        values.iter().enumerate().filter(|(_, value)| !value.is_zero()).map(|(i, _)| gate.track_of(i)).collect()
    };
    let mut columns = vec![0; gate.num_wires()];
    for (first, second) in (0..kinds.len()).flat_map(|a| (0..kinds.len()).map(move |b| (a, b))) {
        let (mut constants, mut wires) = (vec![F::ZERO; gate.num_constants()], vec![F::ZERO; gate.num_wires()]);
        for (track, kind) in gate.tracks().iter().zip([first, second]) {
            let (row_constants, row) = valid_row(&kinds[kind]);
            constants[track.selector(kind)] = F::ONE;
            constants[track.first_constant()..][..row_constants.len()].copy_from_slice(&row_constants);
            for wire in kinds[kind].used_wires() {
                wires[track.columns(kind)[wire]] = row[wire];
                columns[track.columns(kind)[wire]] += 1;
            }
        }
        assert_eq!(violations(&constants, &wires), vec![], "{first} beside {second}");
        for (position, (track, kind)) in gate.tracks().iter().zip([first, second]).enumerate() {
            for wire in kinds[kind].used_wires() {
                let mut altered = wires.clone();
                altered[track.columns(kind)[wire]] += F::from_canonical_u64(9);
                let violated = violations(&constants, &altered);
                assert!(!violated.is_empty(), "{}: wire {wire} on track {position} is free", kinds[kind].name());
                assert!(violated.iter().all(|t| *t == position), "{}: wire {wire}", kinds[kind].name());
            }
            // Without its selector a track minds its digits only.
            let mut unselected = constants.clone();
            unselected[track.selector(kind)] = F::ZERO;
            assert_eq!(violations(&unselected, &wires), vec![]);
        }
    }
    assert!(columns.iter().all(|uses| *uses > 0), "some wires stand for nothing");
}

#[test]
fn parameters_round_trip() {
    for kind in kinds() {
        assert_eq!(Kind::from_parameters(kind.parameters()), Some(kind));
    }
    assert_eq!(Kind::from_parameters([3, usize::MAX, 0, 0]), None);
    assert_eq!(Kind::from_parameters([8, 1 << 40, 1, 0]), None);
    assert_eq!(Kind::from_parameters([8, 40, 64, 1]), None);
}

fn violated(kind: &Kind, constants: &[F], wires: &[F]) -> bool {
    let hash = HashOut::ZERO;
    let gate = RowGate::new(vec![vec![kind.clone()]]);
    let constants = [&[F::ONE], constants].concat();
    let mut row = vec![F::ZERO; gate.num_wires()];
    kind.used_wires().for_each(|wire| row[gate.tracks()[0].columns(0)[wire]] = wires[wire]);
    let vars = EvaluationVarsBaseBatch::new(1, &constants, &row, &hash);
    gate.eval_unfiltered_base_batch(vars).iter().any(|c| !c.is_zero())
}

/// A valid row of `kind`: constants and wires.
fn valid_row(kind: &Kind) -> (Vec<F>, Vec<F>) {
    let mut wires = F::rand_vec(kind.wires());
    let mut constants = F::rand_vec(kind.constants());
    match kind {
        Kind::Requant(g) => {
            let digits = if g.masked { g.digits.div_ceil(2) } else { g.digits };
            let shift_digits = digits / 2;
            let shift = 3 * shift_digits as u32;
            let low = 3 * (digits - shift_digits) as u32;
            let half = if shift > 0 { 1i64 << (shift - 1) } else { 0 };
            let c = RequantConstants {
                digits,
                shift_digits,
                acc_offset: -(1i64 << (low + shift)) - half,
                align: 0,
                y_offset: 0,
                top: true,
                relu: true,
            };
            constants = g.constant_values(&c);
            let reach = 1i64 << (low + shift);
            let accumulator = |k: i64| ((k % 7 - 3) * (1 << shift.saturating_sub(2))).clamp(-reach, reach - 1);
            let accumulators: Vec<i64> = (0..g.slots as i64).map(accumulator).collect();
            if g.source == AccSource::Local {
                for (k, acc) in accumulators.iter().enumerate() {
                    wires[g.x(k)] = to_field(*acc);
                }
                kind.complete(&constants, &mut wires, g.slots);
            } else {
                let r = read_ext(&wires, g.r());
                write_ext(&mut wires, g.r3(), r * r * r);
                kind.commit(&constants, &mut wires, &accumulators);
                kind.complete_results(&mut wires);
                kind.complete(&constants, &mut wires, g.slots);
            }
            for (k, acc) in accumulators.iter().enumerate() {
                let expected = ((acc + half) >> shift).max(0);
                assert_eq!(wires[g.y(k)], to_field(expected), "{} slot {k}", kind.name());
            }
        }
        Kind::Order(g) => {
            constants = vec![F::ONE];
            for k in 0..g.slots {
                wires[g.x(k)] = to_field(k as i64 % 7);
                wires[g.y(k)] = to_field(4);
                kind.complete_slot(&constants, &mut wires, k);
                assert_eq!(wires[g.result(k)], to_field((k as i64 % 7).max(4)));
            }
        }
        Kind::Range(g) => {
            for k in 0..g.slots {
                wires[g.x(k)] = constants[0] + to_field(k as i64 % 8);
            }
            kind.complete(&constants, &mut wires, g.slots);
        }
        Kind::Lookup(g) => {
            if g.side == Side::Lookup {
                for k in 0..g.slots {
                    wires[g.result(k)] = constants[0] + to_field(k as i64 % 8);
                }
            }
            kind.commit(&constants, &mut wires, &vec![5; g.slots]);
            kind.complete(&constants, &mut wires, g.slots);
        }
        Kind::MulAdd | Kind::Arithmetic => {
            for k in 0..MulAddGate::SLOTS.max(ArithmeticGate::SLOTS) {
                if *kind == Kind::Arithmetic || k < MulAddGate::SLOTS {
                    kind.complete_slot(&constants, &mut wires, k);
                }
            }
        }
        Kind::Bits => {
            for k in 0..BitsGate::SLOTS {
                wires[BitsGate::bit(k)] = F::from_bool(k % 3 == 1);
            }
            kind.complete(&constants, &mut wires, BitsGate::SLOTS);
        }
        Kind::Poseidon => {
            wires[PoseidonRow::SWAP] = F::ZERO;
            kind.complete(&constants, &mut wires, 0);
            let mut state = PoseidonPermutation::new(wires[..PoseidonRow::OUTPUT].iter().copied());
            state.permute();
            assert_eq!(&wires[PoseidonRow::OUTPUT..PoseidonRow::SWAP], state.as_ref());
        }
        Kind::Reduce | Kind::Product | Kind::Strips | Kind::Bilinear(_) => kind.complete(&constants, &mut wires, 0),
    }
    (constants, wires)
}

/// Changing any single wire of a valid row breaks a constraint.
#[test]
fn every_altered_wire_is_rejected() {
    for kind in kinds() {
        let (constants, wires) = valid_row(&kind);
        assert!(!violated(&kind, &constants, &wires), "{}: the assigned row is invalid", kind.name());
        for i in kind.used_wires() {
            for delta in [F::ONE, F::NEG_ONE, F::from_canonical_u64(8), F::rand()] {
                let mut altered = wires.clone();
                altered[i] += delta;
                assert!(violated(&kind, &constants, &altered), "{}: wire {i} is free", kind.name());
            }
        }
    }
}

/// Moving a unit between neighbouring digits keeps every sum and every packed element; only the digits' own range
/// constraints stand between a prover and a second reading of an absorbed element.
#[test]
fn repacked_digits_are_rejected() {
    for kind in kinds() {
        let (constants, wires) = valid_row(&kind);
        for i in kind.used_wires().filter(|i| kind.used_wires().any(|j| j == i + 1)) {
            for sign in [F::ONE, F::NEG_ONE] {
                let mut altered = wires.clone();
                altered[i + 1] += sign * F::from_canonical_u64(8);
                altered[i] -= sign;
                assert!(violated(&kind, &constants, &altered), "{}: wires {i}, {}", kind.name(), i + 1);
            }
        }
    }
}

/// An embedded program has two tracks, whatever kinds it needs.
#[test]
fn any_kinds_fit_an_embedding() {
    let most = |kinds: Vec<Kind>| RowGate::new(vec![kinds]).num_wires();
    let (mut with, mut without): (Vec<Kind>, Vec<Kind>) = kinds().into_iter().partition(|k| k.digit_count() > 0);
    for digits in 1..=20 {
        with.push(Kind::Range(RangeGate::new(digits)));
        with.push(Kind::Order(OrderGate::new(digits)));
        with.push(Kind::Lookup(LookupGate::new(Side::Lookup, digits)));
        with.push(Kind::Lookup(LookupGate::new(Side::Table, digits)));
        with.push(Kind::Requant(RequantGate::new(AccSource::Local, digits, true)));
        with.push(Kind::Requant(RequantGate::new(AccSource::Linear, digits, true)));
    }
    without.push(Kind::Poseidon);
    let config = crate::Profile::Standard.circuit_config(64);
    assert!(most(with) + most(without) <= config.num_wires);
}

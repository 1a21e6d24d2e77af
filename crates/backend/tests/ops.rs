//! Every operator: the assigned witness satisfies the constraints, proves and verifies.

mod support;

use std::collections::HashMap;

use plonky2::field::types::Field as _;
use plonky2::gates::gate::Gate as _;
use plonnx_backend::config::F;
use plonnx_backend::{Circuit, Settings, VerifyingKey, Visibility, Weights};
use plonnx_ir::op::{Requant, Window};
use plonnx_ir::{CoreOp, DType, Field, Graph, eval_all};
use plonnx_testkit::CaseBuilder;
use support::cases;

#[test]
fn witnesses_satisfy_the_constraints() {
    for case in cases() {
        case.assert_satisfied(&case.compile(Visibility::Public));
    }
}

#[test]
fn proofs_verify() {
    for case in cases() {
        case.assert_proved(&case.compile(Visibility::Public));
    }
}

/// A key is read back from its bytes, whatever gates its circuit has.
#[test]
fn keys_survive() {
    for case in cases() {
        let key = case.compile(Visibility::Public).verifying_key().clone();
        let read = VerifyingKey::from_parts(key.profile(), Weights::Public, key.ports().to_vec(), key.data_bytes());
        let read = read.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert_eq!(read.hash(), key.hash(), "{}", case.name);
    }
}

/// In every row that the key commits to at most one selector of a track is 1 and the others are 0; it selects the kind that
/// was emitted there, and its constants follow. A row with two kinds on a track would have the sum of their constraints.
#[test]
fn selectors_are_one_hot() {
    let mut shared = 0;
    for case in cases().iter().step_by(2) {
        let circuit = case.compile(Visibility::Public);
        let tape = circuit.tape();
        let gate = tape.gate.as_ref().unwrap();
        let standing: HashMap<(u32, u16), usize> =
            tape.rows.iter().enumerate().map(|(row, r)| ((r.place.row, r.place.track), row)).collect();
        assert_eq!(standing.len(), tape.rows.len(), "{}: two rows in one place", case.name);
        let mut seen = 0;
        for row in 0..1 << circuit.stats().degree_bits {
            let (id, constants) = circuit.committed_row(row);
            if id != gate.id() {
                continue;
            }
            for (position, track) in gate.tracks().iter().enumerate() {
                shared += usize::from(track.kinds().len() > 1);
                let emitted = standing.get(&(row as u32, position as u16)).copied();
                seen += usize::from(emitted.is_some());
                for (index, kind) in track.kinds().iter().enumerate() {
                    let selected = emitted.is_some_and(|row| tape.kind(row) == kind);
                    assert_eq!(constants[track.selector(index)], F::from_bool(selected), "{}: row {row}", case.name);
                }
                let follow = &constants[track.first_constant()..];
                let expected = emitted.map_or(&[][..], |row| tape.row_constants(row));
                assert_eq!(&follow[..expected.len()], expected, "{}: row {row}", case.name);
            }
        }
        assert_eq!(seen, tape.rows.len(), "{}", case.name);
    }
    assert!(shared > 1000, "only {shared} tracks with several kinds");
}

/// Requantisations with the widest shifts and windows that the verifier of programs lets pass have a circuit or are
/// refused.
#[test]
fn extreme_requantisations_do_not_panic() {
    let program = |map: Requant| -> Option<Graph<Field>> {
        let mut b = CaseBuilder::new();
        let x = b.input(&[3], Window { lo: 1, bits: 20 }, DType::Real);
        let y = b.add(CoreOp::Map(map), &[x]);
        b.graph.add_output("y", y);
        plonnx_ir::verify(&b.graph).is_ok().then_some(b.graph)
    };
    let settings =
        Settings { inputs: vec![Visibility::Private], outputs: vec![Visibility::Private], ..Settings::default() };
    let (mut built, mut refused) = (0, 0);
    for shift in [0, 1, 2, 30, 55, 56, 57, 58, 59, 60, 61] {
        for bits in [1, 2, 3, 4, 20, 31, 60, 61] {
            let windows = [Window::signed(bits), Window::unsigned(bits), Window { lo: 1 << 40, bits }];
            let maps = windows.map(|window| Requant::Round { shift, window }).into_iter();
            let roots = [Requant::Sqrt { shift, bits }, Requant::Rsqrt { shift, bits }, Requant::Relu { shift, bits }];
            for graph in maps.chain(roots).filter_map(program) {
                match Circuit::plan_for(graph, settings.clone()) {
                    Ok(_) => built += 1,
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(built > 100 && refused > 20, "{built} and {refused}");
}

#[test]
fn rows_filled_in_parallel_are_those_filled_one_by_one() {
    for case in cases() {
        let circuit = case.compile(Visibility::Public);
        let values = eval_all(&case.graph, &case.inputs).unwrap();
        let externals: Vec<F> = case.inputs.iter().flat_map(|t| t.iter()).map(F::from_noncanonical_i64).collect();
        let parallel = circuit.tape().assign(&values, &externals);
        let serial = circuit.tape().assign_tampered(&values, &externals, &mut |_, _| {});
        assert!(parallel.cells == serial.cells, "{}", case.name);
    }
}

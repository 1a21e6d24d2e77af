//! Public, committed and private tensors: what a statement has of each, and who is refused.

mod support;

use plonnx_backend::{BackendError, Circuit, Commitment, Proof, Salt, Salts, Settings, Visibility};
use plonnx_ir::{CoreOp, Log2Scale, Tensor};
use plonnx_testkit::{Case, CaseBuilder};
use support::cases;

use Visibility::{Committed, Private, Public};

fn compile(case: &Case, input: Visibility, output: Visibility) -> Circuit {
    let settings = Settings {
        inputs: vec![input; case.graph.inputs().len()],
        outputs: vec![output; case.graph.outputs().len()],
        ..Settings::default()
    };
    Circuit::compile(case.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|c| c.name == name).unwrap()
}

fn prove(circuit: &Circuit, inputs: &[Tensor<i64>], salts: &Salts) -> Proof {
    let witness = circuit.witness_salted(inputs, salts).unwrap();
    let violations = circuit.check(&witness);
    assert!(violations.is_empty(), "{}", violations[0]);
    circuit.prove(&witness).unwrap()
}

fn rejected(circuit: &Circuit, proof: &Proof) -> String {
    match circuit.verifying_key().verify(proof) {
        Err(BackendError::Rejected(reason)) => reason,
        other => panic!("expected a rejection, got {other:?}"),
    }
}

#[test]
fn all_combinations_prove_and_verify() {
    let case = case("gemm");
    let mut hashes = Vec::new();
    for input in Visibility::ALL {
        for output in Visibility::ALL {
            let circuit = compile(&case, input, output);
            let proof = prove(&circuit, &case.inputs, &Salts::default());
            circuit.verifying_key().verify(&proof).unwrap();
            for (port, visibility) in [input, output].into_iter().enumerate() {
                assert_eq!(proof.public[port].is_some(), visibility == Public);
                assert_eq!(proof.commitments[port].is_some(), visibility == Committed);
            }
            hashes.push(circuit.verifying_key().hash());
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 9, "keys do not depend on every visibility");
}

#[test]
fn commitments_open_and_hide_behind_their_salt() {
    let case = case("gemm");
    let circuit = compile(&case, Committed, Committed);
    let witness = circuit.witness(&case.inputs).unwrap();
    let proof = circuit.prove(&witness).unwrap();
    let ports = circuit.verifying_key().ports();
    for (port, salt) in witness.salts().tensors.iter().enumerate() {
        let values = witness.port(&ports[port]).to_vec();
        let opened = ports[port].commit(&values, &salt.unwrap()).unwrap();
        assert_eq!(proof.commitments[port], Some(opened));
        let mut other = values.clone();
        other[0] ^= 1;
        assert_ne!(proof.commitments[port], Some(ports[port].commit(&other, &salt.unwrap()).unwrap()));
        assert_ne!(proof.commitments[port], Some(ports[port].commit(&values, &Salt::random()).unwrap()));
    }
    // Fresh salts give fresh commitments to the same tensor, and a chosen salt gives the same one again.
    let again = prove(&circuit, &case.inputs, &Salts::default());
    assert_ne!(again.commitments, proof.commitments);
    assert_eq!(prove(&circuit, &case.inputs, witness.salts()).commitments, proof.commitments);
}

#[test]
fn statements_cannot_be_altered() {
    let case = case("gemm");
    let circuit = compile(&case, Committed, Public);
    let proof = prove(&circuit, &case.inputs, &Salts::default());
    let honest = proof.commitments[0].unwrap().words();
    for word in 0..4 {
        let mut words = honest;
        words[word] ^= 1;
        let mut wrong = proof.clone();
        wrong.commitments[0] = Commitment::from_words(words);
        assert!(wrong.commitments[0].is_some());
        assert_eq!(rejected(&circuit, &wrong), "it proves other public values than claimed");
    }
    // The commitment of another proof of the same key.
    let mut wrong = proof.clone();
    wrong.commitments = prove(&circuit, &case.inputs, &Salts::default()).commitments;
    rejected(&circuit, &wrong);
    let mut wrong = proof.clone();
    wrong.commitments[0] = None;
    assert_eq!(rejected(&circuit, &wrong), "the commitment to \"x7\" is missing");
    let mut wrong = proof.clone();
    wrong.commitments[1] = wrong.commitments[0];
    assert_eq!(rejected(&circuit, &wrong), "it has a commitment to \"out\", which is public");
    let mut wrong = proof.clone();
    wrong.public[0] = Some(case.inputs[0].to_vec());
    assert_eq!(rejected(&circuit, &wrong), "it claims values of \"x7\", which is committed");
    let mut wrong = proof.clone();
    wrong.commitments.pop();
    rejected(&circuit, &wrong);
}

/// Commitments belong to their tensors: exchanged among the inputs, or taken from an output, they are another
/// statement.
#[test]
fn commitments_do_not_change_places() {
    let case = case("less");
    let circuit = compile(&case, Committed, Committed);
    let proof = prove(&circuit, &case.inputs, &Salts::default());
    assert_eq!(proof.commitments.len(), 3);
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        let mut wrong = proof.clone();
        wrong.commitments.swap(i, j);
        assert_eq!(rejected(&circuit, &wrong), "it proves other public values than claimed");
        let mut wrong = proof.clone();
        wrong.commitments[j] = wrong.commitments[i];
        assert_eq!(rejected(&circuit, &wrong), "it proves other public values than claimed");
    }
}

/// A prover who claims the commitment to another tensor, before or after the challenges, breaks a constraint.
#[test]
fn commitments_are_to_the_tensors_of_the_inference() {
    let case = case("gemm");
    for (input, output) in [(Committed, Private), (Private, Committed)] {
        let circuit = compile(&case, input, output);
        let tape = circuit.tape();
        let rows: Vec<u32> = tape.steps.iter().map(|s| s.row).collect();
        let poseidon: Vec<u32> = rows
            .iter()
            .copied()
            .filter(|row| *tape.kind(*row as usize) == plonnx_backend::gate::Kind::Poseidon)
            .collect();
        let mut lies = 0;
        for target in poseidon {
            for wire in 12..24 {
                let witness = circuit
                    .witness_tampered(&case.inputs, &mut |step, moment| {
                        if let (true, plonnx_backend::Moment::After(wires)) = (step.row == target, moment) {
                            wires[wire] += plonky2::field::types::Field::ONE;
                        }
                    })
                    .unwrap();
                assert!(!circuit.check(&witness).is_empty(), "wire {wire} of hash row {target} is free");
                lies += 1;
            }
        }
        assert!(lies > 0 && !rows.is_empty());
    }
}

/// The output of one program is the input of another when their encodings agree, and only then.
#[test]
fn commitments_link_programs() {
    let first = |scale: i32| {
        let mut b = CaseBuilder::new();
        let x = b.signed(&[1, 20], 6);
        let window = plonnx_ir::op::Window::signed(9);
        let map = CoreOp::Map(plonnx_ir::op::Requant::Round { shift: 1, window });
        let y = b.add(CoreOp::Sum(plonnx_ir::op::Sum { coefficients: vec![3] }), &[x]);
        let id = b.graph.add_noted("y", map, &[y], Log2Scale(scale)).unwrap();
        b.done("first", id)
    };
    let second = |scale: i32, lo: i64| {
        let mut b = CaseBuilder::new();
        let window = plonnx_ir::op::Window { lo, bits: 7 };
        let input = plonnx_ir::op::Input { shape: vec![20], dtype: plonnx_ir::DType::Real, domain: window };
        let x = b.graph.add_noted("x", CoreOp::Input(input), &[], Log2Scale(scale)).unwrap();
        let y = b.add(CoreOp::Map(plonnx_ir::op::Requant::Relu { shift: 0, bits: 9 }), &[x]);
        b.done("second", y)
    };
    let a = first(5);
    let circuit = compile(&a, Private, Committed);
    let witness = circuit.witness(&a.inputs).unwrap();
    let proof = circuit.prove(&witness).unwrap();
    let y = Tensor::from_vec(&[20], witness.port(&circuit.verifying_key().ports()[1]).to_vec()).unwrap();
    let salts = Salts { tensors: vec![witness.salts().tensors[1], None], ..Salts::default() };
    let commitment = |scale, lo| {
        let b = second(scale, lo);
        let circuit = compile(&b, Committed, Public);
        prove(&circuit, std::slice::from_ref(&y), &salts).commitments[0]
    };
    // The range of the first program's output is the proven one: 3 x / 2 of x in [-32, 31].
    assert_eq!(circuit.verifying_key().ports()[1].encoding().lo, -48);
    assert_eq!(commitment(5, -48), proof.commitments[1]);
    // The same integers at another scale, or digits of another lower end, are another tensor.
    assert_ne!(commitment(6, -48), proof.commitments[1]);
    assert_ne!(commitment(5, -50), proof.commitments[1]);
}

//! Malicious provers: every one of them must be noticed.

mod support;

use plonnx_backend::weights::split;
use plonnx_backend::{BackendError, Circuit, Settings, Visibility, Weights};
use plonnx_ir::{CoreOp, Graph, Tensor};
use plonnx_testkit::{Case, adversary};
use support::cases;

fn compile(case: &Case) -> Circuit {
    case.compile(Visibility::Public)
}

/// Everything committed, weights included where there are any.
fn compile_committed(case: &Case) -> Circuit {
    let settings = Settings {
        inputs: vec![Visibility::Committed; case.graph.inputs().len()],
        outputs: vec![Visibility::Committed; case.graph.outputs().len()],
        weights: if split(&case.graph).is_ok() { Weights::Committed } else { Weights::Public },
        ..Settings::default()
    };
    Circuit::compile(case.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

/// Every wire that a row of ours uses, altered together with its copies, breaks a constraint: with all tensors public,
/// and with all committed.
#[test]
fn every_cell_is_constrained() {
    let alter = |case: &Case| {
        let [public, committed] = [compile(case), compile_committed(case)];
        adversary::alter_cells(case, &public) + adversary::alter_cells(case, &committed)
    };
    let altered: usize = cases().iter().map(alter).sum();
    println!("{altered} altered wires refused, none accepted");
    assert!(altered > 400_000, "only {altered} alterations");
}

/// A prover who lies about one element of one node, and is consistent from there on, is noticed. The prover itself cannot
/// divide by the vanishing polynomial; a few of these are enough.
#[test]
fn consistent_lies_about_any_node_are_noticed() {
    let mut noticed = 0;
    let mut few = |_| {
        noticed += 1;
        noticed % 40 == 1
    };
    let told: usize = cases().iter().map(|case| adversary::lie_about_nodes(case, &compile(case), &mut few)).sum();
    assert!(told > 100, "only {told} lies were told");
}

/// Challenges that are not the transcript's are noticed, even when all that follows uses them.
#[test]
fn replaced_challenges_are_noticed() {
    let told: usize = cases().iter().map(|case| adversary::replace_challenges(case, &compile(case))).sum();
    assert_eq!(told, 3 * cases().len());
}

/// Multiplicities that do not count the lookups are noticed.
#[test]
fn wrong_multiplicities_are_noticed() {
    let told: usize = cases().iter().map(|case| adversary::miscount_lookups(case, &compile(case))).sum();
    assert!(told > 0);
}

/// Every single public value, inputs and outputs alike, is bound.
#[test]
fn every_public_value_is_bound() {
    for case in cases().into_iter().step_by(9) {
        let circuit = compile(&case);
        let proof = circuit.prove(&circuit.witness(&case.inputs).unwrap()).unwrap();
        circuit.verifying_key().verify(&proof).unwrap();
        for port in 0..proof.public.len() {
            let len = proof.public[port].as_ref().map_or(0, Vec::len);
            for element in 0..len {
                let mut wrong = proof.clone();
                if let Some(values) = wrong.public[port].as_mut() {
                    values[element] ^= 1;
                }
                let outcome = circuit.verifying_key().verify(&wrong);
                assert!(
                    matches!(outcome, Err(BackendError::Rejected(_))),
                    "{}: port {port} element {element}",
                    case.name
                );
            }
        }
    }
}

/// No altered byte of a proof is accepted, and none makes the verifier panic.
#[test]
fn altered_proof_bytes_are_rejected() {
    let case = cases().swap_remove(0);
    let circuit = compile(&case);
    let proof = circuit.prove(&circuit.witness(&case.inputs).unwrap()).unwrap();
    for at in (0..proof.proof.len()).step_by(proof.proof.len() / 400 + 1) {
        for flip in [1u8, 0x80, 0xff] {
            let mut wrong = proof.clone();
            wrong.proof[at] ^= flip;
            if circuit.verifying_key().verify(&wrong).is_ok() {
                panic!("byte {at} flipped by {flip:#x} is accepted");
            }
        }
    }
    for length in (0..proof.proof.len()).step_by(proof.proof.len() / 100 + 1) {
        let mut wrong = proof.clone();
        wrong.proof.truncate(length);
        assert!(circuit.verifying_key().verify(&wrong).is_err(), "a proof of {length} bytes is accepted");
    }
}

/// A proof does not verify under the key of another program, visibility or constant.
#[test]
fn keys_bind_the_program() {
    let case = cases().into_iter().find(|c| c.name == "gemm").unwrap();
    let circuit = compile(&case);
    let proof = circuit.prove(&circuit.witness(&case.inputs).unwrap()).unwrap();
    let mut other = Graph::new();
    let mut ids = Vec::new();
    for id in case.graph.ids() {
        let node = case.graph.node(id);
        let op = match &node.op {
            CoreOp::Const(t, dtype) => {
                let mut data = t.to_vec();
                data[3] += 1;
                CoreOp::Const(Tensor::from_vec(t.shape(), data).unwrap(), *dtype)
            }
            op => op.clone(),
        };
        let inputs: Vec<_> = node.inputs.iter().map(|i| ids[i.index()]).collect();
        ids.push(other.add(&node.name, op, &inputs).unwrap());
    }
    other.add_output("out", ids[case.graph.outputs()[0].node.index()]);
    let other = compile(&Case { name: "gemm with another weight".into(), graph: other, inputs: case.inputs.clone() });
    assert_ne!(circuit.verifying_key().hash(), other.verifying_key().hash());
    assert!(other.verifying_key().verify(&proof).is_err());
    let again = compile(&case);
    assert_eq!(circuit.verifying_key().hash(), again.verifying_key().hash(), "compilation is not deterministic");
}

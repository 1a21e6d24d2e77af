//! Malicious provers: every one of them must be noticed.

mod support;

use plonky2::field::types::{Field as _, Sample};
use plonnx_backend::config::F;
use plonnx_backend::gate::Kind;
use plonnx_backend::{BackendError, Circuit, Hint, Moment, Phase, Settings, Visibility};
use plonnx_ir::{CoreOp, Field, Graph, Tensor, eval_all, eval_op};
use support::{Case, cases};

fn compile(case: &Case) -> Circuit {
    let settings = Settings {
        inputs: vec![Visibility::Public; case.graph.inputs().len()],
        outputs: vec![Visibility::Public; case.graph.outputs().len()],
        ..Settings::default()
    };
    Circuit::compile(case.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

/// Every wire that a row of ours uses, altered together with its copies, breaks a constraint.
#[test]
fn every_cell_is_constrained() {
    let mut altered = 0;
    for case in cases() {
        let circuit = compile(&case);
        let witness = circuit.witness(&case.inputs).unwrap();
        let tape = circuit.tape();
        // Rows of one gate are alike; a few of each are enough.
        let mut seen = std::collections::HashMap::new();
        for (index, record) in tape.rows.iter().enumerate().filter(|(_, r)| !r.foreign) {
            let count = seen.entry(record.gate).or_insert(0);
            *count += 1;
            if *count > 3 && index % 41 != 0 {
                continue;
            }
            let row = tape.first_row + index;
            // Slots of arithmetic rows that nothing reads are free, and harmless.
            let slots = tape.steps.iter().filter(|s| s.row as usize == row);
            let slots = slots.filter(|s| matches!(s.phase, Phase::Slot(_) | Phase::Inverse(_))).count();
            let used = match record.gate.map(|g| tape.gates[g as usize].kind()) {
                None => (0..24).collect(),
                Some(Kind::MulAdd) => (0..8 * slots).collect(),
                Some(Kind::Arithmetic) => (0..4 * slots).collect(),
                Some(kind) => kind.used_wires().collect::<Vec<_>>(),
            };
            for column in used {
                for delta in [F::ONE, -F::ONE, F::rand()] {
                    assert!(
                        circuit.notices(&witness, row, column, delta),
                        "{}: wire {column} of row {row} ({}) is free",
                        case.name,
                        circuit.label(row)
                    );
                    altered += 1;
                }
            }
        }
    }
    assert!(altered > 100_000, "only {altered} alterations");
}

/// Evaluates the graph with `delta` added to one element of one node, and everything after it consistent with that.
fn evaluate_with_lie(
    graph: &Graph<Field>,
    inputs: &[Tensor<i64>],
    liar: plonnx_ir::NodeId,
    element: usize,
    delta: i64,
) -> Option<Vec<Tensor<i64>>> {
    let mut values: Vec<Tensor<i64>> = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let mut value = match &node.op {
            CoreOp::Input(_) => inputs[graph.inputs().iter().position(|i| *i == id)?].clone(),
            op => {
                let operands: Vec<&Tensor<i64>> = node.inputs.iter().map(|i| &values[i.index()]).collect();
                eval_op(&node.name, op, &operands).ok()?
            }
        };
        if id == liar {
            let mut data = value.to_vec();
            data[element] += delta;
            value = Tensor::from_vec(value.shape(), data)?;
        }
        values.push(value);
    }
    Some(values)
}

/// A prover who lies about one element of one node, and is consistent from there on, is noticed. The lie is told before
/// the challenges are drawn.
#[test]
fn consistent_lies_about_any_node_are_noticed() {
    let mut told = 0;
    for case in cases() {
        let circuit = compile(&case);
        let honest = eval_all(&case.graph, &case.inputs).unwrap();
        for id in case.graph.ids() {
            let node = case.graph.node(id);
            // Inputs are free; views and constants are wiring, so that there is nothing to lie about.
            if matches!(node.op, CoreOp::Input(_) | CoreOp::Const(..) | CoreOp::View(_)) {
                continue;
            }
            let len = node.fact.len();
            for (element, delta) in [(0, 1), (len / 2, -1), (len - 1, 1), (len / 3, 1 << 7)] {
                let Some(values) = evaluate_with_lie(&case.graph, &case.inputs, id, element, delta) else { continue };
                let witness = circuit.assign(values, &case.inputs, &mut |_, _| {});
                let violations = circuit.check(&witness);
                // Where rows derive a value from their operands, the lie never reaches the witness.
                let output = case.graph.outputs()[0].node;
                if violations.is_empty() {
                    assert!(
                        !node.op.is_wide() && circuit.output_cells(&witness, 0) == honest[output.index()].to_vec(),
                        "{}: a lie about \"{}\" passes",
                        case.name,
                        node.name
                    );
                } else {
                    // The prover itself cannot divide by the vanishing polynomial; a few of these are enough.
                    if told % 40 == 0 {
                        assert!(circuit.prove(&witness).is_err(), "{}: a lie is provable", case.name);
                    }
                    told += 1;
                }
            }
        }
    }
    assert!(told > 100, "only {told} lies were told");
}

/// Challenges that are not the transcript's are noticed, even when all that follows uses them.
#[test]
fn replaced_challenges_are_noticed() {
    for case in cases() {
        let circuit = compile(&case);
        let last = circuit.tape().steps.iter().rposition(|s| s.phase == Phase::Poseidon).unwrap();
        let row = circuit.tape().steps[last].row;
        for replacement in [F::ZERO, F::ONE, F::rand()] {
            let witness = circuit
                .witness_tampered(&case.inputs, &mut |step, moment| {
                    if let (true, Moment::After(wires)) = (step.row == row && step.phase == Phase::Poseidon, moment) {
                        for wire in &mut wires[12..18] {
                            *wire = replacement;
                        }
                    }
                })
                .unwrap();
            // Digests are drawn in later rows where there are public outputs; then this is a lie about those.
            assert!(!circuit.check(&witness).is_empty(), "{}: challenges can be chosen", case.name);
        }
    }
}

/// Multiplicities that do not count the lookups are noticed.
#[test]
fn wrong_multiplicities_are_noticed() {
    let mut lies = 0;
    for case in cases() {
        let circuit = compile(&case);
        let tables = circuit.tape().steps.iter().filter(|s| matches!(s.hint, Hint::Multiplicities { .. })).count();
        for target in 0..tables.min(4) {
            let mut seen = 0;
            let witness = circuit
                .witness_tampered(&case.inputs, &mut |step, moment| {
                    if let (Hint::Multiplicities { .. }, Moment::Before(hints)) = (&step.hint, moment) {
                        if seen == target {
                            hints[0] += 1;
                        }
                        seen += 1;
                    }
                })
                .unwrap();
            assert!(!circuit.check(&witness).is_empty(), "{}: multiplicities are free", case.name);
            lies += 1;
        }
    }
    assert!(lies > 0);
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
    let other = compile(&Case { name: "gemm with another weight", graph: other, inputs: case.inputs.clone() });
    assert_ne!(circuit.verifying_key().hash(), other.verifying_key().hash());
    assert!(other.verifying_key().verify(&proof).is_err());
    let again = compile(&case);
    assert_eq!(circuit.verifying_key().hash(), again.verifying_key().hash(), "compilation is not deterministic");
}

//! Committed weights: the same results as with public ones, a key that does not know them, and a binding commitment.

mod support;

use plonnx_backend::gate::Kind;
use plonnx_backend::weights::split;
use plonnx_backend::{BackendError, Circuit, Commitment, Moment, Salt, Salts, Settings, Visibility, Weights};
use plonnx_ir::op::{Requant, Sum};
use plonnx_ir::{CoreOp, DType, Field, Graph, Tensor, eval};
use plonnx_testkit::{Case, CaseBuilder};
use support::cases;

fn settings(case: &Case, weights: Weights) -> Settings {
    Settings {
        inputs: vec![Visibility::Public; case.graph.inputs().len()],
        outputs: vec![Visibility::Public; case.graph.outputs().len()],
        weights,
        ..Settings::default()
    }
}

fn compile(case: &Case) -> Circuit {
    let settings = settings(case, Weights::Committed);
    Circuit::compile(case.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

/// Cases with weights.
fn weighted() -> Vec<Case> {
    cases().into_iter().filter(|c| split(&c.graph).is_ok()).collect()
}

/// The graph with `delta` added to element `element` of its `index`th constant.
fn with_other_weight(graph: &Graph<Field>, index: usize, element: usize, delta: i64) -> Graph<Field> {
    let mut other = Graph::new();
    let mut ids = Vec::new();
    let mut constants = 0;
    for id in graph.ids() {
        let node = graph.node(id);
        let mut op = node.op.clone();
        if let CoreOp::Const(t, dtype) = &node.op {
            if constants == index {
                let mut data = t.to_vec();
                data[element] += delta;
                op = CoreOp::Const(Tensor::from_vec(t.shape(), data).unwrap(), *dtype);
            }
            constants += 1;
        }
        let inputs: Vec<_> = node.inputs.iter().map(|i| ids[i.index()]).collect();
        ids.push(other.add_noted(&node.name, op, &inputs, node.note).unwrap());
    }
    for output in graph.outputs() {
        other.add_output(&output.name, ids[output.node.index()]);
    }
    other
}

#[test]
fn every_operator_computes_the_same() {
    let cases = weighted();
    assert!(cases.len() >= 18, "only {} cases have weights", cases.len());
    for case in cases {
        let circuit = compile(&case);
        let expected = eval(&case.graph, &case.inputs).unwrap();
        let witness = circuit.witness(&case.inputs).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let violations = circuit.check(&witness);
        assert!(violations.is_empty(), "{}: {} violations, first {}", case.name, violations.len(), violations[0]);
        assert_eq!(circuit.output_cells(&witness, 0), expected[0].to_vec(), "{}", case.name);
        let constants = circuit.program().ids().filter(|id| match &circuit.program().node(*id).op {
            CoreOp::Const(values, dtype) => *dtype == DType::Real && values.len() > 1,
            _ => false,
        });
        assert_eq!(constants.count(), 0, "{}: a weight is a constant", case.name);
        let proof = circuit.prove(&witness).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        circuit.verifying_key().verify(&proof).unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}

/// The key knows the architecture only: another weight gives the same key and another commitment.
#[test]
fn keys_do_not_depend_on_weights() {
    let case = cases().into_iter().find(|c| c.name == "residual sum").unwrap();
    let circuit = compile(&case);
    let salt = Salt::random();
    let commitment = circuit.split().unwrap().commitment(&salt).unwrap();
    for (index, element) in [(0, 0), (0, 17), (1, 2)] {
        // Towards zero, so that the widths stay.
        for delta in [1, -1] {
            let graph = with_other_weight(&case.graph, index, element, delta);
            let other = compile(&Case { name: case.name.clone(), graph, inputs: case.inputs.clone() });
            assert_eq!(other.verifying_key().hash(), circuit.verifying_key().hash());
            assert_ne!(other.split().unwrap().commitment(&salt).unwrap(), commitment);
        }
    }
    let public = Circuit::compile(case.graph.clone(), settings(&case, Weights::Public)).unwrap();
    assert_ne!(public.verifying_key().hash(), circuit.verifying_key().hash());
}

#[test]
fn one_commitment_serves_all_proofs_and_all_settings() {
    let case = cases().into_iter().find(|c| c.name == "conv two groups").unwrap();
    let salts = Salts { weights: Some(Salt::random()), ..Salts::default() };
    let mut commitments = Vec::new();
    for inputs in [Visibility::Public, Visibility::Private, Visibility::Committed] {
        let settings = Settings { inputs: vec![inputs], ..settings(&case, Weights::Committed) };
        let circuit = Circuit::compile(case.graph.clone(), settings).unwrap();
        for seed in 1..3 {
            let x = plonnx_testkit::tensor(&[1, 4, 7, 7], -32, 31, seed);
            let proof = circuit.prove(&circuit.witness_salted(&[x], &salts).unwrap()).unwrap();
            circuit.verifying_key().verify(&proof).unwrap();
            commitments.push(proof.model.unwrap());
        }
        assert_eq!(circuit.split().unwrap().commitment(&salts.weights.unwrap()), Ok(commitments[0]));
    }
    assert!(commitments.iter().all(|c| *c == commitments[0]), "{commitments:?}");
}

#[test]
fn the_commitment_is_part_of_the_statement() {
    let case = cases().into_iter().find(|c| c.name == "gemm").unwrap();
    let circuit = compile(&case);
    let proof = circuit.prove(&circuit.witness(&case.inputs).unwrap()).unwrap();
    circuit.verifying_key().verify(&proof).unwrap();
    let reject = |model: Option<Commitment>| {
        let mut wrong = proof.clone();
        wrong.model = model;
        assert!(matches!(circuit.verifying_key().verify(&wrong), Err(BackendError::Rejected(_))), "{model:?}");
    };
    reject(None);
    for word in 0..4 {
        let mut words = proof.model.unwrap().words();
        words[word] ^= 1;
        reject(Commitment::from_words(words));
    }
    // Another model of the same architecture, and the same model under another salt.
    let graph = with_other_weight(&case.graph, 0, 3, 1);
    let other = compile(&Case { name: "gemm with another weight".into(), graph, inputs: case.inputs.clone() });
    let forged = other.prove(&other.witness(&case.inputs).unwrap()).unwrap();
    reject(forged.model);
    assert_eq!(other.verifying_key().hash(), circuit.verifying_key().hash());
    reject(circuit.prove(&circuit.witness(&case.inputs).unwrap()).unwrap().model);
    // A key with public weights refuses a commitment.
    let public = Circuit::compile(case.graph.clone(), settings(&case, Weights::Public)).unwrap();
    let mut wrong = public.prove(&public.witness(&case.inputs).unwrap()).unwrap();
    wrong.model = proof.model;
    assert!(public.verifying_key().verify(&wrong).is_err());
}

/// A prover cannot use other weights than those that it committed to: neither in the commitment's rows, nor in those that
/// compute, before or after the challenges are drawn.
#[test]
fn every_weight_is_bound() {
    let mut lies = 0;
    for case in weighted().into_iter().step_by(3) {
        let circuit = compile(&case);
        let witness = circuit.witness(&case.inputs).unwrap();
        let tape = circuit.tape();
        for row in 0..tape.rows.len() {
            let label = tape.label(row);
            if !label.starts_with("input const") && !label.contains("commitment") {
                continue;
            }
            for column in tape.kind(row).used_wires() {
                let delta = plonky2::field::types::Field::ONE;
                assert!(circuit.notices(&witness, row, column, delta), "{}: wire {column} of {label}", case.name);
                lies += 1;
            }
        }
        // The whole evaluation with another weight, under the honest commitment.
        let last = tape.steps.iter().rposition(|s| *tape.kind(s.row as usize) == Kind::Poseidon).unwrap();
        let row = tape.steps[last].row;
        let forged = circuit
            .witness_tampered(&case.inputs, &mut |step, moment| {
                if let (true, Moment::After(wires)) = (step.row == row, moment) {
                    wires[12] += plonky2::field::types::Field::ONE;
                }
            })
            .unwrap();
        assert!(!circuit.check(&forged).is_empty(), "{}", case.name);
    }
    assert!(lies > 1000, "only {lies} lies");
}

/// The epsilon of a normalisation stays public: the circuit has to know that the radicand is positive. So does a factor of
/// a whole tensor.
#[test]
fn what_stays_public_is_listed() {
    let mut b = CaseBuilder::new();
    let x = b.signed(&[8], 5);
    let w = b.constant(&[8], -9, 9);
    let y = b.add(CoreOp::Contract(plonnx_ir::op::Contract::parse("a,a->a").unwrap()), &[x, w]);
    let y = b.round(y, 0, 10);
    let square = b.add(CoreOp::Contract(plonnx_ir::op::Contract::parse("a,a->a").unwrap()), &[y, y]);
    let epsilon = b.graph.add("epsilon", CoreOp::Const(Tensor::full(&[8], 3), DType::Real), &[]).unwrap();
    let sum = b.graph.add("sum", CoreOp::Sum(Sum { coefficients: vec![3, 4] }), &[square, epsilon]).unwrap();
    let window = plonnx_ir::op::Window { lo: 1, bits: 20 };
    let sum = b.add(CoreOp::Map(Requant::Round { shift: 0, window }), &[sum]);
    let root = b.add(CoreOp::Map(Requant::Sqrt { shift: 0, bits: 11 }), &[sum]);
    let case = b.done("normalisation", root);
    let parts = split(&case.graph).unwrap();
    assert_eq!(parts.remaining, [("epsilon".to_string(), 8), ("sum".to_string(), 1)]);
    assert_eq!(parts.weights.len(), 1);
    let circuit = compile(&case);
    assert!(circuit.check(&circuit.witness(&case.inputs).unwrap()).is_empty());
    let none = cases().into_iter().find(|c| c.name == "sqrt").unwrap();
    let refused = Circuit::compile(none.graph.clone(), settings(&none, Weights::Committed));
    assert!(matches!(refused, Err(BackendError::Settings(_))));
}

//! Every operator: the assigned witness satisfies the constraints, proves and verifies.

mod support;

use plonnx_backend::{BackendError, Circuit, Settings, Visibility};
use support::{Case, cases};

fn compile(case: &Case) -> Circuit {
    let settings = Settings {
        inputs: vec![Visibility::Public; case.graph.inputs().len()],
        outputs: vec![Visibility::Public; case.graph.outputs().len()],
        ..Settings::default()
    };
    Circuit::compile(case.graph.clone(), settings).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

#[test]
fn witnesses_satisfy_the_constraints() {
    for case in cases() {
        let circuit = compile(&case);
        let witness = circuit.witness(&case.inputs).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let violations = circuit.check(&witness);
        assert!(violations.is_empty(), "{}: {} violations, first {}", case.name, violations.len(), violations[0]);
    }
}

#[test]
fn proofs_verify() {
    for case in cases() {
        let circuit = compile(&case);
        let witness = circuit.witness(&case.inputs).unwrap();
        let proof = circuit.prove(&witness).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        circuit.verifying_key().verify(&proof).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let mut wrong = proof.clone();
        if let Some(values) = wrong.public.last_mut().and_then(Option::as_mut) {
            values[0] = if values[0] == 0 { 1 } else { 0 };
        }
        let rejected = circuit.verifying_key().verify(&wrong);
        assert!(matches!(rejected, Err(BackendError::Rejected(_))), "{}: a wrong output verifies", case.name);
    }
}

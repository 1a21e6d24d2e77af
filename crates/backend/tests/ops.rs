//! Every operator: the assigned witness satisfies the constraints, proves and verifies.

mod support;

use plonnx_backend::Visibility;
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

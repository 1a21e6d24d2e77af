//! Who knows what: every combination of visibilities, end to end on LeNet-5.

use plonnx::{Compiled, Model, Tensor, Visibility, Weights, data, opening};

fn fixture(file: &str) -> String {
    format!("{}/../../fixtures/lenet5/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn compile(
    weights: Weights,
    input: Visibility,
    output: Visibility,
    zero_knowledge: bool,
) -> (Compiled, Vec<Tensor<f64>>) {
    let digits = data::read(fixture("inputs.npz")).unwrap();
    let model = Model::from_file(fixture("model.onnx")).unwrap().dim("batch", 1);
    let model = model.calibrate(&digits).calibration_samples(16).weights(weights).zero_knowledge(zero_knowledge);
    let model = model.input_visibility(None, input).output_visibility(None, output);
    let compiled = model.compile().unwrap();
    let sample = compiled.samples(&digits).unwrap().get(20).unwrap();
    (compiled, sample)
}

/// Proves, checks every constraint, verifies, and compares the statement with the quantised model.
fn round_trip(weights: Weights, input: Visibility, output: Visibility, zero_knowledge: bool) -> usize {
    let (compiled, sample) = compile(weights, input, output, zero_knowledge);
    let prover = compiled.prover();
    let expected = compiled.infer(&sample).unwrap();
    let witness = prover.witness(&sample).unwrap();
    prover.check(&witness).unwrap();
    let proof = prover.prove_witness(&witness).unwrap();
    let verified = compiled.verifying_key().verify(&proof).unwrap();
    let openings = prover.openings(&witness);
    let mut ports = compiled.verifying_key().ports().iter();
    let (x, y) = (ports.next().unwrap(), ports.next().unwrap());
    for (port, visibility, values) in [(x, input, &sample[0]), (y, output, &expected[0])] {
        let shown = verified.tensor(&port.name);
        let opened = openings.iter().find(|o| o.name == port.name);
        assert_eq!(shown.is_some(), visibility == Visibility::Public);
        assert_eq!(opened.is_some(), visibility == Visibility::Committed);
        assert_eq!(verified.private.contains(&port.name), visibility == Visibility::Private);
        for tensor in shown.cloned().into_iter().chain(opened.map(|o| o.values().unwrap())) {
            // Inputs are rounded to their scale.
            let step = 0.5 * f64::from(port.scale).exp2().recip();
            assert!(tensor.iter().zip(values.iter()).all(|(a, b)| (a - b).abs() <= step), "{}", port.name);
        }
    }
    for (opening, committed) in openings.iter().zip(&verified.committed) {
        assert_eq!(opening.commitment().unwrap(), committed.commitment);
    }
    let bytes = opening::to_bytes(&openings).unwrap();
    assert_eq!(opening::from_bytes(&bytes).unwrap(), openings);
    assert_eq!(verified.model, prover.model_commitment().unwrap());
    assert_eq!(verified.model.is_some(), weights == Weights::Committed);
    assert!(compiled.verifying_key().inner().security().conjectured() >= 95.0);
    prover.stats().rows
}

/// Public or committed weights, with every visibility of the input and of the output.
#[test]
fn every_combination_proves_and_verifies() {
    for weights in Weights::ALL {
        for input in Visibility::ALL {
            for output in Visibility::ALL {
                round_trip(weights, input, output, false);
            }
        }
    }
}

#[test]
fn private_model_and_private_data_blinded() {
    round_trip(Weights::Committed, Visibility::Committed, Visibility::Committed, true);
}

/// A committed input costs at most a twentieth more rows than a private one.
#[test]
fn committed_inputs_are_cheap() {
    let private = round_trip(Weights::Public, Visibility::Private, Visibility::Public, false);
    let committed = round_trip(Weights::Public, Visibility::Committed, Visibility::Public, false);
    assert!(committed * 20 <= private * 21, "{committed} rows, {private} with private inputs");
}

/// A model file keeps the salt, so that proofs of a model that was read again have the same commitment.
#[test]
fn model_files_keep_the_commitment() {
    let (compiled, sample) = compile(Weights::Committed, Visibility::Private, Visibility::Public, false);
    let expected = compiled.prover().model_commitment().unwrap().unwrap();
    let bytes = compiled.prover().model().to_bytes().unwrap();
    let model = plonnx::runtime::Model::from_bytes(&bytes).unwrap();
    let prover = plonnx::Prover::new(model).unwrap();
    let (_, verified) = prover.prove_and_verify(&sample).unwrap();
    assert_eq!(verified.model, Some(expected));
}

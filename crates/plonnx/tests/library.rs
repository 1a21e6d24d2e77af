//! The facade: choices, errors, and models inside other circuits.

use plonnx::circuit::plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonnx::circuit::plonky2::plonk::circuit_builder::CircuitBuilder;
use plonnx::circuit::{Blake3Config, D, F, embed, from_field, to_field};
use plonnx::data::{Arrays, read};
use plonnx::ir::Log2Scale;
use plonnx::{Class, Error, Model, Phase, Profile, Quantised, Tensor, Visibility};

const WEIGHTS_PER_ROW: usize = 64;

fn file(name: &str) -> String {
    format!("{}/../../fixtures/logreg-iris/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn flowers() -> Arrays {
    read(file("inputs.npz")).unwrap()
}

fn model() -> Model {
    Model::from_file(file("model.onnx")).unwrap().dim("batch", 1)
}

fn iris() -> Quantised {
    model().calibrate(&flowers()).quantise().unwrap()
}

fn flower(iris: &Quantised, index: usize) -> Vec<Tensor<f64>> {
    iris.samples(&flowers()).unwrap().get(index).unwrap()
}

#[test]
fn phases_are_told_and_timed() {
    let mut told = Vec::new();
    let compiled = model().calibrate(&flowers()).compile_with(&mut |phase| told.push(phase)).unwrap();
    assert_eq!(told, [Phase::Import, Phase::Calibrate, Phase::Quantise, Phase::Build]);
    assert_eq!(compiled.times().iter().map(|t| t.0).collect::<Vec<_>>(), told);
    let provenance = &compiled.prover().model().provenance;
    assert_eq!((provenance.params, provenance.macs), (15, 12));
    assert_eq!((provenance.source.as_str(), provenance.calibration.as_str()), ("model.onnx", "50 samples"));
}

#[test]
fn choices_make_other_keys() {
    let base = model().calibrate(&flowers());
    let key = |model: Model| model.compile().unwrap().verifying_key().hash();
    let choices = [
        key(base.clone()),
        key(base.clone().public_input()),
        key(base.clone().private_output()),
        key(base.clone().profile(Profile::Proven80)),
        key(base.clone().calibration_samples(3)),
        key(model().range(0.0, 10.0)),
    ];
    for (i, a) in choices.iter().enumerate() {
        assert!(choices[i + 1..].iter().all(|b| a != b), "choice {i}");
    }
    assert_eq!(key(base.clone()), choices[0]);
    assert_eq!(key(base.input_visibility(Some("features"), Visibility::Public)), choices[1]);
}

#[test]
fn errors_have_classes() {
    let class = |model: Model| model.compile().unwrap_err().class();
    assert_eq!(class(model()), Class::Usage);
    assert_eq!(class(Model::from_file(file("model.onnx")).unwrap().range(0.0, 1.0)), Class::Usage);
    assert_eq!(class(model().range(0.0, 8.0).output_visibility(Some("colour"), Visibility::Public)), Class::Usage);
    assert_eq!(class(model().input_range("colour", 0.0, 8.0)), Class::Usage);
    assert_eq!(class(model().range(0.0, f64::INFINITY)), Class::Invalid);
    assert_eq!(class(Model::from_onnx(b"no model".to_vec()).range(0.0, 1.0)), Class::Invalid);
    assert_eq!(class(model().calibrate(&Arrays::single("features", Tensor::vector(vec![1.0])))), Class::Invalid);
    assert_eq!(Model::from_file("nowhere.onnx").unwrap_err().class(), Class::Invalid);
    let compiled = model().calibrate(&flowers()).compile().unwrap();
    let mut proof = compiled.prove(&compiled.samples(&flowers()).unwrap().get(0).unwrap()).unwrap();
    proof.inner.proof[1000] ^= 1;
    assert_eq!(Error::from(compiled.verifying_key().verify(&proof).unwrap_err()).class(), Class::Rejected);
}

/// Two copies of a model in one circuit, which must agree on the first output: it holds for two equal flowers only.
#[test]
fn models_are_parts_of_circuits() {
    let iris = iris();
    let mut builder = CircuitBuilder::<F, D>::new(Profile::Standard.circuit_config(WEIGHTS_PER_ROW));
    let before = builder.add_virtual_target();
    builder.range_check(before, 8);
    let first = embed(&mut builder, &iris.program, WEIGHTS_PER_ROW).unwrap();
    let second = embed(&mut builder, &iris.program, WEIGHTS_PER_ROW).unwrap();
    builder.connect(first.outputs[0][0], second.outputs[0][0]);
    builder.register_public_inputs(&first.outputs[0]);
    let circuit = builder.build::<Blake3Config>();

    let prove = |a: usize, b: usize| {
        let mut witness = PartialWitness::new();
        witness.set_target(before, to_field(200)).unwrap();
        let outputs = first.assign(&flower(&iris, a), &mut witness)?;
        second.assign(&flower(&iris, b), &mut witness)?;
        let proof = circuit.prove(witness).map_err(|e| Error::Io(std::io::Error::other(e.to_string())))?;
        Ok::<_, Error>((proof, outputs))
    };
    let (proof, outputs) = prove(4, 4).unwrap();
    let shown: Vec<i128> = proof.public_inputs.iter().map(|e| from_field(*e)).collect();
    assert_eq!(shown, outputs[0].iter().map(i128::from).collect::<Vec<_>>());
    let Log2Scale(scale) = iris.program.outputs[0].scale;
    let real: Vec<f64> = outputs[0].iter().map(|q| q as f64 * 2f64.powi(-scale)).collect();
    assert_eq!(real, iris.infer(&flower(&iris, 4)).unwrap()[0].to_vec());
    circuit.verify(proof.clone()).unwrap();

    let mut other = proof;
    other.public_inputs[0] += to_field(1);
    assert!(circuit.verify(other).is_err());
    assert!(prove(4, 0).is_err(), "flowers with different outputs");
}

#[test]
fn embedding_checks_its_data() {
    let iris = iris();
    let mut builder = CircuitBuilder::<F, D>::new(Profile::Standard.circuit_config(WEIGHTS_PER_ROW));
    let part = embed(&mut builder, &iris.program, WEIGHTS_PER_ROW).unwrap();
    let far = [Tensor::from_vec(&[1, 4], vec![1e9; 4]).unwrap()];
    let error = part.assign(&far, &mut PartialWitness::new()).unwrap_err();
    assert!(error.to_string().contains("input \"features\": element 0 is 1000000000"), "{error}");
    // A target that the caller has given another value.
    let mut witness = PartialWitness::new();
    witness.set_target(part.inputs[0][2], to_field(-7)).unwrap();
    let error = part.assign(&flower(&iris, 0), &mut witness).unwrap_err();
    assert!(error.to_string().contains("a target has two values"), "{error}");
}

/// Every fixture's program survives its artifact: text form, constants, tables, ports.
#[test]
fn programs_of_all_fixtures_survive() {
    let root = format!("{}/../../fixtures", env!("CARGO_MANIFEST_DIR"));
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<_> = folders.filter(|folder| folder.join("model.onnx").exists()).collect();
    assert!(folders.len() >= 5, "{folders:?}");
    for folder in folders {
        let mut model = Model::from_file(folder.join("model.onnx")).unwrap();
        if model.import().is_err() {
            model = model.dim("batch", 1);
        }
        let samples = read(folder.join("inputs.npz")).unwrap();
        let quantised = model.calibrate(&samples).calibration_samples(4).quantise().unwrap();
        let written = plonnx::runtime::Model {
            program: quantised.program,
            weights_salt: None,
            settings: quantised.settings,
            layout: None,
            key_hash: [7; 32],
            version: "test".into(),
            provenance: quantised.provenance,
        };
        let read = plonnx::runtime::Model::from_bytes(&written.to_bytes().unwrap()).unwrap();
        assert!(read.program.graph == written.program.graph, "{}", folder.display());
        assert_eq!(read.program.inputs, written.program.inputs);
        assert_eq!(read.program.outputs, written.program.outputs);
        assert_eq!((read.settings, read.key_hash), (written.settings, written.key_hash));
        assert_eq!(read.provenance, written.provenance);
    }
}

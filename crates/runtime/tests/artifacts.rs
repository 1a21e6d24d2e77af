//! Artifacts survive being written and read, and nothing else passes for them.

use std::sync::OnceLock;

use plonnx_backend::{BackendError, Choice, Profile, Settings, Visibility};
use plonnx_ir::op::{Contract, Input};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, Tensor};
use plonnx_quant::{Config, Program, calibrate_declared, quantise};
use plonnx_runtime::{
    Claim, Model, Proof, Provenance, Prover, RuntimeError, Values, VerifyingKey, artifact::Kind, verify,
};

const HEADER: usize = 20;
const CHECKSUM: usize = 32;

/// `tanh(x w + 0.25)` for `x` of shape `[1, 4]`, with `w[i, j] = (3 i + j) / 8 - 0.5` of shape `[4, 3]`.
fn program() -> Program {
    let mut graph = Graph::<Float>::new();
    let input = Input { shape: vec![1, 4], dtype: DType::Real, domain: () };
    let x = graph.add("x", CoreOp::Input(input), &[]).unwrap();
    let weights = (0..12).map(|i| f64::from(i) / 8.0 - 0.5).collect();
    let w = CoreOp::Const(Tensor::from_vec(&[4, 3], weights).unwrap(), DType::Real);
    let w = graph.add("w", w, &[]).unwrap();
    let product = graph.add("fc", CoreOp::Contract(Contract::parse("ab,bc->ac").unwrap()), &[x, w]).unwrap();
    let y = graph.add("act", CoreOp::Map(Function::Tanh), &[product]).unwrap();
    graph.add_output("y", y);
    let calibration = calibrate_declared(&graph, &[(-1.0, 1.0)]).unwrap();
    // A small table keeps the files small: they are altered byte by byte.
    quantise(&graph, &calibration, &Config { table_bits: 6, ..Config::default() }).unwrap()
}

fn compile(profile: Profile, input: Visibility) -> Prover {
    let settings = Settings { profile, inputs: vec![input], outputs: vec![Visibility::Public], ..Settings::default() };
    let provenance = Provenance { source: "test".into(), params: 12, ..Provenance::default() };
    Prover::compile(program(), settings, provenance).unwrap()
}

fn inputs() -> Vec<Tensor<f64>> {
    vec![Tensor::from_vec(&[1, 4], vec![0.5, -0.25, 1.0, 0.0]).unwrap()]
}

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| compile(Profile::Standard, Visibility::Private))
}

fn proof() -> &'static Proof {
    static PROOF: OnceLock<Proof> = OnceLock::new();
    PROOF.get_or_init(|| prover().prove(&inputs()).unwrap())
}

/// The file with another body and a right checksum.
fn sealed(file: &[u8], alter: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = file[HEADER..file.len() - CHECKSUM].to_vec();
    alter(&mut body);
    let mut out = file[..12].to_vec();
    out.extend((body.len() as u64).to_le_bytes());
    out.extend(body);
    let checksum = blake3::hash(&out);
    out.extend(checksum.as_bytes());
    out
}

fn body_len(file: &[u8]) -> usize {
    file.len() - HEADER - CHECKSUM
}

#[test]
fn a_model_rebuilds_its_circuit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.plonnx");
    prover().model().write(&path).unwrap();
    let model = Model::read(&path).unwrap();
    assert_eq!(model.program.graph, prover().model().program.graph);
    assert_eq!(model.program.inputs, prover().model().program.inputs);
    assert_eq!(model.program.outputs, prover().model().program.outputs);
    assert_eq!(model.settings, prover().model().settings);
    assert_eq!(model.provenance, prover().model().provenance);
    let rebuilt = Prover::load(&path).unwrap();
    assert_eq!(rebuilt.verifying_key().to_bytes().unwrap(), prover().verifying_key().to_bytes().unwrap());
    let proof = rebuilt.prove(&inputs()).unwrap();
    prover().verifying_key().verify(&proof).unwrap();
}

/// The layout in a file spares the search; it cannot make another circuit pass for the model's.
#[test]
fn layouts_are_those_of_the_model() {
    let model = prover().model().clone();
    let layout = model.layout.unwrap();
    assert_eq!(layout, prover().plan().choice);
    let rebuilt = Prover::new(model.clone()).unwrap();
    assert_eq!(rebuilt.plan().candidates.len(), 1);
    let searched = Prover::new(Model { layout: None, ..model.clone() }).unwrap();
    assert!(searched.plan().candidates.len() > 1);
    assert_eq!(searched.plan().choice, layout);
    let with = |layout| Prover::new(Model { layout: Some(layout), ..model.clone() }).unwrap_err();
    let other = Choice { weights_per_row: if layout.weights_per_row == 64 { 128 } else { 64 }, ..layout };
    assert!(matches!(with(other), RuntimeError::Rebuilt { .. }));
    for foreign in [
        Choice { tracks: 0, ..layout },
        Choice { tracks: usize::MAX, ..layout },
        Choice { degree_bits: 0, ..layout },
        Choice { degree_bits: 64, ..layout },
        Choice { slack: Some(0), ..layout },
        Choice { weights_per_row: 0, ..layout },
    ] {
        let error = with(foreign);
        assert!(matches!(error, RuntimeError::Backend(BackendError::Settings(_))), "{foreign:?}: {error}");
    }
}

#[test]
fn keys_and_proofs_survive() {
    let folder = tempfile::tempdir().unwrap();
    let (key_path, proof_path) = (folder.path().join("vk.plonnx"), folder.path().join("proof.plonnx"));
    prover().verifying_key().write(&key_path).unwrap();
    proof().write(&proof_path).unwrap();
    let (key, read) = (VerifyingKey::read(&key_path).unwrap(), Proof::read(&proof_path).unwrap());
    assert_eq!(key.hash(), prover().verifying_key().hash());
    assert_eq!(key.ports(), prover().verifying_key().ports());
    assert_eq!(&read, proof());
    let verified = key.verify(&read).unwrap();
    assert_eq!(verified.private, ["x"]);
    assert_eq!(verified.tensor("y").unwrap(), &prover().infer(&inputs()).unwrap()[0]);
}

#[test]
fn files_are_told_apart() {
    let model = prover().model().to_bytes().unwrap();
    let key = prover().verifying_key().to_bytes().unwrap();
    let proof = proof().to_bytes().unwrap();
    assert_eq!(Kind::of(&model), Some(Kind::Model));
    let error = VerifyingKey::from_bytes(&proof).unwrap_err();
    assert_eq!(error.to_string(), "expected a verifying key, found a proof");
    let error = Proof::from_bytes(&model).unwrap_err();
    assert_eq!(error.to_string(), "expected a proof, found a compiled model");
    let error = Model::from_bytes(&key).unwrap_err();
    assert_eq!(error.to_string(), "expected a compiled model, found a verifying key");
    let mut newer = proof;
    newer[8] = 4;
    assert!(matches!(Proof::from_bytes(&newer), Err(RuntimeError::Version { expected: 3, got: 4, .. })));
}

#[test]
fn cut_files_are_refused() {
    let model = prover().model().to_bytes().unwrap();
    let key = prover().verifying_key().to_bytes().unwrap();
    let proof = proof().to_bytes().unwrap();
    for end in 0..model.len() {
        assert!(Model::from_bytes(&model[..end]).is_err(), "model cut at {end}");
    }
    for end in 0..key.len() {
        assert!(VerifyingKey::from_bytes(&key[..end]).is_err(), "key cut at {end}");
    }
    for end in (0..proof.len()).step_by(37) {
        assert!(Proof::from_bytes(&proof[..end]).is_err(), "proof cut at {end}");
    }
    // The same with a length and a checksum that fit, so that the readers of the bodies see the cut.
    for end in 0..body_len(&model) {
        // A body that ends between two fields can be complete, but never gives the same circuit unless only what people
        // read is missing.
        if let Ok(model) = Model::from_bytes(&sealed(&model, |b| b.truncate(end))) {
            assert_eq!(model.program.graph, prover().model().program.graph, "model sealed at {end}");
        }
    }
    for end in 0..body_len(&key) {
        assert!(VerifyingKey::from_bytes(&sealed(&key, |b| b.truncate(end))).is_err(), "key sealed at {end}");
    }
    for end in (0..body_len(&proof)).step_by(97) {
        let cut = Proof::from_bytes(&sealed(&proof, |b| b.truncate(end)));
        assert!(cut.map_or(true, |p| prover().verifying_key().verify(&p).is_err()), "proof sealed at {end}");
    }
}

#[test]
fn altered_keys_are_refused() {
    let key = prover().verifying_key().to_bytes().unwrap();
    for at in 0..body_len(&key) {
        for mask in [1, 0x80, 0xff] {
            let altered = sealed(&key, |b| b[at] ^= mask);
            assert!(VerifyingKey::from_bytes(&altered).is_err(), "byte {at} with {mask:#x}");
        }
    }
}

#[test]
fn altered_proofs_are_refused() {
    let (key, file) = (prover().verifying_key(), proof().to_bytes().unwrap());
    // Everything before the proof proper, then a sample of that.
    let before = body_len(&file) - proof().inner.proof.len();
    for at in (0..before).chain((before..body_len(&file)).step_by(251)) {
        let altered = sealed(&file, |b| b[at] ^= 1 << (at % 8));
        let accepted = Proof::from_bytes(&altered).and_then(|proof| key.verify(&proof)).is_ok();
        assert!(!accepted, "bit {} of byte {at}", at % 8);
    }
}

#[test]
fn altered_models_are_other_models() {
    let model = prover().model().to_bytes().unwrap();
    for at in 0..body_len(&model) {
        let Ok(altered) = Model::from_bytes(&sealed(&model, |b| b[at] ^= 1)) else { continue };
        let same = altered.program.graph == prover().model().program.graph
            && altered.settings == prover().model().settings
            && altered.layout == prover().model().layout
            && altered.key_hash == prover().model().key_hash;
        if !same && at % 8 == 0 {
            let error = Prover::new(altered).unwrap_err();
            assert!(matches!(error, RuntimeError::Rebuilt { .. } | RuntimeError::Backend(_)), "byte {at}: {error}");
        }
    }
}

#[test]
fn giant_lengths_are_refused() {
    let key = prover().verifying_key().to_bytes().unwrap();
    // Fields 2 (ports) and 3 (data) that claim to hold 2^62 bytes, and a length that does not end.
    let tails: [&[u8]; 3] = [
        &[0x12, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40],
        &[0x1a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40],
        &[0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    for tail in tails {
        let error = VerifyingKey::from_bytes(&sealed(&key, |b| b.extend(tail))).unwrap_err();
        assert!(matches!(error, RuntimeError::Malformed { .. }), "{error}");
    }
    // The container's own length.
    let mut file = key;
    file[12..HEADER].copy_from_slice(&u64::MAX.to_le_bytes());
    let error = VerifyingKey::from_bytes(&file).unwrap_err();
    assert!(matches!(error, RuntimeError::Damaged { .. }), "{error}");
}

#[test]
fn a_proof_belongs_to_one_key() {
    for other in [compile(Profile::Proven80, Visibility::Private), compile(Profile::Standard, Visibility::Public)] {
        let error = other.verifying_key().verify(proof()).unwrap_err();
        assert!(matches!(error, RuntimeError::OtherKey { .. }), "{error}");
        // Naming the other key does not help.
        let mut renamed = proof().clone();
        (renamed.key_hash, renamed.profile) = (other.verifying_key().hash(), other.verifying_key().profile());
        let error = other.verifying_key().verify(&renamed).unwrap_err();
        assert!(matches!(error, RuntimeError::Backend(BackendError::Rejected(_))), "{error}");
    }
}

#[test]
fn public_inputs_are_part_of_the_statement() {
    let prover = compile(Profile::Standard, Visibility::Public);
    let (proof, verified) = prover.prove_and_verify(&inputs()).unwrap();
    assert_eq!(verified.private, [] as [&str; 0]);
    let x = verified.tensor("x").unwrap();
    assert!(x.iter().zip(inputs()[0].iter()).all(|(a, b)| (a - b).abs() < 1e-3), "{:?}", x.to_vec());
    let mut other = proof;
    other.inner.public[0].as_mut().unwrap()[1] += 1;
    let error = prover.verifying_key().verify(&other).unwrap_err();
    assert!(error.to_string().contains("other public values"), "{error}");
}

#[test]
fn claims_are_compared() {
    let key = prover().verifying_key();
    let y = key.verify(proof()).unwrap().public[0].clone();
    let claim = |values| verify(key, proof(), &[Claim { port: "y".into(), values }]);
    let exact = || y.values.to_vec();
    claim(Values::Integers(y.integers.clone())).unwrap();
    claim(Values::Reals { values: exact(), tolerance: Some(0.0) }).unwrap();
    let step = 2f64.powi(-key.ports()[1].scale);
    claim(Values::Reals { values: exact().iter().map(|v| v + 0.4 * step).collect(), tolerance: None }).unwrap();
    claim(Values::Reals { values: exact().iter().map(|v| v - 0.1).collect(), tolerance: Some(0.2) }).unwrap();

    let mut off = exact();
    off[2] += 0.6 * step;
    let error = claim(Values::Reals { values: off, tolerance: None }).unwrap_err();
    assert!(matches!(&error, RuntimeError::Claim { port, index: 2, .. } if port == "y"), "{error}");
    let mut off = y.integers.clone();
    off[1] -= 1;
    let error = claim(Values::Integers(off)).unwrap_err();
    assert!(matches!(error, RuntimeError::Claim { index: 1, .. }), "{error}");
    let nan = claim(Values::Reals { values: vec![f64::NAN; 3], tolerance: Some(f64::INFINITY) });
    assert!(matches!(nan, Err(RuntimeError::Claim { index: 0, .. })));
    assert!(matches!(claim(Values::Integers(vec![0])), Err(RuntimeError::Claims { .. })));

    let error = verify(key, proof(), &[Claim { port: "x".into(), values: Values::Integers(vec![0; 4]) }]).unwrap_err();
    assert!(error.to_string().contains("\"x\": the tensor is private"), "{error}");
    let error = verify(key, proof(), &[Claim { port: "z".into(), values: Values::Integers(vec![]) }]).unwrap_err();
    assert!(error.to_string().contains("public ones are: y"), "{error}");
}

#[test]
fn data_beyond_the_ranges_are_refused() {
    let wide = [Tensor::from_vec(&[1, 4], vec![0.0, 1000.0, 0.0, 0.0]).unwrap()];
    let error = prover().prove(&wide).unwrap_err().to_string();
    assert!(error.contains("input \"x\": element 1 is 1000, expected a value in"), "{error}");
    let nan = [Tensor::from_vec(&[1, 4], vec![0.0, 0.0, 0.0, f64::NAN]).unwrap()];
    assert!(prover().prove(&nan).unwrap_err().to_string().contains("element 3 is NaN"));
    let shape = [Tensor::from_vec(&[4], vec![0.0; 4]).unwrap()];
    assert!(prover().prove(&shape).unwrap_err().to_string().contains("expected shape [1, 4], got [4]"));
}

#[test]
fn witnesses_are_checked() {
    let witness = prover().witness(&inputs()).unwrap();
    prover().check(&witness).unwrap();
    // Tensors of another inference than that of the inputs.
    let program = &prover().model().program;
    let integers = program.quantise_inputs(&inputs()).unwrap();
    let mut values = plonnx_ir::eval_all(&program.graph, &integers).unwrap();
    let output = program.graph.outputs()[0].node.index();
    let shifted: Vec<i64> = values[output].iter().map(|v| v + 1).collect();
    values[output] = Tensor::from_vec(&[1, 3], shifted).unwrap();
    // A result that is rounded follows from its operand, which is what a row commits to.
    let operand = program.graph.node(program.graph.outputs()[0].node).inputs[0].index();
    let shifted: Vec<i64> = values[operand].iter().map(|v| v + (1 << 12)).collect();
    values[operand] = Tensor::from_vec(values[operand].shape(), shifted).unwrap();
    let forged = prover().circuit().assign(values, &integers, &mut |_, _| {});
    let error = prover().check(&forged).unwrap_err();
    assert!(matches!(error, RuntimeError::Backend(BackendError::Unsatisfied(_))), "{error}");
}

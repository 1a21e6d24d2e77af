//! Real models: circuit statistics as snapshots, a clean witness, a proof that verifies.

use ndarray_npy::NpzReader;
use plonnx_backend::{Circuit, Preference, Profile, Settings, Visibility};
use plonnx_frontend::Options;
use plonnx_ir::{Field, Graph, Tensor};

fn tensors(path: &str, name: &str, shape: &[usize], count: usize) -> Vec<Tensor<f64>> {
    let mut npz = NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let array = match npz.by_name::<ndarray::OwnedRepr<f32>, ndarray::IxDyn>(name) {
        Ok(reals) => reals.mapv(f64::from),
        Err(_) => npz.by_name::<ndarray::OwnedRepr<i64>, ndarray::IxDyn>(name).unwrap().mapv(|v| v as f64),
    };
    let samples = array.outer_iter().take(count);
    samples.map(|s| Tensor::from_vec(shape, s.iter().copied().collect()).unwrap()).collect()
}

fn compile(program: &Graph<Field>, profile: Profile) -> Circuit {
    let settings = Settings {
        profile,
        inputs: vec![Visibility::Private; program.inputs().len()],
        outputs: vec![Visibility::Public; program.outputs().len()],
        ..Settings::default()
    };
    Circuit::compile(program.clone(), settings).unwrap()
}

/// The fixture's program, and integers of its first samples.
fn program(name: &str) -> (Graph<Field>, Vec<Vec<Tensor<i64>>>) {
    let folder = format!("{}/../../fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(format!("{folder}/model.onnx")).unwrap();
    let mut options = Options::default();
    if name != "transformer-block" {
        options.dims.insert("batch".into(), 1);
    }
    let import = plonnx_frontend::import(&bytes, &options).unwrap();
    let samples: Vec<Vec<Tensor<f64>>> =
        import.inputs.iter().map(|i| tensors(&format!("{folder}/inputs.npz"), &i.name, &i.shape, 16)).collect();
    let samples: Vec<Vec<Tensor<f64>>> =
        (0..samples[0].len()).map(|s| samples.iter().map(|input| input[s].clone()).collect()).collect();
    let calibration = plonnx_quant::calibrate(&import.graph, &samples).unwrap();
    let program = plonnx_quant::quantise(&import.graph, &calibration, &plonnx_quant::Config::default()).unwrap();
    let inputs = samples.iter().map(|s| program.quantise_inputs(s).unwrap()).collect();
    (program.graph, inputs)
}

fn prove(name: &str) {
    let (program, inputs) = program(name);
    let circuit = &compile(&program, Profile::Standard);
    insta::assert_snapshot!(name, circuit.stats());
    let (plan, stats, common) = (circuit.plan(), circuit.stats(), circuit.common_data());
    assert_eq!((plan.rows, plan.degree_bits), (stats.rows, stats.degree_bits));
    assert_eq!((plan.constant_columns, plan.tracks), (stats.constant_columns, stats.tracks));
    assert_eq!((plan.constraints, plan.weights_per_row), (stats.constraints, stats.weights_per_row));
    let products = common.config.num_challenges * (1 + common.num_partial_products);
    assert_eq!((plan.product_columns, plan.wires), (products, common.config.num_wires));
    assert_eq!(plan.quotient_columns, common.config.num_challenges * common.quotient_degree_factor);
    for inputs in inputs.iter().take(3) {
        let witness = circuit.witness(inputs).unwrap();
        let violations = circuit.check(&witness);
        assert!(violations.is_empty(), "{name}: {}", violations[0]);
    }
    let proof = circuit.prove(&circuit.witness(&inputs[0]).unwrap()).unwrap();
    circuit.verifying_key().verify(&proof).unwrap();
    let (forecast, length) = (plan.proof_bytes() as f64, proof.proof.len() as f64);
    assert!((0.99..1.01).contains(&(forecast / length)), "{name}: {forecast} bytes instead of {length}");
    let security = circuit.verifying_key().security();
    assert!(security.conjectured() >= 95.0, "{name}: {security:?}");
    let security = compile(&program, Profile::Proven80).verifying_key().security();
    assert!(security.proven() >= 80.0, "{name}: {security:?}");
    // The same proof does not stand for another sample's result.
    let other = circuit.prove(&circuit.witness(&inputs[1]).unwrap()).unwrap();
    let mut mixed = proof.clone();
    mixed.public = other.public.clone();
    assert!(mixed.public == proof.public || circuit.verifying_key().verify(&mixed).is_err());
}

/// Layouts for short proofs give shorter ones than layouts for fast proofs, which take less time on the reference machine;
/// and all of them prove the same.
#[test]
fn layouts_follow_the_preference() {
    let (program, inputs) = program("lenet5");
    let visible = |prefer| Settings {
        inputs: vec![Visibility::Private],
        outputs: vec![Visibility::Public],
        prefer,
        ..Settings::default()
    };
    let circuits = [Preference::Speed, Preference::Balance, Preference::Size]
        .map(|prefer| Circuit::compile(program.clone(), visible(prefer)).unwrap());
    let times = circuits.each_ref().map(|c| c.plan().reference_nanoseconds());
    let lengths = circuits.each_ref().map(|c| c.plan().proof_bytes());
    assert!(times.is_sorted() && times[0] < times[2], "{times:?}");
    assert!(lengths.is_sorted_by(|a, b| a >= b) && lengths[0] > lengths[2], "{lengths:?}");
    let proofs = circuits.each_ref().map(|c| c.prove(&c.witness(&inputs[0]).unwrap()).unwrap());
    for (circuit, proof) in circuits.iter().zip(&proofs) {
        circuit.verifying_key().verify(proof).unwrap();
        assert_eq!(proof.public, proofs[0].public);
    }
    assert!(circuits[0].verifying_key().verify(&proofs[2]).is_err());
}

macro_rules! fixtures {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test] fn $test() { prove($name); })*
    };
}

fixtures! {
    logreg_iris: "logreg-iris",
    mlp_mnist: "mlp-mnist",
    lenet5: "lenet5",
    resnet_mnist: "resnet-mnist",
    dwsep_mnist: "dwsep-mnist",
    lstm_power: "lstm-power",
    gru_mnist: "gru-mnist",
    lenet5_qdq: "lenet5-qdq",
    lenet5_qlinear: "lenet5-qlinear",
    transformer_block: "transformer-block",
    transformer_chars: "transformer-chars",
    forest_cancer: "forest-cancer",
    xgboost_cancer: "xgboost-cancer",
    lightgbm_wine: "lightgbm-wine",
}

#[test]
fn proven_profile() {
    let (program, inputs) = program("logreg-iris");
    let [circuit, standard] = [Profile::Proven80, Profile::Standard].map(|profile| compile(&program, profile));
    let proof = circuit.prove(&circuit.witness(&inputs[0]).unwrap()).unwrap();
    circuit.verifying_key().verify(&proof).unwrap();
    assert_ne!(circuit.verifying_key().hash(), standard.verifying_key().hash());
    assert!(standard.verifying_key().verify(&proof).is_err());
}

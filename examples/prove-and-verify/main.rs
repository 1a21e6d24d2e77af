//! The library on LeNet-5, with files between prover and verifier; see README.md.

use std::path::Path;

use plonnx::{Claim, Error, Model, Proof, Prover, Values, VerifyingKey, data, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("plonnx-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = compile(&folder).and_then(|()| prove(&folder)).and_then(|()| check(&folder));
    std::fs::remove_dir_all(&folder)?;
    Ok(outcome?)
}

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/lenet5");

/// Once: ONNX to a compiled model and its verifying key.
fn compile(folder: &Path) -> Result<(), Error> {
    let digits = data::read(format!("{FIXTURE}/inputs.npz"))?;
    let model = Model::from_file(format!("{FIXTURE}/model.onnx"))?;
    let compiled = model.dim("batch", 1).calibrate(&digits).calibration_samples(32).compile()?;
    compiled.prover().model().write(&folder.join("lenet5.plonnx"))?;
    compiled.verifying_key().write(&folder.join("vk.plonnx"))?;
    println!(
        "compiled to 2^{} rows, key {}",
        compiled.prover().stats().degree_bits,
        compiled.verifying_key().hash_text()
    );
    Ok(())
}

/// The prover, for every inference.
fn prove(folder: &Path) -> Result<(), Error> {
    let prover = Prover::load(&folder.join("lenet5.plonnx"))?;
    let digits = data::read(format!("{FIXTURE}/inputs.npz"))?;
    let digit = digits.samples(&[("image".into(), vec![1, 1, 28, 28])])?.get(0)?;
    prover.prove(&digit)?.write(&folder.join("proof.plonnx"))?;
    println!("proved");
    Ok(())
}

/// The verifier, who has neither the model nor the image.
fn check(folder: &Path) -> Result<(), Error> {
    let key = VerifyingKey::read(&folder.join("vk.plonnx"))?;
    let proof = Proof::read(&folder.join("proof.plonnx"))?;
    let verified = key.verify(&proof)?;
    let logits = verified.tensor("logits").map(|t| t.to_vec()).unwrap_or_default();
    println!("valid; the logits are {logits:?}");

    let mut wrong = logits.clone();
    wrong.reverse();
    for (what, values) in [("the same logits", logits), ("other logits", wrong)] {
        let claim = Claim { port: "logits".into(), values: Values::Reals { values, tolerance: None } };
        match verify(&key, &proof, &[claim]) {
            Ok(_) => println!("{what}: as proven"),
            Err(error) => println!("{what}: {error}"),
        }
    }
    Ok(())
}

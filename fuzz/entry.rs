//! What is fuzzed: every function that reads bytes of others. Nothing may panic, abort or allocate without bound; results do
//! not matter. The targets of cargo-fuzz and the seeded smoke test call the same functions.

use std::sync::OnceLock;

use plonnx::frontend::{FrontendError, Options, import};
use plonnx::runtime::artifact::reseal;
use plonnx::{Compiled, Model, Proof, Tensor, VerifyingKey};

/// An ONNX file, with one for named dimensions that it leaves open, and a tensor file.
pub fn onnx(bytes: &[u8]) {
    let mut options = Options::default();
    if let Err(FrontendError::UnboundDims { dims }) = import(bytes, &options) {
        options.dims = dims.into_iter().filter_map(|open| Some((open.dim?, 1))).collect();
        let _ = import(bytes, &options);
    }
    for format in ["pb", "npy", "npz", "json"] {
        let _ = plonnx::data::parse(format, bytes);
    }
}

/// Keys, models, openings and settings, as they are and with a right checksum.
pub fn artifacts(bytes: &[u8]) {
    let sealed = reseal(bytes);
    for bytes in [bytes, &sealed[..]] {
        if let Ok(key) = VerifyingKey::from_bytes(bytes) {
            let _ = key.verify(sample().proof());
            key.inner().security();
        }
        // A model that can be read can be described; its circuit may be too large to build here.
        if let Ok(model) = plonnx::runtime::Model::from_bytes(bytes) {
            let _ = plonnx::ir::text::print(&model.program.graph);
        }
        let _ = plonnx::opening::from_bytes(bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = plonnx::Recipe::from_json(text);
    }
}

/// A proof, which must not verify unless it is the original one or another encoding of it.
pub fn proof(bytes: &[u8]) {
    let sealed = reseal(bytes);
    for bytes in [bytes, &sealed[..]] {
        if let Ok(proof) = Proof::from_bytes(bytes)
            && let Ok(verified) = sample().compiled.verifying_key().verify(&proof)
        {
            let honest = sample().compiled.verifying_key().verify(sample().proof());
            assert_eq!(honest.ok().as_ref(), Some(&verified), "another statement is accepted");
        }
    }
}

/// The text form of graphs.
pub fn text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let pool = plonnx::ir::text::Pool::new();
    if let Ok(graph) = plonnx::ir::text::parse::<plonnx::ir::Field>(text, &pool) {
        let _ = plonnx::ir::verify(&graph);
        let _ = plonnx::ir::text::print(&graph);
    }
    let pool = plonnx::ir::text::Pool::new();
    if let Ok(graph) = plonnx::ir::text::parse::<plonnx::ir::Float>(text, &pool) {
        let _ = plonnx::ir::verify(&graph);
    }
}

/// A small compiled model with a proof.
pub struct Sample {
    pub compiled: Compiled,
    proof: Proof,
}

impl Sample {
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// The ONNX file of the sample.
pub const MODEL: &[u8] = include_bytes!("../fixtures/logreg-iris/model.onnx");

/// Made once.
pub fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let model = Model::from_onnx(MODEL).dim("batch", 1).range(0.0, 8.0).committed_input();
        let compiled = model.compile().expect("the fixture compiles");
        let flower = Tensor::from_vec(&[1, 4], vec![5.1, 3.5, 1.4, 0.2]).expect("four elements");
        let proof = compiled.prove(&[flower]).expect("the fixture is provable");
        Sample { compiled, proof }
    })
}

//! What is fuzzed: every function that reads bytes of others. Nothing may panic, abort or allocate without bound;
//! results do not matter. The targets of cargo-fuzz and the seeded smoke test call the same functions.

use std::sync::OnceLock;

use plonnx::frontend::{FrontendError, Options, import};
use plonnx::runtime::artifact::reseal;
use plonnx::{Compiled, Model, Opening, Proof, Salt, Tensor, VerifyingKey};

/// An ONNX file, with one for named dimensions that it leaves open; what is imported is a valid graph.
pub fn onnx(bytes: &[u8]) {
    let mut options = Options::default();
    let mut imported = import(bytes, &options);
    if let Err(FrontendError::UnboundDims { dims }) = imported {
        options.dims = dims.into_iter().filter_map(|open| Some((open.dim?, 1))).collect();
        imported = import(bytes, &options);
    }
    if let Ok(import) = imported {
        assert!(plonnx::ir::verify(&import.graph).is_ok(), "an invalid graph is imported");
    }
}

/// A tensor file, in every format.
pub fn data(bytes: &[u8]) {
    for format in ["pb", "npy", "npz", "json"] {
        let _ = plonnx::data::parse(format, bytes);
    }
}

/// Keys and models, as they are and with a right checksum.
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
    }
}

/// Openings, which must be those of the file that they are written to.
pub fn openings(bytes: &[u8]) {
    let sealed = reseal(bytes);
    for bytes in [bytes, &sealed[..]] {
        let Ok(openings) = plonnx::opening::from_bytes(bytes) else { continue };
        for opening in &openings {
            assert!(opening.commitment().is_ok(), "an opening that opens nothing is read");
            let _ = opening.values();
        }
        assert!(plonnx::opening::to_bytes(&openings).is_ok_and(|again| again == bytes), "a file has two encodings");
    }
}

/// A settings file.
pub fn settings(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(recipe) = plonnx::Recipe::from_json(text)
    {
        let _ = recipe.to_json();
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

/// A small compiled model with a proof, and what opens its commitment.
pub struct Sample {
    pub compiled: Compiled,
    pub opening: Opening,
    proof: Proof,
}

impl Sample {
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

/// The ONNX file of the sample.
pub const MODEL: &[u8] = include_bytes!("../fixtures/logreg-iris/model.onnx");

/// Made once. The salt is fixed, so that files made of the sample differ between runs in nothing but the cells of the
/// proof that plonky2 leaves to chance.
pub fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let model = Model::from_onnx(MODEL).dim("batch", 1).range(0.0, 8.0).committed_input();
        let compiled = model.compile().expect("the fixture compiles");
        let flower = Tensor::from_vec(&[1, 4], vec![5.1, 3.5, 1.4, 0.2]).expect("four elements");
        let port = compiled.verifying_key().ports().first().expect("one input");
        let integers = plonnx::runtime::encoding::encode(port, &flower.to_vec()).expect("values in range");
        let salt = Salt::from_words([1, 2, 3, 4]).expect("field elements");
        let opening = Opening::new(port, integers, salt);
        let prover = compiled.prover();
        let witness = prover.witness_opening(&[flower], std::slice::from_ref(&opening)).expect("a witness");
        let proof = prover.prove_witness(&witness).expect("the fixture is provable");
        Sample { compiled, opening, proof }
    })
}

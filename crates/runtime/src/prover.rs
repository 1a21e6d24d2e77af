//! Proving.

use std::path::Path;

use plonnx_backend::{BackendError, Circuit, Settings, Stats, Witness};
use plonnx_ir::{IrError, Tensor};
use plonnx_quant::{Program, QuantError};

use crate::error::{RuntimeError, short};
use crate::key::VerifyingKey;
use crate::model::{Model, Provenance};
use crate::proof::Proof;
use crate::verifier::Verified;

/// A model with its circuit; made once, proves many times.
#[derive(Debug)]
pub struct Prover {
    model: Model,
    circuit: Circuit,
    key: VerifyingKey,
}

impl Prover {
    /// Builds the circuit of a program.
    pub fn compile(program: Program, settings: Settings, provenance: Provenance) -> Result<Self, RuntimeError> {
        let circuit = Circuit::compile(program.graph.clone(), settings.clone())?;
        let key = VerifyingKey::new(circuit.verifying_key().clone());
        let version = env!("CARGO_PKG_VERSION").to_string();
        let model = Model { program, settings, key_hash: key.hash(), version, provenance };
        Ok(Self { model, circuit, key })
    }

    /// Rebuilds the circuit of a model.
    ///
    /// # Errors
    /// [`RuntimeError::Rebuilt`] when the circuit is not the one that the model was written with.
    pub fn new(model: Model) -> Result<Self, RuntimeError> {
        let (expected, version) = (model.key_hash, model.version);
        let prover = Self::compile(model.program, model.settings, model.provenance)?;
        if prover.key.hash() != expected {
            let (expected, got) = (short(&expected), short(&prover.key.hash()));
            return Err(RuntimeError::Rebuilt { version, expected, got });
        }
        Ok(prover)
    }

    /// [`Prover::new`] with a model from a file.
    pub fn load(path: &Path) -> Result<Self, RuntimeError> {
        Self::new(Model::read(path)?).map_err(|e| e.at(path))
    }

    /// The model, which can be written to a file.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The circuit.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// What verifiers need.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Sizes of the circuit.
    pub fn stats(&self) -> &Stats {
        self.circuit.stats()
    }

    /// Results of the program for real inputs, as a proof would say.
    pub fn infer(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, RuntimeError> {
        Ok(self.model.program.infer(inputs)?)
    }

    /// Evaluates the program on real inputs, one tensor per input, and assigns every wire of the circuit.
    pub fn witness(&self, inputs: &[Tensor<f64>]) -> Result<Witness, RuntimeError> {
        let integers = self.model.program.quantise_inputs(inputs)?;
        self.circuit.witness(&integers).map_err(|error| match error {
            BackendError::Program(IrError::Range { node, op, reason }) => QuantError::Range { node, op, reason }.into(),
            error => error.into(),
        })
    }

    /// Fails with all constraints that `witness` violates. A witness of [`Prover::witness`] violates none; this is for
    /// finding defects of plonnx.
    pub fn check(&self, witness: &Witness) -> Result<(), RuntimeError> {
        let violations = self.circuit.check(witness);
        if violations.is_empty() { Ok(()) } else { Err(BackendError::Unsatisfied(violations).into()) }
    }

    /// Proves the statement that `witness` makes true.
    pub fn prove_witness(&self, witness: &Witness) -> Result<Proof, RuntimeError> {
        Ok(Proof::new(&self.key, self.circuit.prove(witness)?))
    }

    /// Proves the inference on real inputs, one tensor per input.
    pub fn prove(&self, inputs: &[Tensor<f64>]) -> Result<Proof, RuntimeError> {
        self.prove_witness(&self.witness(inputs)?)
    }

    /// [`Prover::prove`], followed by a verification of the proof.
    pub fn prove_and_verify(&self, inputs: &[Tensor<f64>]) -> Result<(Proof, Verified), RuntimeError> {
        let proof = self.prove(inputs)?;
        let verified = self.key.verify(&proof)?;
        Ok((proof, verified))
    }
}

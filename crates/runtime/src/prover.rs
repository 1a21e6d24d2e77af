//! Proving.

use std::path::Path;

use plonnx_backend::weights::Split;
use plonnx_backend::{
    BackendError, Choice, Circuit, Clock, Commitment, Encoding, Plan, Port, Salt, Salts, Settings, Stats, Visibility,
    Weights, Witness,
};
use plonnx_ir::{IrError, Tensor};
use plonnx_quant::{Program, QuantError};

use crate::error::{RuntimeError, short};
use crate::key::VerifyingKey;
use crate::model::{Model, Provenance};
use crate::opening::Opening;
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
    /// Builds the circuit of a program. Committed weights get a random salt.
    pub fn compile(program: Program, settings: Settings, provenance: Provenance) -> Result<Self, RuntimeError> {
        Self::compile_if(program, settings, provenance, |_| Ok(()))
    }

    /// [`Prover::compile`] that goes on only if `accept` agrees to the plan, before anything large is allocated.
    pub fn compile_if<E: From<RuntimeError>>(
        program: Program,
        settings: Settings,
        provenance: Provenance,
        accept: impl FnOnce(&Plan) -> Result<(), E>,
    ) -> Result<Self, E> {
        let salt = (settings.weights == Weights::Committed).then(Salt::random);
        Self::compile_salted(program, settings, provenance, salt, None, accept)
    }

    fn compile_salted<E: From<RuntimeError>>(
        program: Program,
        settings: Settings,
        provenance: Provenance,
        weights_salt: Option<Salt>,
        layout: Option<Choice>,
        accept: impl FnOnce(&Plan) -> Result<(), E>,
    ) -> Result<Self, E> {
        let accept = |plan: &Plan| accept(plan).map_err(Stop::Refused);
        let circuit = match Circuit::compile_if(program.graph.clone(), settings.clone(), layout.as_ref(), accept) {
            Ok(circuit) => circuit,
            Err(Stop::Failed(error)) => return Err(RuntimeError::from(error).into()),
            Err(Stop::Refused(error)) => return Err(error),
        };
        let key = VerifyingKey::new(circuit.verifying_key().clone());
        let version = env!("CARGO_PKG_VERSION").to_string();
        let layout = Some(circuit.plan().choice);
        let model = Model { program, settings, layout, weights_salt, key_hash: key.hash(), version, provenance };
        Ok(Self { model, circuit, key })
    }

    /// Rebuilds the circuit of a model.
    ///
    /// # Errors
    /// [`RuntimeError::Rebuilt`] when the circuit is not the one that the model was written with.
    pub fn new(model: Model) -> Result<Self, RuntimeError> {
        Self::new_if(model, |_| Ok(()))
    }

    /// [`Prover::new`] that goes on only if `accept` agrees to the plan, before anything large is allocated.
    pub fn new_if<E: From<RuntimeError>>(model: Model, accept: impl FnOnce(&Plan) -> Result<(), E>) -> Result<Self, E> {
        let (expected, version) = (model.key_hash, model.version);
        let Model { program, settings, provenance, weights_salt, layout, .. } = model;
        let prover = Self::compile_salted(program, settings, provenance, weights_salt, layout, accept)?;
        if prover.key.hash() != expected {
            let (expected, got) = (short(&expected), short(&prover.key.hash()));
            return Err(RuntimeError::Rebuilt { version, expected, got }.into());
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

    /// What was known before the circuit was built.
    pub fn plan(&self) -> &Plan {
        self.circuit.plan()
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
        self.circuit.witness_salted(&integers, &self.salts()).map_err(at_run_time)
    }

    /// The model's salt, and room for those of tensors.
    fn salts(&self) -> Salts {
        Salts { tensors: vec![None; self.key.ports().len()], weights: self.model.weights_salt }
    }

    /// The commitment to the weights that all proofs of this model have; `None` if weights are public.
    pub fn model_commitment(&self) -> Result<Option<Commitment>, RuntimeError> {
        let commitment = |(split, salt): (&Split, &Salt)| {
            let refuse = |reason| RuntimeError::Opening { tensor: "weights".into(), reason };
            split.commitment(salt).map_err(refuse)
        };
        self.circuit.split().zip(self.model.weights_salt.as_ref()).map(commitment).transpose()
    }

    /// [`Prover::witness`] with the salts of `openings` for the tensors of these names; other commitments get random salts.
    ///
    /// # Errors
    /// [`RuntimeError::Opening`] for a tensor that is not committed, and when an opening's encoding or its integers are
    /// not those of the tensor.
    pub fn witness_opening(&self, inputs: &[Tensor<f64>], openings: &[Opening]) -> Result<Witness, RuntimeError> {
        let mut salts = self.salts();
        for opening in openings {
            let refuse = |reason: String| RuntimeError::Opening { tensor: opening.name.clone(), reason };
            let position = self.key.ports().iter().position(|p| p.name == opening.name);
            let port = position.and_then(|i| Some((self.key.ports().get(i)?, salts.tensors.get_mut(i)?)));
            let Some((port, salt)) = port.filter(|(p, _)| p.visibility == Visibility::Committed) else {
                return Err(refuse("no tensor of this name is committed".into()));
            };
            if port.encoding() != opening.encoding {
                return Err(refuse(format!(
                    "expected the encoding {}, got {}; compile with the other model's encoding",
                    describe(&port.encoding()),
                    describe(&opening.encoding)
                )));
            }
            *salt = Some(opening.salt);
        }
        let integers = self.model.program.quantise_inputs(inputs)?;
        let witness = self.circuit.witness_salted(&integers, &salts).map_err(at_run_time)?;
        for opening in openings {
            let made = self.openings(&witness).into_iter().find(|o| o.name == opening.name);
            if made.is_some_and(|made| made.integers != opening.integers) {
                let reason = "the tensor of this inference has other elements".into();
                return Err(RuntimeError::Opening { tensor: opening.name.clone(), reason });
            }
        }
        Ok(witness)
    }

    /// What opens the commitments of the statement of `witness`.
    pub fn openings(&self, witness: &Witness) -> Vec<Opening> {
        let salts = self.key.ports().iter().zip(&witness.salts().tensors);
        let opening =
            |(port, salt): (&Port, &Option<Salt>)| Some(Opening::new(port, witness.port(port).to_vec(), (*salt)?));
        salts.filter_map(opening).collect()
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

    /// [`Prover::prove_witness`] that tells how long each part took.
    pub fn prove_timed(&self, witness: &Witness, clock: &mut Clock) -> Result<Proof, RuntimeError> {
        Ok(Proof::new(&self.key, self.circuit.prove_timed(witness, clock)?))
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

/// Why a circuit was not built.
enum Stop<E> {
    Failed(BackendError),
    Refused(E),
}

impl<E> From<BackendError> for Stop<E> {
    fn from(error: BackendError) -> Self {
        Self::Failed(error)
    }
}

/// A value that left its range is the input's fault, not the program's.
fn at_run_time(error: BackendError) -> RuntimeError {
    match error {
        BackendError::Program(IrError::Range { node, op, reason }) => QuantError::Range { node, op, reason }.into(),
        error => error.into(),
    }
}

/// `12 elements of 5 octal digits from -512, scale 2^-7`
fn describe(encoding: &Encoding) -> String {
    let Encoding { len, scale, lo, digits } = encoding;
    format!("{len} elements of {digits} octal digits from {lo}, scale 2^{}", -scale)
}

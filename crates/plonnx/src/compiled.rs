//! Compiled models.

use std::time::Duration;

use plonnx_frontend::Import;
use plonnx_ir::{Tensor, eval};
use plonnx_quant::{Fidelity, fidelity};
use plonnx_runtime::{Proof, Prover, VerifyingKey};

use crate::data::{Arrays, Samples};
use crate::error::Error;
use crate::model::{Phase, slots};

/// A model with its circuit, its keys, and the float graph that it was made of.
#[derive(Debug)]
pub struct Compiled {
    pub(crate) prover: Prover,
    pub(crate) import: Import,
    pub(crate) times: Vec<(Phase, Duration)>,
}

impl Compiled {
    /// Proves the inference on `inputs`, one tensor per input of the model.
    pub fn prove(&self, inputs: &[Tensor<f64>]) -> Result<Proof, Error> {
        Ok(self.prover.prove(inputs)?)
    }

    /// What verifiers need.
    pub fn verifying_key(&self) -> &VerifyingKey {
        self.prover.verifying_key()
    }

    /// Outputs for `inputs`, as a proof would say.
    pub fn infer(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, Error> {
        Ok(self.prover.infer(inputs)?)
    }

    /// Outputs of the float graph for `inputs`.
    pub fn infer_float(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, Error> {
        eval(&self.import.graph, inputs).map_err(|e| Error::Quant(e.into()))
    }

    /// Cuts `arrays` into samples of the inputs.
    pub fn samples(&self, arrays: &Arrays) -> Result<Samples, Error> {
        Ok(arrays.samples(&slots(&self.import.inputs))?)
    }

    /// How far the outputs, and all values on the way, are from those of the float graph.
    pub fn fidelity(&self, samples: &[Vec<Tensor<f64>>]) -> Result<Fidelity, Error> {
        Ok(fidelity(&self.import.graph, &self.prover.model().program, samples)?)
    }

    /// The prover, whose model can be written to a file.
    pub fn prover(&self) -> &Prover {
        &self.prover
    }

    /// The prover alone; the float graph is dropped.
    pub fn into_prover(self) -> Prover {
        self.prover
    }

    /// The imported model.
    pub fn import(&self) -> &Import {
        &self.import
    }

    /// How long each step took.
    pub fn times(&self) -> &[(Phase, Duration)] {
        &self.times
    }
}

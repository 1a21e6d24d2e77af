//! What becomes of a model: a field program, then a circuit.

use std::time::Duration;

use plonnx_backend::{Plan, Settings, Weights};
use plonnx_frontend::Import;
use plonnx_ir::{Tensor, eval};
use plonnx_quant::{Calibration, Fidelity, Program, fidelity, quantise};
use plonnx_runtime::{Proof, Provenance, Prover, RuntimeError, VerifyingKey};

use crate::data::{Arrays, Samples};
use crate::error::Error;
use crate::model::{Clock, Observer, Phase, precision, slots};
use crate::recipe::Recipe;

/// A model as a field program. It computes what a circuit would prove, but has no circuit yet.
#[derive(Debug)]
pub struct Quantised {
    pub import: Import,
    pub program: Program,
    pub settings: Settings,
    pub provenance: Provenance,
    /// From which anyone can make the same key.
    pub recipe: Recipe,
    /// How long each step took.
    pub times: Vec<(Phase, Duration)>,
}

/// A model with its circuit, its keys, and the float graph that it was made of.
#[derive(Debug)]
pub struct Compiled {
    import: Import,
    prover: Prover,
    recipe: Recipe,
    times: Vec<(Phase, Duration)>,
}

impl Quantised {
    /// Builds the circuit and its keys.
    pub fn build(self) -> Result<Compiled, Error> {
        self.build_with(&mut |_| {})
    }

    /// [`Quantised::build`] that tells about its progress.
    pub fn build_with(self, observer: Observer) -> Result<Compiled, Error> {
        self.build_if(observer, |_| Ok(()))
    }

    /// [`Quantised::build_with`] that goes on only if `accept` agrees to the plan, before anything large is allocated.
    pub fn build_if<E: From<RuntimeError>>(
        self,
        observer: Observer,
        accept: impl FnOnce(&Plan) -> Result<(), E>,
    ) -> Result<Compiled, E> {
        let mut clock = Clock::new(observer);
        clock.start(Phase::Build);
        let prover = Prover::compile_if(self.program, self.settings, self.provenance, accept)?;
        let mut times = self.times;
        times.extend(clock.stop());
        Ok(Compiled { import: self.import, prover, recipe: self.recipe, times })
    }

    /// The program that the model would be with weights of this kind: committed ones get no more bits than they need.
    pub fn program_with(&self, weights: Weights) -> Result<Program, Error> {
        let mut ranges = Calibration::from_observed(&self.recipe.ranges)?;
        for (id, value) in self.import.graph.inputs().iter().zip(&self.import.inputs) {
            if let Some((scale, window)) = self.recipe.encodings.get(&value.name) {
                ranges.fix_input(*id, *scale, *window);
            }
        }
        Ok(quantise(&self.import.graph, &ranges, &precision(&self.recipe.precision, weights))?)
    }

    /// Outputs for `inputs`, as a proof would say.
    pub fn infer(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, Error> {
        Ok(self.program.infer(inputs)?)
    }

    /// Outputs of the float graph for `inputs`.
    pub fn infer_float(&self, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, Error> {
        infer_float(&self.import, inputs)
    }

    /// Cuts `arrays` into samples of the inputs.
    pub fn samples(&self, arrays: &Arrays) -> Result<Samples, Error> {
        Ok(arrays.samples(&slots(&self.import.inputs))?)
    }

    /// How far the outputs, and all values on the way, are from those of the float graph.
    pub fn fidelity(&self, samples: &[Vec<Tensor<f64>>]) -> Result<Fidelity, Error> {
        Ok(fidelity(&self.import.graph, &self.program, samples)?)
    }
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
        infer_float(&self.import, inputs)
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

    /// From which anyone can make the same key of the same model.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
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

fn infer_float(import: &Import, inputs: &[Tensor<f64>]) -> Result<Vec<Tensor<f64>>, Error> {
    eval(&import.graph, inputs).map_err(|e| Error::Quant(e.into()))
}

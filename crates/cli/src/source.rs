//! Models on the command line: ONNX files, or compiled ones.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use plonnx::backend::Plan;
use plonnx::data::{Arrays, Samples, Slot};
use plonnx::quant::Program;
use plonnx::runtime::artifact::Kind;
use plonnx::{Error, Model, Prover, Quantised, Tensor, runtime};

use crate::args::CompileArgs;
use crate::failure::Failure;
use crate::progress::Progress;

/// A model whose program is known.
#[derive(Debug)]
pub(crate) enum Source {
    Onnx(Box<Quantised>),
    Compiled(Box<runtime::Model>),
}

/// What to calibrate on when no option says it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fallback<'a> {
    /// Nothing: fail.
    None,
    /// The first samples of these data, and tell the user.
    Data(&'a Arrays, usize),
}

impl Source {
    /// Reads the file at `path`. ONNX models are quantised.
    pub(crate) fn open(
        path: &Path,
        options: &CompileArgs,
        fallback: Fallback,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        if is_compiled(path)? {
            if let Some(option) = options.given() {
                let path = path.display();
                return Err(Failure::Usage(format!(
                    "{path} is compiled already: {option} only applies to ONNX models"
                )));
            }
            return Ok(Self::Compiled(Box::new(runtime::Model::read(path)?)));
        }
        let mut model = options.apply(Model::from_file(path)?)?;
        if !model.is_calibrated()
            && let Fallback::Data(arrays, most) = fallback
        {
            model = model.calibrate(arrays).calibration_samples(options.calibration_samples.unwrap_or(most));
        }
        let quantised = model.quantise_with(&mut progress.observer());
        progress.end();
        Ok(Self::Onnx(Box::new(quantised.map_err(Failure::at(path))?)))
    }

    /// The field program.
    pub(crate) fn program(&self) -> &Program {
        match self {
            Self::Onnx(quantised) => &quantised.program,
            Self::Compiled(model) => &model.program,
        }
    }

    /// Where the model comes from.
    pub(crate) fn provenance(&self) -> &runtime::Provenance {
        match self {
            Self::Onnx(quantised) => &quantised.provenance,
            Self::Compiled(model) => &model.provenance,
        }
    }

    /// Cuts data into samples of the inputs.
    pub(crate) fn samples(&self, arrays: &Arrays) -> Result<Samples, Failure> {
        let slots: Vec<Slot> = self.program().inputs.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        Ok(arrays.samples(&slots)?)
    }

    /// Outputs of the float graph; `None` for a compiled model, which has none.
    pub(crate) fn infer_float(&self, inputs: &[Tensor<f64>]) -> Result<Option<Vec<Tensor<f64>>>, Failure> {
        match self {
            Self::Onnx(quantised) => Ok(Some(quantised.infer_float(inputs)?)),
            Self::Compiled(_) => Ok(None),
        }
    }

    /// Builds the circuit if `accept` agrees to its plan.
    pub(crate) fn build_if(
        self,
        progress: &mut Progress,
        accept: impl FnOnce(&Plan) -> Result<(), Failure>,
    ) -> Result<Prover, Failure> {
        progress.begin("build the circuit");
        let prover = match self {
            Self::Onnx(quantised) => {
                // The float graph is dropped first: it can be large.
                let Quantised { program, settings, provenance, import, .. } = *quantised;
                drop(import);
                Prover::compile_if(program, settings, provenance, accept)?
            }
            Self::Compiled(model) => Prover::new_if(*model, accept)?,
        };
        progress.end();
        Ok(prover)
    }

    /// Builds the circuit.
    pub(crate) fn build(self, progress: &mut Progress) -> Result<Prover, Failure> {
        self.build_if(progress, |_| Ok(()))
    }
}

/// Whether the file is an artifact of plonnx; keys and proofs are refused.
fn is_compiled(path: &Path) -> Result<bool, Failure> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut start));
    read.map_err(|e| Failure::Library(Error::Io(e).at(path)))?;
    match Kind::of(&start) {
        Some(Kind::Model) => Ok(true),
        Some(got) => Err(runtime::RuntimeError::Kind { expected: Kind::Model, got }.at(path).into()),
        None => Ok(false),
    }
}

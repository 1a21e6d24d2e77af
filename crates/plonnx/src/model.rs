//! From an ONNX model to a prover.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use plonnx_backend::{Profile, Settings, Visibility};
use plonnx_frontend::{Import, Options, ValueInfo, import};
use plonnx_ir::Tensor;
use plonnx_quant::{Calibration, Config, calibrate, calibrate_declared, quantise};
use plonnx_runtime::Provenance;

use crate::compiled::{Compiled, Quantised};
use crate::data::{Arrays, Slot};
use crate::error::Error;
use crate::size::macs;

/// Largest model file, in bytes.
const MAX_MODEL: u64 = 2 << 30;

/// An ONNX model with everything that is to be chosen before it becomes a circuit.
///
/// Inputs are private and outputs public unless said otherwise. The same choices give the same circuit, bit for bit.
#[derive(Clone, Debug)]
pub struct Model {
    bytes: Vec<u8>,
    source: String,
    options: Options,
    config: Config,
    profile: Profile,
    ranges: Ranges,
    inputs: Choice,
    outputs: Choice,
}

/// Where the ranges of values come from.
#[derive(Clone, Debug, Default)]
struct Ranges {
    samples: Option<Arrays>,
    most: usize,
    all: Option<(f64, f64)>,
    named: BTreeMap<String, (f64, f64)>,
}

/// Visibility of inputs, or of outputs.
#[derive(Clone, Debug)]
struct Choice {
    others: Visibility,
    named: BTreeMap<String, Visibility>,
}

impl Choice {
    fn all(others: Visibility) -> Self {
        Self { others, named: BTreeMap::new() }
    }

    fn set(&mut self, name: Option<&str>, visibility: Visibility) {
        match name {
            Some(name) => _ = self.named.insert(name.to_string(), visibility),
            None => *self = Self::all(visibility),
        }
    }

    fn resolve(&self, role: &'static str, values: &[ValueInfo]) -> Result<Vec<Visibility>, Error> {
        known(role, self.named.keys(), values)?;
        Ok(values.iter().map(|v| self.named.get(&v.name).copied().unwrap_or(self.others)).collect())
    }
}

/// Fails with the first of `names` that is not among `values`.
fn known<'a>(role: &'static str, names: impl Iterator<Item = &'a String>, values: &[ValueInfo]) -> Result<(), Error> {
    let unknown = |name: &&String| values.iter().all(|v| v.name != **name);
    let mut names = names.filter(unknown);
    names.next().map_or(Ok(()), |name| {
        let known = values.iter().map(|v| format!("\"{}\"", v.name)).collect();
        Err(Error::Name { role, name: name.clone(), known })
    })
}

/// A step of compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// ONNX bytes to a graph.
    Import,
    /// Ranges of all values.
    Calibrate,
    /// Graph to a field program.
    Quantise,
    /// Field program to a circuit and its keys.
    Build,
}

impl Phase {
    /// What is being done, for progress messages.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Import => "import",
            Phase::Calibrate => "calibrate",
            Phase::Quantise => "quantise",
            Phase::Build => "build the circuit",
        }
    }
}

/// Called when a step of compilation begins.
pub type Observer<'a> = &'a mut dyn FnMut(Phase);

impl Model {
    /// A model from the bytes of an ONNX file.
    pub fn from_onnx(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            source: String::new(),
            options: Options::default(),
            config: Config::default(),
            profile: Profile::default(),
            ranges: Ranges { most: usize::MAX, ..Ranges::default() },
            inputs: Choice::all(Visibility::Private),
            outputs: Choice::all(Visibility::Public),
        }
    }

    /// A model from an ONNX file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let read = || {
            let mut bytes = Vec::new();
            File::open(path)?.take(MAX_MODEL + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > MAX_MODEL { Err(Error::ModelSize { limit: MAX_MODEL }) } else { Ok(bytes) }
        };
        let mut model = Self::from_onnx(read().map_err(|e| e.at(path))?);
        model.source = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(model)
    }

    /// Binds a named dimension, such as `batch`.
    pub fn dim(mut self, name: &str, extent: usize) -> Self {
        self.options.dims.insert(name.to_string(), extent);
        self
    }

    /// Gives an input its shape.
    pub fn input_shape(mut self, input: &str, shape: &[usize]) -> Self {
        self.options.input_shapes.insert(input.to_string(), shape.to_vec());
        self
    }

    /// Makes an input a constant of the model.
    pub fn constant(mut self, input: &str, value: Tensor<f64>) -> Self {
        self.options.constants.insert(input.to_string(), value);
        self
    }

    /// Finds the ranges of all values on these samples of the inputs.
    pub fn calibrate(mut self, samples: &Arrays) -> Self {
        self.ranges.samples = Some(samples.clone());
        self
    }

    /// Calibrates on the first `most` samples only.
    pub fn calibration_samples(mut self, most: usize) -> Self {
        self.ranges.most = most;
        self
    }

    /// Derives the ranges of all values from this range of the elements of every input. Samples, if there are any, win.
    pub fn range(mut self, lo: f64, hi: f64) -> Self {
        self.ranges.all = Some((lo, hi));
        self
    }

    /// [`Model::range`] for one input.
    pub fn input_range(mut self, input: &str, lo: f64, hi: f64) -> Self {
        self.ranges.named.insert(input.to_string(), (lo, hi));
        self
    }

    /// Precision.
    pub fn precision(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Security profile.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Visibility of one input, or of all.
    pub fn input_visibility(mut self, input: Option<&str>, visibility: Visibility) -> Self {
        self.inputs.set(input, visibility);
        self
    }

    /// Visibility of one output, or of all.
    pub fn output_visibility(mut self, output: Option<&str>, visibility: Visibility) -> Self {
        self.outputs.set(output, visibility);
        self
    }

    /// Makes all inputs public: the statement contains them.
    pub fn public_input(self) -> Self {
        self.input_visibility(None, Visibility::Public)
    }

    /// Makes all outputs private: the statement does not contain them.
    pub fn private_output(self) -> Self {
        self.output_visibility(None, Visibility::Private)
    }

    /// Whether there are samples or ranges to calibrate with.
    pub fn is_calibrated(&self) -> bool {
        self.ranges.samples.is_some() || self.ranges.all.is_some() || !self.ranges.named.is_empty()
    }

    /// Reads the model into a graph.
    pub fn import(&self) -> Result<Import, Error> {
        Ok(import(&self.bytes, &self.options)?)
    }

    /// Quantises the model to a field program.
    pub fn quantise(&self) -> Result<Quantised, Error> {
        self.quantise_with(&mut |_| {})
    }

    /// [`Model::quantise`] that tells about its progress.
    pub fn quantise_with(&self, observer: Observer) -> Result<Quantised, Error> {
        let mut clock = Clock::new(observer);
        clock.start(Phase::Import);
        let import = self.import()?;
        let settings = Settings {
            profile: self.profile,
            inputs: self.inputs.resolve("input", &import.inputs)?,
            outputs: self.outputs.resolve("output", &import.outputs)?,
        };
        clock.start(Phase::Calibrate);
        let (ranges, calibration) = self.calibration(&import)?;
        clock.start(Phase::Quantise);
        let program = quantise(&import.graph, &ranges, &self.config)?;
        let provenance = Provenance {
            source: self.source.clone(),
            hash: *blake3::hash(&self.bytes).as_bytes(),
            producer: import.producer.clone(),
            params: import.params,
            macs: macs(&import.graph),
            calibration,
            report: program.report(),
        };
        Ok(Quantised { import, program, settings, provenance, times: clock.stop() })
    }

    /// Compiles the model to a circuit with its keys.
    pub fn compile(&self) -> Result<Compiled, Error> {
        self.compile_with(&mut |_| {})
    }

    /// [`Model::compile`] that tells about its progress.
    pub fn compile_with(&self, observer: Observer) -> Result<Compiled, Error> {
        self.quantise_with(&mut *observer)?.build_with(observer)
    }

    /// Ranges of all values of an import of this model, and how they were found.
    fn calibration(&self, import: &Import) -> Result<(Calibration, String), Error> {
        let slots = slots(&import.inputs);
        if let Some(arrays) = &self.ranges.samples {
            let samples = arrays.samples(&slots)?.first(self.ranges.most)?;
            return Ok((calibrate(&import.graph, &samples)?, format!("{} samples", samples.len())));
        }
        known("input", self.ranges.named.keys(), &import.inputs)?;
        let range = |slot: &Slot| self.ranges.named.get(&slot.0).copied().or(self.ranges.all);
        let ranges = slots.iter().map(|slot| range(slot).ok_or(Error::Uncalibrated)).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<String> =
            slots.iter().zip(&ranges).map(|(s, r)| format!("{} in [{}, {}]", s.0, r.0, r.1)).collect();
        Ok((calibrate_declared(&import.graph, &ranges)?, format!("declared ranges: {}", texts.join(", "))))
    }
}

/// Measures the steps of compilation.
pub(crate) struct Clock<'a> {
    observer: Observer<'a>,
    starts: Vec<(Phase, Instant)>,
}

impl<'a> Clock<'a> {
    pub(crate) fn new(observer: Observer<'a>) -> Self {
        Self { observer, starts: Vec::new() }
    }

    pub(crate) fn start(&mut self, phase: Phase) {
        (self.observer)(phase);
        self.starts.push((phase, Instant::now()));
    }

    /// Durations of the steps.
    pub(crate) fn stop(self) -> Vec<(Phase, Duration)> {
        let ends = self.starts.iter().skip(1).map(|s| s.1).chain([Instant::now()]);
        self.starts.iter().zip(ends).map(|((phase, start), end)| (*phase, end - *start)).collect()
    }
}

/// Names and shapes of inputs or outputs.
pub(crate) fn slots(values: &[ValueInfo]) -> Vec<Slot> {
    values.iter().map(|v| (v.name.clone(), v.shape.clone())).collect()
}

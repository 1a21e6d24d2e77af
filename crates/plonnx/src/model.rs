//! From an ONNX model to a prover.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use plonnx_backend::{Port, Preference, Profile, Settings, Visibility, Weights};
use plonnx_frontend::{Import, Options, ValueInfo, import};
use plonnx_ir::op::Window;
use plonnx_ir::{Log2Scale, Tensor};
use plonnx_quant::{Calibration, Config, Observed, calibrate, calibrate_declared, quantise};
use plonnx_runtime::Provenance;

use crate::compiled::{Compiled, Quantised};
use crate::data::{Arrays, Slot};
use crate::error::Error;
use crate::recipe::Recipe;
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
    weights: Weights,
    zero_knowledge: bool,
    prefer: Preference,
    /// Inputs that are encoded as tensors of other keys.
    encodings: BTreeMap<String, (Log2Scale, Window)>,
}

/// Where the ranges of values come from.
#[derive(Clone, Debug, Default)]
struct Ranges {
    samples: Option<Arrays>,
    most: usize,
    all: Option<(f64, f64)>,
    named: BTreeMap<String, (f64, f64)>,
    /// Of all nodes, from a settings file.
    exact: Option<Vec<Observed>>,
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
            weights: Weights::default(),
            zero_knowledge: false,
            prefer: Preference::default(),
            encodings: BTreeMap::new(),
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

    /// Whether the weights are constants of the circuit, which the key stands for, or committed.
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// Blinds proofs; docs/zero-knowledge.md says what that hides and what not.
    pub fn zero_knowledge(mut self, zero_knowledge: bool) -> Self {
        self.zero_knowledge = zero_knowledge;
        self
    }

    /// What the circuit's layout is chosen for: time of proofs, their length, or both.
    pub fn prefer(mut self, prefer: Preference) -> Self {
        self.prefer = prefer;
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

    /// Encodes an input as `port` of another model's key: its output can then be this model's input in a chain of proofs
    /// ([`crate::verify_chain`]).
    pub fn input_encoding(mut self, input: &str, port: &Port) -> Self {
        // Key files are checked: the range of a port is one of 60 bits.
        let span = port.hi.abs_diff(port.lo);
        let window = Window { lo: port.lo, bits: (u64::BITS - span.leading_zeros()).max(1) };
        self.encodings.insert(input.to_string(), (Log2Scale(port.scale), window));
        self
    }

    /// Takes all choices and the ranges of all values from a settings file.
    ///
    /// # Errors
    /// [`Error::OtherModel`] when the file is of another ONNX file.
    pub fn recipe(mut self, recipe: &Recipe) -> Result<Self, Error> {
        let hash = blake3::hash(&self.bytes);
        if *hash.as_bytes() != recipe.model {
            let expected = blake3::Hash::from_bytes(recipe.model).to_hex().to_string();
            return Err(Error::OtherModel { expected, got: hash.to_hex().to_string() });
        }
        let choice = |names: &[String], visibility: &[Visibility]| Choice {
            others: Visibility::Private,
            named: names.iter().cloned().zip(visibility.iter().copied()).collect(),
        };
        self.options = recipe.options.clone();
        self.config = recipe.precision.clone();
        self.profile = recipe.settings.profile;
        self.inputs = choice(&recipe.names.0, &recipe.settings.inputs);
        self.outputs = choice(&recipe.names.1, &recipe.settings.outputs);
        self.weights = recipe.settings.weights;
        self.zero_knowledge = recipe.settings.zero_knowledge;
        self.prefer = recipe.settings.prefer;
        self.encodings = recipe.encodings.clone();
        self.ranges = Ranges { exact: Some(recipe.ranges.clone()), ..Ranges::default() };
        Ok(self)
    }

    /// Makes all inputs public: the statement contains them.
    pub fn public_input(self) -> Self {
        self.input_visibility(None, Visibility::Public)
    }

    /// Makes all inputs committed: the statement contains salted commitments to them.
    pub fn committed_input(self) -> Self {
        self.input_visibility(None, Visibility::Committed)
    }

    /// Makes all outputs committed.
    pub fn committed_output(self) -> Self {
        self.output_visibility(None, Visibility::Committed)
    }

    /// Makes all outputs private: the statement does not contain them.
    pub fn private_output(self) -> Self {
        self.output_visibility(None, Visibility::Private)
    }

    /// Whether there are samples or ranges to calibrate with.
    pub fn is_calibrated(&self) -> bool {
        self.ranges.exact.is_some()
            || self.ranges.samples.is_some()
            || self.ranges.all.is_some()
            || !self.ranges.named.is_empty()
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
            weights: self.weights,
            zero_knowledge: self.zero_knowledge,
            prefer: self.prefer,
        };
        clock.start(Phase::Calibrate);
        let (ranges, calibration) = self.calibration(&import)?;
        clock.start(Phase::Quantise);
        let program = quantise(&import.graph, &ranges, &precision(&self.config, self.weights))?;
        let provenance = Provenance {
            source: self.source.clone(),
            hash: *blake3::hash(&self.bytes).as_bytes(),
            producer: import.producer.clone(),
            params: import.params,
            macs: macs(&import.graph),
            calibration,
            report: program.report(),
        };
        let names = |values: &[ValueInfo]| values.iter().map(|v| v.name.clone()).collect();
        let recipe = Recipe {
            model: provenance.hash,
            options: self.options.clone(),
            precision: self.config.clone(),
            settings: settings.clone(),
            names: (names(&import.inputs), names(&import.outputs)),
            encodings: self.encodings.clone(),
            ranges: ranges.observed().collect(),
        };
        Ok(Quantised { import, program, settings, provenance, recipe, times: clock.stop() })
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
        known("input", self.encodings.keys(), &import.inputs)?;
        let (mut calibration, text) = self.ranges_of(import)?;
        for (id, value) in import.graph.inputs().iter().zip(&import.inputs) {
            if let Some((scale, window)) = self.encodings.get(&value.name) {
                calibration.fix_input(*id, *scale, *window);
            }
        }
        Ok((calibration, text))
    }

    fn ranges_of(&self, import: &Import) -> Result<(Calibration, String), Error> {
        if let Some(ranges) = &self.ranges.exact {
            return Ok((Calibration::from_observed(ranges)?, "ranges of a settings file".into()));
        }
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

/// Committed weights are cells, of which every digit is checked and hashed.
pub(crate) fn precision(config: &Config, weights: Weights) -> Config {
    Config { costly_weights: weights == Weights::Committed, ..config.clone() }
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

//! Options that several commands share.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use plonnx::{Config, Model, Preference, Profile, VerifyingKey, Visibility, Weights};

use crate::data;
use crate::failure::Failure;

/// How an ONNX model becomes a circuit.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Compilation")]
pub(crate) struct CompileArgs {
    /// Extent of a named dimension, such as batch=1
    #[arg(long = "dim", value_name = "NAME=N")]
    pub(crate) dims: Vec<Named<usize>>,
    /// Shape of an input, such as image=1,3,32,32
    #[arg(long = "shape", value_name = "INPUT=N,..")]
    pub(crate) shapes: Vec<Named<List>>,
    /// Make an input a constant of the model, such as a shape or axes: .npz, .npy, .json or .pb
    #[arg(long = "constant", value_name = "[INPUT=]FILE")]
    pub(crate) constants: Vec<String>,
    /// Samples of the inputs on which the ranges of all values are found: .npz, .npy, .json or .pb
    #[arg(long, value_name = "[INPUT=]FILE")]
    pub(crate) calibrate: Vec<String>,
    /// Calibrate on the first N samples only
    #[arg(long, value_name = "N")]
    pub(crate) calibration_samples: Option<usize>,
    /// Range of the elements of the inputs, from which other ranges are derived
    #[arg(long = "range", value_name = "[INPUT=]LO,HI", allow_hyphen_values = true)]
    pub(crate) ranges: Vec<Maybe<Range>>,
    /// How inputs are in the statement: public, committed or private [default: private]
    #[arg(long = "input", value_name = "[INPUT=]VISIBILITY")]
    pub(crate) inputs: Vec<Maybe<See>>,
    /// How outputs are in the statement: public, committed or private [default: public]
    #[arg(long = "output", value_name = "[OUTPUT=]VISIBILITY")]
    pub(crate) outputs: Vec<Maybe<See>>,
    /// How the weights are in the statement: public (the key stands for them) or committed [default: public]
    #[arg(long, value_name = "VISIBILITY", value_parser = weights)]
    pub(crate) weights: Option<Weights>,
    /// Blind proofs, so that they hide private tensors and committed weights statistically
    #[arg(long)]
    pub(crate) zk: bool,
    /// Encode an input as an input or output of another model, whose key is FILE, so that proofs can be chained
    #[arg(long = "link", value_name = "INPUT=FILE#TENSOR")]
    pub(crate) links: Vec<Named<String>>,
    /// Security profile: standard, proven80 or fast (for development) [default: standard]
    #[arg(long, value_parser = profile)]
    pub(crate) profile: Option<Profile>,
    /// What the circuit's layout is chosen for: speed of proofs, their size, or a balance of both [default: balance]
    #[arg(long, value_parser = preference)]
    pub(crate) prefer: Option<Preference>,
    /// Signed bits of a rounded activation
    #[arg(long, value_name = "N")]
    pub(crate) activation_bits: Option<u32>,
    /// Signed bits of the largest weight of a tensor
    #[arg(long, value_name = "N")]
    pub(crate) weight_bits: Option<u32>,
    /// Largest function table: 2^N entries
    #[arg(long, value_name = "N")]
    pub(crate) table_bits: Option<u32>,
    /// Calibrated magnitudes times this are representable
    #[arg(long, value_name = "FACTOR")]
    pub(crate) headroom: Option<f64>,
}

impl CompileArgs {
    /// `model` with these options.
    pub(crate) fn apply(&self, mut model: Model) -> Result<Model, Failure> {
        for Named { name, value } in &self.dims {
            model = model.dim(name, *value);
        }
        for Named { name, value } in &self.shapes {
            model = model.input_shape(name, &value.0);
        }
        for (name, value) in data::read_all(&self.constants)?.iter() {
            model = model.constant(name, value.clone());
        }
        if !self.calibrate.is_empty() {
            model = model.calibrate(&data::read_all(&self.calibrate)?);
        }
        if let Some(most) = self.calibration_samples {
            model = model.calibration_samples(most);
        }
        for Maybe { name, value: Range(lo, hi) } in &self.ranges {
            model = match name {
                Some(name) => model.input_range(name, *lo, *hi),
                None => model.range(*lo, *hi),
            };
        }
        for Maybe { name, value } in &self.inputs {
            model = model.input_visibility(name.as_deref(), value.0);
        }
        for Maybe { name, value } in &self.outputs {
            model = model.output_visibility(name.as_deref(), value.0);
        }
        for Named { name, value } in &self.links {
            model = link(model, name, value)?;
        }
        let default = Config::default();
        model = model.precision(Config {
            activation_bits: self.activation_bits.unwrap_or(default.activation_bits),
            weight_bits: self.weight_bits.unwrap_or(default.weight_bits),
            table_bits: self.table_bits.unwrap_or(default.table_bits),
            headroom: self.headroom.unwrap_or(default.headroom),
            ..default
        });
        model = model.weights(self.weights.unwrap_or_default()).zero_knowledge(self.zk);
        Ok(model.profile(self.profile.unwrap_or_default()).prefer(self.prefer.unwrap_or_default()))
    }

    /// The first option that was given, by name.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--dim", !self.dims.is_empty()),
            ("--shape", !self.shapes.is_empty()),
            ("--constant", !self.constants.is_empty()),
            ("--calibrate", !self.calibrate.is_empty()),
            ("--calibration-samples", self.calibration_samples.is_some()),
            ("--range", !self.ranges.is_empty()),
            ("--input", !self.inputs.is_empty()),
            ("--output", !self.outputs.is_empty()),
            ("--weights", self.weights.is_some()),
            ("--zk", self.zk),
            ("--link", !self.links.is_empty()),
            ("--profile", self.profile.is_some()),
            ("--prefer", self.prefer.is_some()),
            ("--activation-bits", self.activation_bits.is_some()),
            ("--weight-bits", self.weight_bits.is_some()),
            ("--table-bits", self.table_bits.is_some()),
            ("--headroom", self.headroom.is_some()),
        ];
        given.into_iter().find(|g| g.1).map(|g| g.0)
    }
}

/// Where the inputs of an inference come from.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Data")]
pub(crate) struct DataArgs {
    /// Inputs: .npz, .npy, .json or .pb; the first axis may count samples
    #[arg(long, value_name = "[INPUT=]FILE", required = true)]
    pub(crate) data: Vec<String>,
    /// Which sample of the data to take, counted from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) sample: usize,
}

/// A model file.
#[derive(Debug, clap::Args)]
pub(crate) struct ModelArgs {
    /// An ONNX model, or a compiled one (.plonnx)
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) compile: CompileArgs,
}

/// `NAME=VALUE`
#[derive(Clone, Debug)]
pub(crate) struct Named<T> {
    pub(crate) name: String,
    pub(crate) value: T,
}

impl<T: FromStr<Err: ToString>> FromStr for Named<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        Ok(Self { name: name.into(), value: value.parse().map_err(|e: T::Err| e.to_string())? })
    }
}

/// `VALUE` or `NAME=VALUE`
#[derive(Clone, Debug)]
pub(crate) struct Maybe<T> {
    pub(crate) name: Option<String>,
    pub(crate) value: T,
}

impl<T: FromStr<Err: ToString>> FromStr for Maybe<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (Some(name.to_string()), value),
            None => (None, text),
        };
        Ok(Self { name, value: value.parse().map_err(|e: T::Err| e.to_string())? })
    }
}

/// `LO,HI`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range(f64, f64);

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends = text.split_once(',').and_then(|(lo, hi)| Some((lo.trim().parse().ok()?, hi.trim().parse().ok()?)));
        let (lo, hi): (f64, f64) = ends.ok_or("expected two numbers LO,HI")?;
        if lo <= hi { Ok(Self(lo, hi)) } else { Err(format!("expected LO at most HI, got {lo} and {hi}")) }
    }
}

/// `N,..`
#[derive(Clone, Debug)]
pub(crate) struct List(Vec<usize>);

impl FromStr for List {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let extents = text.split(',').map(|d| d.trim().parse().map_err(|_| format!("expected an extent, got {d}")));
        extents.collect::<Result<_, _>>().map(Self)
    }
}

/// `public`, `committed` or `private`
#[derive(Clone, Copy, Debug)]
pub(crate) struct See(Visibility);

impl FromStr for See {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected public, committed or private, got {text}");
        Visibility::from_name(text).map(Self).ok_or_else(expected)
    }
}

/// `model` with its input encoded as `FILE#TENSOR` says.
fn link(model: Model, input: &str, place: &str) -> Result<Model, Failure> {
    let expected = || Failure::Usage(format!("--link {input}={place}: expected INPUT=FILE#TENSOR"));
    let (file, tensor) = place.rsplit_once('#').ok_or_else(expected)?;
    let key = VerifyingKey::read(Path::new(file))?;
    let port = key.ports().iter().find(|p| p.name == tensor).ok_or_else(|| {
        let known: Vec<&str> = key.ports().iter().map(|p| p.name.as_str()).collect();
        Failure::Usage(format!("--link: {file} has no tensor \"{tensor}\", it has: {}", known.join(", ")))
    })?;
    Ok(model.input_encoding(input, port))
}

fn weights(name: &str) -> Result<Weights, String> {
    Weights::from_name(name).ok_or_else(|| format!("expected public or committed, got {name}"))
}

fn preference(name: &str) -> Result<Preference, String> {
    let known: Vec<&str> = Preference::ALL.iter().map(|p| p.name()).collect();
    Preference::from_name(name).ok_or_else(|| format!("expected one of {}", known.join(", ")))
}

fn profile(name: &str) -> Result<Profile, String> {
    let known: Vec<&str> = Profile::ALL.iter().map(|p| p.name()).collect();
    Profile::from_name(name).ok_or_else(|| format!("expected one of {}", known.join(", ")))
}

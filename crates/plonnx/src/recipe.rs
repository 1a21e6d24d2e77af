//! Settings files: all that makes a key of an ONNX model, so that anyone can make it again.
//!
//! Compilation needs, beside the model, the user's choices and the ranges of all values that calibration found. A settings
//! file has both, as JSON; ranges are decimal text that reads back as the same number. The samples on which the ranges
//! were found are not needed again.

use std::collections::BTreeMap;

use plonnx_backend::{Preference, Profile, Settings, Visibility, Weights};
use plonnx_frontend::Options;
use plonnx_ir::op::Window;
use plonnx_ir::{Log2Scale, Tensor};
use plonnx_quant::{Config, Observed};
use serde_json::{Map, Value, json};

use crate::error::Error;

/// First field of a settings file: what it is, and its version.
const FORMAT: &str = "plonnx settings 1";
/// Most nodes of a graph whose ranges are read.
const MAX_RANGES: usize = 1 << 22;

/// Everything that the key of a model depends on, the model and the version of plonnx apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// BLAKE3 of the ONNX file.
    pub model: [u8; 32],
    pub options: Options,
    pub precision: Config,
    pub settings: Settings,
    /// Names of the inputs and of the outputs, as in [`Recipe::settings`].
    pub names: (Vec<String>, Vec<String>),
    /// Inputs with an encoding from elsewhere.
    pub encodings: BTreeMap<String, (Log2Scale, Window)>,
    /// What calibration saw of every node of the imported graph.
    pub ranges: Vec<Observed>,
}

impl Recipe {
    /// The settings file.
    pub fn to_json(&self) -> String {
        let see = |names: &[String], visibility: &[Visibility]| -> Value {
            names.iter().zip(visibility).map(|(n, v)| json!({ "name": n, "visibility": v.name() })).collect()
        };
        let encoding = |(name, (scale, window)): (&String, &(Log2Scale, Window))| {
            (name.clone(), json!({ "scale": scale.0, "lo": window.lo, "bits": window.bits }))
        };
        let encodings: Map<String, Value> = self.encodings.iter().map(encoding).collect();
        let constant = |(name, tensor): (&String, &Tensor<f64>)| {
            let values: Vec<String> = tensor.iter().map(|v| v.to_string()).collect();
            (name.clone(), json!({ "shape": tensor.shape(), "values": values.join(" ") }))
        };
        let constants: Map<String, Value> = self.options.constants.iter().map(constant).collect();
        let object = json!({
            "format": FORMAT,
            "plonnx": env!("CARGO_PKG_VERSION"),
            "model": blake3::Hash::from_bytes(self.model).to_hex().to_string(),
            "dims": self.options.dims,
            "input_shapes": self.options.input_shapes,
            "constants": constants,
            "precision": {
                "activation_bits": self.precision.activation_bits,
                "weight_bits": self.precision.weight_bits,
                "table_bits": self.precision.table_bits,
                "output_guard_bits": self.precision.output_guard_bits,
                "headroom": self.precision.headroom.to_string(),
            },
            "profile": self.settings.profile.name(),
            "weights": self.settings.weights.name(),
            "zero_knowledge": self.settings.zero_knowledge,
            "prefer": self.settings.prefer.name(),
            "inputs": see(&self.names.0, &self.settings.inputs),
            "outputs": see(&self.names.1, &self.settings.outputs),
            "encodings": encodings,
            "ranges": self.ranges.iter().map(written_range).collect::<Vec<_>>(),
        });
        format!("{object:#}\n")
    }

    /// Reads a settings file.
    ///
    /// # Errors
    /// [`Error::Settings`] with the field that is missing or malformed, and for files of another version of plonnx.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(text).map_err(|e| malformed(format!("not JSON: {e}")))?;
        let file = Fields { path: String::new(), value: &value };
        if file.text("format")? != FORMAT {
            return Err(malformed(format!("expected the format \"{FORMAT}\"")));
        }
        let version = file.text("plonnx")?;
        if version != env!("CARGO_PKG_VERSION") {
            let expected = env!("CARGO_PKG_VERSION");
            return Err(malformed(format!(
                "written by plonnx {version}, expected {expected}: keys depend on the version"
            )));
        }
        let precision = file.at("precision")?;
        let (inputs, outputs) = (read_ports(&file, "inputs")?, read_ports(&file, "outputs")?);
        let shapes = file.at("input_shapes")?.entries()?.into_iter().map(|(name, shape)| {
            let extents = shape.list()?.into_iter().map(|d| d.whole()).collect::<Result<_, _>>()?;
            Ok((name, extents))
        });
        let dims = file.at("dims")?.entries()?.into_iter().map(|(name, extent)| Ok((name, extent.whole()?)));
        let constants = file.at("constants")?.entries()?.into_iter().map(|(name, constant)| {
            let shape = constant.at("shape")?.list()?.into_iter().map(|d| d.whole()).collect::<Result<Vec<_>, _>>()?;
            let values = constant.text("values")?.split_whitespace().map(real).collect::<Result<Vec<_>, _>>()?;
            let tensor =
                Tensor::from_vec(&shape, values).ok_or_else(|| constant.wrong("as many values as the shape has"))?;
            Ok((name, tensor))
        });
        let encodings = file.at("encodings")?.entries()?.into_iter().map(|(name, encoding)| {
            let lo = encoding.at("lo")?;
            let lo = lo.value.as_i64().ok_or_else(|| lo.wrong("a whole number"))?;
            let window = Window { lo, bits: encoding.at("bits")?.whole()? };
            Ok((name, (Log2Scale(encoding.at("scale")?.whole()?), window)))
        });
        let ranges = file.at("ranges")?.list()?;
        if ranges.len() > MAX_RANGES {
            return Err(malformed(format!("expected at most {MAX_RANGES} ranges, got {}", ranges.len())));
        }
        let profile = file.text("profile")?;
        let weights = file.text("weights")?;
        let prefer = file.text("prefer")?;
        Ok(Self {
            model: *blake3::Hash::from_hex(file.text("model")?)
                .map_err(|_| malformed("model: no hash".into()))?
                .as_bytes(),
            options: Options {
                dims: dims.collect::<Result<_, Error>>()?,
                input_shapes: shapes.collect::<Result<_, Error>>()?,
                constants: constants.collect::<Result<_, Error>>()?,
            },
            precision: Config {
                activation_bits: precision.at("activation_bits")?.whole()?,
                weight_bits: precision.at("weight_bits")?.whole()?,
                table_bits: precision.at("table_bits")?.whole()?,
                output_guard_bits: precision.at("output_guard_bits")?.whole()?,
                headroom: real(precision.text("headroom")?)?,
                // Follows from how the weights appear.
                costly_weights: false,
            },
            settings: Settings {
                profile: Profile::from_name(profile).ok_or_else(|| malformed(format!("no profile \"{profile}\"")))?,
                inputs: inputs.1,
                outputs: outputs.1,
                weights: Weights::from_name(weights).ok_or_else(|| malformed(format!("no weights \"{weights}\"")))?,
                zero_knowledge: file.at("zero_knowledge")?.truth()?,
                prefer: Preference::from_name(prefer)
                    .ok_or_else(|| malformed(format!("no preference \"{prefer}\"")))?,
            },
            names: (inputs.0, outputs.0),
            encodings: encodings.collect::<Result<_, Error>>()?,
            ranges: ranges.iter().map(read_range).collect::<Result<_, Error>>()?,
        })
    }
}

fn malformed(reason: String) -> Error {
    Error::Settings { reason }
}

/// A value of the file, and where it stands.
struct Fields<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Fields<'a> {
    fn wrong(&self, expected: &str) -> Error {
        malformed(format!("{}: expected {expected}", self.path))
    }

    fn at(&self, name: &str) -> Result<Fields<'a>, Error> {
        let path = if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) };
        let value = self.value.get(name).ok_or_else(|| malformed(format!("{path} is missing")))?;
        Ok(Fields { path, value })
    }

    fn text(&self, name: &str) -> Result<&'a str, Error> {
        let field = self.at(name)?;
        field.value.as_str().ok_or_else(|| field.wrong("a text"))
    }

    /// A whole number that the type holds.
    fn whole<T: TryFrom<i64>>(&self) -> Result<T, Error> {
        let whole = self.value.as_i64().and_then(|n| T::try_from(n).ok());
        whole.ok_or_else(|| self.wrong("a whole number in range"))
    }

    fn truth(&self) -> Result<bool, Error> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    fn list(&self) -> Result<Vec<Fields<'a>>, Error> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        Ok(items.iter().map(|value| Fields { path: self.path.clone(), value }).collect())
    }

    fn entries(&self) -> Result<Vec<(String, Fields<'a>)>, Error> {
        let entries = self.value.as_object().ok_or_else(|| self.wrong("an object"))?;
        let field = |(name, value): (&String, &'a Value)| {
            (name.clone(), Fields { path: format!("{}.{name}", self.path), value })
        };
        Ok(entries.iter().map(field).collect())
    }
}

/// Names and visibilities of the ports in `field`.
fn read_ports(file: &Fields, field: &str) -> Result<(Vec<String>, Vec<Visibility>), Error> {
    let port = |port: Fields| {
        let name = port.text("visibility")?;
        let visibility = Visibility::from_name(name).ok_or_else(|| malformed(format!("no visibility \"{name}\"")))?;
        Ok((port.text("name")?.to_string(), visibility))
    };
    let ports: Vec<_> = file.at(field)?.list()?.into_iter().map(port).collect::<Result<_, Error>>()?;
    Ok(ports.into_iter().unzip())
}

fn real(text: &str) -> Result<f64, Error> {
    text.parse().map_err(|_| malformed(format!("expected a number, got \"{text}\"")))
}

/// `min max quietest`
fn written_range(Observed { min, max, quietest }: &Observed) -> String {
    format!("{min} {max} {quietest}")
}

/// Reads what [`written_range`] writes.
fn read_range(field: &Fields) -> Result<Observed, Error> {
    let numbers: Vec<&str> = field.value.as_str().map(|text| text.split(' ').collect()).unwrap_or_default();
    let &[min, max, quietest] = numbers.as_slice() else {
        return Err(field.wrong("three numbers in one text"));
    };
    Ok(Observed { min: real(min)?, max: real(max)?, quietest: real(quietest)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        Recipe {
            model: [7; 32],
            options: Options {
                dims: BTreeMap::from([("batch".into(), 1)]),
                input_shapes: BTreeMap::from([("x".into(), vec![1, 3])]),
                constants: BTreeMap::from([("c".into(), Tensor::from_vec(&[2], vec![0.1, -1e-7]).unwrap())]),
            },
            precision: Config { headroom: 1.1, ..Config::default() },
            settings: Settings {
                profile: Profile::Proven80,
                inputs: vec![Visibility::Committed],
                outputs: vec![Visibility::Public, Visibility::Private],
                weights: Weights::Committed,
                zero_knowledge: true,
                prefer: Preference::Size,
            },
            names: (vec!["x".into()], vec!["y".into(), "z".into()]),
            encodings: BTreeMap::from([("x".into(), (Log2Scale(-3), Window { lo: -48, bits: 7 }))]),
            ranges: [(f64::NEG_INFINITY, 0.1, 0.0), (-1e-300, 1.0 / 3.0, 1e-5), (0.0, 5e300, 5e300)]
                .map(|(min, max, quietest)| Observed { min, max, quietest })
                .to_vec(),
        }
    }

    #[test]
    fn files_read_back_as_they_were() {
        assert_eq!(Recipe::from_json(&recipe().to_json()).unwrap(), recipe());
    }

    #[test]
    fn malformed_fields_are_named() {
        let good = recipe().to_json();
        for (old, new, message) in [
            ("\"format\"", "\"f\"", "format is missing"),
            ("\"proven80\"", "\"best\"", "no profile \"best\""),
            ("\"size\"", "\"small\"", "no preference \"small\""),
            ("\"bits\": 7", "\"bits\": -7", "encodings.x.bits: expected a whole number in range"),
            ("\"committed\"", "\"secret\"", "secret"),
            ("\"zero_knowledge\": true", "\"zero_knowledge\": 1", "zero_knowledge: expected true or false"),
            ("-inf 0.1 0", "-inf 0.1", "ranges: expected three numbers in one text"),
            ("\"batch\": 1", "\"batch\": \"1\"", "dims.batch: expected a whole number in range"),
        ] {
            assert!(good.contains(old), "{old} in {good}");
            let error = Recipe::from_json(&good.replacen(old, new, 1)).unwrap_err().to_string();
            assert!(error.contains(message), "expected {message}, got {error}");
        }
        let other = good.replacen(concat!("\"plonnx\": \"", env!("CARGO_PKG_VERSION")), "\"plonnx\": \"9.9.9", 1);
        assert!(Recipe::from_json(&other).unwrap_err().to_string().contains("written by plonnx 9.9.9"));
        assert!(Recipe::from_json("{").is_err());
        assert!(Recipe::from_json("[]").is_err());
    }
}

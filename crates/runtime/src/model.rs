//! Compiled models: all that a prover needs.

use std::collections::BTreeMap;
use std::path::Path;

use plonnx_backend::{Choice, Preference, Salt, Settings, Visibility, Weights};
use plonnx_ir::op::Window;
use plonnx_ir::{CoreOp, Field, Graph, Log2Scale, NodeId, Tensor, text};
use plonnx_quant::{Port, Program};
use prost::Message;

use crate::artifact::{self, Kind};
use crate::error::RuntimeError;
use crate::key::{read_profile, read_shape};
use crate::message::{self, MAX_POOL, MAX_PORTS, read_visibility, read_words, write_visibility};

/// A field program with its settings, from which the circuit is rebuilt bit for bit.
#[derive(Clone, Debug)]
pub struct Model {
    /// The program. Once it was read from a file, [`Program::origin`] is empty: the float graph is not part of the file.
    pub program: Program,
    pub settings: Settings,
    /// The layout that was chosen for the circuit; without it, all are tried again.
    pub layout: Option<Choice>,
    /// Salt of the commitment to the weights, if they are committed; proofs of this model share it.
    pub weights_salt: Option<Salt>,
    /// Hash of the verifying key.
    pub key_hash: [u8; 32],
    /// Version of plonnx that compiled the model.
    pub version: String,
    pub provenance: Provenance,
}

/// Where a model comes from, for people; nothing depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Name of the ONNX file.
    pub source: String,
    /// BLAKE3 of the ONNX file.
    pub hash: [u8; 32],
    /// The tool that wrote the ONNX file.
    pub producer: String,
    /// Elements of the initialisers.
    pub params: u64,
    /// Multiplications of one inference in linear layers.
    pub macs: u64,
    /// How ranges were found.
    pub calibration: String,
    /// Scales and windows of all nodes.
    pub report: String,
}

impl Model {
    /// The model as a file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RuntimeError> {
        let graph = &self.program.graph;
        let boundary = |port: &Port, visibility: &Visibility| message::Boundary {
            name: port.name.clone(),
            scale: port.scale.0,
            lo: port.window.lo,
            bits: port.window.bits,
            visibility: write_visibility(*visibility),
        };
        let body = message::Model {
            version: self.version.clone(),
            profile: self.settings.profile.name().into(),
            program: text::print(graph),
            pool: text::const_pool(graph).values().map(write_tensor).collect(),
            inputs: self.program.inputs.iter().zip(&self.settings.inputs).map(|(p, v)| boundary(p, v)).collect(),
            outputs: self.program.outputs.iter().zip(&self.settings.outputs).map(|(p, v)| boundary(p, v)).collect(),
            key: self.key_hash.to_vec(),
            weights_salt: self.weights_salt.map(|salt| salt.words().to_vec()).unwrap_or_default(),
            zero_knowledge: self.settings.zero_knowledge,
            prefer: self.settings.prefer.name().into(),
            layout: self.layout.map(write_layout),
            provenance: Some(message::Provenance {
                source: self.provenance.source.clone(),
                hash: self.provenance.hash.to_vec(),
                producer: self.provenance.producer.clone(),
                params: self.provenance.params,
                macs: self.provenance.macs,
                calibration: self.provenance.calibration.clone(),
                report: self.provenance.report.clone(),
            }),
        };
        artifact::wrap(Kind::Model, &body.encode_to_vec())
    }

    /// Reads the bytes of a file. The program is verified; that it gives the circuit of its key is checked when the
    /// circuit is built.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RuntimeError> {
        let body = artifact::unwrap(Kind::Model, bytes)?;
        let limits = [(4, MAX_POOL), (5, MAX_PORTS), (6, MAX_PORTS)];
        let body = message::decode_any::<message::Model>(body, &limits).map_err(malformed)?;
        let mut pool = BTreeMap::new();
        for tensor in body.pool {
            let tensor = read_tensor(tensor).map_err(malformed)?;
            pool.insert(tensor.fingerprint(), tensor);
        }
        let graph: Graph<Field> =
            text::parse(&body.program, &pool).map_err(|e| malformed(format!("its program: {e}")))?;
        plonnx_ir::verify(&graph).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            malformed(format!("its program is invalid: {first}"))
        })?;
        let weights_salt = match body.weights_salt.as_slice() {
            [] => None,
            words => {
                let salt = read_words(words).and_then(Salt::from_words);
                Some(salt.ok_or_else(|| malformed("a salt is four field elements".into()))?)
            }
        };
        let settings = Settings {
            weights: if weights_salt.is_some() { Weights::Committed } else { Weights::Public },
            zero_knowledge: body.zero_knowledge,
            prefer: Preference::from_name(&body.prefer)
                .ok_or_else(|| malformed(format!("no preference \"{}\"", body.prefer.escape_default())))?,
            profile: read_profile(&body.profile).map_err(malformed)?,
            inputs: body.inputs.iter().map(visibility).collect::<Result<_, _>>()?,
            outputs: body.outputs.iter().map(visibility).collect::<Result<_, _>>()?,
        };
        let inputs = ports(&graph, graph.inputs().iter().copied(), &body.inputs)?;
        let outputs = ports(&graph, graph.outputs().iter().map(|o| o.node), &body.outputs)?;
        let provenance = body.provenance.unwrap_or_default();
        Ok(Self {
            program: Program { graph, inputs, outputs, origin: Vec::new() },
            settings,
            layout: body.layout.map(read_layout).transpose().map_err(malformed)?,
            weights_salt,
            key_hash: digest(body.key)?,
            version: body.version,
            provenance: Provenance {
                source: provenance.source,
                hash: digest(provenance.hash)?,
                producer: provenance.producer,
                params: provenance.params,
                macs: provenance.macs,
                calibration: provenance.calibration,
                report: provenance.report,
            },
        })
    }

    /// Writes the file. With committed weights only its owner may read it: it has the weights and their salt.
    pub fn write(&self, path: &Path) -> Result<(), RuntimeError> {
        let bytes = self.to_bytes()?;
        if self.weights_salt.is_some() { artifact::write_secret(path, &bytes) } else { artifact::write(path, &bytes) }
    }

    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, RuntimeError> {
        Self::from_bytes(&artifact::read(Kind::Model, path)?).map_err(|e| e.at(path))
    }
}

fn malformed(reason: String) -> RuntimeError {
    RuntimeError::Malformed { kind: Kind::Model, reason }
}

fn digest(bytes: Vec<u8>) -> Result<[u8; 32], RuntimeError> {
    <[u8; 32]>::try_from(bytes).map_err(|bytes| malformed(format!("expected a hash of 32 bytes, got {}", bytes.len())))
}

fn visibility(boundary: &message::Boundary) -> Result<Visibility, RuntimeError> {
    read_visibility(boundary.visibility).map_err(malformed)
}

/// Ports of the nodes, with the names and ranges that `boundaries` gives them.
fn ports(
    graph: &Graph<Field>,
    nodes: impl ExactSizeIterator<Item = NodeId>,
    boundaries: &[message::Boundary],
) -> Result<Vec<Port>, RuntimeError> {
    if nodes.len() != boundaries.len() {
        return Err(malformed(format!("expected {} inputs or outputs, got {}", nodes.len(), boundaries.len())));
    }
    let port = |(id, boundary): (NodeId, &message::Boundary)| {
        let node = graph.node(id);
        let window = Window { lo: boundary.lo, bits: boundary.bits };
        let scale = Log2Scale(boundary.scale);
        let agrees = match &node.op {
            CoreOp::Input(input) => input.domain == window,
            _ => (1..=61).contains(&window.bits),
        };
        if !agrees || scale != node.note {
            return Err(malformed(format!("range or scale of \"{}\" are not those of its node", boundary.name)));
        }
        let (shape, dtype) = (node.fact.shape.clone(), node.fact.dtype);
        Ok(Port { name: boundary.name.clone(), shape, dtype, scale, window })
    };
    nodes.zip(boundaries).map(port).collect()
}

fn write_layout(choice: Choice) -> message::Layout {
    message::Layout {
        weights_per_row: choice.weights_per_row as u64,
        slack: choice.slack.unwrap_or(0) as u64,
        degree_bits: choice.degree_bits,
        tracks: choice.tracks as u64,
    }
}

/// A choice, which need not be one for the program.
fn read_layout(layout: message::Layout) -> Result<Choice, String> {
    let number = |n: u64| usize::try_from(n).map_err(|_| "a number of its layout is too large".to_string());
    Ok(Choice {
        weights_per_row: number(layout.weights_per_row)?,
        slack: Some(number(layout.slack)?).filter(|slack| *slack > 0),
        degree_bits: layout.degree_bits,
        tracks: number(layout.tracks)?,
    })
}

/// The tensor with as few bytes an element as its largest one needs.
fn write_tensor(tensor: &Tensor<i64>) -> message::Tensor {
    let fits = |bits: u32| tensor.iter().all(|v| v >= -(1i64 << (bits - 1)) && v < 1i64 << (bits - 1));
    let width = [1u32, 2, 4].into_iter().find(|width| fits(8 * width)).unwrap_or(8);
    let mut data = Vec::with_capacity(tensor.len() * width as usize);
    for value in tensor.iter() {
        data.extend(value.to_le_bytes().into_iter().take(width as usize));
    }
    message::Tensor { shape: tensor.shape().iter().map(|d| *d as u64).collect(), width, data }
}

fn read_tensor(tensor: message::Tensor) -> Result<Tensor<i64>, String> {
    let shape = read_shape(&tensor.shape)?;
    let elements: Vec<i64> = match tensor.width {
        1 => tensor.data.iter().map(|b| i64::from(b.cast_signed())).collect(),
        2 => tensor.data.as_chunks::<2>().0.iter().map(|b| i64::from(i16::from_le_bytes(*b))).collect(),
        4 => tensor.data.as_chunks::<4>().0.iter().map(|b| i64::from(i32::from_le_bytes(*b))).collect(),
        8 => tensor.data.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect(),
        width => return Err(format!("expected elements of 1, 2, 4 or 8 bytes, got {width}")),
    };
    if tensor.data.len() != elements.len() * tensor.width as usize {
        return Err("a tensor's data end within an element".into());
    }
    let got = elements.len();
    Tensor::from_vec(&shape, elements).ok_or_else(|| format!("a tensor of shape {shape:?} has {got} elements"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_take_as_few_bytes_as_they_need() {
        for (values, width) in [
            (vec![-128, 127, 0, 1], 1),
            (vec![-129, 0, 0, 0], 2),
            (vec![32768, -1, 0, 0], 4),
            (vec![1 << 31, 0, 0, 0], 8),
            (vec![i64::MIN, i64::MAX, 0, -1], 8),
        ] {
            let tensor = Tensor::from_vec(&[2, 2], values).unwrap();
            let message = write_tensor(&tensor);
            assert_eq!(message.width, width);
            assert_eq!(read_tensor(message).unwrap(), tensor);
        }
    }

    #[test]
    fn malformed_tensors_are_refused() {
        let tensor =
            |shape: &[u64], width, bytes| message::Tensor { shape: shape.to_vec(), width, data: vec![0; bytes] };
        assert!(read_tensor(tensor(&[2], 2, 4)).is_ok());
        assert!(read_tensor(tensor(&[2], 2, 5)).is_err());
        assert!(read_tensor(tensor(&[2], 2, 6)).is_err());
        assert!(read_tensor(tensor(&[2], 3, 6)).is_err());
        assert!(read_tensor(tensor(&[u64::MAX, u64::MAX], 1, 1)).is_err());
        assert!(read_tensor(tensor(&[u64::MAX, 0], 1, 0)).is_err());
    }
}

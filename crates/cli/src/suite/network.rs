//! Builds ONNX models node by node.

use std::io::{Cursor, Write as _};

use plonnx::frontend::proto::{
    AttributeProto, Dimension, DimensionValue, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TensorType, TypeProto, ValueInfoProto, attribute_type,
};
use prost::Message;

use crate::failure::Failure;

/// ONNX's numbers of element types.
const FLOAT: i32 = 1;
const INT64: i32 = 7;
const BOOL: i32 = 9;

/// Samples of the input.
const SAMPLES: usize = 4;

/// Seeded random numbers. Sums of uniform ones stand for normal ones, so that no function of the system's library has a
/// part in the weights: they are the same everywhere.
struct Random(u64);

impl Random {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1: the sum of 12 uniform numbers less its mean, cut to 21 bits each.
    fn normal(&mut self) -> f64 {
        let mut sum = 0u64;
        for _ in 0..4 {
            let bits = self.next();
            sum += (bits & 0x1f_ffff) + (bits >> 21 & 0x1f_ffff) + (bits >> 42 & 0x1f_ffff);
        }
        sum as f64 / f64::from(1 << 21) - 6.0
    }
}

/// What the elements of the input are.
#[derive(Clone, Copy)]
pub(super) enum Elements {
    /// In [0, 1).
    Uniform,
    Normal,
    /// 1 with this probability, 0 otherwise.
    Planes(f64),
    /// Whole numbers below this one, as int64.
    Tokens(u64),
}

/// A network with one input and one output.
pub(crate) struct Network {
    random: Random,
    opset: i64,
    nodes: Vec<NodeProto>,
    weights: Vec<TensorProto>,
    input: (String, Vec<usize>, Elements),
    output: (String, Vec<usize>),
}

impl Network {
    pub(super) fn new(seed: u64, opset: i64, input: &str, shape: &[usize], elements: Elements) -> Self {
        Self {
            random: Random(seed),
            opset,
            nodes: Vec::new(),
            weights: Vec::new(),
            input: (input.into(), shape.to_vec(), elements),
            output: (String::new(), Vec::new()),
        }
    }

    /// Shape of the input.
    pub(crate) fn input_shape(&self) -> &[usize] {
        &self.input.1
    }

    fn constant(&mut self, dims: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let name = format!("c{}", self.weights.len());
        let dims = dims.iter().map(|d| *d as i64).collect();
        self.weights.push(TensorProto { dims, data_type, raw_data, name: name.clone(), ..Default::default() });
        name
    }

    pub(super) fn floats(&mut self, dims: &[usize], values: impl IntoIterator<Item = f64>) -> String {
        let raw = values.into_iter().flat_map(|v| (v as f32).to_le_bytes()).collect();
        self.constant(dims, FLOAT, raw)
    }

    pub(super) fn scalar(&mut self, value: f64) -> String {
        self.floats(&[], [value])
    }

    pub(super) fn ints(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(&[values.len()], INT64, raw)
    }

    pub(super) fn flags(&mut self, dims: &[usize], values: impl IntoIterator<Item = bool>) -> String {
        let raw = values.into_iter().map(u8::from).collect();
        self.constant(dims, BOOL, raw)
    }

    /// Normal weights with this standard deviation.
    pub(super) fn random(&mut self, dims: &[usize], deviation: f64) -> String {
        let values: Vec<f64> = (0..dims.iter().product()).map(|_| self.random.normal() * deviation).collect();
        self.floats(dims, values)
    }

    /// A node with one result.
    pub(super) fn op(&mut self, kind: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        self.split(kind, inputs, 1, attributes).swap_remove(0)
    }

    /// A node with several results.
    pub(super) fn split(
        &mut self,
        kind: &str,
        inputs: &[&str],
        outputs: usize,
        attribute: Vec<AttributeProto>,
    ) -> Vec<String> {
        let name = format!("{kind}_{}", self.nodes.len());
        let output: Vec<String> = (0..outputs).map(|i| format!("{name}_{i}")).collect();
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|i| i.to_string()).collect(),
            output: output.clone(),
            name,
            op_type: kind.into(),
            attribute,
            ..Default::default()
        });
        output
    }

    /// Ends the network: the latest result is its output.
    pub(super) fn finish(mut self, output: &str, shape: &[usize]) -> Self {
        if let Some(last) = self.nodes.last_mut().and_then(|n| n.output.first_mut()) {
            *last = output.into();
        }
        self.output = (output.into(), shape.to_vec());
        self
    }

    /// The model as an ONNX file.
    pub(crate) fn to_onnx(&self) -> Vec<u8> {
        let (input, shape, elements) = &self.input;
        let input_type = if let Elements::Tokens(_) = elements { INT64 } else { FLOAT };
        let graph = GraphProto {
            node: self.nodes.clone(),
            name: "network".into(),
            initializer: self.weights.clone(),
            input: vec![value_info(input, input_type, shape)],
            output: vec![value_info(&self.output.0, FLOAT, &self.output.1)],
            ..Default::default()
        };
        let model = ModelProto {
            ir_version: 8,
            producer_name: "plonnx bench".into(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: self.opset }],
            ..Default::default()
        };
        model.encode_to_vec()
    }

    /// Random inputs as an `.npz` file, samples along the first axis.
    pub(crate) fn take_inputs(&mut self) -> Result<Vec<u8>, Failure> {
        let (name, shape, elements) = (self.input.0.clone(), self.input.1.clone(), self.input.2);
        let count = SAMPLES * shape.iter().product::<usize>();
        let mut values = Vec::with_capacity(8 * count);
        for _ in 0..count {
            match elements {
                Elements::Uniform => values.extend((self.random.uniform() as f32).to_le_bytes()),
                Elements::Normal => values.extend((self.random.normal() as f32).to_le_bytes()),
                Elements::Planes(share) => {
                    let set = self.random.uniform() < share;
                    values.extend(f32::from(u8::from(set)).to_le_bytes());
                }
                Elements::Tokens(below) => values.extend(((self.random.uniform() * below as f64) as i64).to_le_bytes()),
            }
        }
        let kind = if let Elements::Tokens(_) = elements { "<i8" } else { "<f4" };
        let rest: String = shape.iter().skip(1).map(|d| format!("{d}, ")).collect();
        npz(&name, &npy(kind, &format!("({SAMPLES}, {rest})"), &values)).map_err(|e| Failure::System(e.to_string()))
    }
}

/// An array in NumPy's format, version 1.0: magic number, length of the header, header, data.
fn npy(kind: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    let width = (10 + header.len() + 1).next_multiple_of(64) - 11;
    let length = (width + 1) as u16;
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend(length.to_le_bytes());
    out.extend(format!("{header:<width$}\n").bytes());
    out.extend(values);
    out
}

fn npz(name: &str, array: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default())?;
    zip.write_all(array)?;
    Ok(zip.finish()?.into_inner())
}

fn value_info(name: &str, elem_type: i32, shape: &[usize]) -> ValueInfoProto {
    let dim = shape.iter().map(|d| Dimension { value: Some(DimensionValue::Value(*d as i64)) }).collect();
    let tensor = TensorType { elem_type, shape: Some(TensorShapeProto { dim }) };
    let r#type = TypeProto { tensor_type: Some(tensor), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type) }
}

/// A whole-number attribute.
pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: attribute_type::INT, ..Default::default() }
}

/// A list of whole numbers.
pub(super) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), ints: ints.to_vec(), r#type: attribute_type::INTS, ..Default::default() }
}

/// A real attribute.
pub(super) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f, r#type: attribute_type::FLOAT, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_seeded_and_normal() {
        let mut random = Random(7);
        let values: Vec<f64> = (0..10_000).map(|_| random.normal()).collect();
        let mean = values.iter().sum::<f64>() / 1e4;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        assert_eq!(Random(7).normal().to_bits(), values[0].to_bits());
        assert_ne!(Random(8).normal().to_bits(), values[0].to_bits());
    }

    #[test]
    fn inputs_are_read_back() {
        let mut network = Network::new(1, 13, "x", &[1, 3, 2], Elements::Tokens(9));
        let arrays = plonnx::data::parse("npz", &network.take_inputs().unwrap()).unwrap();
        let array = arrays.get("x").unwrap();
        assert_eq!(array.shape(), [4, 3, 2]);
        assert!(array.data().iter().all(|v| (0.0..9.0).contains(v) && v.fract() == 0.0));
    }
}

//! Tests as the Python package `onnx` stores them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use plonnx_frontend::proto::{DimensionValue, ModelProto, TensorProto, ValueInfoProto};
use prost::Message;

/// A folder of tests.
#[derive(Clone, Debug)]
pub struct Suite {
    pub cases: Vec<Case>,
}

/// A model with inputs and the results that are expected.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    /// The operator of a model of one node; for the expansion of an operator's function that operator, marked
    /// ` (expanded)`; otherwise `model`.
    pub operator: String,
    pub bytes: Vec<u8>,
    pub model: ModelProto,
    pub sets: Vec<DataSet>,
    /// Why inputs or results are not read, such as sequences and texts.
    pub unread: Option<String>,
}

/// One run of the model. Tensors are named as plonnx names inputs and outputs: element 0 of the sequence `x` is `x[0]`.
#[derive(Clone, Debug, Default)]
pub struct DataSet {
    /// In the order of the graph's inputs that are no initialisers.
    pub inputs: Vec<TensorProto>,
    /// In the order of the graph's outputs.
    pub outputs: Vec<TensorProto>,
}

/// `SequenceProto`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct SequenceProto {
    #[prost(message, repeated, tag = "3")]
    tensor_values: Vec<TensorProto>,
}

/// Why a folder is no suite.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: no test in it: expected folders with model.onnx and test_data_set_0, or files X.onnx with X_output_0.pb", path.display())]
    Empty { path: PathBuf },
    #[error("{}: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },
}

impl Suite {
    /// Reads all tests below `folder`, sorted by name: folders with `model.onnx` and `test_data_set_*`, and files
    /// `NAME.onnx` with `NAME_output_0.pb`, whose only input holds 0, 1/n, 2/n, .. as in the tests of `onnx`.
    pub fn read(folder: &Path) -> Result<Self, SuiteError> {
        let mut cases = Vec::new();
        for path in entries(folder)? {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if path.join("model.onnx").is_file() {
                cases.push(Case::read_folder(name, &path)?);
            } else if let Some(stem) = name.strip_suffix(".onnx") {
                let results = folder.join(format!("{stem}_output_0.pb"));
                if results.is_file() {
                    cases.push(Case::read_light(stem, &path, &results)?);
                }
            }
        }
        if cases.is_empty() {
            return Err(SuiteError::Empty { path: folder.to_path_buf() });
        }
        name_operators(&mut cases);
        Ok(Self { cases })
    }
}

impl Case {
    fn read_folder(name: String, folder: &Path) -> Result<Self, SuiteError> {
        let bytes = read(&folder.join("model.onnx"))?;
        let mut case = Self::new(name, bytes, &folder.join("model.onnx"))?;
        for path in entries(folder)? {
            if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("test_data_set_")) {
                let inputs = values(&path, "input", &case.inputs())?;
                let graph = case.model.graph.iter();
                let outputs = values(&path, "output", &graph.flat_map(|g| &g.output).collect::<Vec<_>>())?;
                case.sets.push(DataSet { inputs, outputs });
            }
        }
        Ok(case)
    }

    fn read_light(name: &str, model: &Path, results: &Path) -> Result<Self, SuiteError> {
        let mut case = Self::new(name.to_string(), read(model)?, model)?;
        let malformed = |reason: &str| SuiteError::Malformed { path: model.to_path_buf(), reason: reason.into() };
        let input = case.inputs().first().copied().cloned();
        let input = input.ok_or_else(|| malformed("expected an input"))?;
        let tensor_type = input.r#type.and_then(|t| t.tensor_type);
        let shape = tensor_type.and_then(|t| t.shape).ok_or_else(|| malformed("expected an input with a shape"))?;
        let extent = |value: &Option<DimensionValue>| match value {
            Some(DimensionValue::Value(extent)) => *extent,
            _ => 1,
        };
        let dims: Vec<i64> = shape.dim.iter().map(|d| extent(&d.value)).collect();
        let count = dims.iter().try_fold(1i64, |n, d| n.checked_mul(*d)).filter(|n| (1..1 << 28).contains(n));
        let count = count.ok_or_else(|| malformed("the shape of the input is too large"))?;
        let float_data = (0..count).map(|i| (i as f64 / count as f64) as f32).collect();
        let input = TensorProto { name: input.name, dims, data_type: 1, float_data, ..TensorProto::default() };
        let output = TensorProto::decode(read(results)?.as_slice()).map_err(|e| malformed(&e.to_string()))?;
        case.sets.push(DataSet { inputs: vec![input], outputs: vec![output] });
        Ok(case)
    }

    fn new(name: String, bytes: Vec<u8>, path: &Path) -> Result<Self, SuiteError> {
        let malformed = |e: prost::DecodeError| SuiteError::Malformed { path: path.into(), reason: e.to_string() };
        let model = ModelProto::decode(bytes.as_slice()).map_err(malformed)?;
        let unread = unread(&model);
        Ok(Self { name, operator: String::new(), bytes, model, sets: Vec::new(), unread })
    }

    /// The graph's inputs that are no initialisers.
    fn inputs(&self) -> Vec<&ValueInfoProto> {
        let Some(graph) = &self.model.graph else { return Vec::new() };
        let constant = |name: &str| graph.initializer.iter().any(|i| i.name == name);
        graph.input.iter().filter(|i| !constant(&i.name)).collect()
    }
}

fn is_dense(value: &ValueInfoProto) -> bool {
    value.r#type.as_ref().is_none_or(|t| t.tensor_type.is_some())
}

fn is_sequence(value: &ValueInfoProto) -> bool {
    value.r#type.as_ref().is_some_and(|t| t.sequence_type.is_some())
}

/// The first input or output that is neither a dense tensor nor a sequence.
fn unread(model: &ModelProto) -> Option<String> {
    let graph = model.graph.as_ref()?;
    let other = graph.input.iter().chain(&graph.output).find(|v| !is_dense(v) && !is_sequence(v))?;
    Some(format!("\"{}\" is neither a dense tensor nor a sequence", other.name))
}

fn name_operators(cases: &mut [Case]) {
    let single = |case: &Case| match case.model.graph.as_ref().map(|g| g.node.as_slice()) {
        Some([node]) if node.domain.is_empty() => Some(node.op_type.clone()),
        Some([node]) => Some(format!("{}.{}", node.domain, node.op_type)),
        _ => None,
    };
    let known: BTreeMap<String, String> =
        cases.iter().filter_map(|case| Some((case.name.clone(), single(case)?))).collect();
    for case in cases {
        let base = case.name.split("_expanded").next().filter(|base| *base != case.name);
        case.operator = match base.and_then(|base| known.get(base)) {
            Some(operator) => format!("{operator} (expanded)"),
            None => known.get(&case.name).cloned().unwrap_or_else(|| "model".into()),
        };
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, SuiteError> {
    let failed = |source| SuiteError::Io { path: folder.to_path_buf(), source };
    let mut paths = fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>, SuiteError> {
    fs::read(path).map_err(|source| SuiteError::Io { path: path.to_path_buf(), source })
}

/// The values of `declared` in files `ROLE_0.pb`, `ROLE_1.pb`, .. of `folder`. What is neither a dense tensor nor a sequence
/// is left out; a test that has such a thing is marked [`Case::unread`].
fn values(folder: &Path, role: &str, declared: &[&ValueInfoProto]) -> Result<Vec<TensorProto>, SuiteError> {
    let mut all = Vec::new();
    for (i, value) in declared.iter().enumerate() {
        let path = folder.join(format!("{role}_{i}.pb"));
        if !path.is_file() {
            continue;
        }
        let bytes = read(&path)?;
        if is_sequence(value) {
            let sequence = SequenceProto::decode(bytes.as_slice()).unwrap_or_default();
            let named = |(i, t)| TensorProto { name: format!("{}[{i}]", value.name), ..t };
            all.extend(sequence.tensor_values.into_iter().enumerate().map(named));
        } else if let (true, Ok(tensor)) = (is_dense(value), TensorProto::decode(bytes.as_slice())) {
            all.push(TensorProto { name: value.name.clone(), ..tensor });
        }
    }
    Ok(all)
}

//! Tensors in files: `.npy`, `.npz`, JSON and ONNX `TensorProto`.
//!
//! A file gives [`Arrays`], which [`Arrays::samples`] cuts into the inputs of single inferences. The rule for an input of
//! shape `[1, 28, 28]` is: an array `[1, 28, 28]` is one sample, `[n, 28, 28]` is n samples, as is `[n, 1, 28, 28]`, and
//! `[28, 28]` is one sample without its batch axis.

mod json;
mod npy;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use plonnx_frontend::decode_tensor;
use plonnx_ir::Tensor;

/// What can be wrong with data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The problem is in this file.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: Box<DataError> },
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The name of a file does not end in a known format.
    #[error("expected a file that ends in .npy, .npz, .json or .pb")]
    Format,
    /// The file breaks its format.
    #[error("not readable as {format}: {reason}")]
    Malformed { format: &'static str, reason: String },
    /// The file holds too much.
    #[error("{what}: the limit is {limit} bytes")]
    TooLarge { what: &'static str, limit: u64 },
    /// A whole number that a 64-bit float does not hold.
    #[error("expected whole numbers of at most 2^53, got {0}")]
    Whole(i128),
    /// An input has no array.
    #[error("input \"{input}\": no array of this name; the data has {}", names(known))]
    Missing { input: String, known: Vec<String> },
    /// An array belongs to no input.
    #[error("array \"{array}\" belongs to no input; the inputs are {}", names(known))]
    Unknown { array: String, known: Vec<String> },
    /// An array has neither the shape of its input nor that of several samples.
    #[error("input \"{input}\": expected shape {expected:?}, or samples of it along the first axis, got {got:?}")]
    Shape { input: String, expected: Vec<usize>, got: Vec<usize> },
    /// The inputs have different numbers of samples.
    #[error("input \"{input}\": expected {expected} samples as for the other inputs, got {got}")]
    Count { input: String, expected: usize, got: usize },
    /// There is no sample of this number.
    #[error("sample {index} does not exist: the data has {count}, counted from 0")]
    Sample { index: usize, count: usize },
}

impl DataError {
    /// The error with the file that it is about.
    pub fn at(self, path: impl Into<PathBuf>) -> Self {
        Self::File { path: path.into(), source: Box::new(self) }
    }

    /// The error without the file that it is about.
    pub fn root(&self) -> &Self {
        match self {
            Self::File { source, .. } => source.root(),
            error => error,
        }
    }
}

fn names(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names
        .iter()
        .map(|n| if n.is_empty() { "one without a name".into() } else { format!("\"{n}\"") })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Largest data file, in bytes.
const MAX_FILE: u64 = 1 << 30;
/// Largest JSON file, in bytes: its text takes some ten times as much memory while it is read.
const MAX_JSON: u64 = 1 << 27;

/// Tensors by name; a file of a single tensor gives it no name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrays(BTreeMap<String, Tensor<f64>>);

/// Name and shape of an input or an output.
pub type Slot = (String, Vec<usize>);

/// Inputs of single inferences.
#[derive(Clone, Debug)]
pub struct Samples {
    /// For every input its array and the shape of a sample of it.
    arrays: Vec<(Tensor<f64>, Vec<usize>)>,
    count: usize,
}

/// Reads a data file of any format.
pub fn read(path: impl AsRef<Path>) -> Result<Arrays, DataError> {
    let path = path.as_ref();
    let inner = || {
        let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).unwrap_or_default();
        let limit = match extension.as_str() {
            "json" => MAX_JSON,
            "npy" | "npz" | "pb" => MAX_FILE,
            _ => return Err(DataError::Format),
        };
        let mut bytes = Vec::new();
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(DataError::TooLarge { what: "a data file", limit });
        }
        parse(&extension, &bytes)
    };
    inner().map_err(|e| e.at(path))
}

/// Reads the bytes of a data file of the format `npy`, `npz`, `json` or `pb`.
pub fn parse(format: &str, bytes: &[u8]) -> Result<Arrays, DataError> {
    match format {
        "npy" => Ok(Arrays::single("", npy::read_npy(bytes)?)),
        "npz" => npy::read_npz(bytes),
        "json" => json::read(bytes),
        "pb" => {
            let malformed = |reason| DataError::Malformed { format: "an ONNX tensor", reason };
            let (name, tensor, _) = decode_tensor(bytes).map_err(|e| malformed(e.to_string()))?;
            Ok(Arrays::single(&name, tensor))
        }
        _ => Err(DataError::Format),
    }
}

/// The float of a whole number that has one.
fn whole(value: i128) -> Result<f64, DataError> {
    if value.unsigned_abs() <= 1 << 53 { Ok(value as f64) } else { Err(DataError::Whole(value)) }
}

impl Arrays {
    /// One array; an empty name stands for the only input.
    pub fn single(name: &str, tensor: Tensor<f64>) -> Self {
        Self(BTreeMap::from([(name.to_string(), tensor)]))
    }

    /// Adds an array, replacing one of the same name.
    pub fn insert(&mut self, name: &str, tensor: Tensor<f64>) {
        self.0.insert(name.to_string(), tensor);
    }

    /// Adds the arrays of `other`.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Names the only array `name`; `None` unless there is just one.
    pub fn renamed(self, name: &str) -> Option<Self> {
        let mut arrays = self.0.into_values();
        let tensor = arrays.next().filter(|_| arrays.len() == 0)?;
        Some(Self::single(name, tensor))
    }

    /// The array called `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor<f64>> {
        self.0.get(name)
    }

    /// All arrays with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<f64>)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Number of arrays.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no array.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Cuts the arrays into samples of inputs with these names and shapes; see [the rule](self). A single array serves a
    /// single input, whatever it is called.
    pub fn samples(&self, slots: &[Slot]) -> Result<Samples, DataError> {
        let only = (self.len() == 1 && slots.len() == 1).then(|| self.0.values().next()).flatten();
        let known = || self.0.keys().cloned().collect();
        if let (None, Some(array)) = (only, self.0.keys().find(|name| slots.iter().all(|slot| slot.0 != **name))) {
            let known = slots.iter().map(|slot| slot.0.clone()).collect();
            return Err(DataError::Unknown { array: array.clone(), known });
        }
        let mut arrays = Vec::with_capacity(slots.len());
        let mut count = None;
        for (name, shape) in slots {
            let array = self.get(name).or(only);
            let array = array.ok_or_else(|| DataError::Missing { input: name.clone(), known: known() })?;
            let got = samples_in(array.shape(), shape).ok_or_else(|| DataError::Shape {
                input: name.clone(),
                expected: shape.clone(),
                got: array.shape().to_vec(),
            })?;
            let expected = *count.get_or_insert(got);
            if got != expected {
                return Err(DataError::Count { input: name.clone(), expected, got });
            }
            arrays.push((array.clone(), shape.clone()));
        }
        Ok(Samples { arrays, count: count.unwrap_or(1) })
    }
}

/// Number of samples of shape `sample` in an array of shape `array`.
fn samples_in(array: &[usize], sample: &[usize]) -> Option<usize> {
    if array == sample {
        return Some(1);
    }
    if let ([count, rest @ ..], [batch, inner @ ..]) = (array, sample)
        && rest == inner
        && *batch > 0
        && count.is_multiple_of(*batch)
    {
        return Some(count / batch);
    }
    match (array, sample) {
        ([count, rest @ ..], sample) if rest == sample => Some(*count),
        (array, [1, inner @ ..]) if array == inner => Some(1),
        _ => None,
    }
}

impl Samples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Sample `index`, one tensor per input.
    pub fn get(&self, index: usize) -> Result<Vec<Tensor<f64>>, DataError> {
        let missing = || DataError::Sample { index, count: self.count };
        if index >= self.count {
            return Err(missing());
        }
        let cut = |(array, shape): &(Tensor<f64>, Vec<usize>)| {
            let size: usize = shape.iter().product();
            let elements = array.data().get(index * size..(index + 1) * size).ok_or_else(missing)?;
            Tensor::from_vec(shape, elements.to_vec()).ok_or_else(missing)
        };
        self.arrays.iter().map(cut).collect()
    }

    /// The first `most` samples.
    pub fn first(&self, most: usize) -> Result<Vec<Vec<Tensor<f64>>>, DataError> {
        (0..self.count.min(most)).map(|i| self.get(i)).collect()
    }

    /// All samples, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Vec<Tensor<f64>>> + '_ {
        (0..self.count).map_while(|i| self.get(i).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize]) -> Tensor<f64> {
        let elements = (0..shape.iter().product::<usize>()).map(|v| v as f64).collect();
        Tensor::from_vec(shape, elements).unwrap()
    }

    #[test]
    fn samples_lie_along_the_first_axis() {
        let slots = [("x".to_string(), vec![1, 2, 3])];
        for (shape, count) in [(&[1, 2, 3][..], 1), (&[4, 2, 3], 4), (&[4, 1, 2, 3], 4), (&[2, 3], 1), (&[0, 2, 3], 0)]
        {
            let samples = Arrays::single("", array(shape)).samples(&slots).unwrap();
            assert_eq!(samples.len(), count, "{shape:?}");
            for i in 0..count {
                let [x] = <[_; 1]>::try_from(samples.get(i).unwrap()).unwrap();
                assert_eq!((x.shape(), x.data()[0]), (&[1, 2, 3][..], 6.0 * i as f64));
            }
            assert!(matches!(samples.get(count), Err(DataError::Sample { .. })));
        }
        for shape in [&[4, 3, 2][..], &[6], &[1, 1, 1, 2, 3], &[]] {
            let error = Arrays::single("x", array(shape)).samples(&slots).unwrap_err();
            assert!(matches!(error, DataError::Shape { .. }), "{shape:?}: {error}");
        }
        let batch = [("x".to_string(), vec![2, 3])];
        assert_eq!(Arrays::single("x", array(&[6, 3])).samples(&batch).unwrap().len(), 3);
        assert!(Arrays::single("x", array(&[5, 3])).samples(&batch).is_err());
    }

    #[test]
    fn arrays_belong_to_inputs() {
        let slots = [("a".to_string(), vec![1]), ("b".to_string(), vec![1])];
        let mut arrays = Arrays::single("a", array(&[3]));
        let error = arrays.samples(&slots).unwrap_err().to_string();
        assert_eq!(error, "input \"b\": no array of this name; the data has \"a\"");
        arrays.insert("b", array(&[2]));
        assert!(matches!(arrays.samples(&slots), Err(DataError::Count { expected: 3, got: 2, .. })));
        arrays.insert("b", array(&[3]));
        assert_eq!(arrays.samples(&slots).unwrap().get(2).unwrap()[1].to_vec(), [2.0]);
        arrays.insert("c", array(&[3]));
        let error = arrays.samples(&slots).unwrap_err().to_string();
        assert_eq!(error, "array \"c\" belongs to no input; the inputs are \"a\", \"b\"");
    }

    #[test]
    fn formats_go_by_name() {
        let error = read("inputs.csv").unwrap_err().to_string();
        assert_eq!(error, "inputs.csv: expected a file that ends in .npy, .npz, .json or .pb");
        assert!(matches!(parse("npz", b"no archive"), Err(DataError::Malformed { .. })));
        assert!(matches!(parse("pb", &[0xff; 9]), Err(DataError::Malformed { .. })));
    }
}

//! What opens commitments: tensors with their encodings and salts.

use std::path::Path;

use plonnx_backend::commitment::{Subject, commit};
use plonnx_backend::{Commitment, Encoding, Port, Salt};
use plonnx_ir::{Log2Scale, Tensor};
use prost::Message;

use crate::artifact::{self, Kind};
use crate::error::RuntimeError;
use crate::key::read_shape;
use crate::message::{self, MAX_PORTS, read_words};

/// A tensor with all that its commitment depends on. Whoever has it can check that a commitment is to this tensor; keep it
/// as secret as the tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    /// Name of the tensor, for people: commitments do not depend on it.
    pub name: String,
    pub shape: Vec<usize>,
    pub encoding: Encoding,
    /// The integers of the circuit, row-major.
    pub integers: Vec<i64>,
    pub salt: Salt,
}

impl Opening {
    /// Opening of the tensor at `port` with these integers.
    pub fn new(port: &Port, integers: Vec<i64>, salt: Salt) -> Self {
        Self { name: port.name.clone(), shape: port.shape.clone(), encoding: port.encoding(), integers, salt }
    }

    /// The commitment that this opens.
    pub fn commitment(&self) -> Result<Commitment, RuntimeError> {
        let refuse = |reason| RuntimeError::Opening { tensor: self.name.clone(), reason };
        commit(Subject::Tensor, &[(self.encoding, &self.integers)], &self.salt).map_err(refuse)
    }

    /// The real numbers that the integers stand for.
    pub fn values(&self) -> Result<Tensor<f64>, RuntimeError> {
        let scale = Log2Scale(self.encoding.scale);
        let values = self.integers.iter().map(|q| scale.real(*q)).collect();
        Tensor::from_vec(&self.shape, values).ok_or_else(|| RuntimeError::Opening {
            tensor: self.name.clone(),
            reason: "its elements do not fit its shape".into(),
        })
    }
}

/// Openings as a file.
pub fn to_bytes(openings: &[Opening]) -> Result<Vec<u8>, RuntimeError> {
    let write = |o: &Opening| message::Opening {
        name: o.name.clone(),
        shape: o.shape.iter().map(|d| *d as u64).collect(),
        scale: o.encoding.scale,
        lo: o.encoding.lo,
        digits: o.encoding.digits as u32,
        elements: o.integers.clone(),
        salt: o.salt.words().to_vec(),
    };
    let body = message::Openings { openings: openings.iter().map(write).collect() };
    artifact::wrap(Kind::Openings, &body.encode_to_vec())
}

/// Reads the bytes of a file. Every opening opens some commitment.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<Opening>, RuntimeError> {
    let malformed = |reason: &str| RuntimeError::Malformed { kind: Kind::Openings, reason: reason.into() };
    let body = artifact::unwrap(Kind::Openings, bytes)?;
    let body = message::decode::<message::Openings>(body, &[(1, MAX_PORTS)]).map_err(|e| malformed(&e))?;
    let read = |o: message::Opening| {
        let shape = read_shape(&o.shape).map_err(|e| malformed(&e))?;
        let digits = usize::try_from(o.digits).unwrap_or(usize::MAX);
        let encoding = Encoding::new(shape.iter().product(), o.scale, o.lo, digits);
        let encoding = encoding.ok_or_else(|| malformed("an encoding is beyond its limits"))?;
        let salt = read_words(&o.salt).and_then(Salt::from_words);
        let salt = salt.ok_or_else(|| malformed("a salt is four field elements"))?;
        let opening = Opening { name: o.name, shape, encoding, integers: o.elements, salt };
        opening.commitment()?;
        Ok(opening)
    };
    body.openings.into_iter().map(read).collect()
}

/// Writes a file that only its owner may read.
pub fn write(path: &Path, openings: &[Opening]) -> Result<(), RuntimeError> {
    artifact::write_secret(path, &to_bytes(openings)?)
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<Opening>, RuntimeError> {
    from_bytes(&artifact::read(Kind::Openings, path)?).map_err(|e| e.at(path))
}

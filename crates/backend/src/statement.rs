//! The statement of a proof: which tensors it speaks of, how they are encoded, and their digests.

use plonky2::field::types::PrimeField64;
use plonnx_ir::{DType, Field, Graph, Interval, Log2Scale};
use serde::{Deserialize, Serialize};

use crate::circuit::Settings;
use crate::commitment::{Commitment, Encoding, Salt, Subject, commit, sponge};
use crate::config::F;
use crate::emit::{Visibility, digest_domain, encoding_of};
use crate::error::BackendError;

/// A boundary tensor of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    pub name: String,
    pub shape: Vec<usize>,
    pub kind: PortKind,
    pub visibility: Visibility,
    /// Real value of the integer `q`: `q * 2^-scale`.
    pub scale: i32,
    /// Range that the circuit proves of every element.
    pub lo: i64,
    pub hi: i64,
    /// Octal digits of an encoded element.
    pub digits: usize,
    /// Whether the tensor is an input.
    pub input: bool,
    /// Index of the node in the program.
    pub node: usize,
}

/// Kind of numbers of a boundary tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortKind {
    Real,
    Int,
    Bool,
}

impl Port {
    /// Inputs, then outputs, of `program`.
    pub(crate) fn of_program(
        program: &Graph<Field>,
        bounds: &[Interval],
        settings: &Settings,
    ) -> Result<Vec<Self>, BackendError> {
        // Inputs without a visibility are weights.
        let inputs =
            program.inputs().iter().take(settings.inputs.len()).map(|id| (program.node(*id).name.clone(), *id, true));
        let outputs = program.outputs().iter().map(|o| (o.name.clone(), o.node, false));
        let visibilities = settings.inputs.iter().chain(&settings.outputs);
        inputs
            .chain(outputs)
            .zip(visibilities)
            .map(|((name, id, input), visibility)| {
                let node = program.node(id);
                let bound = &bounds[id.index()];
                let Encoding { digits, lo, .. } = encoding_of(program, id, bound)?;
                // Digits were found, so both ends are 64-bit integers.
                let hi = i64::try_from(&bound.hi).unwrap_or(lo);
                let kind = match node.fact.dtype {
                    DType::Real => PortKind::Real,
                    DType::Int => PortKind::Int,
                    DType::Bool => PortKind::Bool,
                };
                let Log2Scale(scale) = node.note;
                let (shape, node) = (node.fact.shape.clone(), id.index());
                Ok(Port { name, shape, kind, visibility: *visibility, scale, lo, hi, digits, input, node })
            })
            .collect()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether an extent is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Digest of the tensor with these elements, as the circuit computes it for the port at `position`; the error says
    /// which element cannot be encoded.
    pub(crate) fn digest(&self, position: usize, values: &[i64]) -> Result<[F; 4], String> {
        self.admit(values)?;
        let encoding = self.encoding();
        let packed = encoding.pack(values).map_err(|reason| format!("\"{}\": {reason}", self.name))?;
        Ok(sponge(digest_domain(position, &encoding), &packed))
    }

    /// How elements become digits, in digests and in commitments.
    pub fn encoding(&self) -> Encoding {
        Encoding { len: self.len(), scale: self.scale, lo: self.lo, digits: self.digits }
    }

    /// The commitment to the tensor with these elements; the error says which element cannot be committed to.
    pub fn commit(&self, values: &[i64], salt: &Salt) -> Result<Commitment, String> {
        self.admit(values)?;
        commit(Subject::Tensor, &[(self.encoding(), values)], salt)
    }

    /// Whether there are as many values as elements, all in their range.
    fn admit(&self, values: &[i64]) -> Result<(), String> {
        if values.len() != self.len() {
            return Err(format!("\"{}\": expected {} elements, got {}", self.name, self.len(), values.len()));
        }
        match values.iter().enumerate().find(|(_, v)| **v < self.lo || **v > self.hi) {
            Some((i, v)) => Err(format!("\"{}\": element {i} is {v}, outside [{}, {}]", self.name, self.lo, self.hi)),
            None => Ok(()),
        }
    }
}

/// Canonical representatives of digests, in the order of the proof's public inputs.
pub(crate) fn canonical(digest: &[F]) -> Vec<u64> {
    digest.iter().map(PrimeField64::to_canonical_u64).collect()
}

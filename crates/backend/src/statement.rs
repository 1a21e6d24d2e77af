//! The statement of a proof: which tensors it speaks of, how they are encoded, and their digests.

use plonky2::field::types::{Field as _, PrimeField64};
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::PoseidonPermutation;
use plonnx_ir::{DType, Field, Graph, Interval, Log2Scale};
use serde::{Deserialize, Serialize};

use crate::circuit::Settings;
use crate::config::F;
use crate::emit::{Visibility, boundary_encoding, digest_domain};
use crate::error::BackendError;
use crate::gate::{DIGIT_BITS, RangeGate};

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
        let inputs = program.inputs().iter().map(|id| (program.node(*id).name.clone(), *id, true));
        let outputs = program.outputs().iter().map(|o| (o.name.clone(), o.node, false));
        let visibilities = settings.inputs.iter().chain(&settings.outputs);
        inputs
            .chain(outputs)
            .zip(visibilities)
            .map(|((name, id, input), visibility)| {
                let node = program.node(id);
                let bound = &bounds[id.index()];
                let hi = i64::try_from(&bound.hi).ok();
                let (Some((digits, lo)), Some(hi)) = (boundary_encoding(bound), hi) else {
                    return Err(BackendError::Unsupported {
                        node: name,
                        op: node.op.name(),
                        reason: "values of a boundary tensor need more than 60 bits".into(),
                    });
                };
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
        if values.len() != self.len() {
            return Err(format!("\"{}\": expected {} elements, got {}", self.name, self.len(), values.len()));
        }
        if let Some((i, v)) = values.iter().enumerate().find(|(_, v)| **v < self.lo || **v > self.hi) {
            return Err(format!("\"{}\": element {i} is {v}, outside [{}, {}]", self.name, self.lo, self.hi));
        }
        // Elements are packed row by row of the range gate, whose last element may be partly empty.
        let gate = RangeGate::new(self.digits);
        let per_element = RangeGate::per_element(self.digits);
        let mut packed = Vec::new();
        for row in values.chunks(gate.slots) {
            for group in row.chunks(per_element) {
                packed.push(group.iter().enumerate().fold(F::ZERO, |sum, (i, v)| {
                    let shift = DIGIT_BITS as usize * self.digits * i;
                    sum + F::from_canonical_u64(v.abs_diff(self.lo) << shift)
                }));
            }
        }
        let [a, b, c] = digest_domain(position, self.digits, self.lo);
        let mut state = PoseidonPermutation::new([F::ZERO; 12]);
        let domain = [a, b, c, packed.len() as u64].map(F::from_canonical_u64);
        state.set_from_slice(&domain, 8);
        let empty: &[F] = &[];
        let blocks: Vec<&[F]> = if packed.is_empty() { vec![empty] } else { packed.chunks(8).collect() };
        for block in blocks {
            let mut rate = [F::ZERO; 8];
            rate[..block.len()].copy_from_slice(block);
            state.set_from_slice(&rate, 0);
            state.permute();
        }
        let out = state.as_ref();
        Ok([out[0], out[1], out[2], out[3]])
    }
}

/// Canonical representatives of digests, in the order of the proof's public inputs.
pub(crate) fn canonical(digest: &[F]) -> Vec<u64> {
    digest.iter().map(PrimeField64::to_canonical_u64).collect()
}

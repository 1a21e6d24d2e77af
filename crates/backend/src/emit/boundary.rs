//! The boundary of a segment: range checks, digests of public tensors, commitments.

use num_bigint::BigInt;
use plonky2::field::types::PrimeField64;
use plonky2::iop::target::Target;
use plonnx_ir::{Field, Graph, Interval, NodeId};

use super::{Emitter, Segment, Visibility};
use crate::argument::transcript;
use crate::assembler::{Assembler, Cell, Sink};
use crate::commitment::{Encoding, Subject};
use crate::config::to_field;
use crate::error::BackendError;
use crate::gate::{DIGIT_BITS, Kind, RangeGate};
use crate::witness::{Hint, Phase};

/// Domain tag of digests of public tensors.
const DOMAIN_PUBLIC: u64 = 0x706c_6f6e_6e78_0001;

/// Capacity of the digest of the public boundary tensor at `position`; binds the encoding. The verifier computes the same
/// in [`crate::statement`].
pub(crate) fn digest_domain(position: usize, encoding: &Encoding) -> [u64; 3] {
    [DOMAIN_PUBLIC, (position as u64) << 8 | encoding.digits as u64, to_field(encoding.lo).to_canonical_u64()]
}

/// Encoding of a boundary tensor of `len` elements in `bound` at `scale`; `None` if they need more than 60 bits.
pub(crate) fn boundary_encoding(bound: &Interval, len: usize, scale: i32) -> Option<Encoding> {
    let lo = i64::try_from(&bound.lo).ok()?;
    let hi = i64::try_from(&bound.hi).ok()?;
    let span = u64::try_from(i128::from(hi) - i128::from(lo)).ok()?;
    let digits = (u64::BITS - span.leading_zeros()).div_ceil(DIGIT_BITS).max(1) as usize;
    Encoding::new(len, scale, lo, digits)
}

/// Targets of the salts of `segment`: one for every committed tensor, inputs before outputs, then one for the weights.
pub(super) fn salts(sink: &mut Sink, segment: &Segment, visibility: &[Visibility]) -> Vec<[Target; 4]> {
    let mut target = || match sink {
        Sink::Circuit(wiring, _) => wiring.virtual_target(),
        Sink::Count => Target::VirtualTarget { index: 0 },
    };
    let tensors = visibility.iter().filter(|v| **v == Visibility::Committed).count();
    let count = tensors + usize::from(!segment.weights.is_empty());
    (0..count).map(|_| std::array::from_fn(|_| target())).collect()
}

impl Emitter<'_, '_> {
    /// Checks the inputs and the weights of `segment`, and gives their nodes cells.
    pub(super) fn inputs(
        &mut self,
        segment: &Segment,
        inputs: &[Vec<Target>],
        visibility: &[Visibility],
    ) -> Result<(), BackendError> {
        let mut external = 0;
        let mut weights = Vec::new();
        for (position, (id, targets)) in segment.inputs.iter().chain(&segment.weights).zip(inputs).enumerate() {
            let node = self.graph.node(*id);
            if targets.len() != node.fact.len() {
                let (expected, got) = (node.fact.len(), targets.len());
                return Err(BackendError::Settings(format!(
                    "input \"{}\": expected {expected} targets, got {got}",
                    node.name
                )));
            }
            self.asm.set_label(&format!("input {}", node.name));
            let cells: Vec<Cell> = (0..targets.len() as u32).map(|i| Cell::External(external + i)).collect();
            external += targets.len() as u32;
            let (packed, encoding) = self.range_check(*id, &cells)?;
            self.cells[id.index()] = Some(cells);
            // The visibilities of the inputs are followed by those of the outputs.
            match visibility[..segment.inputs.len()].get(position) {
                None => weights.push((encoding, packed)),
                Some(Visibility::Private) => self.absorbed.extend(packed),
                Some(Visibility::Public) => {
                    let digest = transcript::digest(&mut self.asm, digest_domain(position, &encoding), &packed);
                    self.absorbed.extend(digest);
                    self.digests.push(digest);
                }
                Some(Visibility::Committed) => {
                    let digest = self.commit(Subject::Tensor, &[(encoding, packed)]);
                    self.absorbed.extend(digest);
                    self.digests.push(digest);
                }
            }
        }
        if !weights.is_empty() {
            self.asm.set_label("commitment to the weights");
            let digest = self.commit_weights(&weights, segment, visibility);
            self.absorbed.extend(digest);
            self.model = Some(digest);
        }
        Ok(())
    }

    /// Cells of the outputs of `segment`; their digests follow those of the inputs.
    pub(super) fn outputs(
        &mut self,
        segment: &Segment,
        visibility: &[Visibility],
    ) -> Result<Vec<Vec<Cell>>, BackendError> {
        let mut outputs = Vec::new();
        for (i, id) in segment.outputs.iter().enumerate() {
            self.asm.set_label(&format!("output {}", self.graph.node(*id).name));
            let cells = self.narrow(*id)?;
            let position = segment.inputs.len() + i;
            if visibility[position] != Visibility::Private {
                let (packed, encoding) = self.range_check(*id, &cells)?;
                let digest = match visibility[position] {
                    Visibility::Committed => self.commit(Subject::Tensor, &[(encoding, packed)]),
                    _ => transcript::digest(&mut self.asm, digest_domain(position, &encoding), &packed),
                };
                self.digests.push(digest);
            }
            outputs.push(cells);
        }
        Ok(outputs)
    }

    /// The commitment to tensors of these encodings and packed elements, with the next salt.
    fn commit(&mut self, subject: Subject, tensors: &[(Encoding, Vec<Cell>)]) -> [Cell; 4] {
        let salt = self.next_salt;
        self.next_salt += 4;
        self.commit_with(subject, tensors, salt)
    }

    /// The salt of the weights stands after those of all tensors.
    fn commit_weights(
        &mut self,
        tensors: &[(Encoding, Vec<Cell>)],
        segment: &Segment,
        visibility: &[Visibility],
    ) -> [Cell; 4] {
        let outputs = &visibility[segment.inputs.len()..];
        let before = outputs.iter().filter(|v| **v == Visibility::Committed).count();
        let salt = self.next_salt + 4 * before as u32;
        self.commit_with(Subject::Model, tensors, salt)
    }

    fn commit_with(&mut self, subject: Subject, tensors: &[(Encoding, Vec<Cell>)], salt: u32) -> [Cell; 4] {
        let mut elements: Vec<Cell> = (0..4).map(|i| Cell::External(salt + i)).collect();
        for (encoding, packed) in tensors {
            elements.extend(encoding.header().map(Cell::constant));
            elements.extend(packed);
        }
        transcript::digest(&mut self.asm, subject.capacity(tensors.len()), &elements)
    }

    /// Range checks a boundary tensor; returns its packed elements and their encoding.
    fn range_check(&mut self, id: NodeId, cells: &[Cell]) -> Result<(Vec<Cell>, Encoding), BackendError> {
        let bound = self.bounds[id.index()].clone();
        let encoding = encoding_of(self.graph, id, &bound)?;
        let (digits, lo) = (encoding.digits, encoding.lo);
        let gate = RangeGate::new(digits);
        // Elements are packed in whole groups, so that the packing does not depend on how many fit a row.
        let per_element = RangeGate::per_element(digits);
        let per_row = (gate.slots / per_element * per_element).max(1);
        let mut packed = Vec::new();
        for chunk in cells.chunks(per_row) {
            let row = self.asm.row(&Kind::Range(gate.clone()), || vec![to_field(lo)]);
            for (k, cell) in chunk.iter().enumerate() {
                self.asm.feed(row, gate.x(k), *cell);
            }
            for k in chunk.len()..gate.slots {
                self.asm.feed(row, gate.x(k), Cell::constant(to_field(lo)));
            }
            self.asm.step(row, Phase::Idle(chunk.len() as u8), Hint::None);
            packed.extend(gate.packed().take(chunk.len().div_ceil(per_element)).map(|c| Assembler::wire(row, c)));
        }
        // The digits admit more than the bound when its length is no power of eight.
        let admitted = BigInt::from(lo) + (BigInt::from(1) << (DIGIT_BITS as usize * digits)) - 1;
        if admitted > bound.hi {
            let hi = i64::try_from(&bound.hi).map_err(|_| self.unsupported(id, "bound beyond 64 bits"))?;
            for cell in cells {
                self.at_least(digits, Cell::constant(to_field(hi)), *cell);
            }
        }
        Ok((packed, encoding))
    }
}

/// Encoding of node `id`, whose elements lie in `bound`.
pub(crate) fn encoding_of(graph: &Graph<Field>, id: NodeId, bound: &Interval) -> Result<Encoding, BackendError> {
    let node = graph.node(id);
    boundary_encoding(bound, node.fact.len(), node.note.0).ok_or_else(|| BackendError::Unsupported {
        node: node.name.clone(),
        op: node.op.name(),
        reason: "values of a boundary tensor need more than 60 bits".into(),
    })
}

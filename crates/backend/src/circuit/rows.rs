//! From the rows of the tape to rows and columns of the circuit.

use plonky2::field::types::Field as _;
use rayon::prelude::*;

use super::{Circuit, Witness};
use crate::check::Violation;
use crate::config::{F, WIRES, from_field};
use crate::gate::{PoolGate, Track};
use crate::witness::{Assignment, Tape};

/// Where each row of the circuit has its emitted ones, by track.
#[derive(Debug)]
pub(super) struct Standing(Vec<Vec<u32>>);

impl Standing {
    /// Rows of a track follow each other as they are emitted.
    pub(super) fn new(tape: &Tape) -> Self {
        let tracks = tape.gate.as_ref().map_or(0, |gate| gate.tracks().len());
        let mut standing = vec![Vec::new(); tracks];
        for (index, row) in tape.rows.iter().enumerate() {
            let track: &mut Vec<u32> = &mut standing[row.place.track as usize];
            debug_assert_eq!(track.len(), row.place.row as usize);
            track.push(index as u32);
        }
        Self(standing)
    }

    /// Row of the tape that stands on `track` of the circuit's row `row`.
    pub(super) fn get(&self, row: usize, track: usize) -> Option<usize> {
        self.0.get(track)?.get(row).map(|index| *index as usize)
    }
}

impl Circuit {
    /// Routed wires that differ from the next one of their copies, as the key has them.
    pub(super) fn broken_copies(&self, columns: &[Vec<F>]) -> Vec<Violation> {
        let value = |(row, column): (usize, usize)| columns[column][row];
        let broken = self.permutation.pairs().filter(|[wire, next]| value(*wire) != value(*next));
        let violation = |pair: [(usize, usize); 2]| {
            let (row, column) = pair[0];
            let emitted = |track| self.standing.get(row, track);
            let kind = |index: usize| self.tape.rows[index].place.kind as usize;
            let has = |(track, gate): (usize, &Track)| {
                emitted(track).filter(|index| gate.columns(kind(*index)).contains(&column))
            };
            let (node, gate) = match self.tracks().iter().enumerate().find_map(has) {
                Some(index) => (self.tape.label(index).into(), self.tape.kind(index).name()),
                None => ("closing rows".into(), "none".into()),
            };
            Violation { row, node, gate, constraint: None, cells: pair.map(|wire| from_field(value(wire))).to_vec() }
        };
        broken.map(violation).collect()
    }

    /// What rows of the tape have wires that are not what they were assigned from.
    pub(super) fn conflicts(&self, assignment: &Assignment, externals: &[F]) -> Vec<Violation> {
        let conflict = |row: usize| {
            let wires = &assignment.cells[row * WIRES..(row + 1) * WIRES];
            let kind = self.tape.kind(row);
            Violation {
                row: self.tape.rows[row].place.row as usize,
                node: self.tape.label(row).into(),
                gate: kind.name(),
                constraint: None,
                cells: kind.used_wires().map(|column| from_field(wires[column])).collect(),
            }
        };
        self.tape.broken_copies(assignment, externals).into_iter().map(conflict).collect()
    }

    /// Calls `set(column, value)` for the wires of a row that have a value; the others are zero.
    fn visit_row(&self, witness: &Witness, row: usize, mut set: impl FnMut(usize, F)) {
        let sections = &self.sections;
        for (track, gate) in self.tracks().iter().enumerate() {
            let Some(index) = self.standing.get(row, track) else { continue };
            let wires = &witness.assignment.cells[index * WIRES..(index + 1) * WIRES];
            let columns = gate.columns(self.tape.rows[index].place.kind as usize);
            self.tape.kind(index).used_wires().for_each(|column| set(columns[column], wires[column]));
        }
        if sections.constants.contains(&row) {
            let first = (row - sections.constants.start) * PoolGate::SLOTS;
            let constants = self.constants.iter().skip(first).take(PoolGate::SLOTS);
            constants.enumerate().for_each(|(column, value)| set(column, *value));
        }
        if row == sections.public_inputs {
            let hash = self.public.1.iter().enumerate();
            hash.for_each(|(column, cell)| set(column, self.value(witness, *cell)));
        }
    }

    /// Values of the wires of a row.
    pub(super) fn row(&self, witness: &Witness, row: usize) -> Vec<F> {
        let mut wires = vec![F::ZERO; self.wires()];
        self.visit_row(witness, row, |column, value| wires[column] = value);
        wires
    }

    /// Values of every wire, by column. Blinding is drawn anew by every call, so that two proofs of one witness do not share it.
    pub(super) fn columns(&self, witness: &Witness) -> Vec<Vec<F>> {
        /// Rows filled together, so that reads follow the rows and writes the columns.
        const ROWS: usize = 64;
        let (degree, width) = (self.sections.degree, self.wires());
        let mut columns = vec![vec![F::ZERO; degree]; width];
        let mut blocks: Vec<Vec<&mut [F]>> = (0..degree.div_ceil(ROWS)).map(|_| Vec::with_capacity(width)).collect();
        for column in &mut columns {
            column.chunks_mut(ROWS).zip(&mut blocks).for_each(|(part, block)| block.push(part));
        }
        blocks.par_iter_mut().enumerate().for_each(|(number, block)| {
            (0..ROWS.min(degree)).for_each(|at| {
                self.visit_row(witness, number * ROWS + at, |column, value| block[column][at] = value);
            });
        });
        if let Some(blinding) = &self.blinding {
            blinding.fill(&mut columns);
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use plonky2::hash::poseidon::PoseidonHash;
    use plonky2::plonk::config::Hasher;
    use plonnx_ir::op::{Input, Requant, Window};
    use plonnx_ir::{CoreOp, DType, Graph, Tensor};

    use super::*;
    use crate::{Settings, Visibility};

    /// Who claims other public inputs than the digests in the circuit breaks a constraint: the row of the public inputs has
    /// their hash, and its wires are copies of the hash of the digests.
    #[test]
    fn public_inputs_are_the_digests() {
        let mut graph = Graph::new();
        let input = Input { shape: vec![3], dtype: DType::Real, domain: Window::signed(6) };
        let x = graph.add("x", CoreOp::Input(input), &[]).unwrap();
        let y = CoreOp::Map(Requant::Round { shift: 1, window: Window::signed(6) });
        let y = graph.add("y", y, &[x]).unwrap();
        graph.add_output("y", y);
        let public = vec![Visibility::Public];
        let settings = Settings { inputs: public.clone(), outputs: public, ..Settings::default() };
        let circuit = Circuit::compile(graph, settings).unwrap();
        let witness = circuit.witness(&[Tensor::from_vec(&[3], vec![1, -2, 30]).unwrap()]).unwrap();
        assert!(circuit.check(&witness).is_empty());
        let (honest, row) = (circuit.columns(&witness), circuit.sections.public_inputs);
        let mut claimed = circuit.public_inputs(&witness);
        assert_eq!(claimed.len(), 8);
        for index in 0..claimed.len() {
            claimed[index] += F::ONE;
            let hash = PoseidonHash::hash_no_pad(&claimed);
            let wires: Vec<F> = honest.iter().map(|column| column[row]).collect();
            assert!(!circuit.checker().row(circuit.common_data(), &hash, row, &wires).is_empty());
            let mut columns = honest.clone();
            hash.elements.iter().zip(&mut columns).for_each(|(element, column)| column[row] = *element);
            let wires: Vec<F> = columns.iter().map(|column| column[row]).collect();
            assert!(circuit.checker().row(circuit.common_data(), &hash, row, &wires).is_empty());
            assert!(!circuit.broken_copies(&columns).is_empty(), "public input {index}");
        }
        let hashes = circuit.tape.rows.iter().filter(|r| circuit.tape.labels[r.label as usize] == "public inputs");
        assert_eq!(hashes.count(), 1);
    }
}

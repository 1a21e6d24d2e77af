//! From rows to plonky2's copy classes and on to columns.

use plonky2::field::types::Field as _;
use plonky2::iop::generator::GeneratedValues;
use plonky2::iop::witness::{PartitionWitness, WitnessWrite};
use rayon::prelude::*;

use super::{Circuit, Witness};
use crate::check::Violation;
use crate::config::{F, from_field};
use crate::witness::Assignment;

/// Generators that run at once before their results are placed: what they hold in between is small.
const GENERATORS_TOGETHER: usize = 4096;

impl Circuit {
    /// A broken copy constraint of a row of the tape, or of no row of it.
    pub(super) fn conflict(&self, row: Option<usize>, cells: &[F]) -> Violation {
        let cells = cells.iter().map(|c| from_field(*c)).collect();
        let (node, gate) = match row {
            Some(row) => (self.tape.label(row).to_string(), self.tape.kind(row).name()),
            None => ("closing rows".into(), "none".into()),
        };
        let row = row.map_or(0, |row| self.tape.rows[row].place.row as usize);
        Violation { row, node, gate, constraint: None, cells }
    }

    /// Gives the copy classes the values of rows, and collects rows whose wires already have others.
    pub(super) fn place(
        &self,
        assignment: &Assignment,
        witness: &mut PartitionWitness<F>,
        conflicts: &mut Vec<Violation>,
    ) {
        for row in 0..self.tape.rows.len() {
            if self.tape.cells(assignment, row).any(|(target, value)| witness.set_target(target, value).is_err()) {
                let cells: Vec<F> = self.tape.cells(assignment, row).map(|(_, value)| value).collect();
                conflicts.push(self.conflict(Some(row), &cells));
            }
        }
    }

    /// Runs plonky2's own generators for the rows that are not on the tape.
    pub(super) fn run_generators(&self, witness: &mut PartitionWitness<F>, conflicts: &mut Vec<Violation>) {
        let generators = &self.data.prover_only.generators;
        let mut pending: Vec<usize> = (0..generators.len()).collect();
        loop {
            let before = pending.len();
            let mut left = Vec::new();
            for some in pending.chunks(GENERATORS_TOGETHER) {
                let known: &PartitionWitness<F> = witness;
                let run = |g: &usize| {
                    let mut generated = GeneratedValues::empty();
                    let finished = generators[*g].0.run(known, &mut generated);
                    (*g, finished, generated)
                };
                let ran: Vec<(usize, bool, GeneratedValues<F>)> = some.par_iter().map(run).collect();
                for (g, finished, generated) in ran {
                    for (target, value) in generated.target_values {
                        if witness.set_target(target, value).is_err() {
                            conflicts.push(self.conflict(None, &[value]));
                        }
                    }
                    if !finished {
                        left.push(g);
                    }
                }
            }
            pending = left;
            if pending.is_empty() || pending.len() == before {
                return;
            }
        }
    }

    /// Values of every wire, by column. Wires without a value are zero. Blinding is drawn anew by every call, so that two
    /// proofs of one witness do not share it.
    pub(super) fn columns(&self, witness: &Witness) -> Vec<Vec<F>> {
        /// Rows filled together, so that reads follow the rows and writes the columns.
        const ROWS: usize = 64;
        let (degree, width) = (self.data.common.degree(), self.wires());
        let mut columns = vec![vec![F::ZERO; degree]; width];
        let mut blocks: Vec<Vec<&mut [F]>> = (0..degree.div_ceil(ROWS)).map(|_| Vec::with_capacity(width)).collect();
        for column in &mut columns {
            column.chunks_mut(ROWS).zip(&mut blocks).for_each(|(part, block)| block.push(part));
        }
        let representatives = &self.data.prover_only.representative_map[..degree * width];
        blocks.par_iter_mut().zip(representatives.par_chunks(ROWS * width)).for_each(|(block, rows)| {
            for (row, classes) in rows.chunks_exact(width).enumerate() {
                for (column, class) in block.iter_mut().zip(classes) {
                    column[row] = witness.values[*class];
                }
            }
        });
        if let Some(blinding) = &self.blinding {
            blinding.fill(&mut columns);
        }
        columns
    }
}

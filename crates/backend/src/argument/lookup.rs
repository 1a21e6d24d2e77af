//! Emission of the lookup argument: the running sum over all lookup and table rows.

use std::sync::Arc;

use plonky2::field::types::Field;
use plonnx_ir::op::Table;

use super::transcript::Challenges;
use crate::assembler::{Assembler, Cell, EXT_ZERO, Ext};
use crate::config::{F, to_field};
use crate::emit::Classes;
use crate::gate::{DIGIT_BITS, Kind, LookupGate, Side};
use crate::witness::{Hint, Phase};

/// A table in use, and the rows that look it up.
#[derive(Clone, Debug)]
pub struct TableUse {
    pub table: Arc<Table>,
    pub gate: LookupGate,
    pub rows: Vec<u32>,
}

/// Adds the table's rows; returns them with their gate and the packed multiplicities to absorb.
pub(crate) fn emit_table(
    asm: &mut Assembler,
    classes: &mut Classes,
    index: usize,
    usage: &TableUse,
) -> (LookupGate, Vec<u32>, Vec<Cell>) {
    let lookups = (usage.rows.len() * usage.gate.slots) as u64;
    let digits = ((u64::BITS - lookups.leading_zeros()).div_ceil(DIGIT_BITS) as usize).max(1);
    let gate = classes.lookup(Side::Table, digits);
    let entries = &usage.table.values;
    let mut rows = Vec::new();
    let mut packed = Vec::new();
    for start in (0..entries.len()).step_by(gate.slots) {
        // Slots after the last entry repeat it; they are valid entries, so a multiplicity there is harmless.
        let entry = |k: usize| (start + k).min(entries.len() - 1);
        let mut constants: Vec<F> = (0..gate.slots).map(|k| to_field(entries[entry(k)])).collect();
        constants.extend((0..gate.slots).map(|k| to_field(usage.table.window.lo + entry(k) as i64)));
        let row = asm.row(&Kind::Lookup(gate.clone()), || constants);
        asm.step(row, Phase::Commit, Hint::Multiplicities { table: index as u32, start: start as u32 });
        packed.extend(gate.packed().map(|c| Assembler::wire(row, c)));
        rows.push(row);
    }
    (gate, rows, packed)
}

/// Chains the rows of lookups and tables and constrains the sum to zero.
pub fn close(asm: &mut Assembler, challenges: &Challenges, uses: &[TableUse], tables: &[(LookupGate, Vec<u32>)]) {
    if uses.is_empty() {
        return;
    }
    let delta_squared = asm.mul_add(challenges.delta, challenges.delta, EXT_ZERO);
    let mut sum = EXT_ZERO;
    for (index, (usage, (table_gate, table_rows))) in uses.iter().zip(tables).enumerate() {
        let tag = Cell::constant(-F::from_canonical_usize(index + 1));
        let gamma = asm.mul_add(delta_squared, [tag, Cell::ZERO], challenges.gamma);
        for (gate, rows) in [(&usage.gate, &usage.rows), (table_gate, table_rows)] {
            for row in rows {
                sum = chain(asm, gate, *row, gamma, challenges.delta, sum);
            }
        }
    }
    asm.equate(sum[0], Cell::ZERO);
    asm.equate(sum[1], Cell::ZERO);
}

fn chain(asm: &mut Assembler, gate: &LookupGate, row: u32, gamma: Ext, delta: Ext, sum: Ext) -> Ext {
    asm.feed_ext(row, gate.gamma(), gamma);
    asm.feed_ext(row, gate.delta(), delta);
    asm.feed_ext(row, gate.sum_in(), sum);
    asm.step(row, Phase::Complete, Hint::None);
    Assembler::wire_ext(row, gate.sum_out())
}

//! Suffix sums of requantised tensors.
//!
//! The rows of a requantised tensor carry `H(j) = sum_{i >= j} r^(i - j) y_i` over its results `y_i`, unused slots
//! included, for `j` at the start of a row. The inner product of consecutive results `y_a, .., y_(b-1)` with `1, r, r^2, ..`
//! is `H(a) - r^(b-a) H(b)`, so that it takes no rows of its own. Between the starts of two rows `H` is the sum over a few
//! cells of one row and the next row's start.

use std::collections::HashMap;

use super::linear::Forms;
use crate::assembler::{Assembler, Cell, EXT_ZERO, Ext};
use crate::gate::{COLUMNS, RequantGate};

/// The rows of a requantised tensor.
#[derive(Clone, Debug)]
pub struct Run {
    pub gate: RequantGate,
    pub rows: Vec<u32>,
}

/// Consecutive results.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    run: usize,
    start: usize,
    len: usize,
}

/// Suffix sums, each emitted once.
#[derive(Debug, Default)]
pub struct Suffixes {
    runs: Vec<Run>,
    /// Run and place in it of every row.
    places: HashMap<u32, (usize, usize)>,
    sums: HashMap<(usize, usize), Ext>,
}

impl Suffixes {
    /// Suffix sums of `runs`.
    pub fn new(runs: Vec<Run>) -> Self {
        let rows = |(run, r): (usize, &Run)| -> Vec<(u32, (usize, usize))> {
            r.rows.iter().enumerate().map(|(place, row)| (*row, (run, place))).collect()
        };
        let places = runs.iter().enumerate().flat_map(rows).collect();
        Self { runs, places, sums: HashMap::new() }
    }

    /// `cells` as consecutive results of one tensor, if they are.
    pub fn span(&self, mut cells: impl Iterator<Item = Cell>) -> Option<Span> {
        let Some(Cell::Wire { row, column }) = cells.next() else { return None };
        let (run, place) = *self.places.get(&row)?;
        let Run { gate, rows } = &self.runs[run];
        let slot = (0..gate.slots).find(|k| gate.y(*k) == column as usize)?;
        let start = place * gate.slots + slot;
        let mut end = start + 1;
        for cell in cells {
            if cell != Assembler::wire(*rows.get(end / gate.slots)?, gate.y(end % gate.slots)) {
                return None;
            }
            end += 1;
        }
        Some(Span { run, start, len: end - start })
    }
}

impl Forms {
    /// `sum_i r^i cells[i]` over a span.
    pub fn consecutive(&mut self, asm: &mut Assembler, span: Span) -> Ext {
        let first = self.suffix(asm, span.run, span.start);
        let end = self.suffix(asm, span.run, span.start + span.len);
        let factor = self.negated(asm, span.len as i64);
        asm.mul_add(factor, end, first)
    }

    /// `H(position)` of a run.
    fn suffix(&mut self, asm: &mut Assembler, run: usize, position: usize) -> Ext {
        if let Some(sum) = self.suffixes.sums.get(&(run, position)) {
            return *sum;
        }
        let Run { gate, rows } = &self.suffixes.runs[run];
        let (place, slot) = (position / gate.slots, position % gate.slots);
        let start = |place: usize| match rows.get(place) {
            Some(row) => Assembler::wire_ext(*row, gate.result_out()),
            None => EXT_ZERO,
        };
        let cells = |slots: std::ops::Range<usize>| -> Vec<Cell> {
            slots.map(|k| Assembler::wire(rows[place], gate.y(k))).collect()
        };
        let rest = gate.slots - slot;
        let sum = if slot == 0 {
            start(place)
        } else if rest <= COLUMNS {
            let (next, inside) = (start(place + 1), cells(slot..gate.slots));
            let inside = self.strip(asm, &inside, 1);
            let factor = self.power(asm, rest as i64);
            asm.mul_add(factor, next, inside)
        } else {
            let (whole, before) = (start(place), cells(0..slot));
            let before = self.strip(asm, &before, 1);
            let minus = self.negated(asm, 0);
            let after = asm.mul_add(minus, before, whole);
            let factor = self.power(asm, -(slot as i64));
            asm.mul_add(factor, after, EXT_ZERO)
        };
        self.suffixes.sums.insert((run, position), sum);
        sum
    }
}

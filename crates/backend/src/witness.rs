//! Witness assignment: replays the tape on an integer evaluation.

use std::borrow::Cow;
use std::ops::Range;

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::types::Field;
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::PoseidonPermutation;
use plonky2::iop::target::Target;
use plonnx_ir::Tensor;
use rayon::prelude::*;

use crate::assembler::Cell;
use crate::config::{F, WIRES, from_field, to_field};
use crate::gate::{Kind, LookupGate, MulAddGate, RowGate, Side, read_ext, write_ext};

/// What a step does to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Fills what is absorbed by the transcript, from the integer evaluation.
    Commit,
    /// Fills what follows from the routed inputs.
    Complete,
    /// Fills the running sum of a requantisation's results.
    Results,
    /// Fills the result of one slot.
    Slot(u8),
    /// Fills the slots from this one on, which nothing uses.
    Idle(u8),
    /// Fills operand `b` of a multiply-add slot with the inverse of `a`.
    Inverse(u8),
    /// A Poseidon permutation.
    Poseidon,
}

/// Values that a commit step takes from outside its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    None,
    /// Elements of a tensor of the integer evaluation.
    Values {
        node: u32,
        range: Range<u32>,
    },
    /// The row looks up table `table`.
    Lookup {
        table: u32,
    },
    /// How often each of the table's entries from `start` on is looked up.
    Multiplicities {
        table: u32,
        start: u32,
    },
}

/// Where the value of a wire comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    Cell(Cell),
    Value { node: u32, element: u32 },
}

/// One step of the assignment.
#[derive(Clone, Debug)]
pub struct Step {
    pub row: u32,
    pub phase: Phase,
    pub hint: Hint,
    pub feeds: Range<u32>,
}

/// What is known of a row.
#[derive(Clone, Debug)]
pub struct RowRecord {
    /// Index into [`Tape::gates`]; `None` for a Poseidon row.
    pub gate: Option<u32>,
    /// Added by someone else between ours.
    pub foreign: bool,
    pub constants: u32,
    pub label: u32,
}

/// Everything needed to assign the rows of one segment.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    pub first_row: usize,
    pub gates: Vec<RowGate>,
    pub rows: Vec<RowRecord>,
    pub constants: Vec<F>,
    pub steps: Vec<Step>,
    pub feeds: Vec<(u8, Feed)>,
    pub labels: Vec<String>,
    pub externals: Vec<Target>,
    /// For each function table its first argument and number of entries.
    pub tables: Vec<(i64, usize)>,
}

/// The assigned rows of a segment, row-major, [`WIRES`] wires a row.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub first_row: usize,
    pub cells: Vec<F>,
}

/// When a malicious prover acts.
#[derive(Debug)]
pub enum Moment<'a> {
    /// Before a step, on the values that it takes from the integer evaluation.
    Before(&'a mut Vec<i64>),
    /// After a step, on the wires of its row.
    After(&'a mut [F]),
}

/// A malicious prover: called around every step; later steps see what it changed.
pub type Tamper<'a> = &'a mut dyn FnMut(&Step, Moment);

impl Tape {
    /// Constants of row `index` (relative to the segment).
    pub fn row_constants(&self, index: usize) -> &[F] {
        let record = &self.rows[index];
        match record.gate {
            Some(gate) => {
                let start = record.constants as usize;
                &self.constants[start..start + self.gates[gate as usize].kind().constants()]
            }
            None => &[],
        }
    }

    /// The constants of all rows beyond the first `kept` of each, by column, for a circuit of `degree` rows.
    pub(crate) fn further_constants(&self, kept: usize, degree: usize) -> Vec<Vec<F>> {
        /// Columns filled together: as many constants as a cache line has.
        const COLUMNS: usize = 8;
        let width = self.gates.iter().map(|g| g.kind().constants()).max().unwrap_or(0);
        let mut columns = vec![vec![F::ZERO; degree]; width.saturating_sub(kept)];
        columns.par_chunks_mut(COLUMNS).enumerate().for_each(|(chunk, columns)| {
            for index in 0..self.rows.len() {
                let constants = self.row_constants(index).get(kept + chunk * COLUMNS..).unwrap_or(&[]);
                for (column, value) in columns.iter_mut().zip(constants) {
                    column[self.first_row + index] = *value;
                }
            }
        });
        columns
    }

    /// Assigns every row; `values` are the tensors of the integer evaluation by node index.
    pub fn assign(&self, values: &[Tensor<i64>], externals: &[F]) -> Assignment {
        let given = Given::new(values, externals);
        let mut cells = vec![F::ZERO; self.rows.len() * WIRES];
        let independent = self.independent();
        let mut first: Vec<&Step> = self.steps.iter().zip(&independent).filter(|s| *s.1).map(|s| s.0).collect();
        first.sort_by_key(|step| step.row);
        cells.par_chunks_mut(WIRES * ROWS_TOGETHER).enumerate().for_each(|(chunk, cells)| {
            let rows = self.first_row + chunk * ROWS_TOGETHER;
            let start = first.partition_point(|step| (step.row as usize) < rows);
            let steps = first[start..].iter().take_while(|step| (step.row as usize) < rows + ROWS_TOGETHER);
            let mut state = State { cells, first_row: rows, counts: Vec::new(), hints: Vec::new() };
            for step in steps {
                self.run(step, &given, &mut state, &mut |_, _| {});
            }
        });
        let mut state = self.state(&mut cells);
        for step in self.steps.iter().zip(&independent).filter(|s| !*s.1).map(|s| s.0) {
            self.run(step, &given, &mut state, &mut |_, _| {});
        }
        Assignment { first_row: self.first_row, cells }
    }

    /// [`Tape::assign`], one step after the other, with a chance to alter each row after each step; later steps see the
    /// altered wires.
    pub fn assign_tampered(&self, values: &[Tensor<i64>], externals: &[F], tamper: Tamper) -> Assignment {
        let given = Given::new(values, externals);
        let mut cells = vec![F::ZERO; self.rows.len() * WIRES];
        let mut state = self.state(&mut cells);
        for step in &self.steps {
            self.run(step, &given, &mut state, tamper);
        }
        Assignment { first_row: self.first_row, cells }
    }

    fn state<'a>(&self, cells: &'a mut [F]) -> State<'a> {
        let counts = self.tables.iter().map(|(_, n)| vec![0; *n]).collect();
        State { cells, first_row: self.first_row, counts, hints: Vec::new() }
    }

    /// By step whether neither it nor an earlier step of its row reads what other rows hold or what is counted.
    fn independent(&self) -> Vec<bool> {
        let mut touched = vec![false; self.rows.len()];
        let independent = |step: &Step| {
            let feeds = &self.feeds[step.feeds.start as usize..step.feeds.end as usize];
            let wired = feeds.iter().any(|(_, feed)| matches!(feed, Feed::Cell(Cell::Wire { .. })));
            let counted = matches!(step.hint, Hint::Lookup { .. } | Hint::Multiplicities { .. });
            let dependent = &mut touched[step.row as usize - self.first_row];
            *dependent |= wired || counted;
            !*dependent
        };
        self.steps.iter().map(independent).collect()
    }

    /// Runs a step whose row is among the state's.
    fn run(&self, step: &Step, given: &Given, state: &mut State, tamper: Tamper) {
        let at = (step.row as usize - state.first_row) * WIRES;
        for (column, feed) in &self.feeds[step.feeds.start as usize..step.feeds.end as usize] {
            let value = match *feed {
                Feed::Value { node, element } => to_field(given.tensors[node as usize][element as usize]),
                Feed::Cell(Cell::Constant(value)) => F::from_canonical_u64(value),
                Feed::Cell(Cell::External(index)) => given.externals[index as usize],
                Feed::Cell(Cell::Wire { row, column }) => {
                    state.cells[(row as usize - state.first_row) * WIRES + column as usize]
                }
            };
            state.cells[at + *column as usize] = value;
        }
        let row = step.row as usize - self.first_row;
        let wires = &mut state.cells[at..at + WIRES];
        let constants = self.row_constants(row);
        let kind = self.rows[row].gate.map(|g| self.gates[g as usize].kind());
        state.hints.clear();
        match &step.hint {
            Hint::None => {}
            Hint::Values { node, range } => {
                state.hints.extend(&given.tensors[*node as usize][range.start as usize..range.end as usize]);
            }
            Hint::Lookup { table } => {
                if let Some(Kind::Lookup(gate)) = kind {
                    count(gate, wires, self.tables[*table as usize].0, &mut state.counts[*table as usize]);
                }
            }
            Hint::Multiplicities { table, start } => {
                state.hints.extend(state.counts[*table as usize].iter().skip(*start as usize));
            }
        }
        tamper(step, Moment::Before(&mut state.hints));
        match (step.phase, kind) {
            (Phase::Poseidon, _) => permute(wires),
            (Phase::Commit, Some(kind)) => kind.commit(constants, wires, &state.hints),
            (Phase::Complete, Some(kind)) => kind.complete(constants, wires, usize::MAX),
            (Phase::Idle(used), Some(Kind::Range(gate))) => {
                Kind::Range(gate.clone()).complete(constants, wires, used as usize);
            }
            (Phase::Idle(used), Some(kind)) => kind.complete(constants, wires, used as usize),
            (Phase::Results, Some(kind)) => kind.complete_results(wires),
            (Phase::Slot(slot), Some(kind)) => kind.complete_slot(constants, wires, slot as usize),
            (Phase::Inverse(slot), _) => {
                let slot = slot as usize;
                let inverse = read_ext(wires, MulAddGate::a(slot)).try_inverse();
                write_ext(wires, MulAddGate::b(slot), inverse.unwrap_or(QuadraticExtension([F::ZERO; 2])));
                Kind::MulAdd.complete_slot(constants, wires, slot);
            }
            (_, None) => {}
        }
        tamper(step, Moment::After(wires));
    }
}

/// Rows that one thread fills at a time.
const ROWS_TOGETHER: usize = 256;

/// What an assignment starts from.
struct Given<'a> {
    tensors: Vec<Cow<'a, [i64]>>,
    externals: &'a [F],
}

impl<'a> Given<'a> {
    fn new(values: &'a [Tensor<i64>], externals: &'a [F]) -> Self {
        let flat = |t: &'a Tensor<i64>| match t.array().as_slice() {
            Some(slice) => Cow::Borrowed(slice),
            None => Cow::Owned(t.to_vec()),
        };
        Self { tensors: values.iter().map(flat).collect(), externals }
    }
}

/// Rows from `first_row` on, and how often the entries of each table were looked up in them.
struct State<'a> {
    cells: &'a mut [F],
    first_row: usize,
    counts: Vec<Vec<i64>>,
    hints: Vec<i64>,
}

fn count(gate: &LookupGate, wires: &[F], first: i64, counts: &mut [i64]) {
    debug_assert_eq!(gate.side, Side::Lookup);
    for k in 0..gate.slots {
        let entry = from_field(wires[gate.argument(k)]) - first as i128;
        if let Some(count) = usize::try_from(entry).ok().and_then(|e| counts.get_mut(e)) {
            *count += 1;
        }
    }
}

fn permute(wires: &mut [F]) {
    let mut state = PoseidonPermutation::new(wires[..12].iter().copied());
    state.permute();
    wires[12..24].copy_from_slice(state.as_ref());
}

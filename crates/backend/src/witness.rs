//! Witness assignment: replays the tape on an integer evaluation.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::types::Field;
use plonky2::gates::gate::Gate;
use plonky2::iop::target::Target;
use plonnx_ir::Tensor;
use rayon::prelude::*;

use crate::assembler::Cell;
use crate::config::{F, WIRES, from_field, to_field};
use crate::gate::{Kind, LookupGate, MulAddGate, RowGate, Side, Track, read_ext, write_ext};

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
    /// Index into [`Tape::kinds`].
    pub kind: u32,
    pub constants: u32,
    pub label: u32,
    pub place: Place,
}

/// Where an emitted row stands in the circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Row of the circuit.
    pub row: u32,
    /// Position of the track in the row.
    pub track: u16,
    /// Position of the row's kind in the track.
    pub kind: u16,
}

/// Everything needed to assign the rows of one segment.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    /// Row of the circuit where the segment's begin.
    pub first_row: usize,
    /// The gate of the circuit's rows; `None` if rows were only counted.
    pub gate: Option<RowGate>,
    pub kinds: Vec<Kind>,
    /// Rows of each kind.
    pub counts: Vec<usize>,
    pub rows: Vec<RowRecord>,
    pub constants: Vec<F>,
    pub steps: Vec<Step>,
    pub feeds: Vec<(u8, Feed)>,
    /// Cells that are equal without one being fed to the other, with a row that they concern.
    pub equal: Vec<(u32, Cell, Cell)>,
    pub labels: Vec<String>,
    pub externals: Vec<Target>,
    /// For each function table its first argument and number of entries.
    pub tables: Vec<(i64, usize)>,
    /// Made once from the steps, which do not change once rows are emitted.
    pub(crate) schedule: OnceLock<Schedule>,
}

/// Which steps can run in any order.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Steps that read nothing of other rows, by row; all steps of a row before one that does.
    independent: Vec<u32>,
    /// The others, in order.
    others: Vec<u32>,
}

/// The assigned rows of a segment as they were emitted, row-major, [`WIRES`] wires a row.
#[derive(Clone, Debug)]
pub struct Assignment {
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
    /// Every kind with its number of rows.
    pub(crate) fn counted(&self) -> Vec<(Kind, usize)> {
        self.kinds.iter().cloned().zip(self.counts.iter().copied()).collect()
    }

    /// Kind of row `index`.
    pub fn kind(&self, index: usize) -> &Kind {
        &self.kinds[self.rows[index].kind as usize]
    }

    /// Name of what row `index` belongs to.
    pub fn label(&self, index: usize) -> &str {
        &self.labels[self.rows[index].label as usize]
    }

    /// Constants of row `index`.
    pub fn row_constants(&self, index: usize) -> &[F] {
        let start = self.rows[index].constants as usize;
        &self.constants[start..start + self.kind(index).constants()]
    }

    /// The circuit's wire that `column` of row `index` is.
    ///
    /// # Panics
    /// If rows were only counted.
    pub fn target(&self, index: usize, column: usize) -> Target {
        let place = self.rows[index].place;
        Target::wire(place.row as usize, self.track(place).columns(place.kind as usize)[column])
    }

    /// The targets and values of an assigned row, with those of its cells.
    pub fn cells<'a>(&'a self, assignment: &'a Assignment, index: usize) -> impl Iterator<Item = (Target, F)> + 'a {
        let wires = &assignment.cells[index * WIRES..(index + 1) * WIRES];
        self.kind(index).used_wires().map(move |column| (self.target(index, column), wires[column]))
    }

    fn track(&self, place: Place) -> &Track {
        let gate = self.gate.as_ref().unwrap_or_else(|| unreachable!("rows that are only counted stand nowhere"));
        &gate.tracks()[place.track as usize]
    }

    /// The constants of the circuit's row that row `index` sets, selector included, with their columns: one and a stretch.
    fn set_constants(&self, index: usize) -> ((usize, F), (usize, &[F])) {
        let place = self.rows[index].place;
        let track = self.track(place);
        ((track.selector(place.kind as usize), F::ONE), (track.first_constant(), self.row_constants(index)))
    }

    /// Constants of the circuit's `rows` rows.
    pub(crate) fn constants_by_row(&self, rows: usize) -> Vec<Vec<F>> {
        let width = self.gate.as_ref().map_or(0, Gate::num_constants);
        let mut out = vec![vec![F::ZERO; width]; rows];
        for (index, record) in self.rows.iter().enumerate() {
            let row = &mut out[record.place.row as usize - self.first_row];
            let ((selector, one), (first, constants)) = self.set_constants(index);
            row[selector] = one;
            row[first..first + constants.len()].copy_from_slice(constants);
        }
        out
    }

    /// Constants of a circuit of `degree` rows by column, of which there are `width`.
    pub(crate) fn constants_by_column(&self, width: usize, degree: usize) -> Vec<Vec<F>> {
        /// Columns filled together: as many constants as a cache line has.
        const COLUMNS: usize = 8;
        let mut columns = vec![vec![F::ZERO; degree]; width];
        columns.par_chunks_mut(COLUMNS).enumerate().for_each(|(chunk, columns)| {
            let start = chunk * COLUMNS;
            for (index, record) in self.rows.iter().enumerate() {
                let row = record.place.row as usize;
                let ((selector, one), (first, constants)) = self.set_constants(index);
                if let Some(column) = selector.checked_sub(start).and_then(|c| columns.get_mut(c)) {
                    column[row] = one;
                }
                let (skipped, offset) = (start.saturating_sub(first), first.saturating_sub(start));
                let constants = constants.get(skipped..).unwrap_or(&[]);
                for (column, value) in columns.iter_mut().skip(offset).zip(constants) {
                    column[row] = *value;
                }
            }
        });
        columns
    }

    /// Value of a cell when the rows have been assigned.
    pub(crate) fn value(&self, cell: Cell, cells: &[F], externals: &[F]) -> F {
        match cell {
            Cell::Wire { row, column } => cells[row as usize * WIRES + column as usize],
            Cell::Constant(value) => F::from_canonical_u64(value),
            Cell::External(index) => externals[index as usize],
        }
    }

    /// Rows with a wire that differs from the cell it is a copy of, ascending: none unless somebody tampered.
    pub(crate) fn broken_copies(&self, assignment: &Assignment, externals: &[F]) -> Vec<usize> {
        let value = |cell| self.value(cell, &assignment.cells, externals);
        let differs = |step: &Step| {
            let mut feeds = self.feeds[step.feeds.start as usize..step.feeds.end as usize].iter();
            let at = step.row as usize * WIRES;
            let differs = feeds.any(|(column, feed)| match feed {
                Feed::Cell(cell) => value(*cell) != assignment.cells[at + *column as usize],
                Feed::Value { .. } => false,
            });
            differs.then_some(step.row as usize)
        };
        let mut rows: Vec<usize> = self.steps.par_iter().filter_map(differs).collect();
        rows.extend(self.equal.iter().filter(|(_, a, b)| value(*a) != value(*b)).map(|(row, ..)| *row as usize));
        rows.sort_unstable();
        rows.dedup();
        rows
    }

    /// Assigns every row; `values` are the tensors of the integer evaluation by node index.
    pub fn assign(&self, values: &[Tensor<i64>], externals: &[F]) -> Assignment {
        let given = Given::new(values, externals);
        let mut cells = vec![F::ZERO; self.rows.len() * WIRES];
        let schedule = self.schedule.get_or_init(|| self.schedule());
        let first = &schedule.independent;
        let row_of = |step: &u32| self.steps[*step as usize].row as usize;
        cells.par_chunks_mut(WIRES * ROWS_TOGETHER).enumerate().for_each(|(chunk, cells)| {
            let rows = chunk * ROWS_TOGETHER;
            let start = first.partition_point(|step| row_of(step) < rows);
            let steps = first[start..].iter().take_while(|step| row_of(step) < rows + ROWS_TOGETHER);
            let mut state = State { cells, first_row: rows, counts: Vec::new(), hints: Vec::new() };
            for step in steps {
                self.run(&self.steps[*step as usize], &given, &mut state, &mut |_, _| {});
            }
        });
        let mut state = self.state(&mut cells);
        for step in &schedule.others {
            self.run(&self.steps[*step as usize], &given, &mut state, &mut |_, _| {});
        }
        Assignment { cells }
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
        Assignment { cells }
    }

    fn state<'a>(&self, cells: &'a mut [F]) -> State<'a> {
        let counts = self.tables.iter().map(|(_, n)| vec![0; *n]).collect();
        State { cells, first_row: 0, counts, hints: Vec::new() }
    }

    /// Tells steps apart by whether they, or an earlier step of their row, read what other rows hold or what is counted.
    fn schedule(&self) -> Schedule {
        let mut touched = vec![false; self.rows.len()];
        let mut independent = |step: &Step| {
            let feeds = &self.feeds[step.feeds.start as usize..step.feeds.end as usize];
            let wired = feeds.iter().any(|(_, feed)| matches!(feed, Feed::Cell(Cell::Wire { .. })));
            let counted = matches!(step.hint, Hint::Lookup { .. } | Hint::Multiplicities { .. });
            let dependent = &mut touched[step.row as usize];
            *dependent |= wired || counted;
            !*dependent
        };
        let (mut independent, others): (Vec<u32>, Vec<u32>) =
            (0..self.steps.len() as u32).partition(|step| independent(&self.steps[*step as usize]));
        independent.sort_by_key(|step| self.steps[*step as usize].row);
        Schedule { independent, others }
    }

    /// Runs a step whose row is among the state's.
    fn run(&self, step: &Step, given: &Given, state: &mut State, tamper: Tamper) {
        let at = (step.row as usize - state.first_row) * WIRES;
        for (column, feed) in &self.feeds[step.feeds.start as usize..step.feeds.end as usize] {
            let value = match *feed {
                Feed::Value { node, element } => to_field(given.tensors[node as usize][element as usize]),
                Feed::Cell(Cell::Wire { row, column }) => {
                    state.cells[(row as usize - state.first_row) * WIRES + column as usize]
                }
                Feed::Cell(cell) => self.value(cell, state.cells, given.externals),
            };
            state.cells[at + *column as usize] = value;
        }
        let row = step.row as usize;
        let wires = &mut state.cells[at..at + WIRES];
        let constants = self.row_constants(row);
        let kind = self.kind(row);
        state.hints.clear();
        match &step.hint {
            Hint::None => {}
            Hint::Values { node, range } => {
                state.hints.extend(&given.tensors[*node as usize][range.start as usize..range.end as usize]);
            }
            Hint::Lookup { table } => {
                if let Kind::Lookup(gate) = kind {
                    count(gate, wires, self.tables[*table as usize].0, &mut state.counts[*table as usize]);
                }
            }
            Hint::Multiplicities { table, start } => {
                state.hints.extend(state.counts[*table as usize].iter().skip(*start as usize));
            }
        }
        tamper(step, Moment::Before(&mut state.hints));
        match step.phase {
            Phase::Commit => kind.commit(constants, wires, &state.hints),
            Phase::Complete => kind.complete(constants, wires, usize::MAX),
            Phase::Idle(used) => kind.complete(constants, wires, used as usize),
            Phase::Results => kind.complete_results(wires),
            Phase::Slot(slot) => kind.complete_slot(constants, wires, slot as usize),
            Phase::Inverse(slot) => {
                let slot = slot as usize;
                let inverse = read_ext(wires, MulAddGate::a(slot)).try_inverse();
                write_ext(wires, MulAddGate::b(slot), inverse.unwrap_or(QuadraticExtension([F::ZERO; 2])));
                Kind::MulAdd.complete_slot(constants, wires, slot);
            }
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

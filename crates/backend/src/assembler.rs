//! Rows under construction: the bridge between emission and a circuit.
//!
//! Every row goes to a track of the circuit's rows and, at the same time, onto a [`Tape`]: the list of steps that later
//! assigns the witness. A step names the cells it reads, so wiring (copy constraints) and assignment cannot disagree.
//! Rows are numbered as they are emitted; [`crate::tracks`] says where each stands in the circuit.

use std::collections::HashMap;

use plonky2::field::types::{Field, PrimeField64};
use plonky2::iop::target::Target;
use plonky2::plonk::circuit_builder::CircuitBuilder;

use crate::config::{D, F};
use crate::copies::Copies;
use crate::gate::{ArithmeticGate, Kind, MulAddGate, OrderGate, PoolGate, PoseidonRow};
use crate::tracks::{Filling, Tracks};
use crate::witness::{Feed, Hint, Phase, RowRecord, Step, Tape};

/// A value of the circuit that can be wired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    /// A routed wire of an emitted row.
    Wire { row: u32, column: u8 },
    /// A constant, as canonical representative.
    Constant(u64),
    /// A target that the caller provided.
    External(u32),
}

/// An element of the extension field.
pub type Ext = [Cell; 2];

impl Cell {
    /// Cell of a field constant.
    pub fn constant(value: F) -> Self {
        Cell::Constant(value.to_canonical_u64())
    }
    /// The cell that holds 0.
    pub const ZERO: Cell = Cell::Constant(0);
    /// The cell that holds 1.
    pub const ONE: Cell = Cell::Constant(1);
}

/// The extension element 0.
pub const EXT_ZERO: Ext = [Cell::ZERO, Cell::ZERO];
/// The extension element 1.
pub const EXT_ONE: Ext = [Cell::ONE, Cell::ZERO];

/// Where rows go.
pub(crate) enum Sink<'b> {
    /// To tracks of a circuit, and onto the tape.
    Circuit(Wiring<'b>, Tracks),
    /// Nowhere; they are counted, for the choice of a layout.
    Count,
}

/// Where copy constraints go.
pub(crate) enum Wiring<'b> {
    /// To those of a circuit that consists of emitted rows and what closes them.
    Ours(&'b mut Copies),
    /// To a circuit that a caller builds.
    Callers(&'b mut CircuitBuilder<F, D>),
}

impl Wiring<'_> {
    /// A target that no row has.
    pub(crate) fn virtual_target(&mut self) -> Target {
        match self {
            Wiring::Ours(copies) => copies.virtual_target(),
            Wiring::Callers(builder) => builder.add_virtual_target(),
        }
    }

    fn connect(&mut self, a: Target, b: Target) {
        match self {
            Wiring::Ours(copies) => copies.connect(a, b),
            Wiring::Callers(builder) => builder.connect(a, b),
        }
    }

    /// A target that is to hold a constant.
    fn constant(&mut self, value: F) -> Target {
        match self {
            Wiring::Ours(copies) => copies.virtual_target(),
            Wiring::Callers(builder) => builder.constant(value),
        }
    }
}

/// Rows that were emitted, and what is left to close the circuit with.
pub(crate) struct Assembled {
    pub(crate) tape: Tape,
    /// Rows of the circuit that hold the emitted ones.
    pub(crate) rows: usize,
    /// Distinct constants that cells are wired to, ascending.
    pub(crate) constants: Vec<(u64, Target)>,
}

/// Emits rows into a circuit and onto a tape.
pub struct Assembler<'b> {
    wiring: Option<Wiring<'b>>,
    filling: Option<Filling>,
    tape: Tape,
    /// Index of the kind of the row before.
    recent: usize,
    /// Rows with free slots, by gate and constants: row and slots used.
    open: HashMap<(usize, Vec<u64>), (u32, usize)>,
    constants: HashMap<u64, Target>,
    label: u32,
    rows: u32,
}

impl<'b> Assembler<'b> {
    /// Starts after the rows that the sink already has; `externals` are the targets behind [`Cell::External`].
    pub(crate) fn new(sink: Sink<'b>, externals: Vec<Target>) -> Self {
        let mut tape = Tape { externals, ..Tape::default() };
        let (wiring, filling) = match sink {
            Sink::Circuit(wiring, tracks) => {
                tape.first_row = match &wiring {
                    Wiring::Ours(_) => 0,
                    Wiring::Callers(builder) => builder.num_gates(),
                };
                tape.gate = Some(tracks.gate().clone());
                (Some(wiring), Some(Filling::new(tracks)))
            }
            Sink::Count => (None, None),
        };
        let (open, constants) = (HashMap::new(), HashMap::new());
        Self { wiring, filling, tape, recent: 0, open, constants, label: 0, rows: 0 }
    }

    /// Attributes the rows that follow to `label` (see [`Tape::labels`]).
    pub fn set_label(&mut self, name: &str) {
        self.tape.labels.push(name.to_string());
        self.label = self.tape.labels.len() as u32 - 1;
    }

    /// Label in force.
    pub fn label(&self) -> u32 {
        self.label
    }

    /// Puts an earlier label in force again.
    pub fn restore_label(&mut self, label: u32) {
        self.label = label;
    }

    /// Adds a row of `kind`. Rows that are only counted need no constants.
    pub fn row(&mut self, kind: &Kind, constants: impl FnOnce() -> Vec<F>) -> u32 {
        let index = self.index(kind).unwrap_or_else(|| {
            self.tape.kinds.push(kind.clone());
            self.tape.counts.push(0);
            self.tape.kinds.len() - 1
        });
        self.recent = index;
        self.tape.counts[index] += 1;
        self.rows += 1;
        if let Some(filling) = &mut self.filling {
            let first = self.tape.constants.len() as u32;
            self.tape.constants.extend(constants());
            let place = filling.place(index, kind, self.tape.first_row);
            self.tape.rows.push(RowRecord { kind: index as u32, constants: first, label: self.label, place });
        }
        self.rows - 1
    }

    /// Index of a kind that was emitted before. There are few, and most rows are of the kind of the one before, so that a
    /// search takes less time than a hash of the kind.
    fn index(&self, kind: &Kind) -> Option<usize> {
        let kinds = &self.tape.kinds;
        if kinds.get(self.recent) == Some(kind) { Some(self.recent) } else { kinds.iter().position(|k| k == kind) }
    }

    fn target(&mut self, cell: Cell) -> Target {
        match cell {
            // Rows that are only counted stand nowhere.
            Cell::Wire { .. } if self.wiring.is_none() => Target::VirtualTarget { index: 0 },
            Cell::Wire { row, column } => self.tape.target(row as usize, column as usize),
            Cell::External(index) => self.tape.externals[index as usize],
            Cell::Constant(value) => match self.constants.get(&value) {
                Some(target) => *target,
                None => {
                    let target = match &mut self.wiring {
                        Some(wiring) => wiring.constant(F::from_canonical_u64(value)),
                        None => Target::VirtualTarget { index: 0 },
                    };
                    self.constants.insert(value, target);
                    target
                }
            },
        }
    }

    /// The plonky2 target of a cell.
    pub fn expose(&mut self, cell: Cell) -> Target {
        self.target(cell)
    }

    /// The cell of a wire.
    pub fn wire(row: u32, column: usize) -> Cell {
        Cell::Wire { row, column: column as u8 }
    }

    /// The cells of a pair of wires.
    pub fn wire_ext(row: u32, column: usize) -> Ext {
        [Self::wire(row, column), Self::wire(row, column + 1)]
    }

    /// Constrains two cells to be equal.
    pub fn equate(&mut self, a: Cell, b: Cell) {
        if a != b {
            let targets = (self.target(a), self.target(b));
            if let Some(wiring) = &mut self.wiring {
                wiring.connect(targets.0, targets.1);
                self.tape.equal.push((self.rows.saturating_sub(1), a, b));
            }
        }
    }

    /// Wires `cell` into `column` of `row`; takes effect in the row's next step.
    pub fn feed(&mut self, row: u32, column: usize, cell: Cell) {
        let target = self.target(cell);
        let Some(wiring) = &mut self.wiring else { return };
        wiring.connect(target, self.tape.target(row as usize, column));
        self.tape.feeds.push((column as u8, Feed::Cell(cell)));
    }

    /// [`Assembler::feed`] for an extension element.
    pub fn feed_ext(&mut self, row: u32, column: usize, value: Ext) {
        self.feed(row, column, value[0]);
        self.feed(row, column + 1, value[1]);
    }

    /// Lets `column` of `row` hold element `element` of the integer evaluation's tensor `node`: a free witness.
    pub fn feed_value(&mut self, row: u32, column: usize, node: usize, element: usize) -> Cell {
        if self.wiring.is_some() {
            self.tape.feeds.push((column as u8, Feed::Value { node: node as u32, element: element as u32 }));
        }
        Self::wire(row, column)
    }

    /// Ends a step of `row`: what was fed since the last step is in place and `phase` runs.
    pub fn step(&mut self, row: u32, phase: Phase, hint: Hint) {
        if self.wiring.is_none() {
            return;
        }
        let end = self.tape.feeds.len() as u32;
        let start = self.tape.steps.last().map_or(0, |s: &Step| s.feeds.end);
        self.tape.steps.push(Step { row, phase, hint, feeds: start..end });
    }

    /// Row and slot for one more operation of a gate whose slots are independent.
    fn slot(&mut self, kind: &Kind, slots: usize, constants: Vec<F>) -> (u32, usize) {
        let key: Vec<u64> = constants.iter().map(|c| c.to_canonical_u64()).collect();
        // A kind that is new has no open row, and gets the next index.
        let key = (self.index(kind).unwrap_or(self.tape.kinds.len()), key);
        if let Some((row, used)) = self.open.get_mut(&key)
            && *used < slots
        {
            *used += 1;
            return (*row, *used - 1);
        }
        let row = self.row(kind, || constants);
        self.open.insert(key, (row, 1));
        (row, 0)
    }

    /// `a * b + c` in the extension field.
    pub fn mul_add(&mut self, a: Ext, b: Ext, c: Ext) -> Ext {
        if a == EXT_ZERO || b == EXT_ZERO {
            return c;
        }
        if c == EXT_ZERO && a == EXT_ONE {
            return b;
        }
        if c == EXT_ZERO && b == EXT_ONE {
            return a;
        }
        let (row, k) = self.slot(&Kind::MulAdd, MulAddGate::SLOTS, vec![]);
        self.feed_ext(row, MulAddGate::a(k), a);
        self.feed_ext(row, MulAddGate::b(k), b);
        self.feed_ext(row, MulAddGate::c(k), c);
        self.step(row, Phase::Slot(k as u8), Hint::None);
        Self::wire_ext(row, MulAddGate::out(k))
    }

    /// `a + b` in the extension field.
    pub fn add_ext(&mut self, a: Ext, b: Ext) -> Ext {
        if a == EXT_ZERO { b } else { self.mul_add(a, EXT_ONE, b) }
    }

    /// `c_0 a b + c_1 c + c_2` in the base field.
    pub fn arithmetic(&mut self, coefficients: [F; 3], a: Cell, b: Cell, c: Cell) -> Cell {
        let (row, k) = self.slot(&Kind::Arithmetic, ArithmeticGate::SLOTS, coefficients.to_vec());
        self.feed(row, ArithmeticGate::a(k), a);
        self.feed(row, ArithmeticGate::b(k), b);
        self.feed(row, ArithmeticGate::c(k), c);
        self.step(row, Phase::Slot(k as u8), Hint::None);
        Self::wire(row, ArithmeticGate::out(k))
    }

    /// `a - b` in the base field.
    pub fn sub(&mut self, a: Cell, b: Cell) -> Cell {
        self.arithmetic([-F::ONE, F::ONE, F::ZERO], b, Cell::ONE, a)
    }

    /// Compares cells that differ by less than `8^digits`: (maximum or minimum, 1 where `x >= y`).
    pub fn order(&mut self, digits: usize, max: bool, x: Cell, y: Cell) -> (Cell, Cell) {
        let gate = OrderGate::new(digits);
        let (row, k) = self.slot(&Kind::Order(gate.clone()), gate.slots, vec![F::from_bool(max)]);
        self.feed(row, gate.x(k), x);
        self.feed(row, gate.y(k), y);
        self.step(row, Phase::Slot(k as u8), Hint::None);
        (Self::wire(row, gate.result(k)), Self::wire(row, gate.at_least(k)))
    }

    /// A fresh witness cell that holds element `element` of tensor `node`; the caller constrains it.
    pub fn witness(&mut self, node: usize, element: usize) -> Cell {
        // An operand slot of an arithmetic row serves as the cell: `0 * a * b + 1 * c + 0`.
        let (row, k) = self.slot(&Kind::Arithmetic, ArithmeticGate::SLOTS, vec![F::ZERO, F::ONE, F::ZERO]);
        self.feed(row, ArithmeticGate::a(k), Cell::ZERO);
        self.feed(row, ArithmeticGate::b(k), Cell::ZERO);
        self.feed_value(row, ArithmeticGate::c(k), node, element);
        self.step(row, Phase::Slot(k as u8), Hint::None);
        Self::wire(row, ArithmeticGate::out(k))
    }

    /// The inverse of a nonzero extension element.
    pub fn inverse(&mut self, a: Ext) -> Ext {
        let (row, k) = self.slot(&Kind::MulAdd, MulAddGate::SLOTS, vec![]);
        self.feed_ext(row, MulAddGate::a(k), a);
        self.feed_ext(row, MulAddGate::c(k), EXT_ZERO);
        self.step(row, Phase::Inverse(k as u8), Hint::None);
        let one = Self::wire_ext(row, MulAddGate::out(k));
        self.equate(one[0], Cell::ONE);
        self.equate(one[1], Cell::ZERO);
        Self::wire_ext(row, MulAddGate::b(k))
    }

    /// One Poseidon permutation: of the first 12 wires of its row to the next 12.
    pub fn poseidon(&mut self, state: [Cell; 12]) -> [Cell; 12] {
        let row = self.row(&Kind::Poseidon, Vec::new);
        for (i, cell) in state.into_iter().enumerate() {
            self.feed(row, PoseidonRow::INPUT + i, cell);
        }
        self.feed(row, PoseidonRow::SWAP, Cell::ZERO);
        self.step(row, Phase::Complete, Hint::None);
        std::array::from_fn(|i| Self::wire(row, PoseidonRow::OUTPUT + i))
    }

    /// Closes the segment: fills unused slots and hands out the tape. A caller's circuit gets its rows, and rows for constants.
    pub(crate) fn finish(mut self) -> Assembled {
        let mut open: Vec<(u32, usize)> = self.open.values().copied().collect();
        open.sort_unstable();
        for (row, used) in open {
            self.step(row, Phase::Idle(used as u8), Hint::None);
        }
        let rows = self.filling.as_ref().map_or(0, Filling::rows);
        if let (Some(Wiring::Callers(builder)), Some(gate)) = (self.wiring, &self.tape.gate) {
            for constants in self.tape.constants_by_row(rows) {
                builder.add_gate(gate.clone(), constants);
            }
            debug_assert_eq!(builder.num_gates(), self.tape.first_row + rows);
            reserve_constants(builder, self.constants.len());
        }
        let mut constants: Vec<(u64, Target)> = self.constants.into_iter().collect();
        constants.sort_unstable_by_key(|(value, _)| *value);
        Assembled { tape: self.tape, rows, constants }
    }
}

/// Adds rows that hold `count` distinct constants (and those that plonky2 itself needs to close a circuit), so that
/// `build` does not create a `ConstantGate`, which would be as wide as all weight columns.
pub fn reserve_constants(builder: &mut CircuitBuilder<F, D>, count: usize) {
    /// Constants that `build` may add: zero, one, and padding of the public inputs' hash.
    const OWN: usize = 8;
    for _ in 0..(count + OWN).div_ceil(PoolGate::SLOTS) {
        builder.add_gate(PoolGate, vec![]);
    }
}

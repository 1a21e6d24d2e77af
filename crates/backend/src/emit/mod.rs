//! Emission of field programs: one pass over the nodes, then the arguments.
//!
//! Narrow values get cells as the nodes are visited. Wide values (results of linear operators) get none: the
//! requantisation that consumes one commits to the accumulators' digits, and the linear argument ties the accumulators
//! to the operands once the challenges exist.

mod boundary;
mod classes;
mod data;
mod form;
mod map;
mod nonlinear;
mod unconditional;

pub(crate) use boundary::{digest_domain, encoding_of};
pub use classes::Classes;
use plonky2::iop::target::Target;
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, Field, Graph, Interval, NodeId, Tensor, bounds, eval_op};

use crate::argument::linear::Forms;
use crate::argument::lookup::{self, TableUse};
use crate::argument::suffix::Run;
use crate::argument::transcript;
use crate::assembler::{Assembled, Assembler, Cell, EXT_ZERO, Sink, Wiring};
use crate::config::{D, F, to_field};
use crate::error::BackendError;
use crate::gate::{PoolGate, RequantGate};
use crate::key::ArgumentTerms;
use crate::tracks::Tracks;
use crate::witness::{Hint, Phase, Tape};
use plonky2::gates::gate::Gate as _;
use unconditional::{digits, unconditional};

/// A part of a field program, closed under its boundary: every operand of a node is a node of the segment, a boundary
/// input or a constant.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Narrow tensors that come from outside, range checked and committed at the boundary.
    pub inputs: Vec<NodeId>,
    /// Inputs that are the weights of a model: range checked, and committed to together.
    pub weights: Vec<NodeId>,
    /// Nodes to emit, in topological order.
    pub nodes: Vec<NodeId>,
    /// Narrow tensors handed out.
    pub outputs: Vec<NodeId>,
}

impl Segment {
    /// The whole program as one segment.
    pub fn whole(graph: &Graph<Field>) -> Self {
        Self::with_weights(graph, 0)
    }

    /// The whole program as one segment; its last `weights` inputs are the weights.
    pub fn with_weights(graph: &Graph<Field>, weights: usize) -> Self {
        let (inputs, weights) = graph.inputs().split_at(graph.inputs().len().saturating_sub(weights));
        Self {
            inputs: inputs.to_vec(),
            weights: weights.to_vec(),
            nodes: graph.ids().filter(|id| !graph.inputs().contains(id)).collect(),
            outputs: graph.outputs().iter().map(|o| o.node).collect(),
        }
    }
}

/// How a boundary tensor appears outside the segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its digest is handed out, for a public input.
    Public,
    /// A salted commitment to it is handed out, for a public input.
    Committed,
    /// Nothing is handed out.
    #[default]
    Private,
}

impl Visibility {
    /// All visibilities.
    pub const ALL: [Visibility; 3] = [Visibility::Public, Visibility::Committed, Visibility::Private];

    /// Name on the command line and in digests.
    pub fn name(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Committed => "committed",
            Visibility::Private => "private",
        }
    }

    /// The visibility called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.name() == name)
    }
}

/// What emission gives the caller.
#[derive(Debug)]
pub struct Emission {
    /// Targets of the boundary outputs, row-major.
    pub outputs: Vec<Vec<Target>>,
    /// Digests of the public and commitments to the committed boundary tensors, inputs before outputs; then the
    /// commitment to the weights.
    pub digests: Vec<[Target; 4]>,
    /// Salts of the commitments in the same order. The tape reads them after the inputs.
    pub salts: Vec<[Target; 4]>,
    /// Assigns the rows.
    pub tape: Tape,
    /// Rows of the circuit that hold the emitted ones.
    pub(crate) rows: usize,
    /// Distinct constants that cells are wired to, ascending.
    pub(crate) constants: Vec<(u64, Target)>,
    /// Cells of [`Emission::outputs`].
    pub(crate) output_cells: Vec<Vec<Cell>>,
    /// The public inputs of a circuit of ours, and their hash.
    pub(crate) public: (Vec<Cell>, [Cell; 4]),
    /// Targets of that hash.
    pub(crate) public_hash: [Target; 4],
    /// Number of field elements that the transcript absorbed.
    pub absorbed: usize,
    /// Accumulators checked by the linear argument.
    pub accumulators: usize,
    /// Gate types in use, and how often each number of digits was needed.
    pub(crate) classes: Classes,
    /// Terms of the linear and the lookup argument.
    pub(crate) terms: ArgumentTerms,
}

/// Requantisation rows whose accumulators a linear relation defines.
struct Group {
    map: NodeId,
    gate: RequantGate,
    rows: Vec<u32>,
    len: usize,
    /// Accumulator of unused slots.
    idle: i64,
    label: u32,
}

/// What is emitted, however it is laid out.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) graph: &'a Graph<Field>,
    pub(crate) segment: &'a Segment,
    /// What holds of each value if all arguments hold.
    pub(crate) bounds: &'a [Interval],
    /// Separates the program's transcript from others.
    pub(crate) program: [u64; 4],
    /// Of boundary inputs, then of outputs.
    pub(crate) visibility: &'a [Visibility],
    /// Whether the circuit consists of the emitted rows, some of which then hash its public inputs.
    pub(crate) whole: bool,
}

struct Emitter<'a, 'b> {
    graph: &'a Graph<Field>,
    asm: Assembler<'b>,
    /// What holds of a value if all arguments hold.
    bounds: &'a [Interval],
    /// What holds of a narrow value by constraints without challenges, whatever a prover commits to.
    unconditional: Vec<Interval>,
    cells: Vec<Option<Vec<Cell>>>,
    constants: Vec<Option<Tensor<i64>>>,
    groups: Vec<Group>,
    tables: Vec<TableUse>,
    absorbed: Vec<Cell>,
    /// Digests of boundary tensors so far.
    digests: Vec<[Cell; 4]>,
    /// The commitment to the weights.
    model: Option<[Cell; 4]>,
    /// External cell of the next tensor's salt.
    next_salt: u32,
    classes: Classes,
}

/// Emits `segment` of `graph` into `builder`.
///
/// `inputs` are the targets of the boundary inputs and then of the weights, row-major. `program` is the digest that separates this program's
/// transcript from others. `visibility` covers boundary inputs, then outputs. The builder's configuration must have at
/// least the columns of [`crate::Profile::circuit_config`] for `weights_per_row`.
///
/// # Errors
/// [`BackendError::Settings`] for a builder with fewer columns, and for tensors that do not fit the segment;
/// [`BackendError::Unsupported`] with the node that has no circuit.
pub fn emit(
    builder: &mut CircuitBuilder<F, D>,
    graph: &Graph<Field>,
    segment: &Segment,
    inputs: &[Vec<Target>],
    program: [u64; 4],
    visibility: &[Visibility],
    weights_per_row: usize,
) -> Result<Emission, BackendError> {
    let job = Job { graph, segment, bounds: &bounds(graph)?, program, visibility, whole: false };
    let tape = job.emit(Sink::Count, inputs, weights_per_row, Classes::default())?.tape;
    let tracks = Tracks::two(&tape.counted());
    let (gate, config) = (tracks.gate(), &builder.config);
    let least = [gate.num_wires(), gate.routed(), gate.num_constants().max(PoolGate::SLOTS)];
    let given = [config.num_wires, config.num_routed_wires, config.num_constants];
    if least.iter().zip(given).any(|(least, given)| *least > given) {
        return Err(BackendError::Settings(format!(
            "expected a builder with at least {} wires, {} of them routed, and {} constants, got {}, {} and {}; take \
             Profile::circuit_config({weights_per_row})",
            least[0], least[1], least[2], given[0], given[1], given[2]
        )));
    }
    job.emit(Sink::Circuit(Wiring::Callers(builder), tracks), inputs, weights_per_row, Classes::default())
}

impl Job<'_> {
    /// [`emit`] into any sink, with a choice of kinds.
    pub(crate) fn emit(
        &self,
        mut sink: Sink,
        inputs: &[Vec<Target>],
        weights_per_row: usize,
        classes: Classes,
    ) -> Result<Emission, BackendError> {
        let Job { graph, segment, bounds, visibility, .. } = *self;
        let expected = segment.inputs.len() + segment.weights.len();
        if inputs.len() != expected || visibility.len() != segment.inputs.len() + segment.outputs.len() {
            return Err(BackendError::Settings(format!(
                "expected {expected} input tensors and {} visibilities, got {} and {}",
                segment.inputs.len() + segment.outputs.len(),
                inputs.len(),
                visibility.len()
            )));
        }
        let size = graph.ids().map(|id| id.index() + 1).max().unwrap_or(0);
        let salts = boundary::salts(&mut sink, segment, visibility);
        let next_salt = inputs.iter().map(Vec::len).sum::<usize>() as u32;
        let externals = inputs.iter().flatten().chain(salts.iter().flatten()).copied().collect();
        let asm = Assembler::new(sink, externals);
        let mut emitter = Emitter {
            graph,
            asm,
            unconditional: unconditional(graph, bounds, &classes),
            bounds,
            cells: vec![None; size],
            constants: vec![None; size],
            groups: Vec::new(),
            tables: Vec::new(),
            absorbed: Vec::new(),
            digests: Vec::new(),
            model: None,
            next_salt,
            classes,
        };
        emitter.inputs(segment, inputs, visibility)?;
        for id in &segment.nodes {
            emitter.asm.set_label(&graph.node(*id).name);
            emitter.node(*id)?;
        }
        let outputs = emitter.outputs(segment, visibility)?;
        Ok(Emission { salts, ..emitter.close(self, weights_per_row, outputs)? })
    }
}

impl Emitter<'_, '_> {
    fn unsupported(&self, id: NodeId, reason: impl Into<String>) -> BackendError {
        let node = self.graph.node(id);
        BackendError::Unsupported { node: node.name.clone(), op: node.op.name(), reason: reason.into() }
    }

    /// Octal digits that hold every difference of an element of `a` and one of `b`.
    fn order_digits(&self, at: NodeId, a: NodeId, b: NodeId) -> Result<usize, BackendError> {
        let (a, b) = (&self.bounds[a.index()], &self.bounds[b.index()]);
        let widest = (&a.hi - &b.lo).max(&b.hi - &a.lo);
        self.digits_for(at, widest)
    }

    /// Maximum or minimum of cells that differ by less than `8^digits`, and 1 where `x >= y`.
    fn order(&mut self, digits: usize, max: bool, x: Cell, y: Cell) -> (Cell, Cell) {
        let class = self.classes.order(digits);
        self.asm.order(class, max, x, y)
    }

    /// Constrains `x >= y` for cells that differ by less than `8^digits`; the difference may be larger where one gate
    /// serves several numbers of digits.
    fn at_least(&mut self, digits: usize, x: Cell, y: Cell) {
        let (_, at_least) = self.order(digits, true, x, y);
        self.asm.equate(at_least, Cell::ONE);
    }

    /// Octal digits of a value up to `widest`.
    fn digits_for(&self, at: NodeId, widest: num_bigint::BigInt) -> Result<usize, BackendError> {
        let digits = digits(&widest);
        if digits > 20 {
            return Err(self.unsupported(at, "operands differ by more than 60 bits; round them first"));
        }
        Ok(digits)
    }

    /// Value of a node that depends on constants only.
    fn constant(&mut self, id: NodeId) -> Result<Option<Tensor<i64>>, BackendError> {
        if let Some(value) = &self.constants[id.index()] {
            return Ok(Some(value.clone()));
        }
        let node = self.graph.node(id);
        let value = match &node.op {
            CoreOp::Const(value, _) => value.clone(),
            CoreOp::View(_) => {
                let mut operands = Vec::with_capacity(node.inputs.len());
                for input in &node.inputs {
                    match self.constant(*input)? {
                        Some(value) => operands.push(value),
                        None => return Ok(None),
                    }
                }
                eval_op(&node.name, &node.op, &operands.iter().collect::<Vec<_>>())?
            }
            _ => return Ok(None),
        };
        self.constants[id.index()] = Some(value.clone());
        Ok(Some(value))
    }

    /// Whether a node depends on constants only.
    fn is_constant(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        match &node.op {
            CoreOp::Const(..) => true,
            CoreOp::View(_) => node.inputs.iter().all(|i| self.is_constant(*i)),
            _ => false,
        }
    }

    /// Cells of a narrow value, row-major.
    fn narrow(&mut self, id: NodeId) -> Result<Vec<Cell>, BackendError> {
        if let Some(cells) = &self.cells[id.index()] {
            return Ok(cells.clone());
        }
        match self.constant(id)? {
            Some(value) => Ok(value.iter().map(|v| Cell::constant(to_field(v))).collect()),
            None => Err(self.unsupported(id, "has no cells here: a wide value, or one outside the segment")),
        }
    }

    fn node(&mut self, id: NodeId) -> Result<(), BackendError> {
        let graph = self.graph;
        let node = graph.node(id);
        if node.op.is_wide() || self.is_constant(id) {
            return Ok(());
        }
        let cells = match &node.op {
            CoreOp::Input(_) => return Err(self.unsupported(id, "an input must be a boundary input of the segment")),
            CoreOp::View(view) => self.view(view, &node.inputs)?,
            CoreOp::Map(map) => self.map(id, map, node.inputs[0])?,
            CoreOp::Div(quotient) => self.div(id, *quotient, node.inputs[0], node.inputs[1])?,
            CoreOp::Extremum(extremum) => self.extremum(id, *extremum, node.inputs[0], node.inputs[1])?,
            CoreOp::Compare(compare) => self.compare(id, *compare, node.inputs[0], node.inputs[1])?,
            CoreOp::Select => self.select(&node.inputs)?,
            CoreOp::Reduce(reduce) => self.reduce(id, reduce, node.inputs[0])?,
            CoreOp::OneHot(one_hot) => self.one_hot(id, *one_hot, node.inputs[0])?,
            CoreOp::Arg(arg) => self.arg(id, *arg, node.inputs[0])?,
            CoreOp::Const(..) | CoreOp::Contract(_) | CoreOp::Conv(_) | CoreOp::Sum(_) => return Ok(()),
        };
        self.cells[id.index()] = Some(cells);
        Ok(())
    }

    fn view(&mut self, view: &View, inputs: &[NodeId]) -> Result<Vec<Cell>, BackendError> {
        let operands = inputs.iter().map(|i| self.narrow(*i)).collect::<Result<Vec<_>, _>>()?;
        let shapes: Vec<&[usize]> = inputs.iter().map(|i| self.graph.shape(*i)).collect();
        let pick = |source| match source {
            plonnx_ir::op::Source::Element { operand, index } => {
                let cells: &Vec<Cell> = &operands[operand];
                cells[index]
            }
            plonnx_ir::op::Source::Zero => Cell::ZERO,
        };
        Ok(view.sources(&shapes).into_iter().map(pick).collect())
    }

    /// Draws the challenges, checks linear relations and lookups, and closes the tape.
    fn close(mut self, job: &Job, weights_per_row: usize, outputs: Vec<Vec<Cell>>) -> Result<Emission, BackendError> {
        let uses = std::mem::take(&mut self.tables);
        let mut tables = Vec::new();
        for (index, usage) in uses.iter().enumerate() {
            self.asm.set_label(&format!("table {}", usage.table.name));
            let (gate, rows, packed) = lookup::emit_table(&mut self.asm, &mut self.classes, index, usage);
            self.absorbed.extend(packed);
            tables.push((gate, rows));
        }
        self.asm.set_label("transcript");
        let absorbed = std::mem::take(&mut self.absorbed);
        let challenges = transcript::challenges(&mut self.asm, job.program, &absorbed);
        let groups = std::mem::take(&mut self.groups);
        let runs = groups.iter().map(|g| Run { gate: g.gate.clone(), rows: g.rows.clone() }).collect();
        let mut forms = Forms::new(challenges.r, weights_per_row, runs);
        let r3 = forms.power(&mut self.asm, 3);
        for group in &groups {
            let mut sum = EXT_ZERO;
            for row in group.rows.iter().rev() {
                self.asm.feed_ext(*row, group.gate.r(), challenges.r);
                self.asm.feed_ext(*row, group.gate.r3(), r3);
                self.asm.feed_ext(*row, group.gate.result_in(), sum);
                self.asm.step(*row, Phase::Results, Hint::None);
                sum = Assembler::wire_ext(*row, group.gate.result_out());
            }
        }
        let accumulators = groups.iter().map(|g| g.len).sum();
        let mut sum = EXT_ZERO;
        for group in groups.iter().rev() {
            self.asm.restore_label(group.label);
            for row in group.rows.iter().rev() {
                self.asm.feed_ext(*row, group.gate.sum_in(), sum);
                self.asm.step(*row, Phase::Complete, Hint::None);
                sum = Assembler::wire_ext(*row, group.gate.sum_out());
            }
            let claim = self.claim(group, &mut forms)?;
            let minus = [Cell::constant(-<F as plonky2::field::types::Field>::ONE), Cell::ZERO];
            sum = self.asm.mul_add(minus, claim, sum);
        }
        self.asm.equate(sum[0], Cell::ZERO);
        self.asm.equate(sum[1], Cell::ZERO);
        self.asm.set_label("lookup sums");
        lookup::close(&mut self.asm, &challenges, &uses, &tables);
        let digests: Vec<[Cell; 4]> = self.digests.into_iter().chain(self.model).collect();
        let public: Vec<Cell> = if job.whole { digests.as_flattened().to_vec() } else { Vec::new() };
        self.asm.set_label("public inputs");
        let public_hash = transcript::public_hash(&mut self.asm, &public);
        let mut expose = |cell: &Cell| self.asm.expose(*cell);
        let targets = outputs.iter().map(|cells| cells.iter().map(&mut expose).collect()).collect();
        let digests = digests.iter().map(|d| d.each_ref().map(&mut expose)).collect();
        let hash_targets = public_hash.each_ref().map(&mut expose);
        let terms = ArgumentTerms {
            accumulator_slots: groups.iter().map(|g| (g.rows.len() * g.gate.slots) as u64).sum(),
            lookups: uses.iter().map(|u| (u.rows.len() * u.gate.slots) as u64).sum(),
            table_entries: tables.iter().map(|(gate, rows)| (rows.len() * gate.slots) as u64).sum(),
        };
        let Assembled { mut tape, rows, constants } = self.asm.finish();
        tape.tables = uses.iter().map(|u| (u.table.window.lo, u.table.values.len())).collect();
        Ok(Emission {
            outputs: targets,
            digests,
            salts: Vec::new(),
            tape,
            rows,
            constants,
            output_cells: outputs,
            public_hash: hash_targets,
            public: (public, public_hash),
            absorbed: absorbed.len(),
            accumulators,
            terms,
            classes: self.classes,
        })
    }
}

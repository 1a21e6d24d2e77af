//! A compiled circuit: built once, proves many times.

mod rows;

use std::collections::HashSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use plonky2::field::types::Field as _;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::iop::target::Target;
use plonky2::iop::wire::Wire;
use plonky2::plonk::circuit_data::{CircuitConfig, CommonCircuitData};
use plonky2::plonk::config::Hasher;
use plonnx_ir::{Field, Graph, Tensor, bounds, eval_all};

use crate::assembler::Cell;
use crate::blinding::{Blinding, blinded};
use crate::check::{Checker, Violation};
use crate::closing::{Closed, Sections, close};
use crate::commitment::{Commitment, Salt};
use crate::config::{D, F, Profile, Shape, from_field};
use crate::copies::Permutation;
use crate::effort::Preference;
use crate::emit::Visibility;
use crate::error::BackendError;
use crate::gate::{RowGate, Track};
use crate::key::{Proof, VerifyingKey};
use crate::layout::{Built, Choice, Draft};
use crate::plan::Plan;
use crate::prover::{Clock, ProvingKey};
use crate::statement::Port;
use crate::stats::Stats;
use crate::weights::{Split, Weights, split};
use crate::witness::{Assignment, Tamper, Tape};
use rows::Standing;

/// What the user chooses of a circuit.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    pub profile: Profile,
    /// One per input of the program.
    pub inputs: Vec<Visibility>,
    /// One per output of the program.
    pub outputs: Vec<Visibility>,
    /// Whether the weights are constants of the circuit or committed witness cells.
    pub weights: Weights,
    /// Whether proofs are blinded; docs/zero-knowledge.md says what that hides.
    pub zero_knowledge: bool,
    /// What the layout is chosen for.
    pub prefer: Preference,
}

impl Settings {
    /// plonky2's configuration for a circuit of this shape.
    pub(crate) fn config_of(&self, shape: Shape) -> CircuitConfig {
        let config = self.profile.config_of(shape);
        if self.zero_knowledge { blinded(config) } else { config }
    }
}

/// A field program with its circuit.
#[derive(Debug)]
pub struct Circuit {
    program: Graph<Field>,
    /// What the last inputs of the program are, when weights are committed.
    split: Option<Split>,
    settings: Settings,
    proving: ProvingKey,
    tape: Tape,
    sections: Sections,
    standing: Standing,
    /// Distinct constants that cells are wired to, as they stand in the rows for them.
    constants: Vec<F>,
    /// The public inputs and their hash.
    public: (Vec<Cell>, [Cell; 4]),
    outputs: Vec<Vec<Cell>>,
    permutation: Permutation,
    blinding: Option<Blinding>,
    key: VerifyingKey,
    stats: Stats,
    plan: Plan,
    checker: OnceLock<Checker>,
}

/// A full assignment of a circuit's wires.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Wires of the emitted rows, which determine all others.
    assignment: Assignment,
    /// Elements of the inputs, then the salts.
    externals: Vec<F>,
    /// Rows in which wires are not copies of what they were assigned from: none unless somebody tampered.
    conflicts: Vec<Violation>,
    /// Tensors of the integer evaluation by node index.
    tensors: Vec<Tensor<i64>>,
    salts: Salts,
}

/// Salts of the commitments in a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salts {
    /// One per boundary tensor, inputs before outputs; those of committed tensors are used.
    pub tensors: Vec<Option<Salt>>,
    /// For the commitment to the weights, if they are committed.
    pub weights: Option<Salt>,
}

impl Witness {
    /// Integers of a boundary tensor.
    pub fn port(&self, port: &Port) -> &Tensor<i64> {
        &self.tensors[port.node]
    }

    /// Salts with which the commitments of the statement open.
    pub fn salts(&self) -> &Salts {
        &self.salts
    }

    /// Value of a node of the program in the integer evaluation.
    pub fn tensor(&self, node: plonnx_ir::NodeId) -> &Tensor<i64> {
        &self.tensors[node.index()]
    }
}

impl Circuit {
    /// Emits and builds the circuit of a verified program. Deterministic.
    pub fn compile(program: Graph<Field>, settings: Settings) -> Result<Self, BackendError> {
        Self::compile_if(program, settings, None, |_| Ok(()))
    }

    /// [`Circuit::compile`] that goes on only if `accept` agrees to the plan, before anything large is allocated. With the
    /// `choice` of an earlier plan no other layouts are tried.
    pub fn compile_if<E: From<BackendError>>(
        program: Graph<Field>,
        settings: Settings,
        choice: Option<&Choice>,
        accept: impl FnOnce(&Plan) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (program, split) = Self::prepare(program, &settings)?;
        let started = Instant::now();
        let bounds = bounds(&program).map_err(BackendError::from)?;
        let draft = Draft::new(&program, split.as_ref(), &bounds, &settings);
        let (layout, plan) = choice.map_or_else(|| draft.layout(), |choice| draft.chosen(choice))?;
        accept(&plan)?;
        let built = draft.build(&layout)?;
        let ports = Port::of_program(&program, &bounds, &settings)?;
        drop(draft);
        Ok(Self::close(program, split, settings, ports, built, plan, started)?)
    }

    /// Sizes of the circuit that [`Circuit::compile`] would build.
    pub fn plan_for(program: Graph<Field>, settings: Settings) -> Result<Plan, BackendError> {
        let (program, split) = Self::prepare(program, &settings)?;
        Ok(Draft::new(&program, split.as_ref(), &bounds(&program)?, &settings).layout()?.1)
    }

    /// The program to emit, and how its weights were split off if they are committed.
    fn prepare(program: Graph<Field>, settings: &Settings) -> Result<(Graph<Field>, Option<Split>), BackendError> {
        plonnx_ir::verify(&program).map_err(|mut errors| BackendError::Program(errors.swap_remove(0)))?;
        if settings.inputs.len() != program.inputs().len() || settings.outputs.len() != program.outputs().len() {
            return Err(BackendError::Settings(format!(
                "expected {} input and {} output visibilities, got {} and {}",
                program.inputs().len(),
                program.outputs().len(),
                settings.inputs.len(),
                settings.outputs.len()
            )));
        }
        let split = match settings.weights {
            Weights::Public => None,
            Weights::Committed => Some(split(&program)?),
        };
        let program = split.as_ref().map_or(program, |s| s.program.clone());
        Ok((program, split))
    }

    /// The circuit of an emitted program.
    fn close(
        program: Graph<Field>,
        split: Option<Split>,
        settings: Settings,
        ports: Vec<Port>,
        built: Built,
        plan: Plan,
        started: Instant,
    ) -> Result<Self, BackendError> {
        let emitted = started.elapsed();
        let Built { emission, copies, sections, config, separator } = built;
        let closed = close(&emission, copies, sections, config, &separator);
        let Closed { data, proving, permutation, sections, blinding } = closed;
        let key = VerifyingKey::new(data, settings.profile, settings.weights, ports, emission.terms)?;
        let stats = Stats::new(&program, &emission, key.common(), &plan, emitted, started.elapsed());
        Ok(Self {
            program,
            split,
            settings,
            proving,
            standing: Standing::new(&emission.tape),
            tape: emission.tape,
            sections,
            constants: emission.constants.iter().map(|(value, _)| F::from_canonical_u64(*value)).collect(),
            public: emission.public,
            outputs: emission.output_cells,
            permutation,
            blinding,
            key,
            stats,
            plan,
            checker: OnceLock::new(),
        })
    }

    /// The program.
    pub fn program(&self) -> &Graph<Field> {
        &self.program
    }

    /// The program without its weights and the weights, when they are committed.
    pub fn split(&self) -> Option<&Split> {
        self.split.as_ref()
    }

    /// `inputs`, followed by the weights if they are committed.
    fn all_inputs(&self, inputs: &[Tensor<i64>]) -> Vec<Tensor<i64>> {
        let weights = self.split.iter().flat_map(|s| &s.weights);
        inputs.iter().chain(weights).cloned().collect()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What verifiers need.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Sizes and costs.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Wires of a row.
    fn wires(&self) -> usize {
        self.common_data().config.num_wires
    }

    /// What was known before the circuit was built.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// plonky2's description of the circuit.
    pub fn common_data(&self) -> &CommonCircuitData<F, D> {
        self.key.common()
    }

    /// The tape, for tests that act as a malicious prover.
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// Evaluates the program on `inputs` and assigns every wire.
    pub fn witness(&self, inputs: &[Tensor<i64>]) -> Result<Witness, BackendError> {
        self.witness_salted(inputs, &Salts::default())
    }

    /// [`Circuit::witness`] with salts of the caller's choice; missing ones are random.
    pub fn witness_salted(&self, inputs: &[Tensor<i64>], salts: &Salts) -> Result<Witness, BackendError> {
        let tensors = eval_all(&self.program, &self.all_inputs(inputs))?;
        Ok(self.assign_salted(tensors, inputs, salts, None))
    }

    /// [`Circuit::witness`] by a prover that alters rows as they are assigned.
    pub fn witness_tampered(&self, inputs: &[Tensor<i64>], tamper: Tamper) -> Result<Witness, BackendError> {
        let tensors = eval_all(&self.program, &self.all_inputs(inputs))?;
        Ok(self.assign(tensors, inputs, tamper))
    }

    /// Assigns the wires from tensors that need not be the program's evaluation.
    pub fn assign(&self, tensors: Vec<Tensor<i64>>, inputs: &[Tensor<i64>], tamper: Tamper) -> Witness {
        self.assign_salted(tensors, inputs, &Salts::default(), Some(tamper))
    }

    /// A salt for every commitment: those given, and random ones.
    fn salts(&self, given: &Salts) -> Salts {
        let salt = |(i, port): (usize, &Port)| {
            let given = given.tensors.get(i).copied().flatten();
            (port.visibility == Visibility::Committed).then(|| given.unwrap_or_else(Salt::random))
        };
        Salts {
            tensors: self.key.ports().iter().enumerate().map(salt).collect(),
            weights: self.split.as_ref().map(|_| given.weights.unwrap_or_else(Salt::random)),
        }
    }

    fn assign_salted(
        &self,
        tensors: Vec<Tensor<i64>>,
        inputs: &[Tensor<i64>],
        salts: &Salts,
        tamper: Option<Tamper>,
    ) -> Witness {
        let salts = self.salts(salts);
        let inputs = self.all_inputs(inputs);
        let mut externals: Vec<F> = inputs.iter().flat_map(Tensor::iter).map(crate::config::to_field).collect();
        externals.extend(salts.tensors.iter().flatten().chain(&salts.weights).flat_map(Salt::elements));
        let assignment = match tamper {
            Some(tamper) => self.tape.assign_tampered(&tensors, &externals, tamper),
            None => self.tape.assign(&tensors, &externals),
        };
        let conflicts = self.conflicts(&assignment, &externals);
        Witness { assignment, externals, conflicts, tensors, salts }
    }

    /// Tracks of a row.
    fn tracks(&self) -> &[Track] {
        self.tape.gate.as_ref().map_or(&[], RowGate::tracks)
    }

    fn checker(&self) -> &Checker {
        self.checker.get_or_init(|| Checker::new(self.common_data(), &self.proving))
    }

    /// Names of what constraint `index` of a row of the circuit belongs to, and of the kind of row that states it.
    fn describe(&self, row: usize, index: usize) -> (String, String) {
        let gate = self.checker().gate(self.common_data(), row);
        let Some(rows) = gate.and_then(|g| g.0.as_any().downcast_ref::<RowGate>()) else {
            return ("closing rows".into(), gate.map_or_else(|| "none".into(), |g| g.0.id()));
        };
        let track = rows.track_of(index);
        match self.standing.get(row, track) {
            Some(index) => (self.tape.label(index).into(), self.tape.kind(index).name()),
            None => ("nothing".into(), format!("track {track}")),
        }
    }

    /// Identifier of the gate and constants of a row of the circuit, read back from the columns that the key commits to.
    pub fn committed_row(&self, row: usize) -> (String, &[F]) {
        let gate = self.checker().gate(self.common_data(), row).map_or_else(|| "none".into(), |g| g.0.id());
        (gate, self.checker().constants(row))
    }

    /// All constraints of the key that the witness violates, copy constraints first.
    pub fn check(&self, witness: &Witness) -> Vec<Violation> {
        let public_inputs = self.public_inputs(witness);
        let columns = self.columns(witness);
        let wires = |row: usize| columns.iter().map(|column| column[row]).collect();
        let mut violations = self.broken_copies(&columns);
        let describe = |row, index| self.describe(row, index);
        violations.extend(self.checker().all(self.common_data(), &public_inputs, wires, describe));
        violations
    }

    /// Values that the circuit's cells give output `index`, as integers nearest to zero.
    pub fn output_cells(&self, witness: &Witness, index: usize) -> Vec<i64> {
        self.outputs[index].iter().map(|cell| from_field(self.value(witness, *cell)) as i64).collect()
    }

    /// Whether some constraint notices that `delta` is added to a wire of a row of the tape, and to all its copies.
    pub fn notices(&self, witness: &Witness, row: usize, column: usize, delta: F) -> bool {
        let wire = |row, column| match self.tape.target(row, column) {
            Target::Wire(Wire { row, column }) => Some((row, column)),
            Target::VirtualTarget { .. } => None,
        };
        let Some((row, column)) = wire(row, column) else { return false };
        let altered: HashSet<(usize, usize)> = match column < self.common_data().config.num_routed_wires {
            true => self.permutation.class(row, column).collect(),
            false => HashSet::from([(row, column)]),
        };
        let cell = |cell: &Cell| {
            let value = self.value(witness, *cell);
            let at = match cell {
                Cell::Wire { row, column } => wire(*row as usize, *column as usize),
                Cell::Constant(_) | Cell::External(_) => None,
            };
            if at.is_some_and(|at| altered.contains(&at)) { value + delta } else { value }
        };
        let public_inputs: Vec<F> = self.public.0.iter().map(cell).collect();
        let hash = <PoseidonHash as Hasher<F>>::hash_no_pad(&public_inputs);
        let rows: HashSet<usize> = altered.iter().map(|(row, _)| *row).collect();
        rows.into_iter().any(|row| {
            let mut wires = self.row(witness, row);
            altered.iter().filter(|at| at.0 == row).for_each(|at| wires[at.1] += delta);
            !self.checker().row(self.common_data(), &hash, row, &wires).is_empty()
        })
    }

    fn value(&self, witness: &Witness, cell: Cell) -> F {
        self.tape.value(cell, &witness.assignment.cells, &witness.externals)
    }

    /// Proves the statement that the witness makes true. A witness that breaks copy constraints is refused.
    pub fn prove(&self, witness: &Witness) -> Result<Proof, BackendError> {
        self.prove_timed(witness, &mut Clock::start())
    }

    /// [`Circuit::prove`] that tells how long each part took.
    pub fn prove_timed(&self, witness: &Witness, clock: &mut Clock) -> Result<Proof, BackendError> {
        if !witness.conflicts.is_empty() {
            return Err(BackendError::Unsatisfied(witness.conflicts.clone()));
        }
        let public_inputs = self.public_inputs(witness);
        let proof = self.proving.prove(self.common_data(), self.columns(witness), public_inputs, clock);
        let proof = proof.ok_or_else(|| BackendError::Prove("a challenge hit a value without an answer".into()))?;
        let values = |port: &Port| witness.tensors[port.node].to_vec();
        let public = self.key.ports().iter();
        let public = public.map(|port| (port.visibility == Visibility::Public).then(|| values(port)));
        let (commitments, model) = (self.commitments(witness)?, self.model_commitment(witness)?);
        Ok(Proof { public: public.collect(), commitments, model, proof: proof.to_bytes() })
    }

    /// Values of the public inputs.
    fn public_inputs(&self, witness: &Witness) -> Vec<F> {
        self.public.0.iter().map(|cell| self.value(witness, *cell)).collect()
    }

    /// The commitments that the statement of `witness` has, by port.
    fn commitments(&self, witness: &Witness) -> Result<Vec<Option<Commitment>>, BackendError> {
        let commitment = |(port, salt): (&Port, &Option<Salt>)| match salt {
            Some(salt) => port.commit(&witness.tensors[port.node].to_vec(), salt).map(Some),
            None => Ok(None),
        };
        let ports = self.key.ports().iter().zip(&witness.salts.tensors);
        ports.map(commitment).collect::<Result<_, _>>().map_err(BackendError::Prove)
    }

    /// The commitment to the weights that the statement of `witness` has.
    fn model_commitment(&self, witness: &Witness) -> Result<Option<Commitment>, BackendError> {
        let commitment = |(split, salt): (&Split, &Salt)| split.commitment(salt).map_err(BackendError::Prove);
        self.split.as_ref().zip(witness.salts.weights.as_ref()).map(commitment).transpose()
    }

    /// Time spent emitting and in total when compiling.
    pub fn compile_times(&self) -> (Duration, Duration) {
        (self.stats.emit_time, self.stats.compile_time)
    }
}

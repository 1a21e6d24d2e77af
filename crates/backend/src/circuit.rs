//! A compiled circuit: built once, proves many times.

mod placement;

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use plonky2::hash::poseidon::PoseidonHash;
use plonky2::iop::target::Target;
use plonky2::iop::wire::Wire;
use plonky2::iop::witness::{PartitionWitness, WitnessWrite};
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData, CommonCircuitData};
use plonky2::plonk::config::Hasher;
use plonnx_ir::{Field, Graph, Tensor, bounds, eval_all};

use crate::blinding::{Blinding, blinded};
use crate::check::{Checker, Violation};
use crate::commitment::{Commitment, Salt};
use crate::config::{Blake3Config, D, F, Profile, Shape, from_field};
use crate::effort::Preference;
use crate::emit::Visibility;
use crate::error::BackendError;
use crate::gate::RowGate;
use crate::key::{Proof, VerifyingKey};
use crate::layout::{Built, Draft};
use crate::plan::Plan;
use crate::prover::{Clock, Further, ProvingKey};
use crate::statement::Port;
use crate::stats::Stats;
use crate::weights::{Split, Weights, split};
use crate::witness::{Tamper, Tape};

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
    data: CircuitData<F, Blake3Config, D>,
    proving: ProvingKey,
    tape: Tape,
    inputs: Vec<Vec<Target>>,
    salts: Vec<[Target; 4]>,
    outputs: Vec<Vec<Target>>,
    blinding: Option<Blinding>,
    key: VerifyingKey,
    stats: Stats,
    plan: Plan,
    checker: OnceLock<Checker>,
    standing: OnceLock<HashMap<(u32, u16), u32>>,
    /// Rows that hold a wire of each copy class.
    classes: OnceLock<Vec<Vec<u32>>>,
}

/// A full assignment of a circuit's wires.
#[derive(Clone, Debug)]
pub struct Witness {
    /// By representative of a copy class; see plonky2's `PartitionWitness`. Zero where nothing gives a value.
    values: Vec<F>,
    /// Copy constraints that the assignment breaks.
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
        Self::compile_if(program, settings, |_| Ok(()))
    }

    /// [`Circuit::compile`] that goes on only if `accept` agrees to the plan, before anything large is allocated.
    pub fn compile_if<E: From<BackendError>>(
        program: Graph<Field>,
        settings: Settings,
        accept: impl FnOnce(&Plan) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (program, split) = Self::prepare(program, &settings)?;
        let started = Instant::now();
        let bounds = bounds(&program).map_err(BackendError::from)?;
        let draft = Draft::new(&program, split.as_ref(), &bounds, &settings);
        let (layout, plan) = draft.layout()?;
        accept(&plan)?;
        let built = draft.build(&layout)?;
        let ports = Port::of_program(&program, &bounds, &settings)?;
        Ok(Self::close(program.clone(), split.clone(), settings.clone(), ports, built, plan, started)?)
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
        let emission = built.emission;
        let mut data = built.builder.build::<Blake3Config>();
        let kept = data.common.num_constants - data.common.selectors_info.num_selectors();
        let further = Further {
            columns: emission.tape.further_constants(kept, data.common.degree()),
            constants: built.constants,
            separator: built.separator,
        };
        let proving = ProvingKey::take(&mut data, Some(further));
        if built.blinding.is_some() {
            Blinding::mark(&mut data.common);
        }
        let key = VerifyingKey::new(&data, settings.profile, settings.weights, ports, emission.terms)?;
        let stats = Stats::new(&program, &emission, &data.common, &plan, emitted, started.elapsed());
        Ok(Self {
            program,
            split,
            settings,
            proving,
            data,
            tape: emission.tape,
            inputs: built.inputs,
            salts: emission.salts,
            outputs: emission.outputs,
            blinding: built.blinding,
            key,
            stats,
            plan,
            checker: OnceLock::new(),
            standing: OnceLock::new(),
            classes: OnceLock::new(),
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
        self.data.common.config.num_wires
    }

    /// What was known before the circuit was built.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// plonky2's description of the circuit.
    pub fn common_data(&self) -> &CommonCircuitData<F, D> {
        &self.data.common
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
        let prover = &self.data.prover_only;
        let mut witness = PartitionWitness::new(self.wires(), self.data.common.degree(), &prover.representative_map);
        let mut conflicts = Vec::new();
        for (target, value) in self.inputs.iter().flatten().chain(self.salts.iter().flatten()).zip(&externals) {
            if witness.set_target(*target, *value).is_err() {
                conflicts.push(self.conflict(None, &[]));
            }
        }
        self.place(&assignment, &mut witness, &mut conflicts);
        // plonky2's generators panic at some values that no honest witness has.
        if conflicts.is_empty() {
            self.run_generators(&mut witness, &mut conflicts);
        }
        let values = witness.values.into_iter().map(Option::unwrap_or_default).collect();
        Witness { values, conflicts, tensors, salts }
    }

    fn checker(&self) -> &Checker {
        self.checker.get_or_init(|| Checker::new(&self.data.common, &self.proving))
    }

    /// Rows of the tape by row of the circuit and track.
    fn standing(&self) -> &HashMap<(u32, u16), u32> {
        self.standing.get_or_init(|| {
            let places = self.tape.rows.iter().map(|r| (r.place.row, r.place.track));
            places.zip(0..).collect()
        })
    }

    /// Names of what constraint `index` of a row of the circuit belongs to, and of the kind of row that states it.
    fn describe(&self, row: usize, index: usize) -> (String, String) {
        let gate = self.checker().gate(&self.data, row);
        let Some(rows) = gate.and_then(|g| g.0.as_any().downcast_ref::<RowGate>()) else {
            return ("closing rows".into(), gate.map_or_else(|| "none".into(), |g| g.0.id()));
        };
        let track = rows.track_of(index);
        match self.standing().get(&(row as u32, track as u16)) {
            Some(standing) => {
                let standing = *standing as usize;
                (self.tape.label(standing).into(), self.tape.kind(standing).name())
            }
            None => ("nothing".into(), format!("track {track}")),
        }
    }

    /// Identifier of the gate and constants of a row of the circuit, read back from the columns that the key commits to.
    pub fn committed_row(&self, row: usize) -> (String, &[F]) {
        let gate = self.checker().gate(&self.data, row).map_or_else(|| "none".into(), |g| g.0.id());
        (gate, self.checker().constants(row))
    }

    /// All constraints that the witness violates.
    pub fn check(&self, witness: &Witness) -> Vec<Violation> {
        let wire = |row, column| self.value(witness, Target::wire(row, column));
        let public_inputs = self.public_inputs(witness);
        let mut violations = witness.conflicts.clone();
        violations.extend(self.checker().all(&self.data, &public_inputs, wire, |row, index| self.describe(row, index)));
        violations
    }

    /// Values that the circuit's cells give output `index`, as integers nearest to zero.
    pub fn output_cells(&self, witness: &Witness, index: usize) -> Vec<i64> {
        self.outputs[index].iter().map(|t| from_field(self.value(witness, *t)) as i64).collect()
    }

    /// Whether some constraint notices that `delta` is added to a wire of a row of the tape, and to all its copies.
    pub fn notices(&self, witness: &Witness, row: usize, column: usize, delta: F) -> bool {
        let Target::Wire(Wire { row, column }) = self.tape.target(row, column) else { return false };
        let representatives = &self.data.prover_only.representative_map;
        let width = self.wires();
        let classes = self.classes.get_or_init(|| {
            let mut classes = vec![Vec::new(); representatives.len()];
            for (wire, class) in representatives[..self.data.common.degree() * width].iter().enumerate() {
                let rows: &mut Vec<u32> = &mut classes[*class];
                if rows.last() != Some(&((wire / width) as u32)) {
                    rows.push((wire / width) as u32);
                }
            }
            classes
        });
        let class = representatives[row * width + column];
        let value = |index: usize| {
            let value = witness.values[representatives[index]];
            if representatives[index] == class { value + delta } else { value }
        };
        let public_inputs: Vec<F> = self
            .data
            .prover_only
            .public_inputs
            .iter()
            .map(|t| value(t.index(width, self.data.common.degree())))
            .collect();
        let hash = <PoseidonHash as Hasher<F>>::hash_no_pad(&public_inputs);
        classes[class].iter().any(|row| {
            let wires: Vec<F> = (0..width).map(|c| value(*row as usize * width + c)).collect();
            !self.checker().row(&self.data, &hash, *row as usize, &wires).is_empty()
        })
    }

    fn value(&self, witness: &Witness, target: Target) -> F {
        let index = target.index(self.wires(), self.data.common.degree());
        witness.values[self.data.prover_only.representative_map[index]]
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
        let proof = self.proving.prove(&self.data.common, self.columns(witness), public_inputs, clock);
        let proof = proof.ok_or_else(|| BackendError::Prove("a challenge hit a value without an answer".into()))?;
        let values = |port: &Port| witness.tensors[port.node].to_vec();
        let public = self.key.ports().iter();
        let public = public.map(|port| (port.visibility == Visibility::Public).then(|| values(port)));
        let (commitments, model) = (self.commitments(witness)?, self.model_commitment(witness)?);
        Ok(Proof { public: public.collect(), commitments, model, proof: proof.to_bytes() })
    }

    /// Values of the public inputs.
    fn public_inputs(&self, witness: &Witness) -> Vec<F> {
        self.data.prover_only.public_inputs.iter().map(|t| self.value(witness, *t)).collect()
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

//! A model inside a circuit of one's own.
//!
//! [`embed`] adds the rows of a program to a `CircuitBuilder` between targets that the caller wires as it likes, and
//! [`Embedded::assign`] gives them their witness. Everything else (public inputs, hash function of the proof system, more
//! gates) is the caller's. [`emit`] is the same for a part of a program, without the bookkeeping.

use plonnx_ir::{IrError, Tensor, eval_all};
use plonnx_quant::{Program, QuantError};

pub use plonnx_backend::config::{Blake3Config, D, F, from_field, to_field};
pub use plonnx_backend::{
    Assignment, BackendError, Emission, Profile, Segment, Settings, Tape, Visibility, emit, plonky2, program_digest,
    reserve_constants,
};

use plonky2::iop::target::Target;
use plonky2::iop::witness::WitnessWrite;
use plonky2::plonk::circuit_builder::CircuitBuilder;

/// A program inside a circuit.
#[derive(Debug)]
pub struct Embedded {
    /// Targets of the inputs, row-major.
    pub inputs: Vec<Vec<Target>>,
    /// Targets of the outputs, row-major: integers, see [`Program::outputs`] for their scales.
    pub outputs: Vec<Vec<Target>>,
    program: Program,
    tape: Tape,
}

/// Adds `program` to `builder`, whose configuration must come from [`Profile::circuit_config`] with the same
/// `weights_per_row`, 64 or more. The circuit proves that the inputs lie in their ranges and that the outputs
/// follow from them.
pub fn embed(
    builder: &mut CircuitBuilder<F, D>,
    program: &Program,
    weights_per_row: usize,
) -> Result<Embedded, BackendError> {
    let graph = &program.graph;
    plonnx_ir::verify(graph).map_err(|mut errors| BackendError::Program(errors.swap_remove(0)))?;
    let segment = Segment::whole(graph);
    let targets = |n| builder.add_virtual_targets(n);
    let inputs: Vec<Vec<Target>> = segment.inputs.iter().map(|id| graph.node(*id).fact.len()).map(targets).collect();
    let visibility = vec![Visibility::Private; segment.inputs.len() + segment.outputs.len()];
    let (hidden_inputs, hidden_outputs) = visibility.split_at(segment.inputs.len());
    let settings = Settings { inputs: hidden_inputs.to_vec(), outputs: hidden_outputs.to_vec(), ..Settings::default() };
    let digest = program_digest(graph, &settings);
    let emission = emit(builder, graph, &segment, &inputs, digest, &visibility, weights_per_row)?;
    Ok(Embedded { inputs, outputs: emission.outputs, program: program.clone(), tape: emission.tape })
}

impl Embedded {
    /// Evaluates the program on real inputs, assigns its rows and its input targets in `witness`, and gives the integers
    /// of the outputs.
    pub fn assign(
        &self,
        inputs: &[Tensor<f64>],
        witness: &mut impl WitnessWrite<F>,
    ) -> Result<Vec<Tensor<i64>>, crate::Error> {
        let integers = self.program.quantise_inputs(inputs)?;
        let values = eval_all(&self.program.graph, &integers).map_err(|error| match error {
            IrError::Range { node, op, reason } => QuantError::Range { node, op, reason },
            error => error.into(),
        })?;
        let externals: Vec<F> = integers.iter().flat_map(Tensor::iter).map(to_field).collect();
        let mut set = |target, value| {
            witness.set_target(target, value).map_err(|e| {
                plonnx_runtime::RuntimeError::from(BackendError::Settings(format!("a target has two values: {e}")))
            })
        };
        for (target, value) in self.inputs.iter().flatten().zip(&externals) {
            set(*target, *value)?;
        }
        let assignment = self.tape.assign(&values, &externals);
        for row in 0..self.tape.rows.len() {
            self.tape.cells(&assignment, row).try_for_each(|(target, value)| set(target, value))?;
        }
        let outputs = self.program.graph.outputs().iter();
        Ok(outputs.filter_map(|o| values.get(o.node.index()).cloned()).collect())
    }
}

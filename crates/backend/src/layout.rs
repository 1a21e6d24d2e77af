//! Layouts: how many weights a row holds, and which gate types there are.

use plonky2::field::types::Field as _;
use plonky2::iop::target::Target;
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonnx_ir::{Field, Graph, NodeId};

use crate::assembler::Sink;
use crate::blinding::Blinding;
use crate::circuit::Settings;
use crate::config::{D, F};
use crate::digest::program_digest;
use crate::emit::{Classes, Emission, Segment, Visibility, emit_with};
use crate::error::BackendError;
use crate::gate::ConstantsGate;

/// Rows that plonky2 adds when it closes a circuit: the public inputs' row and their hash.
fn closing_rows(public_inputs: usize) -> usize {
    1 + public_inputs.div_ceil(8)
}

/// What a program is emitted with.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) weights_per_row: usize,
    classes: Classes,
}

/// A program about to be emitted, as often as the choice of a layout takes.
pub(crate) struct Draft<'a> {
    program: &'a Graph<Field>,
    settings: &'a Settings,
    segment: Segment,
    digest: [u64; 4],
    visibility: Vec<Visibility>,
}

pub(crate) struct Built {
    pub(crate) builder: CircuitBuilder<F, D>,
    pub(crate) emission: Emission,
    pub(crate) inputs: Vec<Vec<Target>>,
    /// The random rows, if proofs are blinded.
    pub(crate) blinding: Option<Blinding>,
}

impl<'a> Draft<'a> {
    /// The last `weights` inputs of the program are committed to together.
    pub(crate) fn new(program: &'a Graph<Field>, weights: usize, settings: &'a Settings) -> Self {
        let visibility = settings.inputs.iter().chain(&settings.outputs).copied().collect();
        let digest = program_digest(program, settings);
        Self { program, settings, segment: Segment::with_weights(program, weights), digest, visibility }
    }

    fn emit(&self, sink: Sink, inputs: &[Vec<Target>], layout: &Layout) -> Result<Emission, BackendError> {
        let (weights, classes) = (layout.weights_per_row, layout.classes.clone());
        emit_with(sink, self.program, &self.segment, inputs, self.digest, &self.visibility, weights, classes)
    }

    /// Emits without a circuit, for the number of rows.
    fn count(&self, layout: &Layout) -> Result<Emission, BackendError> {
        let unplaced = |id: &NodeId| vec![Target::VirtualTarget { index: 0 }; self.program.node(*id).fact.len()];
        let inputs: Vec<Vec<Target>> = self.program.inputs().iter().map(unplaced).collect();
        self.emit(Sink::Count(0), &inputs, layout)
    }

    /// Emits into a circuit that is not closed yet and has the first [`BUILT_CONSTANTS`] constants of every row.
    pub(crate) fn build(&self, layout: &Layout) -> Result<Built, BackendError> {
        // plonky2 does not add its own blinding rows: see `Blinding`.
        let config = self.settings.circuit_config(BUILT_CONSTANTS);
        let mut builder = CircuitBuilder::new(CircuitConfig { zero_knowledge: false, ..config });
        builder.set_domain_separator(self.separator());
        let inputs: Vec<Vec<Target>> = (self.program.inputs().iter())
            .map(|id| builder.add_virtual_targets(self.program.node(*id).fact.len()))
            .collect();
        let emission = self.emit(Sink::Circuit(&mut builder), &inputs, layout)?;
        for digest in &emission.digests {
            builder.register_public_inputs(digest);
        }
        let blinding = self.settings.zero_knowledge.then(|| Blinding::add(&mut builder));
        Ok(Built { builder, emission, inputs, blinding })
    }

    /// What separates the circuit's proofs from those of other programs.
    pub(crate) fn separator(&self) -> Vec<F> {
        self.digest.iter().map(|d| F::from_canonical_u64(*d)).collect()
    }

    /// Among the layouts with the smallest power-of-two number of rows the cheapest to prove.
    pub(crate) fn layout(&self) -> Result<Layout, BackendError> {
        let degree = |emission: &Emission| {
            let blinding = match self.settings.zero_knowledge {
                true => Blinding::rows(&self.settings.circuit_config(BUILT_CONSTANTS)),
                false => 0,
            };
            (emission.rows + blinding + closing_rows(4 * emission.digests.len())).next_power_of_two()
        };
        let mut smallest = usize::MAX;
        let mut best: Option<(usize, Layout)> = None;
        for weights_per_row in WEIGHTS_PER_ROW {
            let mut layout = Layout { weights_per_row, classes: Classes::default() };
            let exact = self.count(&layout)?;
            if degree(&exact) > smallest {
                break;
            }
            smallest = degree(&exact);
            let mut gate_types = exact.tape.gates.len();
            // The estimate behind a merge ignores partly filled rows, so a smaller slack is tried when it fails.
            let free = smallest.saturating_sub(exact.rows);
            for slack in [free, free / 2, 0] {
                let candidate = Layout { classes: exact.classes.merged(slack), ..layout.clone() };
                // Wider gates give some values wider ranges, for which a quotient or a root may be too large.
                let Ok(merged) = self.count(&candidate) else { continue };
                if degree(&merged) == smallest {
                    (layout, gate_types) = (candidate, merged.tape.gates.len());
                    break;
                }
            }
            let cost = gate_types * GATE_TYPE_COST + weights_per_row;
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, layout));
            }
        }
        best.map(|(_, layout)| layout).ok_or_else(|| BackendError::Settings("no layout".into()))
    }
}

/// A gate type's share of a proof's time in constant columns: every gate type is evaluated at every point, and every column is
/// opened and combined there.
const GATE_TYPE_COST: usize = 100;

/// Weights a row may hold, in the order in which they are tried: more of them never make more rows.
const WEIGHTS_PER_ROW: [usize; 6] = [704, 512, 352, 256, 128, 64];

/// Constant columns that plonky2 builds. It extends and commits to columns in twice the memory that they need afterwards, so
/// that further ones, which only hold weights, are added by [`crate::prover::ProvingKey::take`].
pub(crate) const BUILT_CONSTANTS: usize = ConstantsGate::SLOTS;

//! Layouts: how many weights a row holds, and which gate types there are.

use plonky2::field::types::Field as _;
use plonky2::iop::target::Target;
use plonky2::plonk::circuit_builder::CircuitBuilder;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonnx_ir::{Field, Graph, NodeId};
use rayon::prelude::*;

use crate::assembler::Sink;
use crate::blinding::Blinding;
use crate::circuit::Settings;
use crate::config::{D, F};
use crate::digest::program_digest;
use crate::emit::{Classes, Emission, Segment, Visibility, emit_with};
use crate::error::BackendError;
use crate::gate::ConstantsGate;
use crate::plan::{Candidate, Plan};
use crate::weights::Split;

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
    /// Of committed weights those that stay public.
    public_constants: usize,
}

pub(crate) struct Built {
    pub(crate) builder: CircuitBuilder<F, D>,
    pub(crate) emission: Emission,
    pub(crate) inputs: Vec<Vec<Target>>,
    /// The random rows, if proofs are blinded.
    pub(crate) blinding: Option<Blinding>,
    /// What separates the circuit's proofs from those of other programs.
    pub(crate) separator: Vec<F>,
}

impl<'a> Draft<'a> {
    /// The last inputs of the program are the weights in `split`, committed to together.
    pub(crate) fn new(program: &'a Graph<Field>, split: Option<&Split>, settings: &'a Settings) -> Self {
        let visibility = settings.inputs.iter().chain(&settings.outputs).copied().collect();
        let digest = program_digest(program, settings);
        let segment = Segment::with_weights(program, split.map_or(0, |s| s.weights.len()));
        let public_constants = split.map_or(0, |s| s.remaining.iter().map(|r| r.1).sum());
        Self { program, settings, segment, digest, visibility, public_constants }
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
        Ok(Built { builder, emission, inputs, blinding, separator: self.separator() })
    }

    /// What separates the circuit's proofs from those of other programs.
    fn separator(&self) -> Vec<F> {
        self.digest.iter().map(|d| F::from_canonical_u64(*d)).collect()
    }

    /// Among the layouts with the smallest power-of-two number of rows the cheapest to prove.
    pub(crate) fn layout(&self) -> Result<(Layout, Plan), BackendError> {
        let exact = |weights_per_row: &usize| {
            let layout = Layout { weights_per_row: *weights_per_row, classes: Classes::default() };
            self.tried(layout, false)
        };
        let exact = WEIGHTS_PER_ROW.par_iter().map(exact).collect::<Result<Vec<Tried>, BackendError>>()?;
        let smallest = exact.iter().map(|t| t.candidate.degree_bits).min().unwrap_or_default();
        let families: Vec<Family> = exact.into_par_iter().map(|exact| self.family(exact, smallest)).collect();
        let fitting = |f: &&Family| f.best.candidate.degree_bits == smallest;
        let best = families.iter().filter(fitting).map(|f| &f.best).min_by_key(|t| t.cost());
        let best = best.ok_or_else(|| BackendError::Settings("no layout".into()))?;
        let mut candidates: Vec<Candidate> = families.iter().flat_map(|f| f.candidates.iter().cloned()).collect();
        if let Some(candidate) = candidates.iter_mut().find(|c| **c == best.candidate) {
            candidate.chosen = true;
        }
        let config = self.settings.circuit_config(best.layout.weights_per_row);
        let plan = Plan::new(self.program, &best.emission, closed_rows(&best.emission), &config, candidates);
        Ok((best.layout.clone(), Plan { public_constants: self.public_constants, ..plan }))
    }

    /// A layout and those with fewer gate types that keep it below the `smallest` power of two.
    fn family(&self, exact: Tried, smallest: usize) -> Family {
        let mut candidates = vec![exact.candidate.clone()];
        if exact.candidate.degree_bits > smallest {
            return Family { candidates, best: exact };
        }
        // The estimate behind a merge ignores partly filled rows, so a smaller slack is tried when it fails.
        let free = (1usize << smallest).saturating_sub(exact.emission.rows);
        for slack in [free, free / 2, 0] {
            let classes = exact.emission.classes.merged(slack);
            // Wider gates give some values wider ranges, for which a quotient or a root may be too large.
            let Ok(merged) = self.tried(Layout { classes, ..exact.layout }, true) else { continue };
            candidates.push(merged.candidate.clone());
            if merged.candidate.degree_bits == smallest {
                return Family { candidates, best: merged };
            }
        }
        Family { candidates, best: exact }
    }

    /// Counts the rows of a layout.
    fn tried(&self, layout: Layout, merged: bool) -> Result<Tried, BackendError> {
        let emission = self.count(&layout)?;
        let closed = closed_rows(&emission);
        let config = self.settings.circuit_config(layout.weights_per_row);
        let blinding = if self.settings.zero_knowledge { Blinding::rows(&config) } else { 0 };
        let padded = (closed + blinding).next_power_of_two();
        let candidate = Candidate::new(&layout, merged, &emission, closed, padded, &config);
        Ok(Tried { layout, emission, candidate })
    }
}

/// A layout with what counting it gave.
struct Tried {
    layout: Layout,
    emission: Emission,
    candidate: Candidate,
}

impl Tried {
    fn cost(&self) -> usize {
        self.emission.tape.gates.len() * GATE_TYPE_COST + self.layout.weights_per_row
    }
}

/// Layouts with one number of weights a row.
struct Family {
    candidates: Vec<Candidate>,
    best: Tried,
}

/// Rows once plonky2 has closed the circuit, before it is padded.
fn closed_rows(emission: &Emission) -> usize {
    emission.rows + closing_rows(4 * emission.digests.len())
}

/// A gate type's share of a proof's time in constant columns: every gate type is evaluated at every point, and every column is
/// opened and combined there.
const GATE_TYPE_COST: usize = 100;

/// Weights a row may hold; more of them never make more rows.
const WEIGHTS_PER_ROW: [usize; 11] = [704, 640, 576, 512, 448, 384, 320, 256, 192, 128, 64];

/// Constant columns that plonky2 builds. It extends and commits to columns in twice the memory that they need afterwards, so
/// that further ones, which only hold weights, are added by [`crate::prover::ProvingKey::take`].
pub(crate) const BUILT_CONSTANTS: usize = ConstantsGate::SLOTS;

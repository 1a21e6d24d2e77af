//! Layouts: how many weights a row holds, which kinds of rows there are, and which tracks they stand on.

use plonky2::field::types::Field as _;
use plonky2::gates::gate::Gate as _;
use plonky2::iop::target::Target;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonnx_ir::{Field, Graph, Interval, NodeId};
use rayon::prelude::*;
use serde::Serialize;

use crate::assembler::{Sink, Wiring};
use crate::blinding::Blinding;
use crate::circuit::Settings;
use crate::closing::Sections;
use crate::config::{F, Shape};
use crate::copies::Copies;
use crate::digest::program_digest;
use crate::emit::{Classes, Emission, Job, Segment, Visibility};
use crate::error::BackendError;
use crate::gate::{Kind, PoolGate};
use crate::plan::{Candidate, Counted, Plan, elements};
use crate::tracks::Tracks;
use crate::weights::Split;

/// What a program is emitted with.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) weights_per_row: usize,
    pub(crate) classes: Classes,
    pub(crate) tracks: Tracks,
    sections: Sections,
}

impl Layout {
    /// Columns of the circuit, of which the closing rows need some.
    fn shape(&self) -> Shape {
        let gate = self.tracks.gate();
        Shape {
            wires: gate.num_wires().max(PoolGate::SLOTS),
            routed: gate.routed().max(PoolGate::SLOTS),
            constants: gate.num_constants().max(PoolGate::SLOTS),
        }
    }
}

/// A program about to be emitted, as often as the choice of a layout takes.
pub(crate) struct Draft<'a> {
    program: &'a Graph<Field>,
    settings: &'a Settings,
    bounds: &'a [Interval],
    segment: Segment,
    digest: [u64; 4],
    visibility: Vec<Visibility>,
    /// Of committed weights those that stay public.
    public_constants: usize,
}

/// An emitted circuit that is not closed yet.
pub(crate) struct Built {
    pub(crate) emission: Emission,
    pub(crate) copies: Copies,
    pub(crate) sections: Sections,
    pub(crate) config: CircuitConfig,
    /// What separates the circuit's proofs from those of other programs.
    pub(crate) separator: Vec<F>,
}

impl<'a> Draft<'a> {
    /// The last inputs of the program are the weights in `split`, committed to together.
    pub(crate) fn new(
        program: &'a Graph<Field>,
        split: Option<&Split>,
        bounds: &'a [Interval],
        settings: &'a Settings,
    ) -> Self {
        let visibility = settings.inputs.iter().chain(&settings.outputs).copied().collect();
        let digest = program_digest(program, settings);
        let segment = Segment::with_weights(program, split.map_or(0, |s| s.weights.len()));
        let public_constants = split.map_or(0, |s| s.remaining.iter().map(|r| r.1).sum());
        Self { program, settings, bounds, segment, digest, visibility, public_constants }
    }

    fn emit(
        &self,
        sink: Sink,
        inputs: &[Vec<Target>],
        weights_per_row: usize,
        classes: &Classes,
    ) -> Result<Emission, BackendError> {
        let job = Job {
            graph: self.program,
            segment: &self.segment,
            bounds: self.bounds,
            program: self.digest,
            visibility: &self.visibility,
            whole: true,
        };
        job.emit(sink, inputs, weights_per_row, classes.clone())
    }

    /// Emits without a circuit, for the number of rows.
    fn count(&self, weights_per_row: usize, classes: &Classes) -> Result<Emission, BackendError> {
        let unplaced = |id: &NodeId| vec![Target::VirtualTarget { index: 0 }; self.program.node(*id).fact.len()];
        let inputs: Vec<Vec<Target>> = self.program.inputs().iter().map(unplaced).collect();
        self.emit(Sink::Count, &inputs, weights_per_row, classes)
    }

    /// Emits into a circuit that is not closed yet.
    pub(crate) fn build(&self, layout: &Layout) -> Result<Built, BackendError> {
        let config = self.settings.config_of(layout.shape());
        let sections = &layout.sections;
        let mut copies = Copies::new(sections.degree, config.num_routed_wires)?;
        let mut targets = |n: usize| (0..n).map(|_| copies.virtual_target()).collect();
        let inputs = self.program.inputs().iter();
        let inputs: Vec<Vec<Target>> = inputs.map(|id| targets(self.program.node(*id).fact.len())).collect();
        let sink = Sink::Circuit(Wiring::Ours(&mut copies), layout.tracks.clone());
        let emission = self.emit(sink, &inputs, layout.weights_per_row, &layout.classes)?;
        debug_assert_eq!(emission.rows, sections.emitted.end);
        let separator = self.digest.iter().map(|d| F::from_canonical_u64(*d)).collect();
        Ok(Built { emission, copies, sections: sections.clone(), config, separator })
    }

    /// The layout whose proofs cost least, of all that were tried; see [`Plan::cost`].
    pub(crate) fn layout(&self) -> Result<(Layout, Plan), BackendError> {
        let none = || BackendError::Settings("no layout".into());
        let exact = |weights_per_row: &usize| {
            let classes = Classes::default();
            self.count(*weights_per_row, &classes).map(|emission| (*weights_per_row, emission))
        };
        let exact = WEIGHTS_PER_ROW.par_iter().map(exact).collect::<Result<Vec<_>, BackendError>>()?;
        let first = |exact| {
            let (weights_per_row, emission): &(usize, Emission) = exact;
            self.best(*weights_per_row, None, emission).map(|tried| (tried, exact))
        };
        let first: Vec<(Tried, &(usize, Emission))> = exact.par_iter().filter_map(first).collect();
        // Fewer kinds for more rows, where it is most promising.
        let mut promising: Vec<&(Tried, &(usize, Emission))> = first.iter().collect();
        promising.sort_by(|a, b| a.0.cost.total_cmp(&b.0.cost));
        let merges: Vec<(&(usize, Emission), usize)> =
            promising.iter().take(MERGED).flat_map(|(_, exact)| SLACKS.map(|slack| (*exact, slack))).collect();
        let merged = |((weights_per_row, exact), slack): &(&(usize, Emission), usize)| {
            let emission = self.merged(*weights_per_row, exact, *slack).ok()?;
            self.best(*weights_per_row, Some(*slack), &emission)
        };
        let merged: Vec<Tried> = merges.par_iter().filter_map(merged).collect();
        let mut tried: Vec<Tried> = first.into_iter().map(|(tried, _)| tried).chain(merged).collect();
        let mut candidates: Vec<Candidate> = tried.iter().map(|t| Candidate::of(&t.plan)).collect();
        let best = (0..tried.len()).min_by(|a, b| tried[*a].cost.total_cmp(&tried[*b].cost));
        let best = best.ok_or_else(none)?;
        candidates[best].chosen = true;
        let Tried { layout, plan, .. } = tried.swap_remove(best);
        Ok((layout, Plan { candidates, ..plan }))
    }

    /// The layout of an earlier choice, without a search.
    ///
    /// # Errors
    /// [`BackendError::Settings`] for a choice that was not made for this program.
    pub(crate) fn chosen(&self, choice: &Choice) -> Result<(Layout, Plan), BackendError> {
        let foreign =
            || BackendError::Settings("the stored layout is not of this program; compile the model again".into());
        let Choice { weights_per_row, slack, degree_bits, tracks } = *choice;
        let known = WEIGHTS_PER_ROW.contains(&weights_per_row) && slack.is_none_or(|s| SLACKS.contains(&s));
        if !known || degree_bits > LARGEST || tracks > MOST_TRACKS {
            return Err(foreign());
        }
        let mut emission = self.count(weights_per_row, &Classes::default())?;
        if let Some(slack) = slack {
            emission = self.merged(weights_per_row, &emission, slack)?;
        }
        let Tried { layout, plan, .. } =
            self.tried(*choice, &emission, &emission.tape.counted()).ok_or_else(foreign)?;
        let candidates = vec![Candidate { chosen: true, ..Candidate::of(&plan) }];
        Ok((layout, Plan { candidates, ..plan }))
    }

    /// Counts with fewer kinds than `exact` has, for one part in `slack` more rows.
    fn merged(&self, weights_per_row: usize, exact: &Emission, slack: usize) -> Result<Emission, BackendError> {
        // Wider gates give some values wider ranges, for which a quotient or a root may be too large.
        self.count(weights_per_row, &exact.classes.merged(emitted(exact) / slack))
    }

    /// The best tracks for an emission.
    fn best(&self, weights_per_row: usize, slack: Option<usize>, emission: &Emission) -> Option<Tried> {
        let (total, others) = (emitted(emission), self.others(emission));
        let largest = (total + others).next_power_of_two().trailing_zeros().max(SMALLEST);
        let tracks = |degree_bits: u32| {
            let capacity = (1usize << degree_bits).checked_sub(others).filter(|c| *c > 0);
            let fewest = capacity.map_or(MOST_TRACKS + 1, |capacity| total.div_ceil(capacity).max(1));
            fewest..=(fewest + SPARE_TRACKS).min(MOST_TRACKS)
        };
        let choices = (SMALLEST..=largest).flat_map(|degree_bits| tracks(degree_bits).map(move |t| (degree_bits, t)));
        let choices = choices.map(|(degree_bits, tracks)| Choice { weights_per_row, slack, degree_bits, tracks });
        let kinds = emission.tape.counted();
        let tried = choices.filter_map(|choice| self.tried(choice, emission, &kinds));
        tried.min_by(|a, b| a.cost.total_cmp(&b.cost))
    }

    /// Rows besides those with emitted ones.
    fn others(&self, emission: &Emission) -> usize {
        Sections::new(0, emission.constants.len(), self.blinding()).used
    }

    /// Random rows.
    fn blinding(&self) -> usize {
        match self.settings.zero_knowledge {
            true => Blinding::rows(&self.settings.profile.circuit_config(0)),
            false => 0,
        }
    }

    /// A choice for an emission of these kinds; `None` if its tracks do not hold all rows.
    fn tried(&self, choice: Choice, emission: &Emission, kinds: &[(Kind, usize)]) -> Option<Tried> {
        let capacity = (1usize << choice.degree_bits).checked_sub(self.others(emission)).filter(|c| *c > 0)?;
        let tracks = Tracks::packed(kinds, capacity, choice.tracks)?;
        let sections = Sections::new(tracks.rows(), emission.constants.len(), self.blinding());
        let (weights_per_row, classes) = (choice.weights_per_row, emission.classes.clone());
        let layout = Layout { weights_per_row, classes, tracks, sections };
        let counted = Counted {
            gate: layout.tracks.gate(),
            emitted: emitted(emission),
            sections: &layout.sections,
            choice,
            weights: elements(self.program),
            public_constants: self.public_constants,
        };
        let plan = Plan::new(&counted, &self.settings.config_of(layout.shape()));
        let cost = plan.cost(self.settings.prefer);
        Some(Tried { layout, plan, cost })
    }
}

/// What a layout follows from, for a program and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Weights a row can hold.
    pub weights_per_row: usize,
    /// One part of the rows that merging kinds may add; `None` if none were merged.
    pub slack: Option<usize>,
    /// Logarithm of the rows that tracks may fill with what closes the circuit.
    pub degree_bits: u32,
    /// Tracks of a row at most.
    pub tracks: usize,
}

/// A layout with what it costs.
struct Tried {
    layout: Layout,
    plan: Plan,
    cost: f64,
}

fn emitted(emission: &Emission) -> usize {
    emission.tape.counts.iter().sum()
}

/// Weights a row may hold; more of them never make more rows.
const WEIGHTS_PER_ROW: [usize; 11] = [704, 640, 576, 512, 448, 384, 320, 256, 192, 128, 64];
/// Layouts for which fewer kinds are tried, and the parts of all rows that this may add.
const MERGED: usize = 3;
const SLACKS: [usize; 3] = [64, 16, 6];
/// Logarithms of the fewest and of the most rows of a circuit.
const SMALLEST: u32 = 6;
const LARGEST: u32 = 29;
/// Tracks that are tried beyond the fewest that hold all rows, so that kinds need not be split.
const SPARE_TRACKS: usize = 2;
/// Tracks of a row at most.
const MOST_TRACKS: usize = 12;

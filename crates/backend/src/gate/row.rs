//! Rows of the circuit: tracks side by side.
//!
//! What emission calls a row stands on one *track* of a row of the circuit. Tracks have wires and constants of their own,
//! and every row of the circuit has all of them, so that as many emitted rows share it. A track offers one or more kinds;
//! a constant for each is 1 in the rows where that kind stands and 0 elsewhere, and multiplies its constraints. Where
//! none stands, the track's constraints hold of wires that are zero.
//!
//! | wires of the circuit's row | |
//! |---|---|
//! | first | the wires of each track that copy constraints may name, track by track |
//! | then | the other wires of each track, track by track; digits are its last, counted from the end |
//!
//! | constants of a track | |
//! |---|---|
//! | first | a selector for each kind |
//! | then | the constants of the kind that stands there |
//!
//! Constraints of a track: ranges of its digits, which hold in all rows (their degree leaves no room for a selector, so
//! that no kind has anything else where another has digits), then those of its kinds. Kinds share places:
//! constraint `i` is the sum of every kind's `i`-th times its selector. At most one selector of a track is 1, by
//! construction of the constants, which the verifying key commits to.

use std::sync::Arc;

use plonky2::field::types::Field;
use plonky2::gates::gate::Gate;
use plonky2::plonk::circuit_data::CommonCircuitData;
use plonky2::util::serialization::{Buffer, IoError, IoResult, Read, Write};

use super::Kind;
use super::algebra::{Algebra, Degree, Operations, evaluations, packed_evaluation};
use crate::config::{D, F, WIRES};

/// Tracks of a row, and kinds of a track, at most.
const MAX_TRACKS: usize = 64;

/// Kinds that take turns on the same wires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    kinds: Vec<Kind>,
    /// First wire of the circuit's row that copy constraints may name, and their number.
    routed: (usize, usize),
    /// First of the other wires, and their number.
    inner: (usize, usize),
    digits: usize,
    /// Constant of the circuit's row that selects the first kind.
    selectors: usize,
    /// First constraint, and number of constraints with the digits'.
    constraints: (usize, usize),
    /// By kind and wire of an emitted row the wire of the circuit's row. Wires that the kind does not use have none.
    columns: Vec<Vec<usize>>,
}

impl Track {
    fn new(kinds: Vec<Kind>) -> Self {
        let most = |f: fn(&Kind) -> usize| kinds.iter().map(f).max().unwrap_or(0);
        let (routed, digits) = (most(Kind::routed), most(Kind::digit_count));
        let width = most(Kind::head) + digits;
        let others = most(|kind| {
            let mut degree = Degree::default();
            kind.eval(&mut degree);
            degree.constraints - kind.digit_count()
        });
        let (routed, inner, constraints) = ((0, routed), (0, width - routed), (0, digits + others));
        Self { kinds, routed, inner, digits, selectors: 0, constraints, columns: Vec::new() }
    }

    /// The kinds.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Wires of the circuit's row that are the track's.
    pub fn wires(&self) -> usize {
        self.routed.1 + self.inner.1
    }

    /// Those that copy constraints may name.
    pub fn routed(&self) -> usize {
        self.routed.1
    }

    /// Constants, selectors included.
    pub fn constants(&self) -> usize {
        self.kinds.len() + self.kinds.iter().map(Kind::constants).max().unwrap_or(0)
    }

    /// Digits whose ranges hold in every row.
    pub fn digits(&self) -> usize {
        self.digits
    }

    /// First constraint in the circuit's row.
    pub(crate) fn first_constraint(&self) -> usize {
        self.constraints.0
    }

    /// Wire of the circuit's row that is digit `j`.
    pub(crate) fn digit(&self, j: usize) -> usize {
        self.column(self.wires() - 1 - j)
    }

    /// Constant of the circuit's row that selects kind `kind`.
    pub fn selector(&self, kind: usize) -> usize {
        self.selectors + kind
    }

    /// First constant of the circuit's row that a kind sees.
    pub fn first_constant(&self) -> usize {
        self.selectors + self.kinds.len()
    }

    /// Wires of the circuit's row by wire of a row of kind `kind`.
    pub(crate) fn columns(&self, kind: usize) -> &[usize] {
        &self.columns[kind]
    }

    fn column(&self, of_track: usize) -> usize {
        match of_track.checked_sub(self.routed.1) {
            None => self.routed.0 + of_track,
            Some(inner) => self.inner.0 + inner,
        }
    }

    fn place(&mut self, routed: usize, inner: usize, constants: usize, constraints: usize) {
        (self.routed.0, self.inner.0) = (routed, inner);
        (self.selectors, self.constraints.0) = (constants, constraints);
        let columns = |kind: &Kind| -> Vec<usize> {
            let wire = |wire: usize| match WIRES - wire {
                from_end if from_end <= kind.digit_count() => self.column(self.wires() - from_end),
                _ => self.column(wire.min(self.wires() - 1)),
            };
            (0..WIRES).map(wire).collect()
        };
        self.columns = self.kinds.iter().map(columns).collect();
    }

    fn eval<A: Algebra>(&self, a: &mut A) {
        a.constrain_ranges(self.digits, |j| self.digit(j));
        let zero = a.literal(F::ZERO);
        let mut sums = vec![zero; self.constraints.1 - self.digits];
        for (index, kind) in self.kinds.iter().enumerate() {
            let selector = a.constant(self.selector(index));
            if a.is_zero(selector) {
                continue;
            }
            let constants = self.first_constant();
            let mut part =
                Part { whole: a, columns: &self.columns[index], constants, selector, sums: &mut sums, next: 0 };
            kind.eval(&mut part);
        }
        for sum in sums {
            a.constrain(sum);
        }
    }
}

/// The arithmetic of a kind on its track: wires and constants are the track's, constraints are selected and added up.
struct Part<'a, A: Algebra> {
    whole: &'a mut A,
    columns: &'a [usize],
    constants: usize,
    selector: A::V,
    sums: &'a mut [A::V],
    next: usize,
}

impl<A: Algebra> Algebra for Part<'_, A> {
    type V = A::V;
    fn wire(&self, index: usize) -> A::V {
        self.whole.wire(self.columns[index])
    }
    fn constant(&self, index: usize) -> A::V {
        self.whole.constant(self.constants + index)
    }
    fn literal(&mut self, value: F) -> A::V {
        self.whole.literal(value)
    }
    fn add(&mut self, a: A::V, b: A::V) -> A::V {
        self.whole.add(a, b)
    }
    fn sub(&mut self, a: A::V, b: A::V) -> A::V {
        self.whole.sub(a, b)
    }
    fn mul(&mut self, a: A::V, b: A::V) -> A::V {
        self.whole.mul(a, b)
    }
    fn mul_add(&mut self, a: A::V, b: A::V, c: A::V) -> A::V {
        self.whole.mul_add(a, b, c)
    }
    fn scale(&mut self, value: A::V, factor: F) -> A::V {
        self.whole.scale(value, factor)
    }
    fn constrain(&mut self, value: A::V) {
        self.sums[self.next] = self.whole.mul_add(self.selector, value, self.sums[self.next]);
        self.next += 1;
    }
    /// The track states the ranges of its digits for all kinds.
    fn constrain_digits(&mut self, _: usize) {}
    fn binary_sum(&mut self, terms: impl DoubleEndedIterator<Item = (usize, u32)> + Clone) -> A::V {
        let columns = self.columns;
        self.whole.binary_sum(terms.map(move |(wire, shift)| (columns[wire], shift)))
    }
    fn poseidon(&mut self, wire: impl Fn(usize) -> usize) -> Vec<A::V> {
        let columns = self.columns;
        self.whole.poseidon(|i| columns[wire(i)])
    }
}

/// What all copies of a gate share.
#[derive(Debug)]
struct Shared {
    tracks: Vec<Track>,
    id: String,
    wires: usize,
    routed: usize,
    constants: usize,
    degree: usize,
    constraints: usize,
}

/// The gate of all rows that hold emitted rows.
#[derive(Clone, Debug)]
pub struct RowGate {
    shared: Arc<Shared>,
}

impl RowGate {
    /// The gate with these kinds on each track, its degree and number of constraints computed from the constraints
    /// themselves.
    pub fn new(kinds: Vec<Vec<Kind>>) -> Self {
        let mut tracks: Vec<Track> = kinds.into_iter().map(Track::new).collect();
        let total = |f: fn(&Track) -> usize| tracks.iter().map(f).sum::<usize>();
        let (wires, all_routed, all_constants) = (total(Track::wires), total(Track::routed), total(Track::constants));
        let (mut routed, mut inner, mut constants, mut constraints) = (0, all_routed, 0, 0);
        for track in &mut tracks {
            track.place(routed, inner, constants, constraints);
            routed += track.routed();
            inner += track.inner.1;
            constants += track.constants();
            constraints += track.constraints.1;
        }
        let mut degree = Degree::default();
        tracks.iter().for_each(|track| track.eval(&mut degree));
        let mut hasher = blake3::Hasher::new_derive_key("plonnx 2026 row gate");
        parameters(&tracks).for_each(|p| {
            hasher.update(&(p as u64).to_le_bytes());
        });
        // plonky2 compares and hashes identifiers for every row, so this one is short.
        let id = format!("plonnx {}", &hasher.finalize().to_hex()[..32]);
        let (constants, degree) = (all_constants, degree.max);
        let shared = Shared { tracks, id, wires, routed: all_routed, constants, degree, constraints };
        Self { shared: Arc::new(shared) }
    }

    /// The tracks.
    pub fn tracks(&self) -> &[Track] {
        &self.shared.tracks
    }

    /// Wires that copy constraints may name, which are the first.
    pub fn routed(&self) -> usize {
        self.shared.routed
    }

    /// Position of the track that constraint `index` belongs to.
    pub(crate) fn track_of(&self, index: usize) -> usize {
        self.tracks().iter().rposition(|track| track.first_constraint() <= index).unwrap_or(0)
    }

    /// What evaluating the constraints at a point takes.
    pub(crate) fn operations(&self) -> Operations {
        let mut operations = Operations::default();
        self.eval(&mut operations);
        operations
    }

    fn eval<A: Algebra>(&self, a: &mut A) {
        self.tracks().iter().for_each(|track| track.eval(a));
    }
}

/// Numbers of tracks and of kinds of each, and the parameters of every kind.
fn parameters(tracks: &[Track]) -> impl Iterator<Item = usize> {
    let track =
        |t: &Track| std::iter::once(t.kinds.len()).chain(t.kinds.iter().flat_map(Kind::parameters).collect::<Vec<_>>());
    std::iter::once(tracks.len()).chain(tracks.iter().flat_map(track).collect::<Vec<_>>())
}

impl Gate<F, D> for RowGate {
    fn id(&self) -> String {
        self.shared.id.clone()
    }

    fn serialize(&self, dst: &mut Vec<u8>, _: &CommonCircuitData<F, D>) -> IoResult<()> {
        parameters(self.tracks()).try_for_each(|p| dst.write_usize(p))
    }

    fn deserialize(src: &mut Buffer, _: &CommonCircuitData<F, D>) -> IoResult<Self> {
        fn count(src: &mut Buffer) -> IoResult<usize> {
            src.read_usize().and_then(|n| if (1..=MAX_TRACKS).contains(&n) { Ok(n) } else { Err(IoError) })
        }
        let mut all = Vec::new();
        for _ in 0..count(src)? {
            let mut track = Vec::new();
            for _ in 0..count(src)? {
                let mut parameters = [0; 4];
                for p in &mut parameters {
                    *p = src.read_usize()?;
                }
                track.push(Kind::from_parameters(parameters).ok_or(IoError)?);
            }
            all.push(track);
        }
        Ok(Self::new(all))
    }

    evaluations!();

    fn num_wires(&self) -> usize {
        self.shared.wires
    }

    fn num_constants(&self) -> usize {
        self.shared.constants
    }

    fn degree(&self) -> usize {
        self.shared.degree
    }

    fn num_constraints(&self) -> usize {
        self.shared.constraints
    }
}

packed_evaluation!(RowGate);

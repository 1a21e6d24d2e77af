//! Which tracks the rows of a circuit have, and what stands on each.
//!
//! Rows of the circuit are a power of two, and their number times the number of tracks is what emitted rows may fill. Every
//! kind of a track is evaluated in all rows when a quotient is computed, so a kind stands on as few tracks as hold its
//! rows, and kinds with much the same wires share one.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::gate::{Kind, RowGate};
use crate::witness::Place;

/// Rows of one kind on one track.
#[derive(Clone, Copy, Debug)]
struct Share {
    track: u16,
    /// Position of the kind in the track.
    kind: u16,
    rows: usize,
}

/// A choice of tracks.
#[derive(Clone, Debug)]
pub(crate) struct Tracks {
    gate: RowGate,
    shares: HashMap<Kind, Vec<Share>>,
    /// Rows of the circuit that are needed.
    rows: usize,
}

impl Tracks {
    /// One track for the kinds with digits and one for those without.
    pub(crate) fn two(kinds: &[(Kind, usize)]) -> Self {
        let (with, without): (Vec<_>, Vec<_>) = kinds.iter().cloned().partition(|(kind, _)| kind.digit_count() > 0);
        Self::of(&[with, without].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>())
    }

    /// `count` tracks of up to `capacity` rows each; `None` if they do not hold all.
    pub(crate) fn packed(kinds: &[(Kind, usize)], capacity: usize, count: usize) -> Option<Self> {
        let total: usize = kinds.iter().map(|(_, rows)| rows).sum();
        if total > capacity * count {
            return None;
        }
        let mut order: Vec<&(Kind, usize)> = kinds.iter().filter(|(_, rows)| *rows > 0).collect();
        order.sort_by_key(|(kind, rows)| (Reverse(*rows), kind.parameters()));
        let mut open: Vec<Open> = (0..count).map(|_| Open { free: capacity, ..Open::default() }).collect();
        for (kind, rows) in order {
            let mut left = *rows;
            while left > 0 {
                let fitting = open.iter_mut().filter(|t| t.free >= left).min_by_key(|t| (t.price(kind), t.free));
                let track = match fitting {
                    Some(track) => track,
                    None => open.iter_mut().max_by_key(|t| t.free)?,
                };
                let taken = left.min(track.free);
                track.take(kind, taken);
                left -= taken;
            }
        }
        open.retain(|track| !track.kinds.is_empty());
        Some(Self::of(&open.into_iter().map(|track| track.kinds).collect::<Vec<_>>()))
    }

    fn of(tracks: &[Vec<(Kind, usize)>]) -> Self {
        let mut shares: HashMap<Kind, Vec<Share>> = HashMap::new();
        for (track, kinds) in tracks.iter().enumerate() {
            for (position, (kind, rows)) in kinds.iter().enumerate() {
                let share = Share { track: track as u16, kind: position as u16, rows: *rows };
                shares.entry(kind.clone()).or_default().push(share);
            }
        }
        let names = |kinds: &Vec<(Kind, usize)>| kinds.iter().map(|(kind, _)| kind.clone()).collect();
        let filled = |kinds: &Vec<(Kind, usize)>| kinds.iter().map(|(_, rows)| rows).sum::<usize>();
        let rows = tracks.iter().map(filled).max().unwrap_or(0);
        Self { gate: RowGate::new(tracks.iter().map(names).collect()), shares, rows }
    }

    /// The gate of the circuit's rows.
    pub(crate) fn gate(&self) -> &RowGate {
        &self.gate
    }

    /// Rows of the circuit that are needed.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}

/// A track that is being filled, by sizes.
#[derive(Debug, Default)]
struct Open {
    kinds: Vec<(Kind, usize)>,
    free: usize,
    routed: usize,
    head: usize,
    digits: usize,
    constants: usize,
}

impl Open {
    /// Nanoseconds by which a kind makes a row of the proof dearer here: what committing to a wire, permuting a routed one,
    /// opening a constant and checking a digit take; see [`crate::effort`].
    fn price(&self, kind: &Kind) -> usize {
        let (routed, head) = (self.routed.max(kind.routed()), self.head.max(kind.head()));
        let (digits, constants) = (self.digits.max(kind.digit_count()), self.constants.max(kind.constants()));
        160 * (head + digits - self.head - self.digits)
            + 290 * (routed - self.routed)
            + 45 * (constants - self.constants)
            + 70 * (digits - self.digits)
    }

    fn take(&mut self, kind: &Kind, rows: usize) {
        self.free -= rows;
        self.routed = self.routed.max(kind.routed());
        self.head = self.head.max(kind.head());
        self.digits = self.digits.max(kind.digit_count());
        self.constants = self.constants.max(kind.constants());
        self.kinds.push((kind.clone(), rows));
    }
}

/// Tracks as rows are emitted.
#[derive(Debug)]
pub(crate) struct Filling {
    shares: HashMap<Kind, Vec<Share>>,
    /// Shares of the kinds that have been seen, by their index.
    seen: Vec<Vec<Share>>,
    /// Rows of each track so far.
    filled: Vec<usize>,
}

impl Filling {
    pub(crate) fn new(tracks: Tracks) -> Self {
        Self { filled: vec![0; tracks.gate.tracks().len()], seen: Vec::new(), shares: tracks.shares }
    }

    /// Place of the next row of `kind`, in a circuit whose rows begin at `first_row`. Kinds are seen in the order of their
    /// indices.
    ///
    /// # Panics
    /// If the kind was not counted when the tracks were chosen.
    pub(crate) fn place(&mut self, index: usize, kind: &Kind, first_row: usize) -> Place {
        if index == self.seen.len() {
            self.seen.push(self.shares.remove(kind).unwrap_or_default());
        }
        let shares = self.seen.get_mut(index).filter(|s| !s.is_empty());
        let Some(shares) = shares else { unreachable!("{} was not counted", kind.name()) };
        let share = shares.iter().position(|s| s.rows > 0).unwrap_or(shares.len() - 1);
        let share = &mut shares[share];
        share.rows = share.rows.saturating_sub(1);
        let row = &mut self.filled[share.track as usize];
        *row += 1;
        Place { row: (first_row + *row - 1) as u32, track: share.track, kind: share.kind }
    }

    /// Rows of the circuit so far.
    pub(crate) fn rows(&self) -> usize {
        self.filled.iter().copied().max().unwrap_or(0)
    }
}

//! Copy constraints of a circuit: which wires hold the same value.

use plonky2::iop::target::Target;
use plonky2::iop::wire::Wire;
use rayon::prelude::*;

use crate::config::F;
use crate::error::BackendError;

/// Classes of targets with the same value, as they are joined. Virtual targets are members that no row has.
#[derive(Debug)]
pub(crate) struct Copies {
    /// Parents of the routed wires, row by row, then of the virtual targets.
    parents: Vec<u32>,
    rows: usize,
    routed: usize,
}

impl Copies {
    /// Each of `routed` wires in `rows` rows by itself.
    ///
    /// # Errors
    /// [`BackendError::Settings`] for more than 2^31 wires.
    pub(crate) fn new(rows: usize, routed: usize) -> Result<Self, BackendError> {
        let wires = rows.checked_mul(routed).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 1 << 31);
        let wires = wires.ok_or_else(|| {
            let size = format!("{rows} rows of {routed} routed wires");
            BackendError::Settings(format!("expected at most 2^31 routed wires, got {size}; split the model"))
        })?;
        Ok(Self { parents: (0..wires).collect(), rows, routed })
    }

    /// A target that no row has.
    pub(crate) fn virtual_target(&mut self) -> Target {
        let index = self.parents.len() - self.rows * self.routed;
        self.parents.push(self.parents.len() as u32);
        Target::VirtualTarget { index }
    }

    /// Gives two targets the same value.
    pub(crate) fn connect(&mut self, a: Target, b: Target) {
        let (a, b) = (self.find(self.index(a)), self.find(self.index(b)));
        self.parents[b as usize] = a;
    }

    fn index(&self, target: Target) -> u32 {
        match target {
            Target::Wire(Wire { row, column }) => {
                assert!(column < self.routed, "wire {column} of row {row} is not routed");
                (row * self.routed + column) as u32
            }
            Target::VirtualTarget { index } => (self.rows * self.routed + index) as u32,
        }
    }

    /// The representative of a class; paths are halved on the way.
    fn find(&mut self, mut index: u32) -> u32 {
        loop {
            let parent = self.parents[index as usize];
            if parent == index {
                return index;
            }
            let next = self.parents[parent as usize];
            self.parents[index as usize] = next;
            index = next;
        }
    }

    /// The permutation whose cycles are the classes.
    pub(crate) fn close(mut self) -> Permutation {
        let wires = self.rows * self.routed;
        const NONE: u32 = u32::MAX;
        let (mut first, mut last) = (vec![NONE; self.parents.len()], vec![NONE; self.parents.len()]);
        let mut next = vec![0; wires];
        for wire in 0..wires as u32 {
            let class = self.find(wire) as usize;
            match last[class] {
                NONE => first[class] = wire,
                previous => next[previous as usize] = wire,
            }
            last[class] = wire;
        }
        for (first, last) in first.into_iter().zip(last).filter(|(_, last)| *last != NONE) {
            next[last as usize] = first;
        }
        Permutation { next, routed: self.routed }
    }
}

/// The copy constraints of a circuit: every routed wire is equal to the next one of its cycle.
#[derive(Debug)]
pub(crate) struct Permutation {
    /// By row, then by wire.
    next: Vec<u32>,
    routed: usize,
}

impl Permutation {
    /// The wires that are equal to a routed one, itself among them, as rows and columns.
    pub(crate) fn class(&self, row: usize, column: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let start = (row * self.routed + column) as u32;
        let following = move |wire: &u32| Some(self.next[*wire as usize]).filter(|next| *next != start);
        std::iter::successors(Some(start), following).map(|w| (w as usize / self.routed, w as usize % self.routed))
    }

    /// Every wire, by row, with the next one of its class.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = [(usize, usize); 2]> + '_ {
        let place = |wire: usize| (wire / self.routed, wire % self.routed);
        self.next.iter().enumerate().map(move |(wire, next)| [place(wire), place(*next as usize)])
    }

    /// Positions that the permutation gives to the wires, by row and by wire: `k_is[column] * subgroup[row]` of the next wire.
    pub(crate) fn positions(&self, k_is: &[F], subgroup: &[F]) -> Vec<Vec<F>> {
        let position = |wire: &u32| k_is[*wire as usize % self.routed] * subgroup[*wire as usize / self.routed];
        self.next.par_chunks(self.routed.max(1)).map(|row| row.iter().map(position).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_cycles() {
        let mut copies = Copies::new(4, 3).unwrap();
        let through = copies.virtual_target();
        copies.connect(Target::wire(3, 1), through);
        copies.connect(through, Target::wire(0, 2));
        copies.connect(Target::wire(1, 0), Target::wire(0, 2));
        copies.connect(Target::wire(2, 2), Target::wire(2, 2));
        let permutation = copies.close();
        let class = |row, column| permutation.class(row, column).collect::<Vec<_>>();
        assert_eq!(class(0, 2), [(0, 2), (1, 0), (3, 1)]);
        assert_eq!(class(3, 1), [(3, 1), (0, 2), (1, 0)]);
        assert_eq!(class(2, 2), [(2, 2)]);
        assert_eq!(
            (0..4).flat_map(|row| (0..3).map(move |c| (row, c))).filter(|(r, c)| class(*r, *c).len() > 1).count(),
            3
        );
    }

    #[test]
    fn too_many_wires_are_refused() {
        let error = Copies::new(1 << 24, 1 << 10).unwrap_err();
        assert!(error.to_string().contains("expected at most 2^31 routed wires"), "{error}");
    }
}

//! Merkle trees over rows of columns.

use plonky2::field::types::PrimeField64;
use plonky2::hash::hash_types::BytesHash;
use plonky2::hash::merkle_proofs::MerkleProof;
use plonky2::hash::merkle_tree::MerkleCap;
use plonky2::plonk::config::Hasher;
use rayon::prelude::*;

use super::lanes::{self, LANES};
use crate::config::{Blake3Hash, F};

type Digest = [u8; 32];

/// Digests of all layers from the leaves to the cap.
#[derive(Debug)]
pub(super) struct Tree {
    layers: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over `leaves` leaves (a power of two) of `width` elements; `at(column, leaf)` gives an element.
    /// plonky2's leaves are digests of their elements unless they fit a digest themselves; none here is that short.
    pub(super) fn new(leaves: usize, width: usize, cap_height: usize, at: impl Fn(usize, usize) -> F + Sync) -> Self {
        let mut layer = vec![[0; 32]; leaves];
        if leaves >= LANES && width > 4 {
            layer.par_chunks_exact_mut(LANES).enumerate().for_each(|(group, out)| {
                let digests = lanes::hash(width, |column| {
                    std::array::from_fn(|l| at(column, group * LANES + l).to_canonical_u64())
                });
                out.copy_from_slice(&digests);
            });
        } else {
            for (leaf, out) in layer.iter_mut().enumerate() {
                let elements: Vec<F> = (0..width).map(|column| at(column, leaf)).collect();
                *out = <Blake3Hash as Hasher<F>>::hash_or_noop(&elements).0;
            }
        }
        let mut layers = vec![layer];
        while let Some(below) = layers.last().filter(|l| l.len() > 1 << cap_height) {
            let above = parents(below);
            layers.push(above);
        }
        Self { layers }
    }

    /// The layer that the proof contains as a whole.
    pub(super) fn cap(&self) -> MerkleCap<F, Blake3Hash> {
        MerkleCap(self.layers.last().into_iter().flatten().copied().map(BytesHash).collect())
    }

    /// Siblings on the way from `leaf` to the cap.
    pub(super) fn prove(&self, leaf: usize) -> MerkleProof<F, Blake3Hash> {
        let below_cap = &self.layers[..self.layers.len().saturating_sub(1)];
        let siblings = below_cap.iter().enumerate().map(|(height, layer)| BytesHash(layer[(leaf >> height) ^ 1]));
        MerkleProof { siblings: siblings.collect() }
    }
}

fn parents(below: &[Digest]) -> Vec<Digest> {
    let mut above = vec![[0; 32]; below.len() / 2];
    let word = |digest: &Digest, i: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[8 * i..8 * i + 8]);
        u64::from_le_bytes(bytes)
    };
    if above.len() < LANES {
        for (pair, out) in below.chunks_exact(2).zip(&mut above) {
            *out = <Blake3Hash as Hasher<F>>::two_to_one(BytesHash(pair[0]), BytesHash(pair[1])).0;
        }
        return above;
    }
    above.par_chunks_exact_mut(LANES).with_min_len(64).zip(below.par_chunks_exact(2 * LANES)).for_each(
        |(out, pairs)| {
            let digests = lanes::hash(8, |i| std::array::from_fn(|l| word(&pairs[2 * l + i / 4], i % 4)));
            out.copy_from_slice(&digests);
        },
    );
    above
}

#[cfg(test)]
mod tests {
    use plonky2::field::types::Sample;
    use plonky2::hash::merkle_tree::MerkleTree;

    use super::*;

    #[test]
    fn agrees_with_plonky2() {
        for (leaves, width, cap_height) in [(64, 135, 4), (16, 24, 4), (4, 7, 1), (8, 3, 0), (1, 5, 0)] {
            let rows: Vec<Vec<F>> = (0..leaves).map(|_| F::rand_vec(width)).collect();
            let tree = Tree::new(leaves, width, cap_height, |column, leaf| rows[leaf][column]);
            let expected = MerkleTree::<F, Blake3Hash>::new(rows, cap_height);
            assert_eq!(tree.cap(), expected.cap);
            for leaf in 0..leaves {
                assert_eq!(tree.prove(leaf), expected.prove(leaf));
            }
        }
    }
}

//! Uniformly random field elements, as many as blinding takes.

use plonky2::field::types::{Field, Field64, PrimeField64, Sample};

use crate::config::F;

/// Streams of field elements that are as random as their seed: BLAKE3 in extendable-output mode, words outside the
/// field rejected. The operating system is asked for the seed only; it would take seconds to ask it for every
/// element.
pub(crate) struct Random([u8; 32]);

impl Random {
    /// Seeded by the operating system with more than 256 bits.
    pub(crate) fn from_system() -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("plonnx 2026 blinding");
        for _ in 0..8 {
            hasher.update(&F::rand().to_canonical_u64().to_le_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The first `count` elements of stream `index`.
    pub(crate) fn elements(&self, index: usize, count: usize) -> Vec<F> {
        let mut reader = blake3::Hasher::new_keyed(&self.0).update(&(index as u64).to_le_bytes()).finalize_xof();
        let mut block = [0u8; 4096];
        let mut out = Vec::with_capacity(count);
        while out.len() < count {
            reader.fill(&mut block);
            let words = block.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            out.extend(words.filter(|word| *word < F::ORDER).map(F::from_canonical_u64).take(count - out.len()));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_told_apart() {
        let (a, b) = (Random::from_system(), Random::from_system());
        let streams = [a.elements(0, 1000), a.elements(1, 1000), b.elements(0, 1000)];
        assert_eq!(a.elements(0, 10), streams[0][..10]);
        let mut all: Vec<u64> = streams.iter().flatten().map(PrimeField64::to_canonical_u64).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 3000);
    }
}

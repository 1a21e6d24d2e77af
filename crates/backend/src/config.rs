//! The proof system's parameters: field, hashes, named profiles.

use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::{Field, Field64, PrimeField64};
use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::hash::hash_types::{BytesHash, RichField};
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonky2::plonk::config::{GenericConfig, Hasher};
use serde::{Deserialize, Serialize};

use crate::gate::PoolGate;

/// Goldilocks, p = 2^64 - 2^32 + 1.
pub type F = GoldilocksField;
/// Degree of the extension from which challenges are drawn.
pub const D: usize = 2;
/// The quadratic extension.
pub type FE = QuadraticExtension<F>;

/// Wires of an emitted row at most.
pub const WIRES: usize = 138;
/// Those that can carry copy constraints.
pub(crate) const ROUTED: usize = 80;
/// Kinds of rows for which [`Profile::circuit_config`] leaves room.
const KINDS: usize = 32;

/// Wires of two tracks with any kinds: those with digits, whose first wires and digits lie apart, and others.
const EMBEDDED_WIRES: usize = 384;

/// Columns of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) wires: usize,
    pub(crate) routed: usize,
    pub(crate) constants: usize,
}

/// Field element of a signed integer of absolute value below p / 2.
pub fn to_field(value: i64) -> F {
    if value >= 0 { F::from_canonical_u64(value as u64) } else { -F::from_canonical_u64(value.unsigned_abs()) }
}

/// Signed integer nearest to zero that the field element represents.
pub fn from_field(value: F) -> i128 {
    let v = value.to_canonical_u64();
    if v > F::ORDER / 2 { v as i128 - F::ORDER as i128 } else { v as i128 }
}

/// Logarithm of the inverse rate of the code that FRI tests.
const RATE_BITS: usize = 3;
/// Bits of work that a prover does before it learns the queries.
const GRINDING: u32 = 16;

/// A named set of security parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// 28 queries at rate 1/8 and 16 bits of grinding: 100 bits under the FRI conjecture.
    #[default]
    Standard,
    /// 49 queries: 80 bits proven (Johnson bound) for circuits of up to 64 GiB of extended columns.
    Proven80,
    /// 21 queries and two permutation challenges: 72 bits and more under the FRI conjecture, for development.
    Fast,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Profile; 3] = [Profile::Standard, Profile::Proven80, Profile::Fast];

    /// Name on the command line and in artifacts.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Standard => "standard",
            Profile::Proven80 => "proven80",
            Profile::Fast => "fast",
        }
    }

    /// The profile called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// plonky2's configuration for a circuit of one's own that embeds a program: rows of two tracks, and constants for
    /// `weights_per_row` weights.
    pub fn circuit_config(self, weights_per_row: usize) -> CircuitConfig {
        let constants = weights_per_row + KINDS + PoolGate::SLOTS;
        self.config_of(Shape { wires: EMBEDDED_WIRES, routed: 2 * ROUTED, constants })
    }

    /// plonky2's configuration for a circuit of this shape.
    pub(crate) fn config_of(self, shape: Shape) -> CircuitConfig {
        // The permutation argument with two challenges has 83 bits at 2^16 rows; with three, 125.
        let (queries, challenges) = match self {
            Profile::Standard => (28, 3),
            Profile::Proven80 => (49, 3),
            Profile::Fast => (21, 2),
        };
        CircuitConfig {
            num_wires: shape.wires,
            num_routed_wires: shape.routed,
            num_constants: shape.constants,
            use_base_arithmetic_gate: true,
            // plonky2 asserts that its conjectured FRI figure is at least this, and does nothing else with it.
            security_bits: (queries * RATE_BITS + GRINDING as usize).min(100),
            num_challenges: challenges,
            zero_knowledge: false,
            max_quotient_degree_factor: 8,
            fri_config: FriConfig {
                rate_bits: RATE_BITS,
                cap_height: 4,
                proof_of_work_bits: GRINDING,
                reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 5),
                num_query_rounds: queries,
            },
        }
    }
}

/// Merkle trees and transcript with BLAKE3, for proofs that are checked natively.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Blake3Config;

impl GenericConfig<D> for Blake3Config {
    type F = F;
    type FE = FE;
    type Hasher = Blake3Hash;
    type InnerHasher = PoseidonHash;
}

/// BLAKE3 over the little-endian canonical encodings of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blake3Hash;

/// Bytes of a BLAKE3 digest.
const DIGEST: usize = 32;

impl<T: RichField> Hasher<T> for Blake3Hash {
    const HASH_SIZE: usize = DIGEST;
    type Hash = BytesHash<DIGEST>;
    type Permutation = Blake3Permutation<T>;

    fn hash_no_pad(input: &[T]) -> Self::Hash {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = [0u8; 1024];
        for chunk in input.chunks(buffer.len() / 8) {
            for (bytes, x) in buffer.chunks_exact_mut(8).zip(chunk) {
                bytes.copy_from_slice(&x.to_canonical_u64().to_le_bytes());
            }
            hasher.update(&buffer[..chunk.len() * 8]);
        }
        BytesHash(*hasher.finalize().as_bytes())
    }

    fn two_to_one(left: Self::Hash, right: Self::Hash) -> Self::Hash {
        let mut bytes = [0u8; 2 * DIGEST];
        bytes[..DIGEST].copy_from_slice(&left.0);
        bytes[DIGEST..].copy_from_slice(&right.0);
        BytesHash(*blake3::hash(&bytes).as_bytes())
    }
}

/// Separates the transcript from Merkle hashing.
const TRANSCRIPT_KEY: &[u8; DIGEST] = b"plonnx 2026 transcript permutate";

/// State of the transcript: BLAKE3 in extendable-output mode, words outside the field rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blake3Permutation<T: RichField>([T; 12]);

impl<T: RichField> AsRef<[T]> for Blake3Permutation<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T: RichField> PlonkyPermutation<T> for Blake3Permutation<T> {
    const RATE: usize = 8;
    const WIDTH: usize = 12;

    fn new<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let mut state = Self([T::ZERO; 12]);
        state.set_from_iter(iter, 0);
        state
    }

    fn set_elt(&mut self, elt: T, idx: usize) {
        self.0[idx] = elt;
    }

    fn set_from_iter<I: IntoIterator<Item = T>>(&mut self, elts: I, start_idx: usize) {
        for (s, e) in self.0[start_idx..].iter_mut().zip(elts) {
            *s = e;
        }
    }

    fn set_from_slice(&mut self, elts: &[T], start_idx: usize) {
        self.0[start_idx..start_idx + elts.len()].copy_from_slice(elts);
    }

    fn permute(&mut self) {
        let mut bytes = [0u8; 96];
        for (chunk, x) in bytes.chunks_exact_mut(8).zip(&self.0) {
            chunk.copy_from_slice(&x.to_canonical_u64().to_le_bytes());
        }
        let mut reader = blake3::Hasher::new_keyed(TRANSCRIPT_KEY).update(&bytes).finalize_xof();
        // Whole output blocks: every call of `fill` compresses anew.
        let mut block = [0u8; 128];
        let mut filled = 0;
        while filled < self.0.len() {
            reader.fill(&mut block);
            for word in block.as_chunks::<8>().0 {
                let word = u64::from_le_bytes(*word);
                if word < T::ORDER && filled < self.0.len() {
                    self.0[filled] = T::from_canonical_u64(word);
                    filled += 1;
                }
            }
        }
    }

    fn squeeze(&self) -> &[T] {
        &self.0[..Self::RATE]
    }
}

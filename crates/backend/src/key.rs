//! Verifying keys and proofs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use plonky2::gates::gate::GateRef;
use plonky2::gates::noop::NoopGate;
use plonky2::gates::poseidon::PoseidonGate;
use plonky2::gates::public_input::PublicInputGate;
use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierCircuitData};
use plonky2::plonk::proof::ProofWithPublicInputs;
use plonky2::util::serialization::GateSerializer;
use plonky2::{get_gate_tag_impl, impl_gate_serializer, read_gate_impl};

use crate::blinding::{MASKS, blinded};
use crate::commitment::Commitment;
use crate::config::{Blake3Config, D, F, Profile, Shape};
use crate::emit::Visibility;
use crate::error::BackendError;
use crate::gate::{PoolGate, RowGate};
use crate::scan::lengths_fit;
use crate::security::{SecurityReport, Sizes};
use crate::statement::{Port, canonical};
use crate::weights::Weights;

/// Reads and writes the gates of plonnx circuits. Tags are positions: append only.
#[derive(Debug)]
struct Gates;

impl GateSerializer<F, D> for Gates {
    impl_gate_serializer! {
        Gates,
        RowGate,
        NoopGate,
        PoseidonGate<F, D>,
        PublicInputGate,
        PoolGate
    }
}

/// Largest key that is read, in bytes.
const MAX_KEY: usize = 1 << 26;
/// Largest logarithm of the number of rows: the extended domain must be in the field's subgroup of 2^32 elements.
const MAX_DEGREE_BITS: usize = 29;
/// Largest proof that is read, in bytes.
const MAX_PROOF: usize = 1 << 26;

/// What a verifier needs: plonky2's verifier data and the meaning of the statement.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    profile: Profile,
    weights: Weights,
    ports: Vec<Port>,
    data: VerifierCircuitData<F, Blake3Config, D>,
    terms: ArgumentTerms,
    bytes: Vec<u8>,
    hash: [u8; 32],
}

/// Sizes of our arguments, on which the security terms depend; little-endian in front of plonky2's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentTerms {
    pub(crate) accumulator_slots: u64,
    pub(crate) lookups: u64,
    pub(crate) table_entries: u64,
}

impl ArgumentTerms {
    const BYTES: usize = 24;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        for (chunk, v) in out.chunks_exact_mut(8).zip([self.accumulator_slots, self.lookups, self.table_entries]) {
            chunk.copy_from_slice(&v.to_le_bytes());
        }
        out
    }

    fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut words = bytes.as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c));
        let mut next = || words.next().unwrap_or(0);
        Self { accumulator_slots: next(), lookups: next(), table_entries: next() }
    }
}

/// A proof with the public tensors it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Elements of each port that is public, inputs before outputs.
    pub public: Vec<Option<Vec<i64>>>,
    /// The commitment to each port that is committed, inputs before outputs.
    pub commitments: Vec<Option<Commitment>>,
    /// The commitment to the weights, if they are committed.
    pub model: Option<Commitment>,
    /// plonky2's proof with its public inputs.
    pub proof: Vec<u8>,
}

impl VerifyingKey {
    pub(crate) fn new(
        data: VerifierCircuitData<F, Blake3Config, D>,
        profile: Profile,
        weights: Weights,
        ports: Vec<Port>,
        terms: ArgumentTerms,
    ) -> Result<Self, BackendError> {
        let inner = data.to_bytes(&Gates).map_err(|_| BackendError::Settings("a gate cannot be written".into()))?;
        let bytes = [&terms.to_bytes()[..], &inner].concat();
        Ok(Self { hash: hash(profile, weights, &ports, &bytes), profile, weights, ports, data, terms, bytes })
    }

    /// Reads a key from its parts: the profile, how weights appear, the ports and plonky2's verifier data.
    pub fn from_parts(
        profile: Profile,
        weights: Weights,
        ports: Vec<Port>,
        bytes: &[u8],
    ) -> Result<Self, BackendError> {
        let malformed = |reason: &str| BackendError::Malformed { what: "verifying key", reason: reason.into() };
        if bytes.len() > MAX_KEY {
            return Err(malformed("longer than 64 MiB"));
        }
        let Some((terms, inner)) = bytes.split_first_chunk() else { return Err(malformed("shorter than its header")) };
        let terms = ArgumentTerms::from_bytes(terms);
        if !lengths_fit(inner) {
            return Err(malformed("not verifier data"));
        }
        // A panic of plonky2's readers is a malformed key, not a crash.
        let read = catch_unwind(AssertUnwindSafe(|| VerifierCircuitData::from_bytes(inner.to_vec(), &Gates)));
        let data = read.ok().and_then(Result::ok).ok_or_else(|| malformed("not verifier data"))?;
        let zero_knowledge = data.common.config.zero_knowledge;
        let given = &data.common.config;
        let shape = Shape {
            wires: given.num_wires.saturating_sub(if zero_knowledge { MASKS } else { 0 }),
            routed: given.num_routed_wires,
            constants: given.num_constants,
        };
        let config = profile.config_of(shape);
        let expected = if zero_knowledge { blinded(config) } else { config };
        let fri_params = &data.common.fri_params;
        if data.common.config != expected
            || fri_params.degree_bits > MAX_DEGREE_BITS
            || *fri_params != expected.fri_config.fri_params(fri_params.degree_bits, zero_knowledge)
            || data.verifier_only.constants_sigmas_cap.height() != expected.fri_config.cap_height
        {
            return Err(malformed("its proof system parameters are not those of its profile"));
        }
        let selectors = data.common.selectors_info.num_selectors();
        let fits = |gate: &GateRef<F, D>| {
            gate.0.num_wires() <= shape.wires && gate.0.num_constants() + selectors <= data.common.num_constants
        };
        if shape.routed > shape.wires || !data.common.gates.iter().all(fits) {
            return Err(malformed("its gates do not fit its rows"));
        }
        let digests = ports.iter().filter(|p| p.visibility != Visibility::Private).count()
            + usize::from(weights == Weights::Committed);
        if data.common.num_public_inputs != 4 * digests {
            return Err(malformed("its ports do not match its public inputs"));
        }
        Ok(Self {
            hash: hash(profile, weights, &ports, bytes),
            profile,
            weights,
            ports,
            data,
            terms,
            bytes: bytes.to_vec(),
        })
    }

    /// BLAKE3 over profile, weights, ports and verifier data.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Security of proofs under this key, term by term.
    pub fn security(&self) -> SecurityReport {
        let common = &self.data.common;
        let challenges = common.config.num_challenges;
        // The permutation's products are opened at two points, so that FRI tests two quotients of each.
        let columns = common.num_constants
            + common.config.num_routed_wires
            + common.config.num_wires
            + challenges * (2 + common.num_partial_products + common.quotient_degree_factor);
        let sizes = Sizes {
            degree_bits: common.degree_bits(),
            routed: common.config.num_routed_wires,
            constraints: common.num_gate_constraints + challenges * (2 + common.num_partial_products),
            columns,
            accumulator_slots: self.terms.accumulator_slots as usize,
            lookups: self.terms.lookups as usize,
            table_entries: self.terms.table_entries as usize,
        };
        SecurityReport::new(self.profile, &sizes)
    }

    /// plonky2's description of the circuit.
    pub(crate) fn common(&self) -> &CommonCircuitData<F, D> {
        &self.data.common
    }

    /// The key's data, serialised: sizes of the arguments and plonky2's verifier data.
    pub fn data_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The security profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether weights are constants, which the key stands for, or committed.
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// Whether proofs are blinded.
    pub fn zero_knowledge(&self) -> bool {
        self.data.common.config.zero_knowledge
    }

    /// The boundary tensors, inputs before outputs.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Rows of the circuit, as a power of two.
    pub fn degree_bits(&self) -> usize {
        self.data.common.degree_bits()
    }

    /// The public inputs that a proof of this statement has.
    fn statement(&self, proof: &Proof) -> Result<Vec<u64>, BackendError> {
        let rejected = |reason: String| Err(BackendError::Rejected(reason));
        if proof.public.len() != self.ports.len() || proof.commitments.len() != self.ports.len() {
            return rejected("it speaks of another number of tensors than the key".into());
        }
        let mut expected = Vec::new();
        let shown = proof.public.iter().zip(&proof.commitments);
        for (position, (port, shown)) in self.ports.iter().zip(shown).enumerate() {
            let name = &port.name;
            match (port.visibility, shown) {
                (Visibility::Public, (Some(values), None)) => {
                    let digest = port.digest(position, values).map_err(BackendError::Rejected)?;
                    expected.extend(canonical(&digest));
                }
                (Visibility::Committed, (None, Some(commitment))) => expected.extend(commitment.words()),
                (Visibility::Private, (None, None)) => {}
                (Visibility::Public, (None, _)) => return rejected(format!("the public tensor \"{name}\" is missing")),
                (Visibility::Committed, (_, None)) => {
                    return rejected(format!("the commitment to \"{name}\" is missing"));
                }
                (seen, (Some(_), _)) if seen != Visibility::Public => {
                    return rejected(format!("it claims values of \"{name}\", which is {}", seen.name()));
                }
                (seen, _) => {
                    return rejected(format!("it has a commitment to \"{name}\", which is {}", seen.name()));
                }
            }
        }
        match (self.weights, proof.model) {
            (Weights::Committed, Some(commitment)) => expected.extend(commitment.words()),
            (Weights::Public, None) => {}
            (Weights::Committed, None) => return rejected("the commitment to the weights is missing".into()),
            (Weights::Public, Some(_)) => {
                return rejected("it has a commitment to weights, which the key stands for".into());
            }
        }
        Ok(expected)
    }

    /// Verifies `proof` for the public tensors and commitments it carries.
    pub fn verify(&self, proof: &Proof) -> Result<(), BackendError> {
        let rejected = |reason: &str| BackendError::Rejected(reason.into());
        let expected = self.statement(proof)?;
        if proof.proof.len() > MAX_PROOF {
            return Err(rejected("longer than 64 MiB"));
        }
        let bytes = proof.proof.clone();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let inner = ProofWithPublicInputs::<F, Blake3Config, D>::from_bytes(bytes, &self.data.common)
                .map_err(|_| "its bytes are malformed".to_string())?;
            if canonical(&inner.public_inputs) != expected {
                return Err("it proves other public values than claimed".to_string());
            }
            self.data.verify(inner).map_err(|e| e.to_string())
        }));
        outcome.unwrap_or_else(|_| Err("its bytes are malformed".into())).map_err(BackendError::Rejected)
    }
}

fn hash(profile: Profile, weights: Weights, ports: &[Port], data: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("plonnx 2026 verifying key");
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(profile.name().as_bytes());
    part(weights.name().as_bytes());
    for port in ports {
        part(format!("{port:?}").as_bytes());
    }
    part(data);
    *hasher.finalize().as_bytes()
}

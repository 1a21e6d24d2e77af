//! The digest of a field program and its settings.

use plonky2::field::types::{Field as _, PrimeField64};
use plonnx_ir::op::{Requant, View};
use plonnx_ir::{CoreOp, Field, Graph, text};

use crate::circuit::Settings;
use crate::config::F;

/// Digest of everything that defines the circuit: program, constants, index lists, tables, settings and version.
pub fn program_digest(program: &Graph<Field>, settings: &Settings) -> [u64; 4] {
    let mut hasher = blake3::Hasher::new_derive_key("plonnx 2026 program digest");
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(env!("CARGO_PKG_VERSION").as_bytes());
    part(settings.profile.name().as_bytes());
    for visibility in settings.inputs.iter().chain(&settings.outputs) {
        part(visibility.name().as_bytes());
    }
    part(settings.weights.name().as_bytes());
    part(&[u8::from(settings.zero_knowledge)]);
    part(settings.prefer.name().as_bytes());
    part(text::print(program).as_bytes());
    // The text names long tensors by short fingerprints; the digest covers their contents.
    for id in program.ids() {
        match &program.node(id).op {
            CoreOp::Const(tensor, _) => part(&tensor.iter().flat_map(i64::to_le_bytes).collect::<Vec<u8>>()),
            CoreOp::Map(Requant::Table { table, .. }) => {
                part(&table.values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
            }
            CoreOp::View(View::Gather { indices, .. } | View::Index { indices, .. }) => {
                part(&indices.iter().flat_map(|i| (*i as u64).to_le_bytes()).collect::<Vec<u8>>());
            }
            _ => {}
        }
    }
    let mut reader = hasher.finalize_xof();
    std::array::from_fn(|_| {
        let mut word = [0u8; 8];
        reader.fill(&mut word);
        F::from_noncanonical_u64(u64::from_le_bytes(word)).to_canonical_u64()
    })
}

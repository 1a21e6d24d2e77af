//! Sizes of a circuit.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use plonky2::plonk::circuit_data::CommonCircuitData;
use plonnx_ir::{Field, Graph};
use serde::Serialize;

use crate::config::{D, F};
use crate::emit::Emission;
use crate::plan::{Plan, elements};

/// Rows, columns and their causes.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Rows in use.
    pub rows: usize,
    /// Logarithm of the number of rows after padding.
    pub degree_bits: usize,
    /// Tracks of a row, each of which holds an emitted row.
    pub tracks: usize,
    /// Wires of a row.
    pub wires: usize,
    /// Emitted rows by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Emitted rows by node, in program order.
    pub nodes: Vec<(String, usize)>,
    /// Constant elements of the program that weigh data.
    pub weights: usize,
    /// Weights a row can hold.
    pub weights_per_row: usize,
    /// Accumulators that the linear argument checks.
    pub accumulators: usize,
    /// Field elements absorbed by the transcript.
    pub absorbed: usize,
    /// Terms of the lookup argument.
    pub lookups: usize,
    /// Preprocessed columns, selectors included.
    pub constant_columns: usize,
    /// Largest number of constraints of a gate.
    pub constraints: usize,
    #[serde(skip)]
    pub(crate) emit_time: Duration,
    #[serde(skip)]
    pub(crate) compile_time: Duration,
}

impl Stats {
    pub(crate) fn new(
        program: &Graph<Field>,
        emission: &Emission,
        common: &CommonCircuitData<F, D>,
        plan: &Plan,
        emit_time: Duration,
        compile_time: Duration,
    ) -> Self {
        let tape = &emission.tape;
        let mut kinds = BTreeMap::new();
        let mut nodes: Vec<(String, usize)> = tape.labels.iter().map(|l| (l.clone(), 0)).collect();
        for (index, record) in tape.rows.iter().enumerate() {
            *kinds.entry(tape.kind(index).name()).or_insert(0) += 1;
            if let Some(node) = nodes.get_mut(record.label as usize) {
                node.1 += 1;
            }
        }
        let mut merged: Vec<(String, usize)> = Vec::new();
        for (name, count) in nodes.into_iter().filter(|n| n.1 > 0) {
            match merged.iter_mut().find(|m| m.0 == name) {
                Some(entry) => entry.1 += count,
                None => merged.push((name, count)),
            }
        }
        Self {
            rows: plan.rows,
            degree_bits: common.degree_bits(),
            tracks: plan.tracks,
            wires: plan.wires,
            kinds,
            nodes: merged,
            weights: elements(program),
            weights_per_row: plan.weights_per_row,
            accumulators: emission.accumulators,
            absorbed: emission.absorbed,
            lookups: (emission.terms.lookups + emission.terms.table_entries) as usize,
            constant_columns: common.num_constants,
            constraints: common.num_gate_constraints,
            emit_time,
            compile_time,
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows {} (2^{}) of {} tracks, {} wires", self.rows, self.degree_bits, self.tracks, self.wires)?;
        writeln!(f, "weights {}, {} a row", self.weights, self.weights_per_row)?;
        writeln!(
            f,
            "accumulators {}, absorbed elements {}, lookup terms {}",
            self.accumulators, self.absorbed, self.lookups
        )?;
        writeln!(f, "constant columns {}", self.constant_columns)?;
        writeln!(f, "emitted rows by kind:")?;
        for (kind, rows) in &self.kinds {
            writeln!(f, "  {kind:<24} {rows:>7}")?;
        }
        writeln!(f, "emitted rows by node:")?;
        for (node, rows) in &self.nodes {
            writeln!(f, "  {node:<40} {rows:>7}")?;
        }
        Ok(())
    }
}

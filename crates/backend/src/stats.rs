//! Sizes of a circuit.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use plonky2::plonk::circuit_data::CommonCircuitData;
use plonnx_ir::{Field, Graph};
use serde::Serialize;

use crate::config::{D, F};
use crate::emit::Emission;
use crate::plan::elements;

/// Rows, columns and their causes.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Rows in use.
    pub rows: usize,
    /// Logarithm of the number of rows after padding.
    pub degree_bits: usize,
    /// Rows by gate.
    pub gates: BTreeMap<String, usize>,
    /// Rows by node, in program order.
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
    /// Gate types.
    pub gate_types: usize,
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
        rows: usize,
        weights_per_row: usize,
        emit_time: Duration,
        compile_time: Duration,
    ) -> Self {
        let tape = &emission.tape;
        let mut gates = BTreeMap::new();
        let mut nodes: Vec<(String, usize)> = tape.labels.iter().map(|l| (l.clone(), 0)).collect();
        for record in tape.rows.iter().filter(|r| !r.foreign) {
            let name = record.gate.map_or_else(|| "poseidon".to_string(), |g| tape.gates[g as usize].kind().name());
            *gates.entry(name).or_insert(0) += 1;
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
            rows,
            degree_bits: common.degree_bits(),
            gates,
            nodes: merged,
            weights: elements(program),
            weights_per_row,
            accumulators: emission.accumulators,
            absorbed: emission.absorbed,
            lookups: (emission.terms.lookups + emission.terms.table_entries) as usize,
            constant_columns: common.num_constants,
            gate_types: common.gates.len(),
            constraints: common.num_gate_constraints,
            emit_time,
            compile_time,
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows {} (2^{})", self.rows, self.degree_bits)?;
        writeln!(f, "weights {}, {} a row", self.weights, self.weights_per_row)?;
        writeln!(
            f,
            "accumulators {}, absorbed elements {}, lookup terms {}",
            self.accumulators, self.absorbed, self.lookups
        )?;
        writeln!(f, "constant columns {}, gate types {}", self.constant_columns, self.gate_types)?;
        writeln!(f, "rows by gate:")?;
        for (gate, rows) in &self.gates {
            writeln!(f, "  {gate:<24} {rows:>7}")?;
        }
        writeln!(f, "rows by node:")?;
        for (node, rows) in &self.nodes {
            writeln!(f, "  {node:<40} {rows:>7}")?;
        }
        Ok(())
    }
}

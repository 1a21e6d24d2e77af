//! Ranges of the nodes of a float graph, observed on samples.

use plonnx_ir::{Float, Graph, NodeId, Tensor, eval_all};

use crate::error::QuantError;
use crate::range::Range;
use crate::structure::Structure;

/// Where a calibration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalibrationSource {
    /// Observed on this many samples.
    Samples(usize),
    /// Propagated from declared ranges of the inputs.
    Declared,
}

/// Range of every node of a float graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    pub(crate) ranges: Vec<Range>,
    /// Where the ranges come from.
    pub source: CalibrationSource,
}

impl Calibration {
    /// Range of `node`; `None` when the calibration is of another graph.
    pub fn range(&self, node: NodeId) -> Option<Range> {
        self.ranges.get(node.index()).copied()
    }
}

/// Evaluates `graph` on `samples`, each one tensor per input, and records the range of every node.
///
/// Fails when there is no sample, when a sample does not fit the inputs, and when a node gives NaN or an infinity.
/// Minus infinity is admitted, and is the end of the range, where a mask puts it: in values that only a softmax sees.
pub fn calibrate(graph: &Graph<Float>, samples: &[Vec<Tensor<f64>>]) -> Result<Calibration, QuantError> {
    if samples.is_empty() {
        return Err(QuantError::Calibration { reason: "expected at least one sample, got none".into() });
    }
    let structure = Structure::of(graph);
    let mut ranges: Vec<Option<Range>> = vec![None; graph.len()];
    for (sample, inputs) in samples.iter().enumerate() {
        let values = eval_all(graph, inputs)?;
        for id in graph.ids() {
            let Some(value) = values.get(id.index()) else { continue };
            for v in value.iter() {
                let masked = v == f64::NEG_INFINITY && structure.sees_only_softmax(id);
                if !v.is_finite() && !masked {
                    let node = graph.node(id);
                    return Err(QuantError::NotFinite {
                        node: node.name.clone(),
                        op: node.op.name(),
                        sample,
                        value: v,
                    });
                }
                let range = &mut ranges[id.index()];
                *range = Some(range.map_or(Range::point(v), |r| r.join(Range::point(v))));
            }
        }
    }
    let ranges = ranges.into_iter().map(|r| r.unwrap_or(Range::point(0.0))).collect();
    Ok(Calibration { ranges, source: CalibrationSource::Samples(samples.len()) })
}

//! Ranges of the nodes of a float graph, observed on samples.

use std::collections::BTreeMap;

use plonnx_ir::op::Window;
use plonnx_ir::{Float, Graph, Log2Scale, NodeId, Tensor, eval_all};

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
    /// Found before, for the same graph.
    Known,
}

/// What is known of the values of a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    pub min: f64,
    pub max: f64,
    /// Largest finite magnitude in the quietest sample that has any but 0: in the sample in which it is smallest.
    pub quietest: f64,
}

/// Range of every node of a float graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    pub(crate) ranges: Vec<Range>,
    /// [`Observed::quietest`] of every node.
    pub(crate) quietest: Vec<f64>,
    /// Scale and window of inputs that take them from elsewhere.
    pub(crate) fixed: BTreeMap<usize, (Log2Scale, Window)>,
    /// Where the ranges come from.
    pub source: CalibrationSource,
}

impl Calibration {
    /// Range of `node`; `None` when the calibration is of another graph.
    pub fn range(&self, node: NodeId) -> Option<Range> {
        self.ranges.get(node.index()).copied()
    }

    /// What is known of all nodes, in construction order.
    pub fn observed(&self) -> impl Iterator<Item = Observed> + '_ {
        let nodes = self.ranges.iter().zip(&self.quietest);
        nodes.map(|(range, quietest)| Observed { min: range.min, max: range.max, quietest: *quietest })
    }

    /// The calibration with these observations of all nodes, in construction order.
    ///
    /// Fails when a range is empty, or has an end that calibration does not give: NaN or plus infinity; and when the
    /// magnitude of the quietest sample is none.
    pub fn from_observed(observed: &[Observed]) -> Result<Self, QuantError> {
        let range = |Observed { min, max, quietest }: &Observed| {
            let reason = if !(min <= max && *min < f64::INFINITY && max.is_finite() | (*max == f64::NEG_INFINITY)) {
                format!("expected a range with min <= max, got [{min}, {max}]")
            } else if !(quietest.is_finite() && *quietest >= 0.0) {
                format!("expected a magnitude of the quietest sample, got {quietest}")
            } else {
                return Ok(Range { min: *min, max: *max });
            };
            Err(QuantError::Calibration { reason })
        };
        let ranges = observed.iter().map(range).collect::<Result<_, _>>()?;
        let quietest = observed.iter().map(|o| o.quietest).collect();
        Ok(Self { ranges, quietest, fixed: BTreeMap::new(), source: CalibrationSource::Known })
    }

    /// Gives the input `node` this scale and window, instead of those that would be chosen from its range: for data that
    /// have an encoding already, such as the output of another model.
    pub fn fix_input(&mut self, node: NodeId, scale: Log2Scale, window: Window) {
        self.fixed.insert(node.index(), (scale, window));
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
    let mut quietest = vec![f64::INFINITY; graph.len()];
    for (sample, inputs) in samples.iter().enumerate() {
        let values = eval_all(graph, inputs)?;
        for id in graph.ids() {
            let Some(value) = values.get(id.index()) else { continue };
            let mut peak = 0.0f64;
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
                if !masked {
                    peak = peak.max(v.abs());
                }
            }
            if peak > 0.0 {
                let least = &mut quietest[id.index()];
                *least = least.min(peak);
            }
        }
    }
    let ranges = ranges.into_iter().map(|r| r.unwrap_or(Range::point(0.0))).collect();
    let quietest = quietest.into_iter().map(|q| if q.is_finite() { q } else { 0.0 }).collect();
    Ok(Calibration { ranges, quietest, fixed: BTreeMap::new(), source: CalibrationSource::Samples(samples.len()) })
}

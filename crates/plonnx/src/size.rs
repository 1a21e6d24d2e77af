//! Sizes of models.

use std::collections::BTreeSet;

use plonnx_ir::{CoreOp, Float, Graph};

/// Multiplications of one inference in convolutions and in products with a sum over an axis. Sums of squares and lookups
/// of rows (products with a one-hot matrix) are not counted, as they are no layers of a model.
pub fn macs(graph: &Graph<Float>) -> u64 {
    let count = |id| {
        let node = graph.node(id);
        let [a, b] = node.inputs.first_chunk::<2>()?;
        let is_lookup = |id| matches!(graph.node(id).op, CoreOp::OneHot(_));
        if a == b || is_lookup(*a) || is_lookup(*b) {
            return None;
        }
        let (a, b) = (graph.shape(*a), graph.shape(*b));
        match &node.op {
            CoreOp::Conv(_) => {
                let window: usize = b.iter().skip(1).product();
                Some(node.fact.len() as u64 * window as u64)
            }
            CoreOp::Contract(contract) => {
                let labels: BTreeSet<u8> = contract.a.iter().chain(&contract.b).copied().collect();
                if labels.iter().all(|l| contract.out.contains(l)) {
                    return None;
                }
                labels.iter().map(|l| contract.extent(*l, a, b).map(|e| e as u64)).product()
            }
            _ => None,
        }
    };
    graph.ids().filter_map(count).sum()
}

//! Trees: which leaf a sample reaches.
//!
//! Every distinct pair of feature and threshold is compared once, whatever the number of nodes that test it. Then the
//! nodes choose, from the bottom up, between the leaves that their branches reached: one choice a node, on the index of
//! the leaf within its tree. The unit vector of the root's index selects the weights of the leaf, which stand in gate
//! constants.
//!
//! Cost: a comparison for every distinct test (8 to 20 a row), two base-field operations for every inner node (20 a
//! row), a bit for every leaf (36 a row), and the weights (up to 512 a row).

use std::collections::BTreeMap;

use plonnx_ir::op::{Compare, Contract, OneHot, View};
use plonnx_ir::{CoreOp, DType, NodeId};

use crate::lower::{Call, Lowering, invalid, unsupported};

/// Most nodes of an ensemble.
pub(super) const MAX_NODES: usize = 1 << 20;

/// What an inner node asks: `x[feature]` related to `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Test {
    pub(super) compare: Compare,
    pub(super) feature: usize,
    pub(super) value: f64,
}

/// A node of a tree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum TreeNode {
    Leaf,
    /// Goes to node `yes` where the test holds, to node `no` elsewhere.
    Branch {
        test: Test,
        yes: usize,
        no: usize,
    },
}

impl TreeNode {
    /// The node with this mode of ONNX.
    pub(super) fn branch(mode: &str, feature: usize, value: f64, yes: usize, no: usize) -> Lowering<Self> {
        let (compare, swapped) = match mode {
            "BRANCH_LEQ" => (Compare::LessEqual, false),
            "BRANCH_LT" => (Compare::Less, false),
            "BRANCH_GTE" => (Compare::Less, true),
            "BRANCH_GT" => (Compare::LessEqual, true),
            "BRANCH_EQ" => (Compare::Equal, false),
            "BRANCH_NEQ" => (Compare::Equal, true),
            other => return unsupported(format!("node mode {other} is not supported"), "export the model without it"),
        };
        let (yes, no) = if swapped { (no, yes) } else { (yes, no) };
        Ok(Self::Branch { test: Test { compare, feature, value }, yes, no })
    }
}

/// Trees over shared nodes.
#[derive(Clone, Debug)]
pub(super) struct Forest {
    pub(super) nodes: Vec<TreeNode>,
    pub(super) roots: Vec<usize>,
}

/// Where every node of a forest belongs.
struct Order {
    /// Leaves of each tree, from left to right.
    leaves: Vec<Vec<usize>>,
    /// Inner nodes by height: all nodes below come in earlier entries.
    levels: Vec<Vec<usize>>,
}

impl Forest {
    /// Fails unless every root is that of a tree, and no two of them share a node.
    fn order(&self) -> Lowering<Order> {
        let mut height: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut seen = vec![false; self.nodes.len()];
        let (mut leaves, mut levels) = (Vec::new(), Vec::new());
        for root in &self.roots {
            let mut own = Vec::new();
            let mut stack = vec![(*root, false)];
            while let Some((id, below_done)) = stack.pop() {
                let Some(node) = self.nodes.get(id) else { return invalid(format!("node {id} does not exist")) };
                match *node {
                    _ if !below_done && std::mem::replace(&mut seen[id], true) => {
                        return invalid(format!("two branches lead to node {id}, so that this is no tree"));
                    }
                    TreeNode::Leaf => {
                        height[id] = Some(0);
                        own.push(id);
                    }
                    TreeNode::Branch { yes, no, .. } if !below_done => {
                        stack.extend([(id, true), (no, false), (yes, false)])
                    }
                    TreeNode::Branch { yes, no, .. } => {
                        let above = height[yes].unwrap_or(0).max(height[no].unwrap_or(0));
                        height[id] = Some(above + 1);
                        if levels.len() <= above {
                            levels.resize(above + 1, Vec::new());
                        }
                        levels[above].push(id);
                    }
                }
            }
            leaves.push(own);
        }
        Ok(Order { leaves, levels })
    }

    /// Sums over trees of the weights of the leaves that the rows of `x`, `[n, f]`, reach: `[n, outputs]`; or, of every
    /// tree, `[n, trees, outputs]`. `weights` are those of each node.
    pub(super) fn scores(
        &self,
        call: &mut Call,
        x: NodeId,
        weights: &BTreeMap<usize, Vec<(usize, f64)>>,
        outputs: usize,
        summed: bool,
    ) -> Lowering<NodeId> {
        let order = self.order()?;
        let n = call.shape(x)[0];
        let depth = order.leaves.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let trees = order.leaves.len();
        let size = trees.saturating_mul(depth).saturating_mul(outputs);
        if size > 1 << 28 || outputs == 0 {
            return invalid(format!("{trees} trees of {depth} leaves with {outputs} results each"));
        }
        let mut table = vec![0.0; size];
        for (tree, leaves) in order.leaves.iter().enumerate() {
            for (leaf, id) in leaves.iter().enumerate() {
                for (output, weight) in weights.get(id).into_iter().flatten() {
                    if *output >= outputs {
                        return invalid(format!("a weight for result {output} of {outputs}"));
                    }
                    table[(tree * depth + leaf) * outputs + output] += weight;
                }
            }
        }
        let reached = self.reached(call, x, &order)?;
        let unit = call.add(CoreOp::OneHot(OneHot { depth }), &[reached])?;
        let table = call.tensor(&[trees, depth, outputs], table, DType::Real)?;
        let out = if summed { b"nc".to_vec() } else { b"ntc".to_vec() };
        let scores =
            call.add(CoreOp::Contract(Contract { a: b"ntd".to_vec(), b: b"tdc".to_vec(), out }), &[unit, table])?;
        debug_assert_eq!(call.shape(scores)[0], n);
        Ok(scores)
    }

    /// Index of the leaf, within its tree, that every row reaches: `[n, trees]`.
    fn reached(&self, call: &mut Call, x: NodeId, order: &Order) -> Lowering<NodeId> {
        let n = call.shape(x)[0];
        let (answers, column) = self.answers(call, x)?;
        let mut position = vec![0; self.nodes.len()];
        let mut count = 0;
        let mut indices = Vec::new();
        for leaves in &order.leaves {
            for (index, id) in leaves.iter().enumerate() {
                (position[*id], count) = (count, count + 1);
                indices.push(index as f64);
            }
        }
        let indices = call.tensor(&[1, count], indices, DType::Int)?;
        let mut pool = call.broadcast(indices, &[n, count])?;
        for level in &order.levels {
            let (mut asked, mut yes, mut no) = (Vec::new(), Vec::new(), Vec::new());
            for (k, id) in level.iter().enumerate() {
                if let TreeNode::Branch { test, yes: y, no: m } = &self.nodes[*id] {
                    asked.push(column[&key(test)]);
                    yes.push(position[*y]);
                    no.push(position[*m]);
                    position[*id] = count + k;
                }
            }
            let asked = call.gather(answers, 1, asked)?;
            let (yes, no) = (call.gather(pool, 1, yes)?, call.gather(pool, 1, no)?);
            let chosen = call.add(CoreOp::Select, &[asked, yes, no])?;
            pool = call.add(CoreOp::View(View::Concat { axis: 1 }), &[pool, chosen])?;
            count += level.len();
        }
        let roots = self.roots.iter().map(|root| position[*root]).collect();
        call.gather(pool, 1, roots)
    }

    /// Answers of all distinct tests, `[n, tests]`, and the column of each.
    fn answers(&self, call: &mut Call, x: NodeId) -> Lowering<(NodeId, BTreeMap<Key, usize>)> {
        let (n, f) = (call.shape(x)[0], call.shape(x)[1]);
        let tests: BTreeMap<Key, Test> = self
            .nodes
            .iter()
            .filter_map(|node| match node {
                TreeNode::Branch { test, .. } => Some((key(test), *test)),
                TreeNode::Leaf => None,
            })
            .collect();
        if let Some(test) = tests.values().find(|t| t.feature >= f || !t.value.is_finite()) {
            return invalid(format!("a test of feature {} with {}, of {f} features", test.feature, test.value));
        }
        let mut column = BTreeMap::new();
        let mut parts = Vec::new();
        for compare in [Compare::LessEqual, Compare::Less, Compare::Equal] {
            let own: Vec<&Test> = tests.values().filter(|t| t.compare == compare).collect();
            if own.is_empty() {
                continue;
            }
            own.iter().for_each(|test| _ = column.insert(key(test), column.len()));
            let features = call.gather(x, 1, own.iter().map(|t| t.feature).collect())?;
            let values = call.tensor(&[1, own.len()], own.iter().map(|t| t.value).collect(), DType::Real)?;
            let values = call.broadcast(values, &[n, own.len()])?;
            parts.push(call.add(CoreOp::Compare(compare), &[features, values])?);
        }
        let answers = match parts.as_slice() {
            // Trees of one leaf ask nothing.
            [] => call.scalar(0.0, DType::Bool)?,
            [one] => *one,
            _ => call.add(CoreOp::View(View::Concat { axis: 1 }), &parts)?,
        };
        Ok((answers, column))
    }
}

/// Relation, feature and bits of the threshold; zeros of both signs are one threshold.
type Key = (u8, usize, u64);

fn key(test: &Test) -> Key {
    let compare = match test.compare {
        Compare::LessEqual => 0,
        Compare::Less => 1,
        Compare::Equal => 2,
    };
    (compare, test.feature, (test.value + 0.0).to_bits())
}

//! The graph: nodes, facts, construction.

use std::fmt;

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use crate::domain::Domain;
use crate::error::IrError;
use crate::op::{CoreOp, infer};

/// A node of a graph; prints as it reads in the text form (`%12`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) NodeIndex);

impl NodeId {
    /// Position in construction order.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0.index())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0.index())
    }
}

/// What kind of numbers a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// Real numbers, approximated by fixed point in the field domain.
    Real,
    /// Integers, exact in both domains.
    Int,
    /// 0 or 1, exact in both domains.
    Bool,
}

/// What is known of a tensor before any data is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Extents of the axes, outermost first.
    pub shape: Vec<usize>,
    /// Kind of numbers.
    pub dtype: DType,
}

impl Fact {
    /// Fact of a tensor of `shape` and `dtype`.
    pub fn new(shape: &[usize], dtype: DType) -> Self {
        Self { shape: shape.to_vec(), dtype }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().fold(1, |n, d| n.saturating_mul(*d))
    }

    /// Whether an extent is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fails when the result of `node` would have more than [`MAX_ELEMENTS`] elements. Extents of 0 count as 1, so that
    /// products of any of the extents stay small.
    pub(crate) fn limit(&self, node: &str, op: &'static str) -> Result<(), IrError> {
        let elements = self.shape.iter().fold(1u128, |n, d| n.saturating_mul((*d).max(1) as u128));
        if elements <= MAX_ELEMENTS as u128 {
            return Ok(());
        }
        Err(IrError::Limit {
            node: node.to_string(),
            op,
            what: "number of elements",
            got: elements,
            limit: MAX_ELEMENTS as u128,
        })
    }
}

/// An operator applied to earlier nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<D: Domain> {
    /// Name in the user's model, for messages; not unique.
    pub name: String,
    pub op: CoreOp<D>,
    pub inputs: Vec<NodeId>,
    pub fact: Fact,
    pub note: D::Note,
}

/// A named result of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    pub name: String,
    pub node: NodeId,
}

/// Largest number of elements a tensor may have.
pub const MAX_ELEMENTS: usize = 1 << 28;

/// A directed acyclic graph of core operators; nodes are only ever added after their operands.
#[derive(Clone, Debug)]
pub struct Graph<D: Domain> {
    dag: StableDiGraph<Node<D>, usize>,
    inputs: Vec<NodeId>,
    outputs: Vec<Output>,
}

impl<D: Domain> Default for Graph<D> {
    fn default() -> Self {
        Self { dag: StableDiGraph::new(), inputs: Vec::new(), outputs: Vec::new() }
    }
}

/// Graphs are equal when their nodes are, in the same order, and their results.
impl<D: Domain> PartialEq for Graph<D> {
    fn eq(&self, other: &Self) -> bool {
        self.dag.node_weights().eq(other.dag.node_weights()) && self.outputs == other.outputs
    }
}

impl<D: Domain> Graph<D> {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `op` applied to `inputs` and infers its fact; fails when the operands do not fit.
    pub fn add(&mut self, name: &str, op: CoreOp<D>, inputs: &[NodeId]) -> Result<NodeId, IrError> {
        self.add_noted(name, op, inputs, D::Note::default())
    }

    /// [`Graph::add`] with an annotation.
    pub fn add_noted(
        &mut self,
        name: &str,
        op: CoreOp<D>,
        inputs: &[NodeId],
        note: D::Note,
    ) -> Result<NodeId, IrError> {
        let facts: Vec<&Fact> = inputs.iter().map(|i| &self.dag[i.0].fact).collect();
        let fact =
            infer(&op, &facts).map_err(|reason| IrError::Invalid { node: name.to_string(), op: op.name(), reason })?;
        fact.limit(name, op.name())?;
        let is_input = matches!(op, CoreOp::Input(_));
        let node = Node { name: name.to_string(), op, inputs: inputs.to_vec(), fact, note };
        let id = NodeId(self.dag.add_node(node));
        for (port, input) in inputs.iter().enumerate() {
            self.dag.add_edge(input.0, id.0, port);
        }
        if is_input {
            self.inputs.push(id);
        }
        Ok(id)
    }

    /// Names `node` as a result.
    pub fn add_output(&mut self, name: &str, node: NodeId) {
        self.outputs.push(Output { name: name.to_string(), node });
    }

    /// The node `id`; ids come from this graph.
    pub fn node(&self, id: NodeId) -> &Node<D> {
        &self.dag[id.0]
    }

    /// The node `id`, if this graph has it.
    pub(crate) fn get(&self, id: NodeId) -> Option<&Node<D>> {
        self.dag.node_weight(id.0)
    }

    /// Breaks invariants, for tests of verification.
    #[cfg(test)]
    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node<D> {
        &mut self.dag[id.0]
    }

    /// Shape of the node `id`.
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.dag[id.0].fact.shape
    }

    /// Input nodes in the order of declaration.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// Results in the order of declaration.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// All nodes; operands come before the nodes that use them.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + '_ {
        self.dag.node_indices().map(NodeId)
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.dag.node_count()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nodes that use `id`, each once, in construction order.
    pub fn consumers(&self, id: NodeId) -> Vec<NodeId> {
        let mut users: Vec<NodeId> =
            self.dag.edges_directed(id.0, Direction::Outgoing).map(|e| NodeId(e.target())).collect();
        users.sort();
        users.dedup();
        users
    }

    /// A copy without the nodes that no result depends on; inputs stay. Returns the new id of every kept node.
    pub fn pruned(&self) -> (Self, Vec<Option<NodeId>>) {
        let size = self.dag.node_indices().map(|i| i.index() + 1).max().unwrap_or(0);
        let mut live = vec![false; size];
        let mut stack: Vec<NodeId> = self.outputs.iter().map(|o| o.node).chain(self.inputs.iter().copied()).collect();
        while let Some(id) = stack.pop() {
            if !std::mem::replace(&mut live[id.index()], true) {
                stack.extend(&self.node(id).inputs);
            }
        }
        let mut map: Vec<Option<NodeId>> = vec![None; size];
        let mut out = Self::new();
        for id in self.ids().filter(|id| live[id.index()]) {
            let mut node = self.node(id).clone();
            node.inputs = node.inputs.iter().filter_map(|i| map[i.index()]).collect();
            let inputs = node.inputs.clone();
            let is_input = matches!(node.op, CoreOp::Input(_));
            let new = NodeId(out.dag.add_node(node));
            for (port, input) in inputs.iter().enumerate() {
                out.dag.add_edge(input.0, new.0, port);
            }
            if is_input {
                out.inputs.push(new);
            }
            map[id.index()] = Some(new);
        }
        for o in &self.outputs {
            if let Some(node) = map[o.node.index()] {
                out.add_output(&o.name, node);
            }
        }
        (out, map)
    }
}

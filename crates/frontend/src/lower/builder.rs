//! Graph construction with constant folding.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use plonnx_ir::op::{Contract, Conv, Extremum, Label, Reduce, Reducer, Sum, View};
use plonnx_ir::{CoreOp, DType, Float, Function, Graph, NodeId, Tensor, eval_op};

use super::error::{Lowering, OpError, invalid, unsupported};
use super::units::Scaled;
use super::value::Item;
use crate::Remark;
use crate::decode::{ElemType, MAX_ELEMENTS, MAX_RANK, checked_len};

/// Most elements that all derived constants and index maps may have together.
const SPENT_ELEMENTS: usize = MAX_ELEMENTS;

/// Most core operators of a graph.
const MAX_NODES: usize = 1 << 20;

/// Most multiplications and elements that folding all nodes may take.
const FOLD_WORK: u128 = 1 << 34;

/// Adds core operators to a graph and evaluates those whose operands are all known.
///
/// A broadcast constant stays a [`View::Broadcast`] of the small constant, so that its structure survives (a bias
/// per channel is one number per channel, not one per pixel). It still counts as known: an operator on known
/// operands alone is evaluated, and [`Builder::known`] evaluates the broadcast itself on demand.
#[derive(Debug)]
pub(crate) struct Builder {
    pub(crate) graph: Graph<Float>,
    /// Name that new nodes get.
    pub(crate) name: String,
    /// What users should know of the lowering.
    pub(super) remarks: Vec<Remark>,
    /// Elements of derived constants and index maps so far.
    spent: usize,
    /// Multiplications and elements of operands that folding took so far.
    folded: Cell<u128>,
    /// What [`Builder::uniform`] found of constants: bodies of loops ask again and again.
    uniform: RefCell<HashMap<NodeId, Option<f64>>>,
    /// Nodes that bodies of loops and functions lowered so far.
    pub(super) steps: usize,
    scalars: HashMap<(u64, DType), NodeId>,
    /// Stored constants by address of their elements, shape and kind: turns of a body share them.
    stored: HashMap<(usize, Vec<usize>, DType), NodeId>,
    /// Real tensors that are integers times a scale.
    pub(super) scaled: HashMap<NodeId, Scaled>,
    /// Integers with a zero point: the same without it, and the zero point.
    pub(crate) centred: HashMap<NodeId, (NodeId, f64)>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            graph: Graph::new(),
            name: String::new(),
            remarks: Vec::new(),
            spent: 0,
            folded: Cell::new(0),
            uniform: RefCell::default(),
            steps: 0,
            scalars: HashMap::new(),
            stored: HashMap::new(),
            scaled: HashMap::new(),
            centred: HashMap::new(),
        }
    }

    /// Gives new nodes another name.
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    pub(crate) fn shape(&self, x: NodeId) -> Vec<usize> {
        self.graph.shape(x).to_vec()
    }

    pub(crate) fn rank(&self, x: NodeId) -> usize {
        self.graph.shape(x).len()
    }

    pub(crate) fn dtype(&self, x: NodeId) -> DType {
        self.graph.node(x).fact.dtype
    }

    /// Adds `op`, or the constant that it evaluates to.
    pub(crate) fn add(&mut self, op: CoreOp<Float>, inputs: &[NodeId]) -> Lowering<NodeId> {
        if let CoreOp::View(View::Reshape { shape } | View::Gather { shape, .. } | View::Index { shape, .. }) = &op {
            sized(shape)?;
        }
        if let CoreOp::View(View::Gather { indices, .. } | View::Index { indices, .. }) = &op {
            self.spend(indices.len())?;
        }
        if let Some(id) = self.on_units(&op, inputs)? {
            return Ok(id);
        }
        self.room(1)?;
        let id = self.graph.add(&self.name, op, inputs)?;
        if self.rank(id) > MAX_RANK {
            return unsupported(
                format!("a tensor with {} axes, the limit is {MAX_RANK}", self.rank(id)),
                "use fewer axes",
            );
        }
        let op = &self.graph.node(id).op;
        let foldable = !matches!(op, CoreOp::View(View::Broadcast { .. }) | CoreOp::Const(..) | CoreOp::Input(_));
        if !foldable || !inputs.iter().all(|i| self.is_known(*i)) {
            return Ok(id);
        }
        let len = self.graph.node(id).fact.len();
        let elements = inputs.iter().map(|i| self.graph.node(*i).fact.len() as u128);
        let work = self.products(id).saturating_add(elements.sum());
        if self.spent.saturating_add(len) > SPENT_ELEMENTS || !self.work(work) {
            return Ok(id);
        }
        let Some(operands) = inputs.iter().map(|i| self.known(*i)).collect::<Option<Vec<_>>>() else {
            return Ok(id);
        };
        let node = self.graph.node(id);
        let value = eval_op(&self.name, &node.op, &operands.iter().collect::<Vec<_>>())?;
        let dtype = node.fact.dtype;
        self.constant(value, dtype)
    }

    /// Counts what folding takes; `false` when it is too much.
    fn work(&self, work: u128) -> bool {
        let folded = self.folded.get().saturating_add(work);
        let fits = folded <= FOLD_WORK;
        if fits {
            self.folded.set(folded);
        }
        fits
    }

    /// Multiplications that evaluating `id` takes, for the operators where that is more than its elements.
    fn products(&self, id: NodeId) -> u128 {
        let node = self.graph.node(id);
        let extents = |s: &[usize]| s.iter().fold(1u128, |n, d| n.saturating_mul(*d as u128));
        match (&node.op, node.inputs.as_slice()) {
            (CoreOp::Contract(c), [a, b]) => c
                .summed()
                .iter()
                .filter_map(|l| c.extent(*l, self.graph.shape(*a), self.graph.shape(*b)))
                .fold(extents(&node.fact.shape), |n, d| n.saturating_mul(d as u128)),
            (CoreOp::Conv(_), [_, w]) => extents(&node.fact.shape).saturating_mul(extents(&self.graph.shape(*w)[1..])),
            _ => 0,
        }
    }

    /// Value of a node that depends on no input; `None` also when it was too large to evaluate.
    pub(crate) fn known(&self, x: NodeId) -> Option<Tensor<f64>> {
        let node = self.graph.node(x);
        match (&node.op, node.inputs.as_slice()) {
            (CoreOp::Const(value, _), _) => Some(value.clone()),
            (CoreOp::View(View::Broadcast { .. }), [source]) if node.fact.len() <= SPENT_ELEMENTS => {
                let CoreOp::Const(value, _) = &self.graph.node(*source).op else { return None };
                if !self.work(node.fact.len() as u128) {
                    return None;
                }
                eval_op(&node.name, &node.op, &[value]).ok()
            }
            _ => None,
        }
    }

    /// Whether [`Builder::known`] gives a value.
    pub(crate) fn is_known(&self, x: NodeId) -> bool {
        let (source, shape) = self.unrepeated(x);
        matches!(self.graph.node(source).op, CoreOp::Const(..)) && shape.iter().product::<usize>() <= SPENT_ELEMENTS
    }

    /// The number that every element of a known tensor equals.
    pub(crate) fn uniform(&self, x: NodeId) -> Option<f64> {
        let node = self.graph.node(x);
        match (&node.op, node.inputs.as_slice()) {
            (CoreOp::View(View::Broadcast { .. }), [source]) => self.uniform(*source),
            (CoreOp::Const(value, _), _) => *self.uniform.borrow_mut().entry(x).or_insert_with(|| {
                let first = value.iter().next()?;
                value.iter().all(|v| v == first).then_some(first)
            }),
            _ => None,
        }
    }

    /// Refuses to grow the graph by `nodes` operators beyond the limit.
    pub(crate) fn room(&self, nodes: usize) -> Lowering<()> {
        if nodes <= MAX_NODES.saturating_sub(self.graph.len()) {
            return Ok(());
        }
        unsupported(
            format!("the graph has more than {MAX_NODES} operators when its loops are unrolled"),
            "use fewer or shorter loops, or shorter sequences",
        )
    }

    /// Counts elements that lowering makes; a small model must not make a large program.
    fn spend(&mut self, len: usize) -> Lowering<()> {
        self.spent = self.spent.saturating_add(len);
        if self.spent <= SPENT_ELEMENTS {
            return Ok(());
        }
        unsupported(
            format!("constants and indices of more than {SPENT_ELEMENTS} elements follow from the model's"),
            "use a smaller model or smaller inputs",
        )
    }

    /// A constant that is stored in the model.
    pub(crate) fn initialiser(&mut self, value: Tensor<f64>, elem: ElemType) -> Lowering<Item> {
        let key = (value.data().as_ptr() as usize, value.shape().to_vec(), elem.dtype());
        if let Some(id) = self.stored.get(&key) {
            return Ok(Item { id: *id, elem });
        }
        let id = self.graph.add(&self.name, CoreOp::Const(value, elem.dtype()), &[])?;
        self.stored.insert(key, id);
        Ok(Item { id, elem })
    }

    /// A constant that follows from the model.
    pub(crate) fn constant(&mut self, value: Tensor<f64>, dtype: DType) -> Lowering<NodeId> {
        self.spend(value.len())?;
        Ok(self.graph.add(&self.name, CoreOp::Const(value, dtype), &[])?)
    }

    /// Constant of rank 1 with these integers.
    pub(crate) fn integers(&mut self, values: &[usize]) -> Lowering<NodeId> {
        let data = values.iter().map(|v| *v as f64).collect();
        self.tensor(&[values.len()], data, DType::Int)
    }

    pub(crate) fn tensor(&mut self, shape: &[usize], data: Vec<f64>, dtype: DType) -> Lowering<NodeId> {
        match Tensor::from_vec(shape, data) {
            Some(value) => self.constant(value, dtype),
            None => invalid(format!("the elements do not fill shape {shape:?}")),
        }
    }

    /// Constant of rank 0; equal ones are one node.
    pub(crate) fn scalar(&mut self, value: f64, dtype: DType) -> Lowering<NodeId> {
        if let Some(id) = self.scalars.get(&(value.to_bits(), dtype)) {
            return Ok(*id);
        }
        let id = self.constant(Tensor::scalar(value), dtype)?;
        self.scalars.insert((value.to_bits(), dtype), id);
        Ok(id)
    }

    pub(crate) fn view(&mut self, view: View, x: NodeId) -> Lowering<NodeId> {
        self.add(CoreOp::View(view), &[x])
    }

    pub(crate) fn reshape(&mut self, x: NodeId, shape: &[usize]) -> Lowering<NodeId> {
        if self.graph.shape(x) == shape { Ok(x) } else { self.view(View::Reshape { shape: shape.to_vec() }, x) }
    }

    pub(crate) fn transpose(&mut self, x: NodeId, perm: &[usize]) -> Lowering<NodeId> {
        let identity = perm.iter().copied().eq(0..self.rank(x));
        if identity { Ok(x) } else { self.view(View::Transpose { perm: perm.to_vec() }, x) }
    }

    pub(crate) fn retype(&mut self, x: NodeId, dtype: DType) -> Lowering<NodeId> {
        if self.dtype(x) == dtype { Ok(x) } else { self.view(View::Retype { dtype }, x) }
    }

    /// `x` with the axes of `shape`; broadcasts of broadcasts are one view.
    pub(crate) fn broadcast(&mut self, x: NodeId, shape: &[usize]) -> Lowering<NodeId> {
        if self.graph.shape(x) == shape {
            return Ok(x);
        }
        sized(shape)?;
        let (source, _) = self.unrepeated(x);
        self.view(View::Broadcast { shape: shape.to_vec() }, source)
    }

    /// The operand of a broadcast, or `x` itself; and the shape of `x`.
    pub(crate) fn unrepeated(&self, x: NodeId) -> (NodeId, Vec<usize>) {
        let node = self.graph.node(x);
        let source = match (&node.op, node.inputs.as_slice()) {
            (CoreOp::View(View::Broadcast { .. }), [source]) => *source,
            _ => x,
        };
        (source, node.fact.shape.clone())
    }

    /// Slices of `axis` at `indices`, in their order.
    pub(crate) fn gather(&mut self, x: NodeId, axis: usize, indices: Vec<usize>) -> Lowering<NodeId> {
        if indices.iter().copied().eq(0..self.graph.shape(x)[axis]) {
            return Ok(x);
        }
        self.view(View::Gather { axis, shape: vec![indices.len()], indices }, x)
    }

    /// `size` elements of `axis` from `start`.
    pub(crate) fn narrow(&mut self, x: NodeId, axis: usize, start: usize, size: usize) -> Lowering<NodeId> {
        let mut sizes = self.shape(x);
        if start == 0 && sizes[axis] == size {
            return Ok(x);
        }
        let mut starts = vec![0; sizes.len()];
        starts[axis] = start;
        sizes[axis] = size;
        self.view(View::Slice { start: starts, step: vec![1; sizes.len()], size: sizes }, x)
    }

    pub(crate) fn map(&mut self, function: Function, x: NodeId) -> Lowering<NodeId> {
        self.add(CoreOp::Map(function), &[x])
    }

    pub(crate) fn reduce(&mut self, reducer: Reducer, x: NodeId, axes: &[usize], keep: bool) -> Lowering<NodeId> {
        if axes.is_empty() {
            return Ok(x);
        }
        self.add(CoreOp::Reduce(Reduce { reducer, axes: axes.to_vec(), keep }), &[x])
    }

    /// Sum along `axes`. A sum over axes of a contraction that nobody else uses (`fuse`) is one contraction.
    pub(crate) fn sum_along(&mut self, x: NodeId, axes: &[usize], keep: bool, fuse: bool) -> Lowering<NodeId> {
        let node = self.graph.node(x);
        let (CoreOp::Contract(inner), [a, b]) = (&node.op, node.inputs.as_slice()) else {
            return self.reduce(Reducer::Sum, x, axes, keep);
        };
        let (a, b, mut contract) = (*a, *b, inner.clone());
        let unused: Vec<Label> = (b'a'..=b'z').filter(|l| !contract.a.contains(l) && !contract.b.contains(l)).collect();
        if !fuse || axes.is_empty() || (keep && unused.len() < axes.len()) {
            return self.reduce(Reducer::Sum, x, axes, keep);
        }
        if !keep {
            contract.out = (0..contract.out.len()).filter(|i| !axes.contains(i)).map(|i| contract.out[i]).collect();
            return self.add(CoreOp::Contract(contract), &[a, b]);
        }
        // Kept axes are axes of extent 1 of an operand: a view of the result would need a rounded copy of it.
        let units = &unused[..axes.len()];
        for (axis, unit) in axes.iter().zip(units) {
            contract.out[*axis] = *unit;
        }
        let longer: Vec<usize> = self.shape(a).into_iter().chain(units.iter().map(|_| 1)).collect();
        let square = a == b && contract.a == contract.b;
        let a = self.reshape(a, &longer)?;
        contract.a.extend(units);
        let b = if square { a } else { b };
        if square {
            contract.b.clone_from(&contract.a);
        }
        self.add(CoreOp::Contract(contract), &[a, b])
    }

    pub(crate) fn scale(&mut self, coefficient: f64, x: NodeId) -> Lowering<NodeId> {
        self.linear(&[(coefficient, x)])
    }

    /// Sum of the multiples of operands of any shapes that broadcast.
    pub(crate) fn linear(&mut self, terms: &[(f64, NodeId)]) -> Lowering<NodeId> {
        if let [(1.0, x)] = terms {
            return Ok(*x);
        }
        let operands: Vec<NodeId> = terms.iter().map(|t| t.1).collect();
        let operands = self.aligned(&operands)?;
        let coefficients = terms.iter().map(|t| t.0).collect();
        self.add(CoreOp::Sum(Sum { coefficients }), &operands)
    }

    /// The operands, broadcast to their common shape.
    pub(crate) fn aligned(&mut self, operands: &[NodeId]) -> Lowering<Vec<NodeId>> {
        let shape = self.common_shape(operands)?;
        operands.iter().map(|x| self.broadcast(*x, &shape)).collect()
    }

    /// Shape that all operands broadcast to.
    pub(crate) fn common_shape(&self, operands: &[NodeId]) -> Lowering<Vec<usize>> {
        let mut shape: Vec<usize> = Vec::new();
        for x in operands {
            shape = broadcast_shapes(&shape, self.graph.shape(*x))?;
        }
        sized(&shape)?;
        Ok(shape)
    }

    /// Elementwise maximum or minimum with broadcasting.
    pub(crate) fn extremum(&mut self, extremum: Extremum, x: NodeId, y: NodeId) -> Lowering<NodeId> {
        let operands = self.aligned(&[x, y])?;
        self.add(CoreOp::Extremum(extremum), &operands)
    }

    pub(crate) fn conv(&mut self, conv: Conv, x: NodeId, w: NodeId) -> Lowering<NodeId> {
        if conv.strides.len() == 3 && !(self.is_known(x) && self.is_known(w)) {
            return self.volume_conv(conv, x, w);
        }
        self.add(CoreOp::Conv(conv), &[x, w])
    }

    /// Elementwise product with broadcasting, as a contraction that has no broadcast operand; a factor that is one
    /// known number becomes a coefficient.
    pub(crate) fn product(&mut self, x: NodeId, y: NodeId) -> Lowering<NodeId> {
        let shape = self.common_shape(&[x, y])?;
        for (data, factor) in [(x, y), (y, x)] {
            // A coefficient has no kind of its own: it must not turn real numbers into integers unnoticed.
            let same_kind = self.dtype(data) == DType::Real || self.dtype(factor) != DType::Real;
            if let Some(c) = self.uniform(factor).filter(|c| same_kind && c.is_finite()) {
                let scaled = self.scale(c, data)?;
                let reshaped = self.graph.node(scaled).fact.len() == shape.iter().product::<usize>();
                return if reshaped { self.reshape(scaled, &shape) } else { self.broadcast(scaled, &shape) };
            }
        }
        let labels: Vec<Label> = (b'a'..=b'z').take(shape.len()).collect();
        let (rx, ry) = (self.rank(x), self.rank(y));
        self.contract(x, &labels[shape.len() - rx..], y, &labels[shape.len() - ry..], &labels)
    }

    /// `x * x`, as a contraction whose operands are one node.
    pub(crate) fn square(&mut self, x: NodeId) -> Lowering<NodeId> {
        self.add(CoreOp::Contract(Contract::elementwise(self.rank(x))), &[x, x])
    }

    /// Contraction where an extent of 1 also stands for any extent of its label: such axes are dropped from the
    /// operand instead of being repeated. Labels of `out` that no operand is left with are broadcast afterwards.
    pub(crate) fn contract(
        &mut self,
        a: NodeId,
        a_labels: &[Label],
        b: NodeId,
        b_labels: &[Label],
        out: &[Label],
    ) -> Lowering<NodeId> {
        let mut extents: HashMap<Label, usize> = HashMap::new();
        for (x, labels) in [(a, a_labels), (b, b_labels)] {
            for (label, extent) in labels.iter().zip(self.graph.shape(x)) {
                let known = extents.entry(*label).or_insert(*extent);
                match (*known, *extent) {
                    (1, n) => *known = n,
                    (m, n) if n != 1 && m != n => return invalid(format!("dimensions differ: {m} and {n}")),
                    _ => {}
                }
            }
        }
        let shape: Vec<usize> = out.iter().map(|l| extents.get(l).copied().unwrap_or(1)).collect();
        sized(&shape)?;
        let same = a == b && a_labels == b_labels;
        let (a, a_labels) = self.without_repeats(a, a_labels, &extents)?;
        let (b, b_labels) = if same { (a, a_labels.clone()) } else { self.without_repeats(b, b_labels, &extents)? };
        let kept: Vec<Label> = out.iter().copied().filter(|l| a_labels.contains(l) || b_labels.contains(l)).collect();
        let contract = Contract { a: a_labels, b: b_labels, out: kept.clone() };
        let y = self.add(CoreOp::Contract(contract), &[a, b])?;
        let unit: Vec<usize> = out.iter().zip(&shape).map(|(l, n)| if kept.contains(l) { *n } else { 1 }).collect();
        let y = self.reshape(y, &unit)?;
        self.broadcast(y, &shape)
    }

    /// `x` without the axes that repeat one element, and the labels that are left.
    fn without_repeats(
        &mut self,
        x: NodeId,
        labels: &[Label],
        extents: &HashMap<Label, usize>,
    ) -> Lowering<(NodeId, Vec<Label>)> {
        let (source, _) = self.unrepeated(x);
        let labels = &labels[labels.len() - self.rank(source)..];
        let (kept, shape): (Vec<Label>, Vec<usize>) = labels
            .iter()
            .copied()
            .zip(self.shape(source))
            .filter(|(label, extent)| extents.get(label) == Some(extent))
            .unzip();
        Ok((self.reshape(source, &shape)?, kept))
    }
}

/// Refuses shapes that are beyond the limits, before their elements are ever multiplied or allocated.
pub(crate) fn sized(shape: &[usize]) -> Lowering<usize> {
    checked_len(shape)
        .map_err(|reason| OpError::Unsupported { reason, fix: "use a smaller model or smaller inputs".into() })
}

/// Shape that both shapes broadcast to, aligned at the end.
pub(crate) fn broadcast_shapes(a: &[usize], b: &[usize]) -> Lowering<Vec<usize>> {
    let rank = a.len().max(b.len());
    let extent = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |j| s[j]);
    (0..rank)
        .map(|i| match (extent(a, i), extent(b, i)) {
            (1, n) => Ok(n),
            (n, 1) => Ok(n),
            (m, n) if m == n => Ok(n),
            _ => invalid(format!("shapes {a:?} and {b:?} do not broadcast")),
        })
        .collect()
}

//! What RNN, GRU and LSTM share: directions, layouts, sequence lengths, activations, the turns.
//!
//! Turn after turn is lowered, with one contraction for all gates of one activation. Initial states of zeros cost
//! nothing. A reversed sequence is a view.

use plonnx_ir::op::View;
use plonnx_ir::{CoreOp, DType, Function, NodeId, Tensor};

use crate::lower::{Builder, Call, Lowering, Results, extent, invalid};

/// States of a turn, `h` first; `None` is all zeros. Each is `[batch, hidden]`.
pub(super) type States = Vec<Option<NodeId>>;

/// One turn: from the elements `[batch, input]` and the states to the new states.
pub(super) type Cell<'c> = dyn Fn(&mut Call, NodeId, &[Option<NodeId>]) -> Lowering<Vec<NodeId>> + 'c;

/// Makes the cell of a direction.
pub(super) type Prepare = for<'c> fn(&mut Call, &'c Direction) -> Lowering<Box<Cell<'c>>>;

/// What one direction of a layer consists of.
pub(super) struct Direction {
    index: usize,
    pub(super) hidden: usize,
    /// `[gates * hidden, input]`
    w: NodeId,
    /// `[gates * hidden, hidden]`
    r: NodeId,
    /// `[2 * gates * hidden]`
    b: Option<NodeId>,
    gates: usize,
    clip: Option<f64>,
    pub(super) activations: Vec<Activation>,
}

/// `scale * function(slope * x) + offset`
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Activation {
    function: Option<Function>,
    slope: f64,
    scale: f64,
    offset: f64,
}

/// Operators with `gates` gates, whose states are operands 5 and on, with these activations by default.
pub(super) fn lower(call: &mut Call, gates: usize, defaults: &[&str], states: usize, prepare: Prepare) -> Results {
    let batch_first = call.flag("layout", false)?;
    call.ignore(&["output_sequence"]);
    let (x, w, r) = (call.input(0)?, call.input(1)?, call.input(2)?);
    let b = call.optional(3);
    let x = if batch_first && call.rank(x) == 3 { call.transpose(x, &[1, 0, 2])? } else { x };
    let ([length, batch, input], [count, rows, width], [_, _, hidden]) =
        (cube(call, x, "X")?, cube(call, w, "W")?, cube(call, r, "R")?);
    // Every turn is an operator at least.
    call.room(length.max(batch))?;
    let backward: &[bool] = match call.text("direction", "forward")? {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => return invalid(format!("direction is \"{other}\", expected forward, reverse or bidirectional")),
    };
    let declared = call.int("hidden_size")?.map(|n| extent(n, "hidden_size")).transpose()?;
    let fits = count == backward.len() && Some(rows) == hidden.checked_mul(gates) && width == input;
    if !fits || declared.is_some_and(|n| n != hidden) || call.shape(r) != [count, rows, hidden] {
        let (w, r) = (call.shape(w), call.shape(r));
        return invalid(format!("W of shape {w:?} and R of shape {r:?} for {input} inputs and {gates} gates"));
    }
    if b.is_some_and(|b| call.shape(b) != [count, 2 * rows]) {
        return invalid(format!("expected B of shape {:?}", [count, 2 * rows]));
    }
    let lengths = lengths(call, length, batch)?;
    let activations = activations(call, defaults, backward.len())?;
    let clip = if call.has("clip") { Some(call.float("clip", 0.0)?).filter(|c| *c > 0.0) } else { None };
    let initial = (0..states).map(|i| initial(call, 5 + i, batch_first, [count, batch, hidden]));
    let initial = initial.collect::<Lowering<Vec<_>>>()?;

    let mut sequences = Vec::new();
    let mut last: Vec<Vec<NodeId>> = vec![Vec::new(); states];
    for (index, backward) in backward.iter().enumerate() {
        let direction = Direction {
            index,
            hidden,
            w: call.part(w, index, &[rows, input])?,
            r: call.part(r, index, &[rows, hidden])?,
            b: b.map(|b| call.part(b, index, &[2 * rows])).transpose()?,
            gates,
            clip,
            activations: activations[index * defaults.len()..][..defaults.len()].to_vec(),
        };
        let cell = prepare(call, &direction)?;
        let x = if *backward { reversed(call, x, &lengths)? } else { x };
        let mut state: States = Vec::new();
        for operand in &initial {
            state.push(operand.map(|s| call.part(s, index, &[batch, hidden])).transpose()?);
        }
        let (y, state) = turns(call, x, state, &lengths, hidden, &cell)?;
        sequences.push(if *backward { reversed(call, y, &lengths)? } else { y });
        for (all, state) in last.iter_mut().zip(state) {
            all.push(state);
        }
    }
    let mut results = Vec::new();
    let y = joined(call, &sequences, 1)?;
    results.push(if batch_first { call.transpose(y, &[2, 0, 1, 3])? } else { y });
    for states in last {
        let state = joined(call, &states, 0)?;
        results.push(if batch_first { call.transpose(state, &[1, 0, 2])? } else { state });
    }
    Ok(results)
}

impl Builder {
    /// Element `index` of the first axis of `x`, as `shape`.
    fn part(&mut self, x: NodeId, index: usize, shape: &[usize]) -> Lowering<NodeId> {
        let part = self.narrow(x, 0, index, 1)?;
        self.reshape(part, shape)
    }
}

impl Direction {
    /// Row `index` of an operand `[directions, n]`, cut into parts of the hidden size.
    pub(super) fn parts(&self, call: &mut Call, operand: NodeId, count: usize) -> Lowering<Vec<NodeId>> {
        let shape = call.shape(operand);
        if shape.len() != 2 || self.index >= shape[0] || shape[1] != count * self.hidden {
            return invalid(format!("expected {count} times {} elements, got shape {shape:?}", self.hidden));
        }
        let row = call.part(operand, self.index, &[count * self.hidden])?;
        (0..count).map(|i| call.narrow(row, 0, i * self.hidden, self.hidden)).collect()
    }

    /// Linear part of `count` gates from `first`.
    pub(super) fn gates(&self, call: &mut Call, first: usize, count: usize) -> Lowering<Gates> {
        let (start, size) = (first * self.hidden, count * self.hidden);
        let bias = |call: &mut Call, offset: usize| {
            self.b.map(|b| call.narrow(b, 0, offset * self.hidden + start, size)).transpose()
        };
        Ok(Gates {
            w: call.narrow(self.w, 0, start, size)?,
            r: call.narrow(self.r, 0, start, size)?,
            wb: bias(call, 0)?,
            rb: bias(call, self.gates)?,
        })
    }

    /// Activation `index` of a sum of terms.
    pub(super) fn activate(&self, call: &mut Call, index: usize, terms: &[(f64, NodeId)]) -> Lowering<NodeId> {
        let mut x = call.linear(terms)?;
        if let Some(c) = self.clip {
            x = call.map(Function::Clip { lo: -c, hi: c }, x)?;
        }
        let Activation { function, slope, scale, offset } = self.activations[index];
        let mut y = call.scale(slope, x)?;
        if let Some(function) = function {
            y = call.map(function, y)?;
        }
        if offset == 0.0 {
            return call.scale(scale, y);
        }
        let offset = call.scalar(offset, DType::Real)?;
        call.linear(&[(scale, y), (1.0, offset)])
    }
}

/// Weights of some gates.
pub(super) struct Gates {
    w: NodeId,
    pub(super) r: NodeId,
    pub(super) wb: Option<NodeId>,
    pub(super) rb: Option<NodeId>,
}

impl Gates {
    /// `x W^T + h R^T + Wb + Rb`, as terms of a sum.
    pub(super) fn terms(&self, call: &mut Call, x: NodeId, h: Option<NodeId>) -> Lowering<Vec<(f64, NodeId)>> {
        let mut terms = self.input_terms(call, x)?;
        if let Some(h) = h {
            terms.push((1.0, call.contract(h, b"ab", self.r, b"cb", b"ac")?));
        }
        terms.extend(self.rb.map(|b| (1.0, b)));
        Ok(terms)
    }

    /// `x W^T + Wb`, as terms of a sum.
    pub(super) fn input_terms(&self, call: &mut Call, x: NodeId) -> Lowering<Vec<(f64, NodeId)>> {
        let mut terms = vec![(1.0, call.contract(x, b"ab", self.w, b"cb", b"ac")?)];
        terms.extend(self.wb.map(|b| (1.0, b)));
        Ok(terms)
    }
}

fn cube(call: &Call, x: NodeId, what: &str) -> Lowering<[usize; 3]> {
    match call.graph.shape(x) {
        [a, b, c] => Ok([*a, *b, *c]),
        shape => invalid(format!("expected {what} of three axes, got shape {shape:?}")),
    }
}

/// Length of every sequence of the batch.
fn lengths(call: &mut Call, length: usize, batch: usize) -> Lowering<Vec<usize>> {
    let Some(given) = call.known_ints(4, "sequence_lens")? else { return Ok(vec![length; batch]) };
    let lengths = given.iter().map(|n| extent(*n, "sequence_lens")).collect::<Lowering<Vec<_>>>()?;
    if lengths.len() != batch || lengths.iter().any(|n| *n > length) {
        return invalid(format!("sequence_lens {lengths:?} for {batch} sequences of at most {length}"));
    }
    Ok(lengths)
}

/// Operand `index`, an initial state `[directions, batch, hidden]`; `None` when it is all zeros.
fn initial(call: &mut Call, index: usize, batch_first: bool, shape: [usize; 3]) -> Lowering<Option<NodeId>> {
    let Some(state) = call.optional(index) else { return Ok(None) };
    let state = if batch_first && call.rank(state) == 3 { call.transpose(state, &[1, 0, 2])? } else { state };
    if call.shape(state) != shape {
        return invalid(format!("expected an initial state of shape {shape:?}, got {:?}", call.shape(state)));
    }
    Ok(Some(state).filter(|s| call.uniform(*s) != Some(0.0)))
}

/// The results `[length, 1, batch, hidden]` and last states `[1, batch, hidden]` of one direction.
fn turns(
    call: &mut Call,
    x: NodeId,
    mut state: States,
    lengths: &[usize],
    hidden: usize,
    cell: &Cell,
) -> Lowering<(NodeId, Vec<NodeId>)> {
    let (length, batch, input) = (call.shape(x)[0], lengths.len(), call.shape(x)[2]);
    let mut all = Vec::new();
    for turn in 0..length {
        let element = call.part(x, turn, &[batch, input])?;
        let new = cell(call, element, &state)?;
        let mut kept = Vec::new();
        for (new, old) in new.iter().zip(&state) {
            kept.push(Some(while_running(call, turn, lengths, *new, *old)?));
        }
        all.push(while_running(call, turn, lengths, new[0], None)?);
        state = kept;
    }
    let rows: Vec<NodeId> = all.iter().map(|h| call.reshape(*h, &[1, 1, batch, hidden])).collect::<Lowering<_>>()?;
    let y = match rows.as_slice() {
        [] => call.constant(Tensor::full(&[0, 1, batch, hidden], 0.0), DType::Real)?,
        [row] => *row,
        rows => call.add(CoreOp::View(View::Concat { axis: 0 }), rows)?,
    };
    let mut last = Vec::new();
    for s in state {
        let s = match s {
            Some(s) => s,
            None => call.constant(Tensor::full(&[batch, hidden], 0.0), DType::Real)?,
        };
        last.push(call.reshape(s, &[1, batch, hidden])?);
    }
    Ok((y, last))
}

/// `new` for the sequences that are longer than `turn`, `old` for the others.
fn while_running(
    call: &mut Call,
    turn: usize,
    lengths: &[usize],
    new: NodeId,
    old: Option<NodeId>,
) -> Lowering<NodeId> {
    if lengths.iter().all(|n| turn < *n) {
        return Ok(new);
    }
    let old = match old {
        Some(old) => old,
        None => {
            let shape = call.shape(new);
            call.constant(Tensor::full(&shape, 0.0), DType::Real)?
        }
    };
    let both = call.add(CoreOp::View(View::Concat { axis: 0 }), &[new, old])?;
    let batch = lengths.len();
    let rows = lengths.iter().enumerate().map(|(i, n)| if turn < *n { i } else { batch + i }).collect();
    call.gather(both, 0, rows)
}

/// `x`, whose first axis is time and whose axis before the last is the batch, with every sequence turned around.
fn reversed(call: &mut Call, x: NodeId, lengths: &[usize]) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let (length, batch, width) = (shape[0], lengths.len(), shape[shape.len() - 1]);
    let rows = call.reshape(x, &[length * batch, width])?;
    let order = (0..length * batch).map(|at| {
        let (turn, element) = (at / batch, at % batch);
        let turn = if turn < lengths[element] { lengths[element] - 1 - turn } else { turn };
        turn * batch + element
    });
    let turned = call.gather(rows, 0, order.collect())?;
    call.reshape(turned, &shape)
}

fn joined(call: &mut Call, parts: &[NodeId], axis: usize) -> Lowering<NodeId> {
    match parts {
        [part] => Ok(*part),
        parts => call.add(CoreOp::View(View::Concat { axis }), parts),
    }
}

/// Activations of all directions, those of one after those of the other.
fn activations(call: &mut Call, defaults: &[&str], directions: usize) -> Lowering<Vec<Activation>> {
    let names: Vec<String> = match call.texts("activations")? {
        Some(names) => names,
        None => defaults.iter().cycle().take(defaults.len() * directions).map(|n| n.to_string()).collect(),
    };
    if names.len() != defaults.len() * directions {
        return invalid(format!("expected {} activations, got {}", defaults.len() * directions, names.len()));
    }
    let mut alphas = call.floats("activation_alpha")?.unwrap_or_default().into_iter();
    let mut betas = call.floats("activation_beta")?.unwrap_or_default().into_iter();
    names
        .iter()
        .map(|name| {
            let mut alpha = |default: f64| alphas.next().unwrap_or(default);
            let mut beta = |default: f64| betas.next().unwrap_or(default);
            let plain = |function| Activation { function: Some(function), slope: 1.0, scale: 1.0, offset: 0.0 };
            Ok(match name.to_lowercase().as_str() {
                "affine" => Activation { function: None, slope: alpha(1.0), scale: 1.0, offset: beta(0.0) },
                "elu" => plain(Function::Elu(alpha(1.0))),
                "hardsigmoid" => plain(Function::HardSigmoid { alpha: alpha(0.2), beta: beta(0.5) }),
                "leakyrelu" => plain(Function::LeakyRelu(alpha(0.01))),
                "relu" => plain(Function::Relu),
                "scaledtanh" => Activation { scale: alpha(1.0), slope: beta(1.0), ..plain(Function::Tanh) },
                "sigmoid" => plain(Function::Sigmoid),
                "softplus" => plain(Function::Softplus),
                "softsign" => plain(Function::Softsign),
                "tanh" => plain(Function::Tanh),
                "thresholdedrelu" => plain(Function::ThresholdedRelu(alpha(1.0))),
                other => return invalid(format!("there is no activation \"{other}\"")),
            })
        })
        .collect()
}

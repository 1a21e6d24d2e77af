//! Einsum: sums of products over labelled axes.
//!
//! Spec: Einsum; all opsets. Repeated labels of an operand are its diagonal; more than two operands are contracted from
//! left to right. Rejected: more than 26 different axes.

use std::collections::BTreeMap;

use plonnx_ir::NodeId;
use plonnx_ir::op::{Label, Reducer, View};

use crate::lower::{Builder, Call, Lowering, Results, invalid, sized, unsupported};

type Term = (NodeId, Vec<Label>);

pub(super) fn lower(call: &mut Call) -> Results {
    let equation: String = call.text("equation", "")?.split_whitespace().collect();
    let operands = call.all_inputs()?;
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let specs: Vec<&str> = left.split(',').collect();
    if specs.len() != operands.len() {
        return invalid(format!("equation \"{equation}\" has {} terms for {} operands", specs.len(), operands.len()));
    }
    let mut alphabet = Alphabet::default();
    let mut terms: Vec<Term> = Vec::new();
    let mut ellipsis: Vec<Axis> = Vec::new();
    let mut axes: Vec<Vec<Axis>> = Vec::new();
    for (spec, x) in specs.iter().zip(&operands) {
        let term = parse(spec, Some(call.rank(*x)))?;
        let repeated: Vec<Axis> = term.iter().copied().filter(|a| matches!(a, Axis::Repeated(_))).collect();
        if repeated.len() > ellipsis.len() {
            ellipsis = repeated;
        }
        axes.push(term);
    }
    // Axes of an ellipsis are counted from its end, so that they align as in broadcasting.
    let out: Vec<Axis> = match right {
        Some(right) => {
            let mut out = Vec::new();
            for axis in parse(right, None)? {
                match axis {
                    Axis::Ellipsis => out.extend(&ellipsis),
                    axis => out.push(axis),
                }
            }
            out
        }
        None => {
            let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
            for axis in axes.iter().flatten() {
                if let Axis::Letter(letter) = axis {
                    *counts.entry(*letter).or_insert(0) += 1;
                }
            }
            let once = counts.into_iter().filter(|(_, n)| *n == 1).map(|(letter, _)| Axis::Letter(letter));
            ellipsis.iter().copied().chain(once).collect()
        }
    };
    for (x, axes) in operands.iter().zip(axes) {
        let labels = axes.into_iter().map(|a| alphabet.label(a)).collect::<Lowering<Vec<_>>>()?;
        terms.push(diagonal(call, *x, labels)?);
    }
    let out = out.into_iter().map(|a| alphabet.label(a)).collect::<Lowering<Vec<_>>>()?;
    for (i, label) in out.iter().enumerate() {
        if out[..i].contains(label) || !terms.iter().any(|t| t.1.contains(label)) {
            return invalid(format!("equation \"{equation}\": the result repeats a label or has a new one"));
        }
    }
    Ok(vec![contract_all(call, terms, &out)?])
}

fn contract_all(builder: &mut Builder, terms: Vec<Term>, out: &[Label]) -> Lowering<NodeId> {
    let mut rest = terms.into_iter().peekable();
    let Some(mut sum) = rest.next() else { return invalid("expected at least one operand") };
    while let Some(next) = rest.next() {
        let later: Vec<Label> = rest.clone().flat_map(|t| t.1).collect();
        let labels: Vec<Label> = if later.is_empty() && rest.peek().is_none() {
            out.to_vec()
        } else {
            let mut labels: Vec<Label> = sum.1.iter().chain(&next.1).copied().collect();
            labels.sort_unstable();
            labels.dedup();
            labels.retain(|l| out.contains(l) || later.contains(l));
            labels
        };
        let y = builder.contract(sum.0, &sum.1, next.0, &next.1, &labels)?;
        sum = (y, labels);
    }
    let (x, labels) = sum;
    let summed: Vec<usize> = (0..labels.len()).filter(|i| !out.contains(&labels[*i])).collect();
    let x = builder.reduce(Reducer::Sum, x, &summed, false)?;
    let kept: Vec<Label> = labels.into_iter().filter(|l| out.contains(l)).collect();
    let perm: Vec<usize> = out.iter().filter_map(|l| kept.iter().position(|k| k == l)).collect();
    builder.transpose(x, &perm)
}

/// `x` with every label once: equal labels of one operand select its diagonal.
fn diagonal(builder: &mut Builder, x: NodeId, labels: Vec<Label>) -> Lowering<Term> {
    let mut unique = labels.clone();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() == labels.len() {
        return Ok((x, labels));
    }
    let shape = builder.shape(x);
    let strides: Vec<usize> = (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect();
    let mut extents = Vec::new();
    let mut steps = Vec::new();
    for label in &unique {
        let at: Vec<usize> = (0..labels.len()).filter(|i| labels[*i] == *label).collect();
        extents.push(shape[at[0]]);
        steps.push(at.iter().map(|i| strides[*i]).sum::<usize>());
        if at.iter().any(|i| shape[*i] != shape[at[0]]) {
            return invalid("axes with one label differ in extent");
        }
    }
    sized(&extents)?;
    let mut indices = vec![0];
    for (extent, step) in extents.iter().zip(&steps) {
        indices = indices.iter().flat_map(|i| (0..*extent).map(move |k| i + k * step)).collect();
    }
    Ok((builder.view(View::Index { shape: extents, indices }, x)?, unique))
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Axis {
    Letter(u8),
    /// Axis of an ellipsis, counted from the ellipsis's end.
    Repeated(usize),
    /// An ellipsis of unknown length, in the result.
    Ellipsis,
}

/// Axes of one term; the rank of its operand gives the length of an ellipsis.
fn parse(spec: &str, rank: Option<usize>) -> Lowering<Vec<Axis>> {
    let letters = |s: &str| -> Lowering<Vec<Axis>> {
        if s.bytes().all(|c| c.is_ascii_alphabetic()) {
            Ok(s.bytes().map(Axis::Letter).collect())
        } else {
            invalid(format!("term \"{spec}\" of the equation is not made of letters"))
        }
    };
    let (before, middle, after) = match spec.split_once("...") {
        None => (letters(spec)?, Vec::new(), Vec::new()),
        Some((before, after)) => {
            let (before, after) = (letters(before)?, letters(after)?);
            let middle = match rank {
                None => vec![Axis::Ellipsis],
                Some(rank) => {
                    let count = rank.saturating_sub(before.len() + after.len());
                    (0..count).rev().map(Axis::Repeated).collect()
                }
            };
            (before, middle, after)
        }
    };
    let axes = [before, middle, after].concat();
    match rank {
        Some(rank) if rank != axes.len() => {
            invalid(format!("term \"{spec}\" of the equation does not fit an operand of rank {rank}"))
        }
        _ => Ok(axes),
    }
}

/// Labels of the core operator, given out in order of appearance.
#[derive(Default)]
struct Alphabet(BTreeMap<Axis, Label>);

impl Alphabet {
    fn label(&mut self, axis: Axis) -> Lowering<Label> {
        let next = self.0.len();
        if let Some(label) = self.0.get(&axis) {
            return Ok(*label);
        }
        let Some(label) = (b'a'..=b'z').nth(next) else {
            return unsupported("more than 26 different axes", "split the equation");
        };
        self.0.insert(axis, label);
        Ok(label)
    }
}

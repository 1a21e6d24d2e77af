//! TopK: the largest or smallest elements along an axis, in order, and their positions.
//!
//! Spec: TopK; all opsets. Every pair of elements is compared once, which gives each element its place; of equal elements
//! the first one comes first. Unit vectors of the places then select. Rejected: a number that depends on the data, and
//! more than 2^22 comparisons.

use plonnx_ir::op::{Compare, Label, Reducer, View};
use plonnx_ir::{CoreOp, DType, NodeId};

use super::one_hot::unit_vectors;
use crate::decode::ElemType;
use crate::lower::{Call, Lowering, Results, extent, invalid, unsupported};

/// Most comparisons.
const COMPARISONS: usize = 1 << 22;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let axis = call.axis("axis", -1, shape.len())?;
    let k = if call.opset < 10 { call.int("k")? } else { call.known_int(1, "K")? };
    let k = extent(k.unwrap_or(-1), "K")?;
    let largest = call.flag("largest", true)?;
    // Any order will do when none is asked for.
    call.ignore(&["sorted"]);
    let n = shape[axis];
    if k > n {
        return invalid(format!("{k} of {n} elements"));
    }
    let rows = shape.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, d)| d).product::<usize>();
    let pairs = n * n.saturating_sub(1) / 2;
    if pairs.saturating_mul(rows) > COMPARISONS {
        return unsupported(
            format!("{} comparisons, the limit is {COMPARISONS}", pairs.saturating_mul(rows)),
            "take the largest of fewer elements",
        );
    }
    // The axis last, the others joined.
    let mut perm: Vec<usize> = (0..shape.len()).filter(|i| *i != axis).collect();
    perm.push(axis);
    let lines = call.transpose(x, &perm)?;
    let lines = call.reshape(lines, &[rows, n])?;
    let places = places(call, lines, largest)?;
    let unit = unit_vectors(call, places, n)?;
    let unit = call.narrow(unit, 2, 0, k)?;
    let [row, from, to]: [Label; 3] = *b"rft";
    let values = call.contract(unit, &[row, from, to], lines, &[row, from], &[row, to])?;
    let positions = call.integers(&(0..n).collect::<Vec<_>>())?;
    let indices = call.contract(unit, &[row, from, to], positions, &[from], &[row, to])?;
    let dtype = call.dtype(x);
    let values = call.retype(values, dtype)?;
    call.set_elem(1, ElemType::Int64);
    let mut outer: Vec<usize> = perm.iter().map(|i| shape[*i]).collect();
    outer[shape.len() - 1] = k;
    let mut back: Vec<usize> = (0..shape.len() - 1).collect();
    back.insert(axis, shape.len() - 1);
    let mut results = Vec::new();
    for y in [values, indices] {
        let y = call.reshape(y, &outer)?;
        results.push(call.transpose(y, &back)?);
    }
    Ok(results)
}

/// The place of every element of the rows of `x` when they are sorted.
fn places(call: &mut Call, x: NodeId, largest: bool) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let (rows, n) = (shape[0], shape[1]);
    let (first, second): (Vec<usize>, Vec<usize>) = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).unzip();
    let pairs = first.len();
    let (a, b) = (call.gather(x, 1, first.clone())?, call.gather(x, 1, second.clone())?);
    // Whether the second one of a pair comes before the first one.
    let (a, b) = if largest { (a, b) } else { (b, a) };
    let swapped = call.add(CoreOp::Compare(Compare::Less), &[a, b])?;
    // An element comes after those before it that are not swapped, and after those behind it that are.
    let one = call.scalar(1.0, DType::Int)?;
    let straight = call.linear(&[(1.0, one), (-1.0, swapped)])?;
    let both = call.add(CoreOp::View(View::Concat { axis: 1 }), &[swapped, straight])?;
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); n];
    for (pair, (i, j)) in first.into_iter().zip(second).enumerate() {
        before[i].push(pair);
        before[j].push(pairs + pair);
    }
    let indices: Vec<usize> = before.into_iter().flatten().collect();
    let view = View::Gather { axis: 1, shape: vec![n, n.saturating_sub(1)], indices };
    let counted = call.view(view, both)?;
    let places = call.reduce(Reducer::Sum, counted, &[2], false)?;
    call.reshape(places, &[rows, n])
}

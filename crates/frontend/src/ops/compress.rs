//! Compress, NonZero, Unique: elements chosen by values, which must be known because they decide the shape.
//!
//! Spec: the pages of these names; all opsets. Rejected: a condition or operand that depends on the data.

use std::cmp::Ordering;

use plonnx_ir::{DType, NodeId};

use super::gather::strides;
use crate::decode::ElemType;
use crate::lower::{Call, Lowering, Results, axis, invalid};

pub(super) fn compress(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let Some(condition) = call.known_input(1, "condition")? else { return invalid("operand 1 is missing") };
    let (x, at) = match call.int("axis")? {
        Some(at) => (x, axis(at, call.rank(x))?),
        None => {
            let len = call.shape(x).iter().product();
            (call.reshape(x, &[len])?, 0)
        }
    };
    let extent = call.shape(x)[at];
    if condition.len() > extent {
        return invalid(format!("a condition of {} elements for an axis of extent {extent}", condition.len()));
    }
    let kept = condition.iter().enumerate().filter(|(_, c)| *c != 0.0).map(|(i, _)| i).collect();
    Ok(vec![call.gather(x, at, kept)?])
}

pub(super) fn non_zero(call: &mut Call) -> Results {
    let Some(x) = call.known_input(0, "X")? else { return invalid("operand 0 is missing") };
    call.set_elem(0, ElemType::Int64);
    let strides = strides(x.shape());
    let found: Vec<usize> = x.iter().enumerate().filter(|(_, v)| *v != 0.0).map(|(i, _)| i).collect();
    let coordinate = |i: usize, at: usize| (at / strides[i].max(1)) % x.shape()[i];
    let data = (0..strides.len()).flat_map(|i| found.iter().map(move |at| coordinate(i, *at) as f64)).collect();
    Ok(vec![call.tensor(&[strides.len(), found.len()], data, DType::Int)?])
}

pub(super) fn unique(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let (x, at) = match call.int("axis")? {
        Some(at) => (x, axis(at, call.rank(x))?),
        None => {
            let len = call.shape(x).iter().product();
            (call.reshape(x, &[len])?, 0)
        }
    };
    let sorted = call.flag("sorted", true)?;
    let Some(value) = call.known(x) else {
        call.known_input(0, "X")?;
        return invalid("operand 0 is missing");
    };
    for index in 1..4 {
        call.set_elem(index, ElemType::Int64);
    }
    let (extent, inner) = (value.shape()[at], value.shape()[at + 1..].iter().product::<usize>());
    let data = value.to_vec();
    let outer = value.shape()[..at].iter().product::<usize>();
    // The slices along the axis, each as a list of its elements.
    let slices: Vec<Vec<f64>> = (0..extent)
        .map(|i| (0..outer).flat_map(|o| data[(o * extent + i) * inner..][..inner].to_vec()).collect())
        .collect();
    let order = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| *o != Ordering::Equal).unwrap_or(Ordering::Equal)
    };
    let mut by_value: Vec<usize> = (0..extent).collect();
    by_value.sort_by(|a, b| order(&slices[*a], &slices[*b]).then(a.cmp(b)));
    // First positions of the different slices, in order of value.
    let mut firsts: Vec<usize> = Vec::new();
    let mut group = vec![0; extent];
    for at in by_value {
        if firsts.last().is_none_or(|f| slices[*f] != slices[at]) {
            firsts.push(at);
        }
        group[at] = firsts.len() - 1;
    }
    let mut rank: Vec<usize> = (0..firsts.len()).collect();
    if !sorted {
        rank.sort_by_key(|g| firsts[*g]);
    }
    let mut place = vec![0; rank.len()];
    for (to, from) in rank.iter().enumerate() {
        place[*from] = to;
    }
    let kept: Vec<usize> = rank.iter().map(|g| firsts[*g]).collect();
    let inverse: Vec<usize> = group.iter().map(|g| place[*g]).collect();
    let mut counts = vec![0; kept.len()];
    inverse.iter().for_each(|g| counts[*g] += 1);
    let y = call.gather(x, at, kept.clone())?;
    let numbers = |call: &mut Call, values: &[usize]| -> Lowering<NodeId> { call.integers(values) };
    Ok(vec![y, numbers(call, &kept)?, numbers(call, &inverse)?, numbers(call, &counts)?])
}

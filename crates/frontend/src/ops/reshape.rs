//! Reshape, Flatten, Squeeze, Unsqueeze: the same elements with other axes.
//!
//! Spec: the pages of these names; all opsets. Rejected: shapes or axes that depend on the data.

use crate::lower::{Call, Lowering, Results, axes, extent, invalid, sized};

pub(super) fn reshape(call: &mut Call) -> Results {
    call.ignore(&["consumed_inputs"]);
    let x = call.input(0)?;
    let Some(wanted) = call.moved_ints("shape", 1, 5)? else { return invalid("the shape is missing") };
    let allow_zero = call.flag("allowzero", false)?;
    let shape = call.shape(x);
    let mut open = None;
    let mut result = Vec::with_capacity(wanted.len());
    for (i, d) in wanted.iter().enumerate() {
        result.push(match d {
            -1 if open.is_none() => {
                open = Some(i);
                1
            }
            0 if !allow_zero => match shape.get(i) {
                Some(extent) => *extent,
                None => return invalid(format!("shape {wanted:?} copies axis {i} of a tensor of shape {shape:?}")),
            },
            d => extent(*d, "shape")?,
        });
    }
    let len: usize = shape.iter().product();
    let rest = sized(&result)?;
    if let Some(open) = open {
        if rest == 0 || !len.is_multiple_of(rest) {
            return invalid(format!("a tensor of shape {shape:?} cannot be reshaped to {wanted:?}"));
        }
        result[open] = len / rest;
    } else if rest != len {
        return invalid(format!("a tensor of shape {shape:?} cannot be reshaped to {wanted:?}"));
    }
    Ok(vec![call.reshape(x, &result)?])
}

/// A matrix: the axes before `axis`, and those from it on.
pub(super) fn flatten(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let at = call.int("axis")?.unwrap_or(1);
    // Unlike an axis, the boundary may be past the last axis.
    let wrapped = if at < 0 { at.saturating_add_unsigned(shape.len() as u64) } else { at };
    let Some(at) = usize::try_from(wrapped).ok().filter(|a| *a <= shape.len()) else {
        return invalid(format!("axis {at} of a tensor of rank {}", shape.len()));
    };
    let (rows, columns) = (shape[..at].iter().product(), shape[at..].iter().product());
    Ok(vec![call.reshape(x, &[rows, columns])?])
}

pub(super) fn squeeze(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let gone = match call.moved_ints("axes", 1, 13)? {
        Some(given) => axes(&given, shape.len())?,
        None => (0..shape.len()).filter(|i| shape[*i] == 1).collect(),
    };
    if let Some(i) = gone.iter().find(|i| shape[**i] != 1) {
        return invalid(format!("axis {i} has extent {}, expected 1", shape[*i]));
    }
    let result: Vec<usize> = (0..shape.len()).filter(|i| !gone.contains(i)).map(|i| shape[i]).collect();
    Ok(vec![call.reshape(x, &result)?])
}

pub(super) fn unsqueeze(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let Some(given) = call.moved_ints("axes", 1, 13)? else { return invalid("axes are missing") };
    let result = with_unit_axes(&call.shape(x), &given)?;
    Ok(vec![call.reshape(x, &result)?])
}

/// `shape` with axes of extent 1 at the places that `given` counts in the result.
fn with_unit_axes(shape: &[usize], given: &[i64]) -> Lowering<Vec<usize>> {
    let rank = shape.len() + given.len();
    let new = axes(given, rank)?;
    let mut old = shape.iter();
    Ok((0..rank).map(|i| if new.contains(&i) { 1 } else { old.next().copied().unwrap_or(1) }).collect())
}

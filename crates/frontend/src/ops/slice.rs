//! Slice: every `step`-th element of ranges of axes.
//!
//! Spec: Slice; all opsets (starts, ends and axes are attributes before 10, operands with steps from 10 on). Negative
//! steps and bounds outside the axis are allowed. Rejected: bounds that depend on the data.

use plonnx_ir::op::View;

use crate::lower::{Call, Results, axis, invalid};

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let rank = shape.len();
    let starts = call.moved_ints("starts", 1, 10)?;
    let ends = call.moved_ints("ends", 2, 10)?;
    let axes = call.moved_ints("axes", 3, 10)?;
    let steps = if call.opset >= 10 { call.known_ints(4, "steps")? } else { None };
    let (Some(starts), Some(ends)) = (starts, ends) else { return invalid("starts or ends are missing") };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|n| *n != starts.len()) {
        return invalid("starts, ends, axes and steps differ in length");
    }
    let (mut start, mut step, mut size) = (vec![0; rank], vec![1; rank], shape.clone());
    let mut seen = Vec::new();
    for (((from, to), at), by) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let at = axis(*at, rank)?;
        if seen.contains(&at) {
            return invalid(format!("axis {at} is given twice"));
        }
        seen.push(at);
        let Some(range) = range(shape[at], *from, *to, *by) else { return invalid("a step is 0") };
        (start[at], step[at], size[at]) = range;
    }
    if size == shape && step.iter().all(|s| *s == 1) {
        return Ok(vec![x]);
    }
    Ok(vec![call.view(View::Slice { start, step, size }, x)?])
}

/// Start, step and number of elements of `from..to` by `by` on an axis of extent `n`; `None` when `by` is 0.
fn range(n: usize, from: i64, to: i64, by: i64) -> Option<(usize, isize, usize)> {
    if n == 0 && by != 0 {
        return Some((0, 1, 0));
    }
    let (n, by) = (n as i128, i128::from(by));
    let wrap = |v: i64| i128::from(v) + if v < 0 { n } else { 0 };
    let (start, count) = match by {
        0 => return None,
        1.. => {
            let (start, end) = (wrap(from).clamp(0, n), wrap(to).clamp(0, n));
            (start, (end - start + by - 1) / by)
        }
        _ => {
            // A start before the axis is its first element, unlike in Python.
            let (start, end) = (wrap(from).clamp(0, n - 1), wrap(to).clamp(-1, n - 1));
            (start, (start - end - by - 1) / -by)
        }
    };
    if count <= 0 {
        return Some((0, 1, 0));
    }
    // A step beyond the extent is never taken: such a slice has one element.
    let step = if count == 1 { 1 } else { isize::try_from(by).ok()? };
    Some((usize::try_from(start).ok()?, step, usize::try_from(count).ok()?))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges() {
        assert_eq!(range(5, 1, 4, 1), Some((1, 1, 3)));
        assert_eq!(range(5, 0, i64::MAX, 2), Some((0, 2, 3)));
        assert_eq!(range(5, -1, i64::MIN, -1), Some((4, -1, 5)));
        assert_eq!(range(5, 10, 0, -2), Some((4, -2, 2)));
        assert_eq!(range(5, 3, 1, 1), Some((0, 1, 0)));
        assert_eq!(range(5, -9, 2, 1), Some((0, 1, 2)));
        assert_eq!(range(5, -9, i64::MIN, -2), Some((0, 1, 1)));
        assert_eq!(range(5, -9, 2, -1), Some((0, 1, 0)));
        assert_eq!(range(5, 0, 5, i64::MAX), Some((0, 1, 1)));
        assert_eq!(range(0, 0, 5, -1), Some((0, 1, 0)));
        assert_eq!(range(5, 0, 5, 0), None);
    }
}

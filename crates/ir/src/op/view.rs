//! Data movement.

use super::{arity, checked_len};
use crate::domain::Scalar;
use crate::graph::{DType, Fact};
use crate::tensor::Tensor;

/// Where each element of the result comes from. Costs nothing in a circuit: it is wiring.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// Same elements in row-major order, other shape.
    Reshape { shape: Vec<usize> },
    /// Axis `i` of the result is axis `perm[i]` of the operand.
    Transpose { perm: Vec<usize> },
    /// For every axis, `size` elements from `start` in steps of `step` (not zero, may be negative).
    Slice { start: Vec<usize>, step: Vec<isize>, size: Vec<usize> },
    /// Operands one after the other along `axis`.
    Concat { axis: usize },
    /// For every axis, `before` and `after` fill elements around, and `interior` ones between, the operand's.
    /// The fill is 0, or the second operand (a scalar).
    Pad { before: Vec<usize>, after: Vec<usize>, interior: Vec<usize> },
    /// Axes aligned at the end; extents of 1 and missing axes repeat.
    Broadcast { shape: Vec<usize> },
    /// Slices of `axis` at constant `indices`; `axis` is replaced by the axes of `shape`, the shape of the indices.
    Gather { axis: usize, shape: Vec<usize>, indices: Vec<usize> },
    /// Row-major elements of the operand at `indices`, in the given `shape`.
    Index { shape: Vec<usize>, indices: Vec<usize> },
    /// Same elements, read as another kind of numbers.
    Retype { dtype: DType },
}

/// Origin of one element of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Row-major position in an operand.
    Element { operand: usize, index: usize },
    /// The number 0.
    Zero,
}

impl View {
    /// Name in the text form and in messages.
    pub fn name(&self) -> &'static str {
        match self {
            View::Reshape { .. } => "reshape",
            View::Transpose { .. } => "transpose",
            View::Slice { .. } => "slice",
            View::Concat { .. } => "concat",
            View::Pad { .. } => "pad",
            View::Broadcast { .. } => "broadcast",
            View::Gather { .. } => "gather",
            View::Index { .. } => "index",
            View::Retype { .. } => "retype",
        }
    }

    pub(super) fn infer(&self, facts: &[&Fact]) -> Result<Fact, String> {
        let dtype = facts.first().map_or(DType::Real, |f| f.dtype);
        let shape = match self {
            View::Concat { axis } => {
                let first = facts.first().ok_or("expected at least one operand")?;
                let rank = first.shape.len();
                if *axis >= rank {
                    return Err(format!("axis {axis} of a tensor of rank {rank}"));
                }
                let mut shape = first.shape.clone();
                shape[*axis] = 0;
                for f in facts {
                    let fits = f.shape.len() == rank
                        && f.shape.iter().zip(&first.shape).enumerate().all(|(i, (a, b))| i == *axis || a == b);
                    if !fits {
                        return Err(format!("operands differ beside axis {axis}: {:?} and {:?}", first.shape, f.shape));
                    }
                    shape[*axis] = shape[*axis].saturating_add(f.shape[*axis]);
                }
                shape
            }
            View::Pad { before, after, interior } => {
                let x = if facts.len() == 2 {
                    let [x, fill] = arity::<2>(facts)?;
                    if fill.len() != 1 {
                        return Err(format!("expected a scalar fill value, got shape {:?}", fill.shape));
                    }
                    x
                } else {
                    arity::<1>(facts)?[0]
                };
                ranks(x, &[before.len(), after.len(), interior.len()])?;
                padded(&x.shape, before, after, interior)
            }
            View::Reshape { shape } => {
                let [x] = arity::<1>(facts)?;
                if checked_len(shape) != Some(x.len()) {
                    return Err(format!("a tensor of shape {:?} cannot be reshaped to {shape:?}", x.shape));
                }
                shape.clone()
            }
            View::Transpose { perm } => {
                let [x] = arity::<1>(facts)?;
                ranks(x, &[perm.len()])?;
                let mut seen = perm.clone();
                seen.sort_unstable();
                if !seen.iter().copied().eq(0..perm.len()) {
                    return Err(format!("{perm:?} is not a permutation"));
                }
                perm.iter().map(|p| x.shape[*p]).collect()
            }
            View::Slice { start, step, size } => {
                let [x] = arity::<1>(facts)?;
                ranks(x, &[start.len(), step.len(), size.len()])?;
                for i in 0..size.len() {
                    if size[i] == 0 {
                        continue;
                    }
                    let last = start[i] as i128 + step[i] as i128 * (size[i] as i128 - 1);
                    if step[i] == 0 || start[i] >= x.shape[i] || last < 0 || last >= x.shape[i] as i128 {
                        return Err(format!("slice of axis {i} leaves its extent {}", x.shape[i]));
                    }
                }
                size.clone()
            }
            View::Broadcast { shape } => {
                let [x] = arity::<1>(facts)?;
                let fits = x.shape.len() <= shape.len()
                    && x.shape.iter().rev().zip(shape.iter().rev()).all(|(a, b)| a == b || *a == 1);
                if !fits {
                    return Err(format!("a tensor of shape {:?} cannot be broadcast to {shape:?}", x.shape));
                }
                shape.clone()
            }
            View::Gather { axis, shape, indices } => {
                let [x] = arity::<1>(facts)?;
                if *axis >= x.shape.len() {
                    return Err(format!("axis {axis} of a tensor of rank {}", x.shape.len()));
                }
                if checked_len(shape) != Some(indices.len()) {
                    return Err(format!("{} indices for shape {shape:?}", indices.len()));
                }
                if let Some(i) = indices.iter().find(|i| **i >= x.shape[*axis]) {
                    return Err(format!("index {i} of axis {axis} with extent {}", x.shape[*axis]));
                }
                [&x.shape[..*axis], shape, &x.shape[axis + 1..]].concat()
            }
            View::Index { shape, indices } => {
                let [x] = arity::<1>(facts)?;
                if checked_len(shape) != Some(indices.len()) {
                    return Err(format!("{} indices for shape {shape:?}", indices.len()));
                }
                if let Some(i) = indices.iter().find(|i| **i >= x.len()) {
                    return Err(format!("index {i} of a tensor of {} elements", x.len()));
                }
                shape.clone()
            }
            View::Retype { dtype } => {
                let [x] = arity::<1>(facts)?;
                return Ok(Fact::new(&x.shape, *dtype));
            }
        };
        Ok(Fact::new(&shape, dtype))
    }

    /// Origin of every element of the result, in row-major order; `shapes` are those of the operands and fit.
    pub fn sources(&self, shapes: &[&[usize]]) -> Vec<Source> {
        self.assemble(shapes, |operand, index| Source::Element { operand, index }, Source::Zero)
    }

    pub(super) fn eval<T: Scalar>(&self, operands: &[&Tensor<T>]) -> Vec<T> {
        let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape()).collect();
        let data: Vec<&[T]> = operands.iter().map(|x| x.data()).collect();
        self.assemble(&shapes, |operand, index| data[operand][index], T::zero())
    }

    /// Whether an element of the result is 0 whatever the operands are.
    pub(super) fn fills_zero(&self, shapes: &[&[usize]]) -> bool {
        match (self, shapes) {
            (View::Pad { before, after, interior }, [x]) => {
                let grows = |i: usize| before[i] > 0 || after[i] > 0 || (interior[i] > 0 && x[i] > 1);
                (0..x.len()).any(grows)
            }
            _ => false,
        }
    }

    /// The elements of the result: `at(operand, index)` is an element of an operand, by row-major position.
    fn assemble<T: Clone>(&self, shapes: &[&[usize]], at: impl Fn(usize, usize) -> T, zero: T) -> Vec<T> {
        let from_first = |index: usize| at(0, index);
        match self {
            View::Reshape { .. } | View::Retype { .. } => (0..shapes[0].iter().product()).map(from_first).collect(),
            View::Index { indices, .. } => indices.iter().map(|i| from_first(*i)).collect(),
            View::Transpose { perm } => {
                let strides = row_major(shapes[0]);
                let shape: Vec<usize> = perm.iter().map(|p| shapes[0][*p]).collect();
                let step: Vec<isize> = perm.iter().map(|p| strides[*p] as isize).collect();
                gathered(&shape, 0, &step, from_first)
            }
            View::Slice { start, step, size } => {
                let strides = row_major(shapes[0]);
                let offset = start.iter().zip(&strides).map(|(s, k)| s.wrapping_mul(*k)).fold(0, usize::wrapping_add);
                // The step of an axis with at most one element is not limited by its extent.
                let step: Vec<isize> = step.iter().zip(&strides).map(|(s, k)| s.wrapping_mul(*k as isize)).collect();
                gathered(size, offset, &step, from_first)
            }
            View::Broadcast { shape } => {
                let missing = shape.len() - shapes[0].len();
                let strides = row_major(shapes[0]);
                let step: Vec<isize> = (0..shape.len())
                    .map(|i| if i < missing || shapes[0][i - missing] == 1 { 0 } else { strides[i - missing] as isize })
                    .collect();
                gathered(shape, 0, &step, from_first)
            }
            View::Gather { axis, indices, .. } => {
                let outer: usize = shapes[0][..*axis].iter().product();
                let inner: usize = shapes[0][axis + 1..].iter().product();
                let extent = shapes[0][*axis];
                let mut out = Vec::with_capacity(outer * indices.len() * inner);
                for o in 0..outer {
                    for i in indices {
                        let base = (o * extent + i) * inner;
                        out.extend((base..base + inner).map(from_first));
                    }
                }
                out
            }
            View::Concat { axis } => {
                let outer: usize = shapes[0][..*axis].iter().product();
                let mut out = Vec::new();
                for o in 0..outer {
                    for (operand, shape) in shapes.iter().enumerate() {
                        let block: usize = shape[*axis..].iter().product();
                        out.extend((o * block..(o + 1) * block).map(|index| at(operand, index)));
                    }
                }
                out
            }
            View::Pad { before, after, interior } => {
                let x = shapes[0];
                let shape = padded(x, before, after, interior);
                let fill = if shapes.len() == 2 { at(1, 0) } else { zero };
                let strides = row_major(&shape);
                let mut out = vec![fill; shape.iter().product()];
                let offset = before.iter().zip(&strides).map(|(b, k)| b * k).sum();
                let step: Vec<isize> = (0..x.len())
                    .map(|i| if x[i] > 1 { ((interior[i] + 1) * strides[i]) as isize } else { 0 })
                    .collect();
                let mut index = 0;
                strided(x, offset, &step, |to| {
                    out[to] = from_first(index);
                    index += 1;
                });
                out
            }
        }
    }
}

/// `at` of the positions that [`strided`] visits.
fn gathered<T>(shape: &[usize], offset: usize, step: &[isize], at: impl Fn(usize) -> T) -> Vec<T> {
    let mut out = Vec::with_capacity(shape.iter().product());
    strided(shape, offset, step, |index| out.push(at(index)));
    out
}

/// Extents after padding; saturating.
fn padded(shape: &[usize], before: &[usize], after: &[usize], interior: &[usize]) -> Vec<usize> {
    (0..shape.len())
        .map(|i| {
            let gaps = shape[i].saturating_sub(1).saturating_mul(interior[i]);
            shape[i].saturating_add(gaps).saturating_add(before[i]).saturating_add(after[i])
        })
        .collect()
}

/// Row-major strides of `shape`, in elements.
pub(crate) fn row_major(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

/// Visits `offset + sum_i x_i * step_i` for all index vectors `x` below `shape`, in row-major order.
pub(crate) fn strided(shape: &[usize], offset: usize, step: &[isize], mut visit: impl FnMut(usize)) {
    let (Some((inner, outer)), Some(inner_step)) = (shape.split_last(), step.last()) else {
        return visit(offset);
    };
    let mut index = vec![0usize; outer.len()];
    let mut line = offset as isize;
    let lines = if *inner == 0 { 0 } else { outer.iter().product() };
    for _ in 0..lines {
        let mut at = line;
        for _ in 0..*inner {
            visit(at as usize);
            at = at.wrapping_add(*inner_step);
        }
        for axis in (0..outer.len()).rev() {
            index[axis] += 1;
            line = line.wrapping_add(step[axis]);
            if index[axis] < outer[axis] {
                break;
            }
            line = line.wrapping_sub(step[axis].wrapping_mul(outer[axis] as isize));
            index[axis] = 0;
        }
    }
}

fn ranks(x: &Fact, lengths: &[usize]) -> Result<(), String> {
    match lengths.iter().find(|n| **n != x.shape.len()) {
        Some(n) => Err(format!("{n} axes given for a tensor of rank {}", x.shape.len())),
        None => Ok(()),
    }
}

//! Views against direct indexing.

use plonnx_ir::op::{Source, View};
use plonnx_ir::{CoreOp, DType, Field, Float, Tensor, eval_op};

use crate::random::{Random, at, indices, tensor};

/// Checks that element `index` of the result is `origin(index)`: an operand and an index vector in it, or zero.
fn check(
    view: View,
    operands: &[&Tensor<i64>],
    shape: &[usize],
    origin: impl Fn(&[usize]) -> Option<(usize, Vec<usize>)>,
) {
    let got = eval_op::<Field>("v", &CoreOp::View(view.clone()), operands).expect("evaluates");
    assert_eq!(got.shape(), shape, "{view:?}");
    let shapes: Vec<&[usize]> = operands.iter().map(|x| x.shape()).collect();
    let sources = view.sources(&shapes);
    assert_eq!(sources.len(), got.len());
    for (index, source) in indices(shape).iter().zip(sources) {
        match (origin(index), source) {
            (Some((operand, from)), Source::Element { operand: k, index: i }) => {
                assert_eq!(at(&got, index), at(operands[operand], &from), "{view:?} at {index:?}");
                assert_eq!(
                    (k, operands[k].data()[i]),
                    (operand, at(operands[operand], &from)),
                    "{view:?} at {index:?}"
                );
            }
            (None, Source::Zero) => assert_eq!(at(&got, index), 0, "{view:?} at {index:?}"),
            (origin, source) => panic!("{view:?} at {index:?}: expected {origin:?}, got {source:?}"),
        }
    }
}

/// A tensor whose elements differ.
fn distinct(shape: &[usize], from: i64) -> Tensor<i64> {
    let n: usize = shape.iter().product();
    tensor(shape, (from..from + n as i64).collect())
}

fn any_shape(random: &mut Random, rank: usize) -> Vec<usize> {
    (0..rank).map(|_| 1 + random.below(4)).collect()
}

#[test]
fn transpose() {
    let mut random = Random::new(1);
    for rank in 0..5 {
        for _ in 0..10 {
            let x = distinct(&any_shape(&mut random, rank), 1);
            let perm = random.permutation(rank);
            let shape: Vec<usize> = perm.iter().map(|p| x.shape()[*p]).collect();
            check(View::Transpose { perm: perm.clone() }, &[&x], &shape, |out| {
                let mut from = vec![0; rank];
                for (i, p) in perm.iter().enumerate() {
                    from[*p] = out[i];
                }
                Some((0, from))
            });
        }
    }
}

#[test]
fn slice() {
    let mut random = Random::new(2);
    for _ in 0..100 {
        let rank = random.below(4);
        let x = distinct(&any_shape(&mut random, rank), 1);
        let (mut start, mut step, mut size) = (vec![], vec![], vec![]);
        for n in x.shape() {
            let (first, last) = (random.below(*n), random.below(*n));
            let distance = 1 + random.below(2) as isize;
            start.push(first);
            step.push(if last < first { -distance } else { distance });
            size.push(first.abs_diff(last) / distance as usize + 1);
        }
        let view = View::Slice { start: start.clone(), step: step.clone(), size: size.clone() };
        check(view, &[&x], &size, |out| {
            Some((0, (0..rank).map(|i| (start[i] as isize + step[i] * out[i] as isize) as usize).collect()))
        });
    }
}

#[test]
fn slice_of_one_element_may_have_any_step() {
    let view = View::Slice { start: vec![1, 0], step: vec![isize::MIN, isize::MAX], size: vec![1, 1] };
    check(view, &[&distinct(&[3, 3], 1)], &[1, 1], |_| Some((0, vec![1, 0])));
    let view = View::Slice { start: vec![9, 9], step: vec![isize::MIN, 0], size: vec![0, 0] };
    check(view, &[&distinct(&[3, 3], 1)], &[0, 0], |_| None);
}

#[test]
fn concat() {
    let mut random = Random::new(3);
    for _ in 0..50 {
        let rank = 1 + random.below(3);
        let axis = random.below(rank);
        let shape = any_shape(&mut random, rank);
        let tensors: Vec<Tensor<i64>> = (0..3)
            .map(|k| {
                let mut shape = shape.clone();
                shape[axis] = random.below(4);
                distinct(&shape, 1000 * k)
            })
            .collect();
        let mut shape = shape;
        shape[axis] = tensors.iter().map(|t| t.shape()[axis]).sum();
        check(View::Concat { axis }, &tensors.iter().collect::<Vec<_>>(), &shape, |out| {
            let mut from = out.to_vec();
            for (k, t) in tensors.iter().enumerate() {
                if from[axis] < t.shape()[axis] {
                    return Some((k, from));
                }
                from[axis] -= t.shape()[axis];
            }
            None
        });
    }
}

#[test]
fn pad() {
    let mut random = Random::new(4);
    for round in 0..100 {
        let rank = random.below(4);
        let x = distinct(&any_shape(&mut random, rank), 1);
        let fill = Tensor::scalar(-1);
        let mut any = || (0..rank).map(|_| random.below(3)).collect::<Vec<_>>();
        let (before, after, interior) = (any(), any(), any());
        let shape: Vec<usize> =
            (0..rank).map(|i| before[i] + x.shape()[i] + (x.shape()[i] - 1) * interior[i] + after[i]).collect();
        let operands = if round % 2 == 0 { vec![&x] } else { vec![&x, &fill] };
        let view = View::Pad { before: before.clone(), after, interior: interior.clone() };
        check(view, &operands, &shape, |out| {
            let from: Option<Vec<usize>> = (0..rank)
                .map(|i| {
                    let at = out[i].checked_sub(before[i])?;
                    (at % (interior[i] + 1) == 0 && at / (interior[i] + 1) < x.shape()[i])
                        .then_some(at / (interior[i] + 1))
                })
                .collect();
            match from {
                Some(from) => Some((0, from)),
                None if round % 2 == 0 => None,
                None => Some((1, vec![])),
            }
        });
    }
}

#[test]
fn pad_of_nothing() {
    let view = View::Pad { before: vec![1, 0], after: vec![1, 0], interior: vec![3, 3] };
    check(view, &[&distinct(&[0, 2], 1)], &[2, 5], |_| None);
}

#[test]
fn broadcast() {
    let mut random = Random::new(5);
    for _ in 0..50 {
        let rank = random.below(4);
        let missing = random.below(rank + 1);
        let shape = any_shape(&mut random, rank);
        let from: Vec<usize> = shape[missing..].iter().map(|n| if random.below(2) == 0 { 1 } else { *n }).collect();
        let x = distinct(&from, 1);
        check(View::Broadcast { shape: shape.clone() }, &[&x], &shape, |out| {
            Some((0, out[missing..].iter().zip(&from).map(|(i, n)| if *n == 1 { 0 } else { *i }).collect()))
        });
    }
    check(View::Broadcast { shape: vec![0, 3] }, &[&distinct(&[3], 1)], &[0, 3], |_| None);
}

#[test]
fn gather() {
    let mut random = Random::new(6);
    for _ in 0..50 {
        let rank = 1 + random.below(3);
        let axis = random.below(rank);
        let x = distinct(&any_shape(&mut random, rank), 1);
        let inner_rank = random.below(3);
        let inner = any_shape(&mut random, inner_rank);
        let at: Vec<usize> = indices(&inner).iter().map(|_| random.below(x.shape()[axis])).collect();
        let shape = [&x.shape()[..axis], &inner, &x.shape()[axis + 1..]].concat();
        let view = View::Gather { axis, shape: inner.clone(), indices: at.clone() };
        check(view, &[&x], &shape, |out| {
            let position = indices(&inner).iter().position(|i| *i == out[axis..axis + inner_rank]).expect("index");
            Some((0, [&out[..axis], &[at[position]], &out[axis + inner_rank..]].concat()))
        });
    }
}

#[test]
fn index_reshape_and_retype() {
    let x = distinct(&[2, 3], 1);
    let rows = indices(&[2, 3]);
    let view = View::Index { shape: vec![2, 2], indices: vec![5, 0, 0, 3] };
    check(view, &[&x], &[2, 2], |out| Some((0, rows[[5, 0, 0, 3][out[0] * 2 + out[1]]].clone())));
    check(View::Reshape { shape: vec![3, 2] }, &[&x], &[3, 2], |out| Some((0, rows[out[0] * 2 + out[1]].clone())));
    check(View::Retype { dtype: DType::Real }, &[&x], &[2, 3], |out| Some((0, out.to_vec())));
}

#[test]
fn attributes_that_do_not_fit_are_errors() {
    let huge = usize::MAX;
    let bad = [
        View::Reshape { shape: vec![huge, huge] },
        View::Reshape { shape: vec![7] },
        View::Transpose { perm: vec![0, 0] },
        View::Slice { start: vec![0, 0], step: vec![1, 1], size: vec![3, 3] },
        View::Slice { start: vec![huge, 0], step: vec![1, 1], size: vec![1, 1] },
        View::Slice { start: vec![0, 0], step: vec![isize::MIN, 1], size: vec![huge, 1] },
        View::Slice { start: vec![0], step: vec![1], size: vec![1] },
        View::Concat { axis: 2 },
        View::Pad { before: vec![huge, 0], after: vec![huge, 0], interior: vec![huge, huge] },
        View::Broadcast { shape: vec![3] },
        View::Broadcast { shape: vec![huge, 2, 3] },
        View::Gather { axis: 2, shape: vec![], indices: vec![0] },
        View::Gather { axis: 0, shape: vec![huge, huge], indices: vec![0] },
        View::Gather { axis: 0, shape: vec![1], indices: vec![2] },
        View::Index { shape: vec![1], indices: vec![6] },
    ];
    let x = tensor(&[2, 3], vec![0.0; 6]);
    for view in bad {
        assert!(eval_op::<Float>("v", &CoreOp::View(view.clone()), &[&x]).is_err(), "{view:?}");
    }
    assert!(eval_op::<Float>("v", &CoreOp::View(View::Transpose { perm: vec![] }), &[]).is_err());
}

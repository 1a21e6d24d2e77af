//! Convolutions against the definition.

use plonnx_ir::op::Conv;
use plonnx_ir::{CoreOp, Domain, Field, Float, Graph, IrError, Scalar, Tensor, eval_op};

use crate::random::{Random, at, indices, tensor};

fn reference<T: Scalar>(conv: &Conv, x: &Tensor<T>, w: &Tensor<T>) -> Tensor<T> {
    let rank = conv.strides.len();
    let mut shape = vec![x.shape()[0], w.shape()[0]];
    for i in 0..rank {
        let reach = (w.shape()[i + 2] - 1) * conv.dilations[i] + 1;
        shape.push((x.shape()[i + 2] + conv.before[i] + conv.after[i] - reach) / conv.strides[i] + 1);
    }
    let (inputs, outputs) = (w.shape()[1], w.shape()[0] / conv.groups);
    let data = indices(&shape)
        .into_iter()
        .map(|out| {
            let mut sum = T::zero();
            for tap in indices(&w.shape()[1..]) {
                let mut from = vec![out[0], out[1] / outputs * inputs + tap[0]];
                for i in 0..rank {
                    let position = out[i + 2] * conv.strides[i] + tap[i + 1] * conv.dilations[i];
                    from.push(position.wrapping_sub(conv.before[i]));
                }
                if from.iter().zip(x.shape()).all(|(i, n)| i < n) {
                    sum += at(x, &from) * at(w, &[&[out[1]], tap.as_slice()].concat());
                }
            }
            sum
        })
        .collect();
    tensor(&shape, data)
}

fn check<D: Domain>(random: &mut Random, conv: &Conv, x: &[usize], w: &[usize]) {
    let (x, w) = (random.tensor::<D::Scalar>(x), random.tensor::<D::Scalar>(w));
    let got = eval_op::<D>("c", &CoreOp::Conv(conv.clone()), &[&x, &w]).expect("evaluates");
    assert_eq!(got.to_vec(), reference(conv, &x, &w).to_vec(), "{conv:?} {:?} {:?}", x.shape(), w.shape());
    assert_eq!(got.shape(), reference(conv, &x, &w).shape());
}

#[test]
fn by_hand() {
    let x = tensor(&[1, 1, 4], vec![1, 2, 3, 4]);
    let w = tensor(&[1, 1, 2], vec![10, 1]);
    let conv = |stride, dilation, before, after| {
        let conv = Conv {
            strides: vec![stride],
            dilations: vec![dilation],
            before: vec![before],
            after: vec![after],
            groups: 1,
        };
        eval_op::<Field>("c", &CoreOp::Conv(conv), &[&x, &w]).expect("evaluates").to_vec()
    };
    assert_eq!(conv(1, 1, 0, 0), [12, 23, 34]);
    assert_eq!(conv(2, 1, 0, 0), [12, 34]);
    assert_eq!(conv(1, 2, 0, 0), [13, 24]);
    assert_eq!(conv(1, 1, 2, 1), [0, 1, 12, 23, 34, 40]);
    assert_eq!(conv(3, 3, 1, 0), [3]);
}

#[test]
fn agrees_with_nested_loops() {
    let mut random = Random::new(1);
    for round in 0..400 {
        let rank = 1 + round % 3;
        let groups = random.pick(&[1, 1, 2, 3]);
        let (inputs, outputs) = (1 + random.below(3), groups * (1 + random.below(3)));
        let mut any = |n: usize| (0..rank).map(|_| random.below(n)).collect::<Vec<_>>();
        let conv = Conv {
            strides: any(3).iter().map(|n| n + 1).collect(),
            dilations: any(3).iter().map(|n| n + 1).collect(),
            before: any(4),
            after: any(4),
            groups,
        };
        let kernel: Vec<usize> = any(3).iter().map(|n| n + 1).collect();
        let extra = any(6);
        let spatial: Vec<usize> = (0..rank)
            .map(|i| {
                let reach = (kernel[i] - 1) * conv.dilations[i] + 1;
                reach.saturating_sub(conv.before[i] + conv.after[i]) + extra[i]
            })
            .collect();
        let x = [&[1 + random.below(2), groups * inputs], spatial.as_slice()].concat();
        let w = [&[outputs, inputs], kernel.as_slice()].concat();
        check::<Float>(&mut random, &conv, &x, &w);
        check::<Field>(&mut random, &conv, &x, &w);
    }
}

/// More positions than one tile, and fewer than an inner loop is worth.
#[test]
fn agrees_with_nested_loops_across_tiles() {
    let mut random = Random::new(2);
    for (stride, x, w) in [
        (1, vec![1, 2, 30, 40], vec![8, 2, 3, 3]),
        (2, vec![2, 3, 71, 69], vec![4, 3, 5, 5]),
        (1, vec![1, 2, 1, 1300], vec![3, 2, 3, 3]),
        (1, vec![1, 40, 2, 2], vec![50, 40, 3, 3]),
    ] {
        let two = |n| vec![n, n];
        let conv = Conv { strides: two(stride), dilations: two(1), before: two(1), after: two(2), groups: 1 };
        check::<Float>(&mut random, &conv, &x, &w);
        check::<Field>(&mut random, &conv, &x, &w);
    }
}

#[test]
fn empty_extents() {
    let mut random = Random::new(3);
    let conv = Conv { strides: vec![1], dilations: vec![1], before: vec![1], after: vec![1], groups: 1 };
    for (x, w) in [([0, 2, 3], [2, 2, 2]), ([1, 0, 3], [2, 0, 2]), ([1, 2, 0], [2, 2, 2]), ([1, 2, 3], [0, 2, 2])] {
        check::<Float>(&mut random, &conv, &x, &w);
        check::<Field>(&mut random, &conv, &x, &w);
    }
}

#[test]
fn attributes_that_do_not_fit_are_errors() {
    let good = Conv { strides: vec![1], dilations: vec![1], before: vec![0], after: vec![0], groups: 1 };
    let bad = [
        Conv { strides: vec![0], ..good.clone() },
        Conv { dilations: vec![usize::MAX], ..good.clone() },
        Conv { before: vec![usize::MAX], ..good.clone() },
        Conv { after: vec![1, 1], ..good.clone() },
        Conv { groups: 0, ..good.clone() },
        Conv { groups: 2, ..good.clone() },
        Conv { dilations: vec![5], ..good.clone() },
        Conv { strides: vec![], dilations: vec![], before: vec![], after: vec![], groups: 1 },
    ];
    let (x, w) = (Tensor::full(&[1, 1, 4], 1), Tensor::full(&[1, 1, 2], 1));
    assert!(eval_op::<Field>("c", &CoreOp::Conv(good), &[&x, &w]).is_ok());
    for conv in bad {
        let op = CoreOp::<Field>::Conv(conv.clone());
        let error = eval_op("c", &op, &[&x, &w]).expect_err("does not fit");
        assert!(matches!(error, IrError::Invalid { .. }), "{conv:?}: {error}");
        let mut graph = Graph::new();
        let x = graph.add("x", CoreOp::Const(x.clone(), plonnx_ir::DType::Int), &[]).expect("constant");
        let w = graph.add("w", CoreOp::Const(w.clone(), plonnx_ir::DType::Int), &[]).expect("constant");
        assert_eq!(graph.add("c", op, &[x, w]), Err(error));
    }
}

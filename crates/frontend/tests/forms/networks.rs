//! Layers, distributions and reductions.

use std::f64::consts::{LN_2, LN_10};

use plonnx_testkit::onnx::Attr::{Float, Int, Ints};

use super::case::{Case, case};

const FOUR: &[f64] = &[1., 2., 3., 4.];

pub fn cases() -> Vec<Case> {
    [distributions(), reductions(), normalisations(), linear(), recurrent()].into_iter().flatten().collect()
}

/// All axes from the first one on were one distribution; the default axis was 1.
fn distributions() -> Vec<Case> {
    let of = |op| case(op, 12).x(&[1, 2, 2], &[0., LN_2, 1.098_612_29, 2. * LN_2]);
    vec![
        of("Softmax").y(&[1, 2, 2], &[0.1, 0.2, 0.3, 0.4]),
        of("LogSoftmax").y(&[1, 2, 2], &[-LN_10, -1.609_437_91, -1.203_972_8, -0.916_290_73]),
        of("Hardmax").y(&[1, 2, 2], &[0., 0., 0., 1.]),
        of("Softmax")
            .with("axis", Int(2))
            .y(&[1, 2, 2], &[1. / 3., 2. / 3., 3. / 7., 4. / 7.])
            .unlike(|case| case.with("axis", Int(1))),
    ]
}

/// Axes were an attribute.
fn reductions() -> Vec<Case> {
    let along =
        |op, last, expected: &[f64]| case(op, last).x(&[2, 2], FOUR).with("axes", Ints(&[1])).y(&[2, 1], expected);
    vec![
        along("ReduceL1", 17, &[3., 7.]),
        along("ReduceL2", 17, &[2.236_067_98, 5.]),
        along("ReduceLogSum", 17, &[1.098_612_29, 1.945_910_15]),
        along("ReduceLogSumExp", 17, &[2.313_261_69, 4.313_261_69]),
        along("ReduceMax", 17, &[2., 4.]),
        along("ReduceMean", 17, &[1.5, 3.5]),
        along("ReduceMin", 17, &[1., 3.]),
        along("ReduceProd", 17, &[2., 12.]),
        along("ReduceSum", 12, &[3., 7.]),
        along("ReduceSumSquare", 17, &[5., 25.]),
        case("ReduceSum", 12)
            .x(&[2, 2], FOUR)
            .y(&[1, 1], &[10.])
            .unlike(|case| case.with("noop_with_empty_axes", Int(1))),
    ]
}

fn normalisations() -> Vec<Case> {
    let batch = |last| {
        let case = case("BatchNormalization", last).x(&[1, 2, 2], &[1., 3., 2., 4.]);
        case.x(&[2], &[1., 2.]).x(&[2], &[0., 1.]).x(&[2], &[1., 2.]).x(&[2], &[4., 1.]).with("epsilon", Float(0.))
    };
    let normal = |case: Case| case.y(&[1, 2, 2], &[0., 1., 1., 5.]);
    vec![
        normal(batch(5).with("is_test", Int(1)).with("spatial", Int(1)).idle("consumed_inputs", Ints(&[0; 5]))),
        normal(batch(6).idle("is_test", Int(1))),
        // Exporters left out is_test.
        normal(batch(6)).unlike_here(|case| case.with("is_test", Int(0))),
        batch(6).with("is_test", Int(0)).refused("training mode").unlike(|case| case.without("is_test")),
        // Parameters for every feature.
        case("BatchNormalization", 8)
            .x(&[2, 2, 2], &[1., 3., 2., 4., 3., 3., 3., 3.])
            .x(&[2, 2], &[1., 2., 3., 4.])
            .x(&[2, 2], &[0., 1., 0., 1.])
            .x(&[2, 2], &[1., 2., 1., 2.])
            .x(&[2, 2], &[4., 1., 4., 1.])
            .with("epsilon", Float(0.))
            .with("spatial", Int(0))
            .y(&[2, 2, 2], &[0., 3., 1.5, 9., 1., 3., 3., 5.]),
        normal(batch(8).with("spatial", Int(1))).unlike(|case| case.with("spatial", Int(0))),
        normal(batch(13)).unlike(|case| case.with("training_mode", Int(1))),
        // Scale and bias belong to groups: -1 and 1 times 1 plus 0, then times 10 plus 1.
        case("GroupNormalization", 20)
            .x(&[1, 4, 1], &[1., 3., 2., 6.])
            .x(&[2], &[1., 10.])
            .x(&[2], &[0., 1.])
            .with("num_groups", Int(2))
            .with("epsilon", Float(0.))
            .y(&[1, 4, 1], &[-1., 1., -9., 11.]),
    ]
}

fn linear() -> Vec<Case> {
    let gemm =
        |last| case("Gemm", last).x(&[1, 2], &[1., 2.]).x(&[2, 2], FOUR).x(&[2], &[1., -1.]).y(&[1, 2], &[8., 9.]);
    vec![
        gemm(6).idle("broadcast", Int(1)),
        gemm(10).unlike(|case| case.first(2)),
        // The default axis was 1, later it is the one before the last: sums and differences of 1 and 3, and of 2 and 4.
        case("DFT", 19).x(&[1, 2, 2, 1], FOUR).y(&[1, 2, 2, 2], &[4., 0., 6., 0., -2., 0., -2., 0.]),
        case("DFT", 19)
            .x(&[1, 2, 2, 1], FOUR)
            .with("axis", Int(2))
            .y(&[1, 2, 2, 2], &[3., 0., -1., 0., 7., 0., -1., 0.]),
        // Weights 1/4 and 3/4.
        case("Attention", 23)
            .x(&[1, 1, 1, 1], &[1.])
            .x(&[1, 1, 2, 1], &[0., 1.098_612_29])
            .x(&[1, 1, 2, 1], &[1., 5.])
            .with("scale", Float(1.))
            .y(&[1, 1, 1, 1], &[4.])
            .unlike(|case| case.none().none().none().n(&[1], &[1.])),
    ]
}

/// Two elements, one feature, one hidden number.
fn recurrent() -> Vec<Case> {
    let rnn = |last| {
        let case = case("RNN", last).x(&[2, 1, 1], &[0.5, -0.25]).x(&[1, 1, 1], &[1.]).x(&[1, 1, 1], &[2.]);
        case.with("hidden_size", Int(1))
            .y(&[2, 1, 1, 1], &[0.462_117_157, 0.587_758_310])
            .y(&[1, 1, 1], &[0.587_758_310])
    };
    let gru = |last| {
        let case = case("GRU", last).x(&[2, 1, 1], &[0.5, -0.25]).x(&[1, 3, 1], &[1., -1., 2.]);
        let case = case.x(&[1, 3, 1], &[0.5, 1., -1.]).x(&[1, 6], &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
        case.with("hidden_size", Int(1))
    };
    let lstm = |last| {
        let case = case("LSTM", last).x(&[2, 1, 1], &[0.5, -0.25]).x(&[1, 4, 1], &[1., -1., 2., 0.5]);
        let case = case.x(&[1, 4, 1], &[0.5, 1., -1., 0.25]).with("hidden_size", Int(1));
        case.y(&[2, 1, 1, 1], &[0.057_114_998, 0.003_727_639])
            .y(&[1, 1, 1], &[0.003_727_639])
            .y(&[1, 1, 1], &[0.006_469_654])
    };
    let batch_first = |case: Case| case.with("layout", Int(1));
    let before = |case: Case| case.y(&[2, 1, 1, 1], &[0.257_171_861, 0.233_658_981]).y(&[1, 1, 1], &[0.233_658_981]);
    let after = |case: Case| {
        let case = case.with("linear_before_reset", Int(1));
        case.y(&[2, 1, 1, 1], &[0.249_052_503, 0.175_910_639]).y(&[1, 1, 1], &[0.175_910_639])
    };
    vec![
        rnn(6).idle("output_sequence", Int(1)),
        rnn(13).unlike(batch_first),
        // What the previous state is multiplied with was always reset before.
        before(gru(2).with("output_sequence", Int(1))).unlike(|case| case.with("linear_before_reset", Int(1))),
        after(gru(6)).idle("output_sequence", Int(1)),
        after(gru(13)).unlike(batch_first),
        lstm(6).idle("output_sequence", Int(1)),
        lstm(13).unlike(batch_first),
    ]
}

//! Pooling, regions and samples of images.

use plonnx_testkit::onnx::Attr::{Float, Int, Ints, Text};

use super::case::{Case, case};

const THREE: &[f64] = &[2., 4., 8.];
const SQUARE: &[f64] = &[0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];

pub fn cases() -> Vec<Case> {
    let pool = |op, last| case(op, last).x(&[1, 1, 3], THREE).with("kernel_shape", Ints(&[2]));
    let rounded_up = |case: Case| case.with("ceil_mode", Int(1));
    vec![
        // Padding does not count.
        pool("AveragePool", 6)
            .with("pads", Ints(&[1, 0]))
            .y(&[1, 1, 3], &[2., 3., 6.])
            .unlike(|case| case.with("count_include_pad", Int(1))),
        pool("AveragePool", 9).with("strides", Ints(&[2])).y(&[1, 1, 1], &[3.]).unlike(rounded_up),
        pool("AveragePool", 18).y(&[1, 1, 2], &[3., 6.]).unlike(|case| case.with("dilations", Ints(&[2]))),
        pool("MaxPool", 7).y(&[1, 1, 2], &[4., 8.]).unlike(|case| case.results(2)),
        pool("MaxPool", 9).with("strides", Ints(&[2])).y(&[1, 1, 1], &[4.]).unlike(rounded_up),
        pool("MaxPool", 9)
            .y(&[1, 1, 2], &[4., 8.])
            .whole(&[1, 1, 2], &[1., 2.])
            .unlike(|case| case.with("dilations", Ints(&[2]))),
        pool("LpPool", 1).with("p", Float(1.)).y(&[1, 1, 2], &[6., 12.]),
        // (2^1.5 + 4^1.5)^(2/3), and the same with 4 and 8
        pool("LpPool", 1).with("p", Float(1.5)).y(&[1, 1, 2], &[4.894_521_63, 9.789_043_26]),
        pool("LpPool", 17).with("p", Int(1)).with("strides", Ints(&[2])).y(&[1, 1, 1], &[6.]).unlike(rounded_up),
        pool("LpPool", 17)
            .with("p", Int(2))
            .y(&[1, 1, 2], &[4.472_135_95, 8.944_271_91])
            .unlike(|case| case.with("dilations", Ints(&[2]))),
        case("GlobalLpPool", 1).x(&[1, 1, 2], &[3., -4.]).with("p", Float(1.)).y(&[1, 1, 1], &[7.]),
        // Samples lie half a pixel further on: 0.5 and 1.5 along both axes, later 0 and 1.
        case("RoiAlign", 15)
            .x(&[1, 1, 4, 4], SQUARE)
            .reals(&[1, 4], &[0., 0., 2., 2.])
            .ints(&[0])
            .y(&[1, 1, 1, 1], &[5.]),
        // Four pixels at 0, 1, 2 and 3: weights -3/32, 19/32, 19/32, -3/32 for 1.5.
        case("GridSample", 19)
            .x(&[1, 1, 1, 4], &[0., 1., 4., 9.])
            .x(&[1, 1, 1, 2], &[0., 0.])
            .with("align_corners", Int(1))
            .with("mode", Text("bicubic"))
            .y(&[1, 1, 1, 1], &[2.125])
            .unlike(|case| case.with("mode", Text("linear"))),
        case("GridSample", 19)
            .x(&[1, 1, 1, 4], &[0., 1., 4., 9.])
            .x(&[1, 1, 1, 2], &[0., 0.])
            .with("align_corners", Int(1))
            .y(&[1, 1, 1, 1], &[2.5])
            .unlike(|case| case.with("mode", Text("cubic"))),
    ]
}

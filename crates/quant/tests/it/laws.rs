//! Laws that hold for every program.

use plonnx_ir::{Function, Tensor, bounds, eval_all, text};
use plonnx_quant::{Config, calibrate, calibrate_declared, quantise};

use crate::build::{Build, check};

fn transformer(seed: u64) -> Build {
    let mut b = Build::new(seed);
    let x = b.input("x", &[4, 12]);
    let h = b.linear(x, 12);
    let h = b.map(Function::Gelu, h);
    let h = b.linear(h, 12);
    let h = b.sum(&[(1.0, h), (1.0, x)]);
    let p = b.softmax(h);
    b.output("p", p);
    b
}

#[test]
fn same_calibration_gives_the_same_program() {
    let programs: Vec<String> = (0..2)
        .map(|_| {
            let mut b = transformer(51);
            let samples = b.samples(8, 1.0);
            let calibration = calibrate(&b.graph, &samples).unwrap();
            text::print(&quantise(&b.graph, &calibration, &Config::default()).unwrap().graph)
        })
        .collect();
    assert_eq!(programs[0], programs[1]);
    let mut b = transformer(51);
    let samples = b.samples(8, 1.7);
    let calibration = calibrate(&b.graph, &samples).unwrap();
    let other = text::print(&quantise(&b.graph, &calibration, &Config::default()).unwrap().graph);
    assert_ne!(programs[0], other, "another calibration gives another program");
}

/// Declared ranges are proven ranges: no input in them can fail.
#[test]
fn declared_ranges_admit_every_input() {
    let mut b = Build::new(52);
    let x = b.input("x", &[2, 8]);
    let h = b.linear(x, 8);
    let h = b.map(Function::Tanh, h);
    let h = b.linear(h, 4);
    let h = b.relu(h);
    b.output("y", h);
    let calibration = calibrate_declared(&b.graph, &[(-3.0, 3.0)]).unwrap();
    let program = quantise(&b.graph, &calibration, &Config::default()).unwrap();
    for corner in 0..64u32 {
        let data = (0..16).map(|i| if corner.rotate_left(i) & 1 == 1 { 3.0 } else { -3.0 }).collect();
        program.infer(&[Tensor::from_vec(&[2, 8], data).unwrap()]).unwrap();
    }
}

#[test]
fn bounds_contain_evaluation_over_the_whole_input_window() {
    let mut b = transformer(53);
    let samples = b.samples(8, 1.0);
    let (program, _) = check(&b.graph, &samples);
    let bounds = bounds(&program.graph).unwrap();
    let (lo, hi) = program.inputs[0].range();
    let mut evaluated = 0;
    for _ in 0..200 {
        let size = b.numbers.uniform(0.0, 1.0);
        let sample = vec![b.numbers.tensor(&[4, 12], lo * size, hi * size)];
        let integers = program.quantise_inputs(&sample).unwrap();
        // Beyond the calibrated ranges evaluation may fail; a value that exists is within its bound.
        let Ok(values) = eval_all(&program.graph, &integers) else { continue };
        evaluated += 1;
        for id in program.graph.ids() {
            assert!(values[id.index()].iter().all(|v| bounds[id.index()].contains(v)), "{id}");
        }
    }
    assert!(evaluated > 50, "{evaluated}");
}

#[test]
fn more_bits_give_less_error() {
    let mut errors = Vec::new();
    for (activation_bits, weight_bits) in [(8, 8), (11, 10), (14, 12), (17, 15)] {
        let mut b = Build::new(54);
        let x = b.input("x", &[4, 16]);
        let h = b.linear(x, 16);
        let h = b.relu(h);
        let y = b.linear(h, 8);
        b.output("y", y);
        let samples = b.samples(8, 1.0);
        let config = Config { activation_bits, weight_bits, ..Config::default() };
        let (_, fidelity) = crate::build::check_with(&b.graph, &samples, &config);
        errors.push(fidelity.outputs[0].mean_error);
    }
    assert!(errors.windows(2).all(|w| w[1] < w[0] / 2.0), "{errors:?}");
}

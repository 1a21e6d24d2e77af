//! Laws that hold for every program.

use plonnx_ir::op::{Compare, Extremum, View};
use plonnx_ir::{CoreOp, Function, Tensor, bounds, eval_all, text};
use plonnx_quant::{Config, QuantError, calibrate, calibrate_declared, quantise};

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

/// Keys and proofs read the scale of a result at its node, also after a multiplication that changes no integer.
#[test]
fn results_note_their_scale() {
    let mut b = Build::new(57);
    let x = b.input("x", &[8]);
    let h = b.relu(x);
    let double = b.sum(&[(2.0, h)]);
    b.output("h", h);
    b.output("double", double);
    let samples = b.samples(4, 1.0);
    let (program, _) = check(&b.graph, &samples);
    for (output, port) in program.graph.outputs().iter().zip(&program.outputs) {
        assert_eq!(program.graph.node(output.node).note, port.scale, "{}", output.name);
    }
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

/// Graphs of random operators: what calibrates also quantises, and nearly all run on the samples they were calibrated with.
#[test]
fn random_graphs_run_on_their_samples() {
    let (mut quantised, mut typed, mut out_of_range) = (0, 0, 0);
    for seed in 0..600 {
        let mut b = Build::new(1000 + seed);
        random_graph(&mut b);
        let samples = b.samples(4, [2.0, 0.01, 50.0][seed as usize % 3]);
        let Ok(calibration) = calibrate(&b.graph, &samples) else { continue };
        match quantise(&b.graph, &calibration, &Config::default()) {
            Ok(program) => {
                quantised += 1;
                for sample in &samples {
                    match program.infer(sample) {
                        Ok(_) => {}
                        // Near a jump or a pole a rounding error changes everything that follows.
                        Err(QuantError::Range { .. }) => {
                            out_of_range += 1;
                            break;
                        }
                        Err(error) => panic!("seed {seed}: {error}\n{}", program.report()),
                    }
                }
            }
            // An operand that the lowering of another operator gave and that does not fit is our mistake.
            Err(error) => {
                assert!(!matches!(error, QuantError::Graph(_)), "seed {seed}: {error}");
                typed += 1;
            }
        }
    }
    let counts = format!("{quantised} programs, {typed} errors, {out_of_range} out of range");
    assert!(quantised > 500 && typed < quantised / 50 && out_of_range < quantised / 50, "{counts}");
}

fn random_graph(b: &mut Build) {
    const FUNCTIONS: [Function; 22] = [
        Function::Relu,
        Function::Sigmoid,
        Function::Tanh,
        Function::Gelu,
        Function::Abs,
        Function::Floor,
        Function::Ceil,
        Function::Round,
        Function::Trunc,
        Function::Sign,
        Function::Exp,
        Function::Softplus,
        Function::HardSwish,
        Function::LeakyRelu(0.1),
        Function::Clip { lo: -0.5, hi: 1.0 },
        Function::Clip { lo: 0.0, hi: 1.0 },
        Function::Pow(2.0),
        Function::Erf,
        Function::Sin,
        Function::Elu(1.0),
        Function::Sqrt,
        Function::Log,
    ];
    let shape = [3, 4];
    let mut real = vec![b.input("x", &shape), b.input("y", &shape)];
    for step in 0..14 {
        let pick = |b: &mut Build| real[(b.numbers.uniform(0.0, real.len() as f64) as usize).min(real.len() - 1)];
        let (x, y) = (pick(b), pick(b));
        let constant = b.weights(&[4], 2.0);
        let constant = b.broadcast(constant, &shape);
        let positive = |b: &mut Build, x| {
            let square = b.contract("ab,ab->ab", x, x);
            let half = b.constant(&[], &[0.5]);
            let half = b.broadcast(half, &[3, 4]);
            b.sum(&[(1.0, square), (1.0, half)])
        };
        let new = match b.numbers.uniform(0.0, 16.0) as usize {
            0 => b.linear(x, 4),
            1 => {
                let scores = b.contract("ab,cb->ac", x, y);
                let scores = b.softmax(scores);
                b.contract("ab,bc->ac", scores, y)
            }
            2 => b.contract("ab,ab->ab", x, y),
            3 => {
                let (c, d) = (b.numbers.uniform(-2.0, 2.0), b.numbers.uniform(-2.0, 2.0));
                b.sum(&[(c, x), (d, y), (1.0, constant)])
            }
            4 => b.sum(&[(1.0, x), (-1.0, y)]),
            5 => b.sum(&[([0.5, -4.0, 0.1, 1e-4][step % 4], x)]),
            6 => b.extremum(Extremum::Max, x, y),
            7 => b.extremum(Extremum::Min, x, constant),
            8 => {
                let condition = b.compare([Compare::Less, Compare::LessEqual][step % 2], x, constant);
                b.add("where", CoreOp::Select, &[condition, y, constant])
            }
            9 => {
                let divisor = positive(b, y);
                b.div(x, divisor)
            }
            10 => {
                let divisor = positive(b, y);
                let divisor =
                    b.map([Function::Sqrt, Function::Rsqrt, Function::Log, Function::Reciprocal][step % 4], divisor);
                b.contract("ab,ab->ab", x, divisor)
            }
            11 => b.softmax(x),
            12 => {
                let mean = b.mean(x);
                let mean = b.broadcast(mean, &shape);
                b.sum(&[(1.0, x), (-1.0, mean)])
            }
            13 => {
                let joined = b.view(View::Concat { axis: 1 }, &[x, y]);
                b.view(View::Slice { start: vec![0, 2], step: vec![1, 1], size: vec![3, 4] }, &[joined])
            }
            14 => {
                let flat = b.reshape(x, &[2, 6]);
                let flat = b.map(Function::Tanh, flat);
                b.reshape(flat, &shape)
            }
            _ => {
                let i = b.numbers.uniform(0.0, FUNCTIONS.len() as f64) as usize;
                b.map(FUNCTIONS[i.min(FUNCTIONS.len() - 1)], x)
            }
        };
        real.push(new);
    }
    b.output("last", real[real.len() - 1]);
    b.output("other", real[real.len() - 4]);
}

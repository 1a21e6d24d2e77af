//! An ONNX model with samples, through every executor.

use plonnx_frontend::{Import, Options, import};
use plonnx_ir::{DType, Tensor, eval};
use plonnx_quant::{Config, Program, calibrate, quantise};

#[cfg(feature = "circuit")]
use crate::adversary::{self, Attacks};
#[cfg(feature = "circuit")]
use crate::case::Case;

/// How far results may be from the expected ones, relative to the largest magnitude of a result in any sample. Integers and
/// booleans have to be equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of the float graph.
    pub float: f64,
    /// Of the field program.
    pub program: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { float: 1e-5, program: 1.0 / 256.0 }
    }
}

/// Inputs, and the results that are expected of them, if any are.
#[derive(Clone, Debug)]
struct Sample {
    inputs: Vec<Tensor<f64>>,
    expected: Option<Vec<Vec<f64>>>,
}

/// An imported model with samples. The samples calibrate the field program.
#[derive(Clone, Debug)]
pub struct ModelTest {
    import: Import,
    samples: Vec<Sample>,
    tolerance: Tolerance,
    config: Config,
}

impl ModelTest {
    /// Imports a model whose shapes are all fixed.
    #[track_caller]
    pub fn new(bytes: &[u8]) -> Self {
        Self::with(bytes, &Options::default())
    }

    /// Imports a model.
    #[track_caller]
    pub fn with(bytes: &[u8], options: &Options) -> Self {
        let import = import(bytes, options).unwrap_or_else(|e| panic!("{e}"));
        plonnx_ir::verify(&import.graph).unwrap_or_else(|e| panic!("{e:?}"));
        Self { import, samples: Vec::new(), tolerance: Tolerance::default(), config: Config::default() }
    }

    pub fn tolerance(self, tolerance: Tolerance) -> Self {
        Self { tolerance, ..self }
    }

    /// Precision of the field program.
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }

    /// Adds a sample: the elements of each input in row-major order. The float graph says what is expected.
    #[track_caller]
    pub fn sample(self, inputs: &[&[f64]]) -> Self {
        self.push(inputs, None)
    }

    /// Adds a sample with the elements of each result, worked out by hand or by another runtime.
    #[track_caller]
    pub fn expect(self, inputs: &[&[f64]], results: &[&[f64]]) -> Self {
        self.push(inputs, Some(results.iter().map(|r| r.to_vec()).collect()))
    }

    #[track_caller]
    fn push(mut self, inputs: &[&[f64]], expected: Option<Vec<Vec<f64>>>) -> Self {
        assert_eq!(inputs.len(), self.import.inputs.len(), "the model has inputs {:?}", self.import.inputs);
        let tensors = self.import.inputs.iter().zip(inputs).map(|(info, data)| {
            let tensor = Tensor::from_vec(&info.shape, data.to_vec());
            tensor
                .unwrap_or_else(|| panic!("\"{}\" has shape {:?}, got {} elements", info.name, info.shape, data.len()))
        });
        let inputs = tensors.collect();
        self.samples.push(Sample { inputs, expected });
        self
    }

    /// What was imported.
    pub fn import(&self) -> &Import {
        &self.import
    }

    /// The text of the imported graph.
    pub fn graph_text(&self) -> String {
        plonnx_ir::text::print(&self.import.graph)
    }

    /// The field program, calibrated on the samples.
    #[track_caller]
    pub fn program(&self) -> Program {
        assert!(!self.samples.is_empty(), "a field program needs samples");
        let samples: Vec<_> = self.samples.iter().map(|s| s.inputs.clone()).collect();
        let calibration = calibrate(&self.import.graph, &samples).unwrap_or_else(|e| panic!("{e}"));
        quantise(&self.import.graph, &calibration, &self.config).unwrap_or_else(|e| panic!("{e}"))
    }

    /// The text of the field program.
    #[track_caller]
    pub fn program_text(&self) -> String {
        plonnx_ir::text::print(&self.program().graph)
    }

    /// The float graph gives the expected results, and the field program those within its tolerance. Returns the program.
    #[track_caller]
    pub fn evaluate(&self) -> Program {
        let program = self.program();
        let float = |s: &Sample| eval(&self.import.graph, &s.inputs).unwrap_or_else(|e| panic!("{e}"));
        let results: Vec<Vec<Tensor<f64>>> = self.samples.iter().map(float).collect();
        let expected: Vec<Vec<Vec<f64>>> = self
            .samples
            .iter()
            .zip(&results)
            .map(|(s, float)| s.expected.clone().unwrap_or_else(|| float.iter().map(Tensor::to_vec).collect()))
            .collect();
        for (i, info) in self.import.outputs.iter().enumerate() {
            let elements = expected.iter().flat_map(|results| results.get(i)).flatten();
            let size = elements.filter(|v| v.is_finite()).fold(0f64, |m, v| m.max(v.abs()));
            let exact = info.dtype != DType::Real;
            let allowed = |tolerance: f64| if exact { 0.0 } else { tolerance * size.max(f64::MIN_POSITIVE) };
            for (number, (sample, float)) in self.samples.iter().zip(&results).enumerate() {
                assert_eq!(expected[number].len(), self.import.outputs.len(), "sample {number}: count of results");
                let expected = &expected[number][i];
                let compare = |executor: &str, got: &Tensor<f64>, allowed: f64| {
                    let same = |(a, b): (f64, &f64)| a == *b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= allowed;
                    let all = got.len() == expected.len() && got.iter().zip(expected).all(same);
                    let got = got.to_vec();
                    assert!(all, "{executor}, sample {number}, \"{}\": expected {expected:?}, got {got:?}", info.name);
                };
                compare("float graph", &float[i], allowed(self.tolerance.float));
                let results = program.infer(&sample.inputs).unwrap_or_else(|e| panic!("{e}"));
                compare("field program", &results[i], allowed(self.tolerance.program));
            }
        }
        program
    }
}

#[cfg(feature = "circuit")]
impl ModelTest {
    /// The first sample as a case for circuits.
    #[track_caller]
    pub fn case(&self) -> Case {
        let program = self.program();
        let inputs = program.quantise_inputs(&self.samples[0].inputs).unwrap_or_else(|e| panic!("{e}"));
        Case { name: "model".into(), graph: program.graph, inputs }
    }

    /// Statistics of the circuit with public outputs and private inputs.
    #[track_caller]
    pub fn circuit_text(&self) -> String {
        self.case().compile(plonnx_backend::Visibility::Private).stats().to_string()
    }

    /// Takes the samples through every executor: the float graph gives the expected results, the field program those
    /// within its tolerance, the witness satisfies the constraints for every sample, and a proof of the first verifies.
    #[track_caller]
    pub fn run(&self) {
        let program = self.evaluate();
        let case = self.case();
        let circuit = case.compile(plonnx_backend::Visibility::Private);
        for sample in &self.samples {
            let inputs = program.quantise_inputs(&sample.inputs).unwrap_or_else(|e| panic!("{e}"));
            Case { inputs, ..case.clone() }.assert_satisfied(&circuit);
        }
        case.assert_proved(&circuit);
    }

    /// Attacks the circuit of the first sample with every prover of [`adversary`]; panics when a lie passes.
    #[track_caller]
    pub fn attack(&self) -> Attacks {
        adversary::attack(&self.case())
    }
}

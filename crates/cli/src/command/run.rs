//! `plonnx run`: quantised inference, compared with floating point.

use plonnx::Tensor;
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::{DataArgs, ModelArgs};
use crate::data::{nested, read_all};
use crate::progress::Progress;
use crate::source::{Fallback, Source};
use crate::text::values;

/// Samples that a model without calibration is calibrated on.
pub(crate) const CALIBRATION_SAMPLES: usize = 32;
/// Elements of an output that are shown.
const SHOWN: usize = 16;

/// Run the quantised model as a proof would, and compare it with floating point
///
/// An ONNX model without --calibrate or --range is calibrated on the first 32 samples of the data.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let arrays = read_all(&args.data.data)?;
    let fallback = Fallback::Data(&arrays, CALIBRATION_SAMPLES);
    let source = Source::open(&args.model.model, &args.model.compile, fallback, &mut progress)?;
    let samples = source.samples(&arrays)?;
    let inputs = samples.get(args.data.sample)?;
    let outputs = source.program().infer(&inputs)?;
    let float = source.infer_float(&inputs)?;
    let names = source.program().outputs.iter().map(|port| port.name.as_str());

    if json {
        let named = |tensors: &[Tensor<f64>]| -> Value {
            names.clone().zip(tensors).map(|(name, tensor)| (name.to_string(), nested(tensor))).collect()
        };
        let float = float.as_deref().map(named);
        let object = json!({
            "sample": args.data.sample, "samples": samples.len(), "outputs": named(&outputs), "float": float,
            "calibration": source.provenance().calibration,
        });
        println!("{object}");
        return Ok(());
    }
    println!("sample {} of {}, calibrated on {}", args.data.sample, samples.len(), source.provenance().calibration);
    for (index, (name, output)) in names.zip(&outputs).enumerate() {
        println!("{name}");
        println!("  quantised {}", values(output.data().iter().copied(), SHOWN));
        if let Some(float) = float.as_ref().and_then(|f| f.get(index)) {
            println!("  float     {}", values(float.data().iter().copied(), SHOWN));
            println!("  largest difference {:.2e}", difference(output, float));
        }
    }
    if float.is_none() {
        println!("(a compiled model has no floating-point version to compare with)");
    }
    Ok(())
}

/// Largest difference of two tensors of the same shape.
pub(crate) fn difference(a: &Tensor<f64>, b: &Tensor<f64>) -> f64 {
    a.iter().zip(b.iter()).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

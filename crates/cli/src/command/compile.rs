//! `plonnx compile`: an ONNX model becomes a compiled model and a verifying key.

use std::path::PathBuf;

use plonnx::backend::{Plan, Port};
use plonnx::runtime::artifact;
use plonnx::{Model, Weights};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::CompileArgs;
use crate::command::prove::secrecy;
use crate::failure::Failure;
use crate::forecast::{Forecast, MemoryArgs, Purpose, Speed, held};
use crate::progress::Progress;
use crate::text::{grouped, shape};

/// Compile an ONNX model to a circuit, and write the compiled model and its verifying key
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ONNX model
    model: PathBuf,
    /// Where to write the compiled model [default: MODEL with extension .plonnx]
    #[arg(short, long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Where to write the verifying key [default: MODEL with extension .vk.plonnx]
    #[arg(long, value_name = "FILE")]
    vk: Option<PathBuf>,
    /// Where to write the settings, from which `plonnx vk` makes the key again [default: the compiled model's path with
    /// extension .settings.json, unless weights are committed]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    compile: CompileArgs,
    #[command(flatten)]
    memory: MemoryArgs,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let model = args.compile.apply(Model::from_file(&args.model)?)?;
    let quantised = model.quantise_with(&mut progress.observer());
    let quantised = quantised.map_err(Failure::at(&args.model))?;
    let before = held();
    let accept = |plan: &Plan| args.memory.accept(plan, Purpose::Compiling);
    let compiled = quantised.build_if(&mut progress.observer(), accept);
    progress.end();
    let compiled = compiled.map_err(|failure| failure.about(&args.model))?;
    let times: Value =
        compiled.times().iter().map(|(phase, t)| (phase.name().to_string(), json!(t.as_secs_f64()))).collect();
    let model_path = args.output_file.unwrap_or_else(|| args.model.with_extension("plonnx"));
    // The ranges of values tell something of committed weights.
    let default =
        || (compiled.recipe().settings.weights == Weights::Public).then(|| model_path.with_extension("settings.json"));
    let settings_path = args.settings.clone().or_else(default);
    if let Some(path) = &settings_path {
        artifact::write(path, compiled.recipe().to_json().as_bytes())?;
    }
    let prover = compiled.into_prover();
    let key_path = args.vk.unwrap_or_else(|| args.model.with_extension("vk.plonnx"));
    prover.model().write(&model_path)?;
    prover.verifying_key().write(&key_path)?;

    let (key, stats) = (prover.verifying_key(), prover.stats());
    let forecast = Forecast::new(prover.plan(), &Speed::known(&mut progress), before);
    let commitment = prover.model_commitment()?.map(|c| c.to_string());
    if json {
        let object = json!({
            "model": model_path, "vk": key_path, "settings": settings_path, "key": key.hash_text(), "profile": key.profile().name(),
            "rows": stats.rows, "degree_bits": stats.degree_bits,
            "calibration": prover.model().provenance.calibration,
            "ports": key.ports(), "seconds": times, "forecast": forecast.to_json(), "weights": key.weights().name(),
            "model_commitment": commitment, "zero_knowledge": key.zero_knowledge(),
        });
        println!("{object}");
        return Ok(());
    }
    println!("calibrated on {}", prover.model().provenance.calibration);
    println!("circuit of {} rows, padded to 2^{}", grouped(stats.rows as u64), stats.degree_bits);
    println!("{}", forecast.to_text());
    key.ports().iter().for_each(|port| println!("{}", describe(port)));
    if let Some(commitment) = commitment {
        println!("committed weights = {commitment}");
        println!("{} has the weights and their salt: keep it secret", model_path.display());
    }
    println!("{}", secrecy(key));
    println!("wrote {} and {}", model_path.display(), key_path.display());
    if let Some(path) = settings_path {
        println!("wrote {}: with it, plonnx vk makes the key again", path.display());
    }
    println!("key {} (profile {})", key.hash_text(), key.profile().name());
    Ok(())
}

/// One line about an input or output.
pub(crate) fn describe(port: &Port) -> String {
    let role = if port.input { "input " } else { "output" };
    let real = |q: i64| plonnx::ir::Log2Scale(port.scale).real(q);
    let (lo, hi) = (real(port.lo), real(port.hi));
    let visibility = port.visibility.name();
    format!(
        "{visibility:<9} {role} {} {}, in [{lo:.5}, {hi:.5}], step 2^{}",
        port.name,
        shape(&port.shape),
        -port.scale
    )
}

//! `plonnx compile`: an ONNX model becomes a compiled model and a verifying key.

use std::path::PathBuf;

use plonnx::Model;
use plonnx::backend::{Port, Visibility};
use serde_json::{Value, json};

use crate::Outcome;
use crate::args::CompileArgs;
use crate::failure::Failure;
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
    #[command(flatten)]
    compile: CompileArgs,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let model = args.compile.apply(Model::from_file(&args.model)?)?;
    let compiled = model.compile_with(&mut progress.observer());
    progress.end();
    let compiled = compiled.map_err(Failure::at(&args.model))?;
    let times: Value =
        compiled.times().iter().map(|(phase, t)| (phase.name().to_string(), json!(t.as_secs_f64()))).collect();
    let prover = compiled.into_prover();
    let model_path = args.output_file.unwrap_or_else(|| args.model.with_extension("plonnx"));
    let key_path = args.vk.unwrap_or_else(|| args.model.with_extension("vk.plonnx"));
    prover.model().write(&model_path)?;
    prover.verifying_key().write(&key_path)?;

    let (key, stats) = (prover.verifying_key(), prover.stats());
    if json {
        let object = json!({
            "model": model_path, "vk": key_path, "key": key.hash_text(), "profile": key.profile().name(),
            "rows": stats.rows, "degree_bits": stats.degree_bits,
            "calibration": prover.model().provenance.calibration,
            "ports": key.ports(), "seconds": times,
        });
        println!("{object}");
        return Ok(());
    }
    println!("calibrated on {}", prover.model().provenance.calibration);
    println!("circuit of {} rows, padded to 2^{}", grouped(stats.rows as u64), stats.degree_bits);
    key.ports().iter().for_each(|port| println!("{}", describe(port)));
    println!("wrote {} and {}", model_path.display(), key_path.display());
    println!("key {} (profile {})", key.hash_text(), key.profile().name());
    Ok(())
}

/// One line about an input or output.
pub(crate) fn describe(port: &Port) -> String {
    let visibility = match port.visibility {
        Visibility::Public => "public ",
        Visibility::Private => "private",
    };
    let role = if port.input { "input " } else { "output" };
    let real = |q: i64| plonnx::ir::Log2Scale(port.scale).real(q);
    let (lo, hi) = (real(port.lo), real(port.hi));
    format!("{visibility} {role} {} {}, in [{lo:.5}, {hi:.5}], step 2^{}", port.name, shape(&port.shape), -port.scale)
}

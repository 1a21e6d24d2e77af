//! `plonnx vk`: makes the key of a public model again.

use std::path::PathBuf;

use plonnx::runtime::VerifyingKey;
use plonnx::{Model, Recipe};
use serde_json::json;

use crate::Outcome;
use crate::command::prove::secrecy;
use crate::failure::Failure;
use crate::progress::Progress;

/// Make the verifying key of a model again from its settings, to check that a key belongs to the model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The ONNX model
    model: PathBuf,
    /// The settings that `plonnx compile` wrote
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// A key that must be the same
    #[arg(long, value_name = "FILE")]
    vk: Option<PathBuf>,
    /// The hash of a key that must be the same
    #[arg(long, value_name = "HASH")]
    expect: Option<String>,
    /// Where to write the key
    #[arg(short, long, value_name = "FILE")]
    output_file: Option<PathBuf>,
}

/// Largest settings file, in bytes.
const MAX_SETTINGS: u64 = 1 << 28;

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let mut progress = Progress::new(json);
    let at = Failure::at(&args.settings);
    let recipe = Recipe::from_json(&read(&args.settings)?).map_err(&at)?;
    let model = Model::from_file(&args.model)?.recipe(&recipe).map_err(&at)?;
    let compiled = model.compile_with(&mut progress.observer());
    progress.end();
    let prover = compiled.map_err(Failure::at(&args.model))?.into_prover();
    let key = prover.verifying_key();
    let (made, mut expected) = (key.hash_text(), Vec::new());
    if let Some(path) = &args.vk {
        expected.push(VerifyingKey::read(path)?.hash_text());
    }
    expected.extend(args.expect.iter().map(|hash| hash.to_ascii_lowercase()));
    for other in &expected {
        if *other != made {
            return Err(Failure::Rejected(format!("expected key {other}, the model and the settings give {made}")));
        }
    }
    if let Some(path) = &args.output_file {
        key.write(path)?;
    }
    if json {
        let compared = !expected.is_empty();
        let object = json!({
            "key": made, "compared": compared, "profile": key.profile().name(), "weights": key.weights().name(),
            "zero_knowledge": key.zero_knowledge(),
        });
        println!("{object}");
        return Ok(());
    }
    println!("key {made} (profile {})", key.profile().name());
    println!("{}", secrecy(key));
    if !expected.is_empty() {
        println!("it is the key that was expected");
    }
    Ok(())
}

fn read(path: &std::path::Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_SETTINGS).read_to_string(&mut text));
    read.map_err(|e| Failure::Library(plonnx::Error::Io(e).at(path)))?;
    Ok(text)
}

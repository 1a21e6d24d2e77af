//! `plonnx bench --suite`: one line of measurements for each of several models.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;
use crate::command::bench::reported;
use crate::command::demo::{INPUTS, MODEL, OUTPUTS};
use crate::failure::Failure;
use crate::forecast::Size;
use crate::suite::{Entry, Make, PAPER};

/// What to measure, and how.
pub(crate) struct Args {
    /// Names of models; all if there are none.
    pub(crate) only: Vec<String>,
    /// Where the models stay.
    pub(crate) keep: Option<PathBuf>,
    pub(crate) runs: u16,
    pub(crate) no_fidelity: bool,
    pub(crate) max_memory: Option<Size>,
}

/// Measures the models one after the other. A model that fails is reported, and the others are measured all the same.
pub(crate) fn run(args: &Args, json: bool) -> Outcome {
    let known = || PAPER.iter().map(|e| e.name).collect::<Vec<_>>().join(", ");
    if let Some(name) = args.only.iter().find(|name| PAPER.iter().all(|e| e.name != **name)) {
        return Err(Failure::Usage(format!("no model {name} in the suite, there are: {}", known())));
    }
    let temporary = tempfile::tempdir().map_err(system)?;
    let folder = args.keep.as_deref().unwrap_or(temporary.path());
    let chosen = PAPER.iter().filter(|e| args.only.is_empty() || args.only.iter().any(|name| name == e.name));
    let mut failures = Vec::new();
    for entry in chosen {
        if !json {
            println!("{} ({} weights){}", entry.name, weights(entry), options(entry));
        }
        let folder = folder.join(entry.name);
        write(entry, &folder)?;
        if let Err(failure) = measure(entry, &folder, args, json) {
            let line = serde_json::json!({ "model": entry.name, "error": failure.to_string(), "code": failure.code() });
            if json {
                println!("{line}")
            } else {
                println!("  {failure}")
            }
            failures.push((entry.name, failure));
        }
        if args.keep.is_none() {
            std::fs::remove_dir_all(&folder).map_err(system)?;
        }
    }
    match failures.as_slice() {
        [] => Ok(()),
        [(first, failure), ..] => Err(Failure::Reported {
            message: format!("{} of the models failed, the first: {first}: {failure}", failures.len()),
            code: failure.code(),
        }),
    }
}

fn system(error: std::io::Error) -> Failure {
    Failure::System(error.to_string())
}

fn weights(entry: &Entry) -> &'static str {
    match entry.make {
        Make::LeNet5 => "trained",
        Make::Random(_) => "random",
    }
}

fn options(entry: &Entry) -> String {
    if entry.options.is_empty() { String::new() } else { format!(", {}", entry.options.join(" ")) }
}

/// Writes `model.onnx` and `inputs.npz`, and for the trained model `outputs.npz`.
fn write(entry: &Entry, folder: &Path) -> Outcome {
    let write = |file: &str, bytes: &[u8]| std::fs::write(folder.join(file), bytes).map_err(system);
    std::fs::create_dir_all(folder).map_err(system)?;
    match entry.make {
        Make::Random(make) => {
            let mut network = make();
            write("model.onnx", &network.to_onnx())?;
            write("inputs.npz", &network.take_inputs()?)
        }
        Make::LeNet5 => {
            write("model.onnx", MODEL)?;
            write("inputs.npz", INPUTS)?;
            write("outputs.npz", OUTPUTS)
        }
    }
}

/// Runs `plonnx bench` on the folder, as a process of its own.
fn measure(entry: &Entry, folder: &Path, args: &Args, json: bool) -> Outcome {
    let mut command = Command::new(std::env::current_exe().map_err(system)?);
    command.arg("bench").arg(folder).args(["--runs", &args.runs.to_string()]).args(entry.options);
    if args.no_fidelity {
        command.arg("--no-fidelity");
    }
    if let Some(Size(bytes)) = args.max_memory {
        command.args(["--max-memory", &bytes.to_string()]);
    }
    if !json {
        let status = command.status().map_err(system)?;
        return if status.success() { Ok(()) } else { Err(reported("", status)) };
    }
    let output = command.arg("--json").stderr(Stdio::inherit()).output().map_err(system)?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(reported(&text, output.status));
    }
    let mut line: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| Failure::System(format!("{}: {e}", entry.name)))?;
    if let Some(object) = line.as_object_mut() {
        object.insert("weights".into(), weights(entry).into());
        object.insert("options".into(), entry.options.join(" ").into());
    }
    println!("{line}");
    Ok(())
}

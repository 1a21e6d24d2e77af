//! `plonnx conformance`: tests of ONNX operators, from the model to a verified proof.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use plonnx::conformance::{Case, End, Limits, Manifest, Outcome as CaseOutcome, Suite, Summary, run_all};
use plonnx::{Class, Config, Error};
use serde_json::{Value, json};

use crate::Outcome;
use crate::failure::Failure;
use crate::forecast::threads;

/// Run tests of ONNX operators or models, as the Python package onnx ships them
///
/// FOLDER holds tests: folders with model.onnx and test_data_set_*/input_*.pb and output_*.pb, or files NAME.onnx with
/// NAME_output_0.pb. Each test is imported, evaluated in floating point, quantised with its own inputs as calibration,
/// compared with the expected results, and its circuit is checked; --prove also proves and verifies. Shapes of inputs are
/// bound, and where plonnx needs operands at compile time they become constants.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of tests [default: fixtures/conformance/data/node]
    #[arg(default_value = "fixtures/conformance/data/node", hide_default_value = true)]
    folder: PathBuf,
    /// Only tests whose name contains TEXT
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Prove and verify each test that passes the check
    #[arg(long)]
    prove: bool,
    /// Fail when results differ from this list of passing and rejected tests
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Write the results to the manifest instead of comparing
    #[arg(long, requires = "manifest")]
    update: bool,
    /// List each test that does not pass, with the reason
    #[arg(long)]
    verbose: bool,
    /// Largest circuit, in elements that its field program computes
    #[arg(long, value_name = "N", default_value_t = Limits::default().circuit)]
    max_circuit: u64,
    /// Largest model that is evaluated, in multiplications and elements
    #[arg(long, value_name = "N", default_value_t = Limits::default().evaluated)]
    max_evaluated: u64,
    /// Signed bits of a rounded activation [default: 16]
    #[arg(long, value_name = "N", default_value_t = Config::default().activation_bits, hide_default_value = true)]
    activation_bits: u32,
    /// Signed bits of the largest weight of a tensor [default: 12]
    #[arg(long, value_name = "N", default_value_t = Config::default().weight_bits, hide_default_value = true)]
    weight_bits: u32,
    /// Largest function table: 2^N entries [default: 13]
    #[arg(long, value_name = "N", default_value_t = Config::default().table_bits, hide_default_value = true)]
    table_bits: u32,
    /// Tests that run at the same time [default: number of processors]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let suite = Suite::read(&args.folder).map_err(|e| Failure::Usage(e.to_string()))?;
    let wanted = |case: &&Case| args.filter.as_ref().is_none_or(|text| case.name.contains(text));
    let cases: Vec<Case> = suite.cases.iter().filter(wanted).cloned().collect();
    if let (Some(text), []) = (&args.filter, cases.as_slice()) {
        let folder = args.folder.display();
        return Err(Failure::Usage(format!(
            "no test in {folder} has a name that contains \"{text}\"; names are lower case"
        )));
    }
    let (activation_bits, weight_bits, table_bits) = (args.activation_bits, args.weight_bits, args.table_bits);
    let precision = Config { activation_bits, weight_bits, table_bits, ..Config::default() };
    precision.check().map_err(|e| Failure::Usage(e.to_string()))?;
    let limits = Limits { prove: args.prove, evaluated: args.max_evaluated, circuit: args.max_circuit, precision };
    let bar = if json { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new(cases.len() as u64) };
    let outcomes = run_all(&cases, &limits, args.jobs.unwrap_or_else(threads), |_| bar.inc(1));
    bar.finish_and_clear();

    let summary = Summary::of(&outcomes);
    if json {
        let mut object = summary.json_by_operator();
        if args.verbose {
            object["tests"] = outcomes.iter().filter(|o| o.end != End::Passed).map(described).collect();
        }
        println!("{object}");
    } else {
        println!("{summary}");
        for outcome in outcomes.iter().filter(|o| args.verbose && o.end != End::Passed || is_defect(o)) {
            println!("{}: {}", outcome.case, outcome.end);
        }
        println!("{}", summary.json());
    }
    let names = || suite.cases.iter().map(|case| case.name.as_str());
    if let Some(path) = &args.manifest {
        let known = read_manifest(path, args.update)?;
        if args.update {
            let mut next = known.updated(&outcomes, args.prove);
            next.retain(names());
            return fs::write(path, next.text()).map_err(|e| failed(path, e));
        }
        let differences = known.differences(&outcomes, args.prove, names());
        if !differences.is_empty() {
            return Err(Failure::Rejected(format!(
                "{} lines of {} do not hold; --update writes what does\n{}",
                differences.len(),
                path.display(),
                differences.join("\n")
            )));
        }
        return Ok(());
    }
    let defects = outcomes.iter().filter(|o| is_defect(o)).count();
    if defects > 0 {
        return Err(Failure::Rejected(format!("{defects} tests give wrong results or panic")));
    }
    Ok(())
}

fn is_defect(outcome: &CaseOutcome) -> bool {
    let bug = matches!(outcome.end, End::Rejected { class: Class::Bug | Class::Rejected, .. });
    bug || matches!(outcome.end, End::Mismatched { .. } | End::Panicked { .. })
}

fn described(outcome: &CaseOutcome) -> Value {
    json!({
        "test": outcome.case,
        "operator": outcome.operator,
        "constants": outcome.constants,
        "end": outcome.end.to_string(),
    })
}

/// The manifest at `path`; an empty one when there is none and it is to be written.
fn read_manifest(path: &Path, update: bool) -> Result<Manifest, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Manifest::parse(&text).map_err(|e| Failure::Usage(format!("{}: {e}", path.display()))),
        Err(e) if update && e.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(e) => Err(failed(path, e)),
    }
}

fn failed(path: &Path, error: io::Error) -> Failure {
    Failure::Library(Error::Io(error).at(path))
}

//! One test through all stages.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use plonnx_backend::{BackendError, Profile, Settings, Visibility};
use plonnx_frontend::proto::TensorProto;
use plonnx_frontend::{FrontendError, Import, Options, decode_tensor, import};
use plonnx_ir::{CoreOp, DType, Domain, Graph, Tensor, eval};
use plonnx_quant::{Config, calibrate, quantise};
use plonnx_runtime::{Provenance, Prover, RuntimeError};
use prost::Message;

use super::agree::{float_agrees, magnitude, quant_agrees};
use super::binding::{Binding, bindings};
use super::case::Case;
use super::{End, Outcome, Stage};
use crate::error::{Class, Error};
use crate::size::macs;

/// How far tests go, how large they may be, and how precise their programs are.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Also prove and verify.
    pub prove: bool,
    /// Most multiplications and elements of a graph that is evaluated.
    pub evaluated: u64,
    /// Most elements of a field program that becomes a circuit.
    pub circuit: u64,
    pub precision: Config,
}

impl Default for Limits {
    fn default() -> Self {
        Self { prove: false, evaluated: 1 << 32, circuit: 1 << 17, precision: Config::default() }
    }
}

/// Longest reason that is kept, in characters.
const LONGEST: usize = 160;

/// Runs `case` with one binding after the other until one is not rejected; of rejected ones the first that came furthest
/// counts.
pub fn run(case: &Case, limits: &Limits) -> Outcome {
    let operator = case.operator.trim_end_matches(" (expanded)");
    let inputs = case.sets.first().map(|set| set.inputs.as_slice()).unwrap_or_default();
    let mut best: Option<Outcome> = None;
    for binding in bindings(operator, inputs).into_iter().filter(|binding| is_same_in_all_sets(case, binding)) {
        let outcome = attempt(case, &binding, limits);
        if !matches!(outcome.end, End::Rejected { .. }) {
            return outcome;
        }
        if best.as_ref().is_none_or(|best| outcome.passed > best.passed) {
            best = Some(outcome);
        }
    }
    best.unwrap_or_else(|| attempt(case, &Binding::default(), limits))
}

/// Whether the inputs that `binding` makes constants are the same in all data sets.
fn is_same_in_all_sets(case: &Case, binding: &Binding) -> bool {
    case.sets.windows(2).all(|sets| binding.0.iter().all(|i| sets[0].inputs.get(*i) == sets[1].inputs.get(*i)))
}

/// Runs `cases` on `threads` threads, and calls `done` after each.
pub fn run_all(cases: &[Case], limits: &Limits, threads: usize, done: impl FnMut(&Outcome) + Send) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let collected = Mutex::new((Vec::with_capacity(cases.len()), done));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = run(case, limits);
            let mut guard = collected.lock().unwrap_or_else(|e| e.into_inner());
            (guard.1)(&outcome);
            guard.0.push(outcome);
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| _ = scope.spawn(work)));
    let mut outcomes = collected.into_inner().unwrap_or_else(|e| e.into_inner()).0;
    outcomes.sort_by(|a, b| a.case.cmp(&b.case));
    outcomes
}

/// Why a stage did not succeed.
enum Stop {
    Rejected(Class, String),
    Mismatched(String),
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        let error = error.into();
        let text = match &error {
            Error::Frontend(FrontendError::Unsupported { problems }) => {
                problems.first().map(|p| format!("{}: {}", p.op, p.reason)).unwrap_or_default()
            }
            other => other.to_string(),
        };
        Self::Rejected(error.class(), text)
    }
}

fn attempt(case: &Case, binding: &Binding, limits: &Limits) -> Outcome {
    let inputs = case.sets.first().map(|set| set.inputs.as_slice()).unwrap_or_default();
    let constants: Vec<String> = binding.0.iter().filter_map(|i| inputs.get(*i)).map(|t| t.name.clone()).collect();
    let passed = Cell::new(None);
    // A panic leaves nothing behind but the stage that was reached.
    let ended = catch_unwind(AssertUnwindSafe(|| stages(case, binding, limits, &passed)));
    let stage = Stage::ALL.into_iter().find(|s| Some(*s) > passed.get()).unwrap_or(Stage::Prove);
    let end = match ended {
        Ok(Ok(())) => End::Passed,
        Ok(Err(Stop::Rejected(class, reason))) => End::Rejected { stage, class, reason: line(&reason) },
        Ok(Err(Stop::Mismatched(detail))) => End::Mismatched { stage, detail: line(&detail) },
        Err(payload) => {
            let message = payload.downcast_ref::<&str>().map(|s| s.to_string());
            let message = message.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
            End::Panicked { stage, message: line(&message) }
        }
    };
    let has_inputs = constants.len() < inputs.len();
    Outcome {
        case: case.name.clone(),
        operator: case.operator.clone(),
        constants,
        has_inputs,
        passed: passed.get(),
        end,
    }
}

/// The text as one line that fits a manifest.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

/// A data set as tensors: the inputs that are not constants, and the results.
struct Run {
    inputs: Vec<Tensor<f64>>,
    outputs: Vec<(Tensor<f64>, i32)>,
}

fn value(proto: &TensorProto) -> Result<Tensor<f64>, Stop> {
    Ok(decode_tensor(&proto.encode_to_vec())?.1)
}

fn stages(case: &Case, binding: &Binding, limits: &Limits, passed: &Cell<Option<Stage>>) -> Result<(), Stop> {
    let imported = import_bound(case, binding)?;
    if let Err(errors) = plonnx_ir::verify(&imported.graph) {
        return Err(Stop::Mismatched(format!("the graph breaks an invariant: {:?}", errors.first())));
    }
    passed.set(Some(Stage::Import));

    if let Some(unread) = &case.unread {
        return Err(Stop::Rejected(Class::Unsupported, unread.clone()));
    }
    let runs = runs(case, binding)?;
    let size = macs(&imported.graph).saturating_add(elements(&imported.graph));
    fits("the model", size, limits.evaluated)?;
    for run in &runs {
        let results = eval(&imported.graph, &run.inputs).map_err(|e| Error::Quant(e.into()))?;
        compare(&imported, run, &results, |_, got, (expected, data_type), _| float_agrees(got, expected, *data_type))?;
    }
    passed.set(Some(Stage::Float));

    let samples: Vec<Vec<Tensor<f64>>> = runs.iter().map(|r| r.inputs.clone()).collect();
    let ranges = calibrate(&imported.graph, &samples)?;
    let program = quantise(&imported.graph, &ranges, &limits.precision)?;
    let size = |output: usize| {
        let of = |run: &Run| run.outputs.get(output).map_or(0.0, |(expected, _)| magnitude(expected));
        runs.iter().map(of).fold(0.0, f64::max)
    };
    for run in &runs {
        let results = program.infer(&run.inputs)?;
        let agrees =
            |i, got: &_, (expected, _): &(_, i32), dtype| quant_agrees(got, expected, dtype, size(i), &case.operator);
        compare(&imported, run, &results, agrees)?;
    }
    passed.set(Some(Stage::Quantise));

    let Some(first) = runs.first() else { return Ok(()) };
    fits("the circuit", elements(&program.graph), limits.circuit)?;
    let settings = Settings {
        profile: Profile::default(),
        inputs: vec![Visibility::Private; program.inputs.len()],
        outputs: vec![Visibility::Public; program.outputs.len()],
        ..Settings::default()
    };
    let expected = program.infer(&first.inputs)?;
    let prover = Prover::compile(program, settings, Provenance::default())?;
    let witness = prover.witness(&first.inputs)?;
    match prover.check(&witness) {
        Err(RuntimeError::Backend(error @ BackendError::Unsatisfied(_))) => {
            return Err(Stop::Mismatched(error.to_string()));
        }
        other => other?,
    }
    passed.set(Some(Stage::Check));

    if limits.prove {
        let verified = prover.verifying_key().verify(&prover.prove_witness(&witness)?);
        let verified = verified.map_err(|e| Stop::Mismatched(format!("the proof is refused: {e}")))?;
        for (output, expected) in prover.model().program.outputs.iter().zip(&expected) {
            if verified.tensor(&output.name).is_none_or(|proven| proven != expected) {
                return Err(Stop::Mismatched(format!("the proof says something else of \"{}\"", output.name)));
            }
        }
        passed.set(Some(Stage::Prove));
    }
    Ok(())
}

fn import_bound(case: &Case, binding: &Binding) -> Result<Import, Stop> {
    let mut options = Options::default();
    let inputs = case.sets.first().map(|set| set.inputs.as_slice()).unwrap_or_default();
    for (i, tensor) in inputs.iter().enumerate() {
        if binding.0.contains(&i) {
            options.constants.insert(tensor.name.clone(), value(tensor)?);
        } else if let Some(shape) = tensor.dims.iter().map(|d| usize::try_from(*d).ok()).collect() {
            options.input_shapes.insert(tensor.name.clone(), shape);
        }
    }
    Ok(import(&case.bytes, &options)?)
}

fn runs(case: &Case, binding: &Binding) -> Result<Vec<Run>, Stop> {
    if case.sets.is_empty() {
        return Err(Stop::Rejected(Class::Invalid, "the test has no data".into()));
    }
    let mut runs = Vec::new();
    for set in &case.sets {
        let inputs = set.inputs.iter().enumerate().filter(|(i, _)| !binding.0.contains(i));
        let inputs = inputs.map(|(_, t)| value(t)).collect::<Result<_, _>>()?;
        let outputs = set.outputs.iter().map(|t| Ok((value(t)?, t.data_type))).collect::<Result<_, Stop>>()?;
        runs.push(Run { inputs, outputs });
    }
    Ok(runs)
}

fn compare(
    imported: &Import,
    run: &Run,
    results: &[Tensor<f64>],
    agrees: impl Fn(usize, &Tensor<f64>, &(Tensor<f64>, i32), DType) -> Result<(), String>,
) -> Result<(), Stop> {
    if results.len() != run.outputs.len() {
        return Err(Stop::Mismatched(format!("expected {} results, got {}", run.outputs.len(), results.len())));
    }
    for (i, ((got, expected), info)) in results.iter().zip(&run.outputs).zip(&imported.outputs).enumerate() {
        agrees(i, got, expected, info.dtype).map_err(|e| Stop::Mismatched(format!("\"{}\": {e}", info.name)))?;
    }
    Ok(())
}

/// Elements that an operator computes.
fn elements<D: Domain>(graph: &Graph<D>) -> u64 {
    let computed = |op: &CoreOp<D>| !matches!(op, CoreOp::Const(..) | CoreOp::View(_));
    graph.ids().map(|id| graph.node(id)).filter(|node| computed(&node.op)).map(|node| node.fact.len() as u64).sum()
}

fn fits(what: &str, size: u64, limit: u64) -> Result<(), Stop> {
    if size <= limit {
        return Ok(());
    }
    Err(Stop::Rejected(
        Class::Limit,
        format!("{what} is too large for this run: its size is {size}, the limit is {limit}"),
    ))
}

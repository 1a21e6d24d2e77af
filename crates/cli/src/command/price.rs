//! `plonnx inspect --prices`: what visibility costs.

use plonnx::backend::Circuit;
use plonnx::runtime::RuntimeError;
use plonnx::{Quantised, Visibility, Weights};
use serde_json::{Value, json};

use crate::Outcome;
use crate::forecast::{Forecast, Speed, held};
use crate::progress::Progress;
use crate::text::{bytes, grouped, seconds};

/// The cases, with the visibilities of weights, inputs and outputs, and whether proofs are blinded.
const CASES: [(&str, Weights, Visibility, Visibility, bool); 6] = [
    ("public model, public data", Weights::Public, Visibility::Public, Visibility::Public, false),
    ("public model, private data", Weights::Public, Visibility::Private, Visibility::Public, false),
    ("committed model, public data", Weights::Committed, Visibility::Public, Visibility::Public, false),
    ("committed model, committed data", Weights::Committed, Visibility::Committed, Visibility::Committed, false),
    ("public model, private data, blinded", Weights::Public, Visibility::Private, Visibility::Public, true),
    (
        "committed model, committed data, blinded",
        Weights::Committed,
        Visibility::Committed,
        Visibility::Committed,
        true,
    ),
];

/// Plans the circuit of every case and shows its forecast. A case that has no circuit says why.
pub(crate) fn run(quantised: Quantised, json: bool) -> Outcome {
    let settings = &quantised.settings;
    let speed = Speed::known(&mut Progress::new(json));
    let mut rows = Vec::new();
    for (name, weights, input, output, zero_knowledge) in CASES {
        let settings = plonnx::backend::Settings {
            profile: settings.profile,
            inputs: vec![input; settings.inputs.len()],
            outputs: vec![output; settings.outputs.len()],
            weights,
            zero_knowledge,
            prefer: settings.prefer,
        };
        let program = quantised.program_with(weights);
        let planned =
            program.and_then(|program| Ok(Circuit::plan_for(program.graph, settings).map_err(RuntimeError::from)?));
        let (text, value) = match &planned {
            Ok(plan) => {
                let forecast = Forecast::new(plan, &speed, held());
                let (time, memory) = (forecast.prove, forecast.memory_bytes);
                let count = grouped(plan.rows as u64);
                let text = format!(
                    "{count:>9} rows, 2^{:<2}  about {:>8}, {:>8}",
                    plan.degree_bits,
                    seconds(time),
                    bytes(memory)
                );
                let value = json!({
                    "rows": plan.rows, "degree_bits": plan.degree_bits, "prove_s": time.as_secs_f64(),
                    "memory_bytes": memory, "public_constants": plan.public_constants,
                });
                (text, value)
            }
            Err(error) => (format!("no circuit: {error}"), json!({ "reason": error.to_string() })),
        };
        if !json {
            println!("{name:<42} {text}");
        }
        rows.push(json!({ "case": name, "estimate": value }));
    }
    if json {
        println!("{}", json!({ "prices": Value::Array(rows), "threads": speed.threads }));
    } else {
        println!(
            "forecasts of one proof on {} threads; only blinded proofs hide what their statement does not show",
            speed.threads
        );
    }
    Ok(())
}

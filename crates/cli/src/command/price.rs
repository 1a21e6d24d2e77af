//! `plonnx inspect --prices`: what visibility costs.

use plonnx::{Prover, Quantised, Visibility, Weights};
use serde_json::{Value, json};

use crate::Outcome;
use crate::forecast;
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

/// Builds the circuit of every case and shows its estimates. A case that has no circuit says why.
pub(crate) fn run(quantised: Quantised, json: bool) -> Outcome {
    let settings = &quantised.settings;
    let threads = forecast::threads();
    let mut rows = Vec::new();
    for (name, weights, input, output, zero_knowledge) in CASES {
        let settings = plonnx::backend::Settings {
            profile: settings.profile,
            inputs: vec![input; settings.inputs.len()],
            outputs: vec![output; settings.outputs.len()],
            weights,
            zero_knowledge,
        };
        let program = quantised.program_with(weights);
        let built = program.and_then(|program| Ok(Prover::compile(program, settings, Default::default())?));
        let (text, value) = match &built {
            Ok(prover) => {
                let stats = prover.stats();
                let (time, memory) = (forecast::prove_time(stats, threads), forecast::memory(stats));
                let count = grouped(stats.rows as u64);
                let public = prover.circuit().split().map_or(0, |s| s.remaining.iter().map(|r| r.1).sum());
                let text = format!(
                    "{count:>9} rows, 2^{:<2}  about {:>8}, {:>8}",
                    stats.degree_bits,
                    seconds(time),
                    bytes(memory)
                );
                let value = json!({
                    "rows": stats.rows, "degree_bits": stats.degree_bits, "prove_s": time.as_secs_f64(),
                    "memory_bytes": memory, "public_constants": public,
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
        println!("{}", json!({ "prices": Value::Array(rows), "threads": threads }));
    } else {
        println!(
            "estimates of one proof on {threads} threads; only blinded proofs hide what their statement does not show"
        );
    }
    Ok(())
}

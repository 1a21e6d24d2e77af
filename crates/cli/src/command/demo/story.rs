//! The demonstration in words.

use std::fmt::Write;

use plonnx::runtime::RuntimeError;

use super::{Run, digit};
use crate::style::Style;
use crate::text::{bytes, grouped, seconds};

/// Side of an image in pixels.
const SIDE: usize = 28;

/// All that is printed.
pub(super) fn tell(run: &Run) -> Result<String, RuntimeError> {
    let style = Style::of_stdout();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: String| _ = writeln!(out, "{text}");
    let heading = |text: &str| style.bold(text);

    line(heading("A proof that LeNet-5 read a handwritten digit, without the image in the statement"));
    line(String::new());
    for row in beside(&digit::draw(run.image.data(), SIDE), &caption(run)) {
        line(format!("  {row}"));
    }

    let (prover, key) = (run.compiled.prover(), run.compiled.verifying_key());
    let (provenance, stats) = (&prover.model().provenance, prover.stats());
    line(String::new());
    line(format!("{}   {}", heading("Compile"), seconds(run.times.compile)));
    line(format!(
        "  {} parameters, {} multiplications; ranges from the first {}",
        grouped(provenance.params),
        grouped(provenance.macs),
        provenance.calibration
    ));
    let rows = grouped(stats.rows as u64);
    line(format!("  a circuit of {rows} rows, padded to 2^{}; image private, logits public", stats.degree_bits));

    line(format!(
        "{}     {} for the witness, {} for the proof",
        heading("Prove"),
        seconds(run.times.witness),
        seconds(run.times.prove)
    ));
    let size = bytes(run.proof.to_bytes()?.len() as u64);
    let peak = run.peak.map_or(String::new(), |peak| format!(", memory at the peak {}", bytes(peak)));
    line(format!("  proof of {size}{peak}"));
    line(format!("{}    {} in {}", heading("Verify"), style.green("accepted"), seconds(run.times.verify)));
    let logits: Vec<String> = run.logits().iter().map(|v| format!("{v:.2}")).collect();
    line(format!("  logits 0 to 9: {}", logits.join("  ")));
    line(format!("  the largest is that of {}", style.bold(run.reading())));
    line(heading("Forge"));
    for forgery in &run.forgeries {
        line(format!("  {}: {}", forgery.what, style.red("rejected")));
        line(format!("    {}", style.dim(&forgery.refusal)));
    }

    line(String::new());
    line(heading("What was proven"));
    let image = key.ports().first();
    let range = image.map_or(String::new(), |port| {
        let real = |q| plonnx::ir::Log2Scale(port.scale).real(q);
        format!(" with pixels in [{:.2}, {:.2}]", real(port.lo), real(port.hi))
    });
    line("  The prover knows an image for which this quantised LeNet-5 gives exactly these logits:".into());
    line(format!("  some image{range}, not necessarily one of a digit."));
    line(format!("  {}: the image is not in the statement. That is all \"private\" means:", style.cyan("Hidden")));
    line(format!("  the proof is {}, so it may leak information about the image;", style.bold("NOT zero knowledge")));
    line("  whoever knows the model and guesses the image can check the guess.".into());
    line(format!("  {}: model and weights, and the logits.", style.cyan("Not hidden")));
    line(heading("How close to floating point"));
    let (agreement, error) = (run.fidelity.agreement().unwrap_or(0.0), run.fidelity.largest().unwrap_or(0.0));
    line(format!(
        "  over {} digits the same reading as onnxruntime in {:.1} %, logits differ by at most {error:.4}",
        run.fidelity.samples,
        100.0 * agreement
    ));
    let report = key.inner().security();
    line(heading("How secure"));
    line(format!(
        "  profile {}: {:.0} bits with FRI as conjectured, {:.0} bits proven; its terms in bits:",
        key.profile().name(),
        report.conjectured(),
        report.proven()
    ));
    let terms: Vec<String> = report.terms().iter().map(|(term, bits)| format!("{bits:.0} {term}")).collect();
    for terms in terms.chunks(5) {
        line(format!("  {}", style.dim(terms.join("; "))));
    }
    Ok(out)
}

fn caption(run: &Run) -> Vec<String> {
    vec![
        format!("test image {} of {} (MNIST),", run.sample, run.samples),
        format!("which a person labelled {}", run.label),
        String::new(),
        "another: --digit 3 or --sample 42".into(),
    ]
}

/// A picture with text at its right, vertically centred.
fn beside(picture: &[String], text: &[String]) -> Vec<String> {
    let height = picture.len().max(text.len());
    let width = picture.first().map_or(0, |row| row.chars().count());
    let (above_picture, above_text) = ((height - picture.len()) / 2, (height - text.len()) / 2);
    let at = |lines: &[String], above: usize, i: usize| i.checked_sub(above).and_then(|i| lines.get(i)).cloned();
    (0..height)
        .map(|i| {
            let row = at(picture, above_picture, i).unwrap_or_else(|| " ".repeat(width));
            let text = at(text, above_text, i).unwrap_or_default();
            format!("{row}  {text}").trim_end().to_string()
        })
        .collect()
}

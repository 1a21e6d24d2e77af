//! DFT, STFT: discrete Fourier transforms of real and complex signals, of a whole axis or of frames of it.
//!
//! Spec: the pages of these names; all opsets. A contraction with the matrix of cosines and sines. Rejected: lengths, axes
//! and steps that depend on the data.

use std::f64::consts::PI;

use plonnx_ir::op::{Label, View};
use plonnx_ir::{DType, Function, NodeId};

use crate::lower::{Call, Lowering, Results, axis, extent, invalid, sized, unsupported};

/// Kind of transform.
#[derive(Clone, Copy, Debug)]
struct Transform {
    length: usize,
    inverse: bool,
    /// Real signals have a symmetric spectrum, of which one half is given.
    onesided: bool,
}

pub(super) fn dft(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let rank = call.rank(x);
    let at = match call.opset {
        ..20 => call.int("axis")?.unwrap_or(1),
        _ => call.known_int(2, "axis")?.unwrap_or(-2),
    };
    let at = axis(at, rank)?;
    let (inverse, onesided) = (call.flag("inverse", false)?, call.flag("onesided", false)?);
    let given = call.known_int(1, "dft_length")?;
    let signal = call.shape(x)[at];
    let length = match given {
        Some(length) => extent(length, "dft_length")?,
        None if inverse && onesided => 2 * signal.saturating_sub(1),
        None => signal,
    };
    if at + 1 == rank {
        return invalid("the last axis holds real and imaginary parts");
    }
    Ok(vec![transformed(call, x, at, Transform { length, inverse, onesided })?])
}

pub(super) fn stft(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let [batch, samples, parts] = shape[..] else {
        return invalid(format!("expected batch, samples and parts, got shape {shape:?}"));
    };
    let Some(step) = call.known_int(1, "frame_step")? else { return invalid("operand 1 is missing") };
    let step = extent(step, "frame_step")?;
    let window = call.optional(2);
    let length = match (call.known_int(3, "frame_length")?, window) {
        (Some(length), _) => extent(length, "frame_length")?,
        (None, Some(window)) => call.shape(window).first().copied().unwrap_or(0),
        (None, None) => samples,
    };
    let onesided = call.flag("onesided", true)?;
    let Some(room) = samples.checked_sub(length).filter(|_| step > 0 && length > 0) else {
        return invalid(format!("frames of {length} by {step} of {samples} samples"));
    };
    let frames = room / step + 1;
    sized(&[batch, frames, length, parts])?;
    let indices = (0..frames).flat_map(|f| (0..length).map(move |i| f * step + i)).collect();
    let mut signal = call.view(View::Gather { axis: 1, shape: vec![frames, length], indices }, x)?;
    if let Some(window) = window {
        if call.shape(window) != [length] {
            return invalid(format!("a window of shape {:?} for frames of {length}", call.shape(window)));
        }
        let window = call.reshape(window, &[length, 1])?;
        signal = call.product(signal, window)?;
    }
    Ok(vec![transformed(call, signal, 2, Transform { length, inverse: false, onesided })?])
}

/// Transform along axis `at`; the last axis holds real and imaginary parts, or only the real one.
fn transformed(call: &mut Call, x: NodeId, at: usize, transform: Transform) -> Lowering<NodeId> {
    let Transform { length, inverse, onesided } = transform;
    let shape = call.shape(x);
    let (rank, parts) = (shape.len(), shape[shape.len() - 1]);
    if length == 0 || !(1..=2).contains(&parts) {
        return invalid(format!("a transform of length {length} of shape {shape:?}"));
    }
    if rank > 24 {
        return unsupported(format!("{rank} axes"), "use fewer axes");
    }
    // A longer signal is cut, a shorter one continues with zeros. One half of a spectrum stands for both.
    let taken = if inverse && onesided { shape[at].min(length / 2 + 1) } else { shape[at].min(length) };
    let x = call.narrow(x, at, 0, taken)?;
    let (bins, real_parts) = match (inverse, onesided) {
        (false, true) => (length / 2 + 1, 2),
        (true, true) => (length, 1),
        _ => (length, 2),
    };
    sized(&[taken, parts, bins, real_parts])?;
    let sign = if inverse { 1.0 } else { -1.0 };
    let scale = if inverse { 1.0 / length as f64 } else { 1.0 };
    let mut matrix = Vec::with_capacity(taken * parts * bins * real_parts);
    for from in 0..taken {
        // The other half of a spectrum mirrors this element, unless it is its own mirror image.
        let mirrored = inverse && onesided && from != 0 && 2 * from != length;
        let weight = if mirrored { 2.0 * scale } else { scale };
        for part in 0..parts {
            for to in 0..bins {
                let turns = (from as u128 * to as u128 % length as u128) as f64 / length as f64;
                let angle = sign * 2.0 * PI * turns;
                let (cos, sin) = (Function::Cos.eval(angle), Function::Sin.eval(angle));
                // (a + bi)(cos + i sin)
                let [real, imaginary] = if part == 0 { [cos, sin] } else { [-sin, cos] };
                matrix.push(weight * real);
                if real_parts == 2 {
                    matrix.push(weight * imaginary);
                }
            }
        }
    }
    let matrix = call.tensor(&[taken, parts, bins, real_parts], matrix, DType::Real)?;
    let labels: Vec<Label> = (b'a'..=b'x').take(rank).collect();
    let (from, part) = (labels[at], labels[rank - 1]);
    let mut out = labels.clone();
    (out[at], out[rank - 1]) = (b'y', b'z');
    call.contract(x, &labels, matrix, &[from, part, b'y', b'z'], &out)
}

//! Resize, Upsample: other extents of axes, with interpolated elements.
//!
//! Spec: Resize, Upsample; all opsets. Every axis is resized by itself: nearest elements are a view, and linear and cubic
//! interpolation a contraction with the matrix of the weights. Rejected: scales, sizes and regions that depend on the
//! data, and interpolated integers.

use plonnx_ir::op::Label;
use plonnx_ir::{DType, NodeId};

use super::interpolation::{Filter, Rounding, Taps};
use crate::decode::MAX_ELEMENTS;
use crate::lower::{Call, Lowering, Results, axis, extent, invalid, sized, unsupported};

/// How positions of the result map to positions of the operand, along one axis.
#[derive(Clone, Copy, Debug)]
struct Mapping<'a> {
    mode: &'a str,
    scale: f64,
    input: usize,
    output: usize,
    /// Start and end of the region of interest, as parts of the operand.
    region: (f64, f64),
}

impl Mapping<'_> {
    /// Position in the operand, in elements, of element `y` of the result.
    fn position(&self, y: usize) -> Lowering<f64> {
        let (y, input) = (y as f64, self.input as f64);
        let output = self.scale * input;
        let half_pixel = (y + 0.5) / self.scale - 0.5;
        Ok(match self.mode {
            "half_pixel" => half_pixel,
            "half_pixel_symmetric" => half_pixel + input / 2.0 * (1.0 - self.output as f64 / output),
            "pytorch_half_pixel" if self.output == 1 => 0.0,
            "pytorch_half_pixel" => half_pixel,
            "align_corners" if output == 1.0 => 0.0,
            "align_corners" => y * (input - 1.0) / (output - 1.0),
            "asymmetric" => y / self.scale,
            "tf_half_pixel_for_nn" => (y + 0.5) / self.scale,
            "tf_crop_and_resize" => {
                let (start, end) = self.region;
                let inside = if output == 1.0 {
                    (end - start) * (input - 1.0) / 2.0
                } else {
                    y * (end - start) * (input - 1.0) / (output - 1.0)
                };
                start * (input - 1.0) + inside
            }
            other => return invalid(format!("unknown coordinate_transformation_mode \"{other}\"")),
        })
    }

    fn is_identity(&self) -> bool {
        (self.scale - 1.0).abs() <= 1e-9 && self.input == self.output && self.region == (0.0, 1.0)
    }
}

pub(super) fn upsample(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let scales = match call.opset {
        ..7 => Some(image_scales(call, shape.len())?),
        7..9 => call.floats("scales")?,
        _ => call.known_input(1, "scales")?.map(|s| s.to_vec()),
    };
    let Some(scales) = scales else { return invalid("scales are missing") };
    let filter = match call.text("mode", "nearest")? {
        "nearest" => Filter::Nearest(Rounding::Floor),
        "linear" | "bilinear" => Filter::Linear,
        other => return invalid(format!("mode is \"{other}\", expected nearest or linear")),
    };
    let extents = scaled(&shape, &scales)?;
    let axes: Vec<usize> = (0..shape.len()).collect();
    let along = |i: usize| Mapping {
        mode: "asymmetric",
        scale: scales[i],
        input: shape[i],
        output: extents[i],
        region: (0.0, 1.0),
    };
    let taps = |at: f64, _: f64| filter.taps(at, 1.0);
    resized(call, x, &axes, along, taps, false, None)
}

/// Scales of the axes of images, given for their last two.
fn image_scales(call: &mut Call, rank: usize) -> Lowering<Vec<f64>> {
    let mut of = |name| if call.has(name) { call.float(name, 1.0) } else { invalid(format!("\"{name}\" is missing")) };
    let scales = vec![1.0, 1.0, of("height_scale")?, of("width_scale")?];
    if rank == 4 { Ok(scales) } else { invalid(format!("expected images, got a tensor of rank {rank}")) }
}

pub(super) fn resize(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let rank = shape.len();
    let first_scales = if call.opset < 11 { 1 } else { 2 };
    let axes = match call.ints("axes")? {
        Some(axes) => axes.into_iter().map(|a| axis(a, rank)).collect::<Lowering<Vec<_>>>()?,
        None => (0..rank).collect(),
    };
    let scales = call.known_input(first_scales, "scales")?.map(|s| s.to_vec()).filter(|s| !s.is_empty());
    let sizes = if call.opset < 11 { None } else { call.known_ints(3, "sizes")? }.filter(|s| !s.is_empty());
    let policy = call.text("keep_aspect_ratio_policy", "stretch")?;
    let selected: Vec<usize> = axes.iter().map(|a| shape[*a]).collect();
    let (scales, extents) = match (scales, sizes) {
        (Some(scales), None) => {
            let extents = scaled(&selected, &scales)?;
            (scales, extents)
        }
        (None, Some(sizes)) => from_sizes(&selected, &sizes, policy)?,
        _ => return invalid("expected either scales or sizes"),
    };
    let mode = match call.opset {
        ..11 => "asymmetric",
        _ => call.text("coordinate_transformation_mode", "half_pixel")?,
    };
    let region = if mode == "tf_crop_and_resize" {
        match call.known_input(1, "roi")?.map(|r| r.to_vec()) {
            Some(region) if region.len() == 2 * axes.len() => region,
            _ => return invalid(format!("expected {} numbers as roi", 2 * axes.len())),
        }
    } else {
        if first_scales == 2 {
            call.optional(1);
        }
        [vec![0.0; axes.len()], vec![1.0; axes.len()]].concat()
    };
    let filter = filter(call)?;
    let antialias = call.flag("antialias", false)?;
    let exclude = call.flag("exclude_outside", false)?;
    let beyond = call.float("extrapolation_value", 0.0)?;
    let along = |i: usize| Mapping {
        mode,
        scale: scales[i],
        input: selected[i],
        output: extents[i],
        region: (region[i], region[axes.len() + i]),
    };
    let taps = |at: f64, scale: f64| filter.taps(at, if antialias { scale.min(1.0) } else { 1.0 });
    resized(call, x, &axes, along, taps, exclude, (mode == "tf_crop_and_resize").then_some(beyond))
}

fn filter(call: &mut Call) -> Lowering<Filter> {
    let rounding = match call.text("nearest_mode", if call.opset < 11 { "floor" } else { "round_prefer_floor" })? {
        "round_prefer_floor" => Rounding::PreferFloor,
        "round_prefer_ceil" => Rounding::PreferCeil,
        "floor" => Rounding::Floor,
        "ceil" => Rounding::Ceil,
        other => return invalid(format!("unknown nearest_mode \"{other}\"")),
    };
    let slope = call.float("cubic_coeff_a", -0.75)?;
    match call.text("mode", "nearest")? {
        "nearest" => Ok(Filter::Nearest(rounding)),
        "linear" => Ok(Filter::Linear),
        "cubic" => Ok(Filter::Cubic(slope)),
        other => invalid(format!("mode is \"{other}\", expected nearest, linear or cubic")),
    }
}

fn scaled(shape: &[usize], scales: &[f64]) -> Lowering<Vec<usize>> {
    if scales.len() != shape.len() {
        return invalid(format!("{} scales for {} axes", scales.len(), shape.len()));
    }
    let extents = shape.iter().zip(scales).map(|(n, s)| {
        let size = (*n as f64 * s).floor();
        if *s > 0.0 && size <= MAX_ELEMENTS as f64 {
            Ok(size as usize)
        } else {
            invalid(format!("scale {s} of an axis of extent {n}"))
        }
    });
    extents.collect()
}

/// Scales and extents for the `sizes` of axes of extents `shape`.
fn from_sizes(shape: &[usize], sizes: &[i64], policy: &str) -> Lowering<(Vec<f64>, Vec<usize>)> {
    if sizes.len() != shape.len() || shape.contains(&0) {
        return invalid(format!("sizes {sizes:?} for axes of extents {shape:?}"));
    }
    let sizes = sizes.iter().map(|n| extent(*n, "sizes")).collect::<Lowering<Vec<_>>>()?;
    let scales: Vec<f64> = sizes.iter().zip(shape).map(|(s, n)| *s as f64 / *n as f64).collect();
    let one = match policy {
        "stretch" => return Ok((scales, sizes)),
        "not_larger" => scales.iter().copied().fold(f64::INFINITY, f64::min),
        "not_smaller" => scales.iter().copied().fold(0.0, f64::max),
        other => return invalid(format!("unknown keep_aspect_ratio_policy \"{other}\"")),
    };
    let extents = shape.iter().map(|n| (one * *n as f64 + 0.5).floor() as usize).collect();
    Ok((vec![one; shape.len()], extents))
}

/// `x` with each of `axes` resized as `along` says. Where `beyond` is given, it stands for positions outside.
fn resized<'a>(
    call: &mut Call,
    x: NodeId,
    axes: &[usize],
    along: impl Fn(usize) -> Mapping<'a>,
    taps: impl Fn(f64, f64) -> Taps,
    exclude: bool,
    beyond: Option<f64>,
) -> Results {
    let mut y = x;
    for (i, axis) in axes.iter().enumerate() {
        let mapping = along(i);
        if mapping.is_identity() {
            continue;
        }
        if mapping.input == 0 {
            return invalid(format!("axis {axis} has no elements"));
        }
        sized(&[mapping.input, mapping.output])?;
        let mut rows = Vec::with_capacity(mapping.output);
        for at in 0..mapping.output {
            let position = mapping.position(at)?;
            let last = (mapping.input - 1) as f64;
            let outside = beyond.is_some() && !(0.0..=last).contains(&position);
            let row = if outside { None } else { Some(taps(position, mapping.scale).within(mapping.input, exclude)) };
            rows.push(row);
        }
        y = weighted(call, y, *axis, &rows, beyond.unwrap_or(0.0))?;
    }
    Ok(vec![y])
}

/// Sums of elements along `axis`, one for every row of indices and weights; `beyond` where there is no row.
fn weighted(
    call: &mut Call,
    x: NodeId,
    axis: usize,
    rows: &[Option<Vec<(usize, f64)>>],
    beyond: f64,
) -> Lowering<NodeId> {
    let single = |row: &Option<Vec<(usize, f64)>>| match row.as_deref() {
        Some([(index, 1.0)]) => Some(*index),
        _ => None,
    };
    if let Some(indices) = rows.iter().map(single).collect() {
        return call.gather(x, axis, indices);
    }
    if call.dtype(x) != DType::Real {
        return unsupported("interpolation between integers", "cast the operand to float in the model");
    }
    let shape = call.shape(x);
    let (input, output) = (shape[axis], rows.len());
    let mut matrix = vec![0.0; output * input];
    for (row, weights) in matrix.chunks_exact_mut(input).zip(rows) {
        for (index, weight) in weights.iter().flatten() {
            row[*index] += weight;
        }
    }
    let matrix = call.tensor(&[output, input], matrix, DType::Real)?;
    let labels: Vec<Label> = (b'a'..=b'z').take(shape.len() + 1).collect();
    let Some((new, labels)) = labels.split_last().filter(|l| l.1.len() == shape.len()) else {
        return unsupported("an operand of 26 axes", "use fewer axes");
    };
    let mut out = labels.to_vec();
    out[axis] = *new;
    let y = call.contract(x, labels, matrix, &[*new, labels[axis]], &out)?;
    if beyond == 0.0 || rows.iter().all(Option::is_some) {
        return Ok(y);
    }
    let mut column = vec![1; shape.len()];
    column[axis] = output;
    let fill = rows.iter().map(|row| if row.is_none() { beyond } else { 0.0 }).collect();
    let fill = call.tensor(&column, fill, DType::Real)?;
    call.linear(&[(1.0, y), (1.0, fill)])
}

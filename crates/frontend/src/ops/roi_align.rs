//! RoiAlign: regions of images, sampled linearly to one size.
//!
//! Spec: RoiAlign; all opsets. With known regions the samples are a view, and their means or maxima follow with constant
//! weights. Rejected: regions that depend on the data.

use plonnx_ir::DType;
use plonnx_ir::op::{Reducer, View};

use crate::lower::{Call, Lowering, Results, extent, invalid, sized};

/// Most samples of one element of the result along an axis.
const SAMPLES: f64 = 1024.0;

/// The elements next to a position along one axis, and their weights; `None` outside.
type Pair = Option<[(usize, f64); 2]>;

pub(super) fn lower(call: &mut Call) -> Results {
    let x = call.input(0)?;
    let shape = call.shape(x);
    let [batch, channels, height, width] = shape[..] else {
        return invalid(format!("expected images, got shape {shape:?}"));
    };
    let (Some(rois), Some(batches)) = (call.known_input(1, "rois")?, call.known_ints(2, "batch_indices")?) else {
        return invalid("an operand is missing");
    };
    if rois.shape() != [batches.len(), 4] {
        return invalid(format!("regions of shape {:?} for {} batch indices", rois.shape(), batches.len()));
    }
    let batches = batches.iter().map(|b| usize::try_from(*b).ok().filter(|b| *b < batch)).collect::<Option<Vec<_>>>();
    let Some(batches) = batches else { return invalid(format!("batch indices beyond {batch}")) };
    let size = |call: &mut Call, name| extent(call.int(name)?.unwrap_or(1), name);
    let (out_h, out_w) = (size(call, "output_height")?, size(call, "output_width")?);
    let ratio = extent(call.int("sampling_ratio")?.unwrap_or(0), "sampling_ratio")?;
    let scale = call.float("spatial_scale", 1.0)?;
    let default = if call.opset < 16 { "output_half_pixel" } else { "half_pixel" };
    let half_pixel = match call.text("coordinate_transformation_mode", default)? {
        "half_pixel" => true,
        "output_half_pixel" => false,
        other => return invalid(format!("unknown coordinate_transformation_mode \"{other}\"")),
    };
    let largest = match call.text("mode", "avg")? {
        "avg" => false,
        "max" => true,
        other => return invalid(format!("mode is \"{other}\", expected avg or max")),
    };
    // Axes of every region: samples of each element of the result.
    let axis = |from: f64, to: f64, out: usize, n: usize| -> Lowering<Vec<Vec<Pair>>> {
        let offset = if half_pixel { 0.5 } else { 0.0 };
        let (start, end) = (from * scale - offset, to * scale - offset);
        let length = if half_pixel { end - start } else { (end - start).max(1.0) };
        let bin = length / out as f64;
        let count = if ratio > 0 { ratio as f64 } else { bin.ceil().max(0.0) };
        if count.is_nan() || count > SAMPLES {
            return invalid(format!("a region from {from} to {to}"));
        }
        let at = |p: usize, i: usize| start + p as f64 * bin + (i as f64 + 0.5) * bin / count;
        Ok((0..out).map(|p| (0..count as usize).map(|i| neighbours(at(p, i), n)).collect()).collect())
    };
    let mut samples = Vec::with_capacity(batches.len());
    for region in rois.to_vec().chunks_exact(4) {
        samples.push((axis(region[1], region[3], out_h, height)?, axis(region[0], region[2], out_w, width)?));
    }
    // Every element of the result reads as many elements as the one that reads most; what is missing has weight 0.
    let most = samples.iter().map(|(h, w)| 4 * h.first().map_or(0, Vec::len) * w.first().map_or(0, Vec::len)).max();
    let most = most.unwrap_or(0).max(1);
    let points = batches.len() * out_h * out_w;
    sized(&[points, most])?;
    sized(&[batches.len(), channels, out_h * out_w, most])?;
    let (mut sources, mut weights) = (Vec::with_capacity(points * most), Vec::with_capacity(points * most));
    for (rows, columns) in &samples {
        for row in rows {
            for column in columns {
                let count = (row.len() * column.len()).max(1) as f64;
                let before = sources.len();
                for (y, x) in row.iter().flat_map(|y| column.iter().map(move |x| (y, x))) {
                    let (Some(y), Some(x)) = (y, x) else {
                        sources.push(0);
                        weights.push(0.0);
                        continue;
                    };
                    for ((i, wy), (j, wx)) in y.iter().flat_map(|y| x.iter().map(move |x| (y, x))) {
                        sources.push(i * width + j);
                        weights.push(if largest { wy * wx } else { wy * wx / count });
                    }
                }
                // A maximum is not changed by an element that it has seen, a sum not by zeros.
                let (source, weight) = (sources.get(before).copied(), weights.get(before).copied());
                sources.resize(before + most, source.unwrap_or(0));
                weights.resize(before + most, weight.filter(|_| largest).unwrap_or(0.0));
            }
        }
    }
    let plane = height * width;
    let per_region = out_h * out_w * most;
    let mut indices = Vec::with_capacity(batches.len() * channels * per_region);
    for (region, batch) in batches.iter().enumerate() {
        for channel in 0..channels {
            let base = (batch * channels + channel) * plane;
            indices.extend(sources[region * per_region..][..per_region].iter().map(|s| base + s));
        }
    }
    let view = View::Index { shape: vec![batches.len(), channels, out_h * out_w, most], indices };
    let values = call.view(view, x)?;
    let weights = call.tensor(&[batches.len(), out_h * out_w, most], weights, DType::Real)?;
    let y = if largest {
        let weighted = call.contract(values, b"rcps", weights, b"rps", b"rcps")?;
        call.reduce(Reducer::Max, weighted, &[3], false)?
    } else {
        call.contract(values, b"rcps", weights, b"rps", b"rcp")?
    };
    Ok(vec![call.reshape(y, &[batches.len(), channels, out_h, out_w])?])
}

/// The elements next to `at` on an axis of extent `n`.
fn neighbours(at: f64, n: usize) -> Pair {
    if !(-1.0..=n as f64).contains(&at) || n == 0 {
        return None;
    }
    let at = at.max(0.0);
    let low = at as usize;
    if low + 1 >= n {
        return Some([(n - 1, 1.0), (n - 1, 0.0)]);
    }
    let rest = at - low as f64;
    Some([(low, 1.0 - rest), (low + 1, rest)])
}

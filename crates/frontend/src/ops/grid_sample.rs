//! GridSample: elements of an image at the positions of a grid. AffineGrid: the grid of an affine map.
//!
//! Spec: the pages of these names; all opsets. Products with weights along every axis; the grid may depend on the data.
//! Rejected: an AffineGrid size that depends on the data.

use plonnx_ir::DType;

use super::sampling::{Kernel, Outside, sampled, weights};
use crate::lower::{Call, Results, extent, invalid, sized};

/// Slope of cubic convolution at distance 1.
const SLOPE: f64 = -0.75;

pub(super) fn grid_sample(call: &mut Call) -> Results {
    let (x, grid) = (call.input(0)?, call.input(1)?);
    let (shape, grid_shape) = (call.shape(x), call.shape(grid));
    let (Some(spatial), Some((axes, points))) = (shape.get(2..), grid_shape.split_last()) else {
        return invalid(format!("an image of shape {shape:?} and a grid of shape {grid_shape:?}"));
    };
    if *axes != spatial.len() || points.len() != axes + 1 || points[0] != shape[0] || *axes == 0 {
        return invalid(format!("an image of shape {shape:?} and a grid of shape {grid_shape:?}"));
    }
    let kernel = match call.text("mode", "linear")? {
        "nearest" => Kernel::Nearest,
        "linear" | "bilinear" => Kernel::Linear,
        "cubic" | "bicubic" => Kernel::Cubic(SLOPE),
        other => return invalid(format!("mode is \"{other}\", expected nearest, linear or cubic")),
    };
    let padding = call.text("padding_mode", "zeros")?;
    let corners = call.flag("align_corners", false)?;
    let count = sized(&points[1..])?;
    let grid = call.reshape(grid, &[shape[0], count, *axes])?;
    let mut all = Vec::with_capacity(*axes);
    for (i, n) in spatial.iter().enumerate() {
        // The grid names the last axis first.
        let own = call.narrow(grid, 2, axes - 1 - i, 1)?;
        let own = call.reshape(own, &[shape[0], count])?;
        let size = *n as f64;
        let (slope, offset) =
            if corners { ((size - 1.0) / 2.0, (size - 1.0) / 2.0) } else { (size / 2.0, (size - 1.0) / 2.0) };
        let offset = call.scalar(offset, DType::Real)?;
        let at = call.linear(&[(slope, own), (1.0, offset)])?;
        let outside = match padding {
            "zeros" => Outside::Zeros,
            "border" => Outside::Border,
            "reflection" if corners => Outside::Reflection { lo: 0.0, hi: size - 1.0 },
            "reflection" => Outside::Reflection { lo: -0.5, hi: size - 0.5 },
            other => return invalid(format!("padding_mode is \"{other}\", expected zeros, border or reflection")),
        };
        all.push(weights(call, at, *n, kernel, outside)?);
    }
    let y = sampled(call, x, &all)?;
    Ok(vec![call.reshape(y, &[&shape[..2], &points[1..]].concat())?])
}

pub(super) fn affine_grid(call: &mut Call) -> Results {
    let theta = call.input(0)?;
    let Some(size) = call.known_ints(1, "size")? else { return invalid("operand 1 is missing") };
    let size = size.into_iter().map(|n| extent(n, "size")).collect::<Result<Vec<_>, _>>()?;
    let corners = call.flag("align_corners", false)?;
    let [batch, _, spatial @ ..] = size.as_slice() else { return invalid(format!("a grid of size {size:?}")) };
    let axes = spatial.len();
    if axes == 0 || call.shape(theta) != [*batch, axes, axes + 1] {
        return invalid(format!("theta of shape {:?} for size {size:?}", call.shape(theta)));
    }
    let count = sized(spatial)?;
    sized(&[count, axes + 1])?;
    let coordinate = |i: usize, n: usize| match (corners, n) {
        (true, 0 | 1) => -1.0,
        (true, n) => 2.0 * i as f64 / (n - 1) as f64 - 1.0,
        (false, n) => (2 * i + 1) as f64 / n as f64 - 1.0,
    };
    let mut points = Vec::with_capacity(count * (axes + 1));
    for point in 0..count {
        // The last axis first, then a one.
        let mut rest = point;
        for n in spatial.iter().rev() {
            points.push(coordinate(rest % n, *n));
            rest /= n;
        }
        points.push(1.0);
    }
    let points = call.tensor(&[count, axes + 1], points, DType::Real)?;
    let y = call.contract(theta, b"nij", points, b"pj", b"npi")?;
    Ok(vec![call.reshape(y, &[&[*batch], spatial, &[axes]].concat())?])
}

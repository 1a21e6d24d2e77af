//! Elements of images at positions between them, as products with weights.
//!
//! Along every axis the weights of all elements follow from the position: `max(0, 1 - |distance|)` for linear
//! interpolation. Positions that are known give constant weights.

use plonnx_ir::op::{Extremum, Label, OneHot};
use plonnx_ir::{CoreOp, DType, Function, NodeId};

use crate::lower::{Call, Lowering, invalid, sized, unsupported};

/// How an element between others is made of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kernel {
    Nearest,
    Linear,
    /// Cubic convolution with this slope at distance 1.
    Cubic(f64),
}

/// What lies outside of the image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outside {
    Zeros,
    /// The nearest elements.
    Border,
    /// The image mirrored at these positions.
    Reflection {
        lo: f64,
        hi: f64,
    },
}

/// Weights of the `n` elements of an axis for positions `at`, of shape `[batch, points]`: one axis more.
pub(super) fn weights(call: &mut Call, at: NodeId, n: usize, kernel: Kernel, outside: Outside) -> Lowering<NodeId> {
    let shape = call.shape(at);
    sized(&[shape.as_slice(), &[n + 4]].concat())?;
    if n == 0 {
        return invalid("an image without elements");
    }
    let last = n as f64 - 1.0;
    let at = if kernel == Kernel::Nearest { call.map(Function::Round, at)? } else { at };
    let at = match outside {
        Outside::Zeros => at,
        Outside::Border => {
            // As far out as elements inside have weights.
            let beyond = match kernel {
                Kernel::Nearest => 0.0,
                Kernel::Linear => 0.5,
                Kernel::Cubic(_) => 1.0,
            };
            clipped(call, at, -beyond, last + beyond)?
        }
        Outside::Reflection { lo, hi } => call.map(Function::Reflect { lo, hi }, at)?,
    };
    // Elements around the image, which stand for others or for zeros.
    let around = match (kernel, outside) {
        (_, Outside::Zeros) => 0,
        (Kernel::Nearest | Kernel::Linear, _) => 1,
        (Kernel::Cubic(_), _) => 2,
    };
    let weights = if kernel == Kernel::Nearest {
        // Positions outside have a unit vector of their own, which is cut off.
        let bounded = clipped(call, at, -1.0, n as f64)?;
        let whole = call.retype(bounded, DType::Int)?;
        let one = call.scalar(1.0, DType::Int)?;
        let index = call.linear(&[(1.0, whole), (1.0, one)])?;
        let unit = call.add(CoreOp::OneHot(OneHot { depth: n + 2 }), &[index])?;
        let unit = if around == 0 { call.narrow(unit, shape.len(), 1, n)? } else { unit };
        call.retype(unit, DType::Real)?
    } else {
        let elements = (0..n + 2 * around).map(|i| i as f64 - around as f64).collect();
        let elements = call.tensor(&[n + 2 * around], elements, DType::Real)?;
        let column = call.reshape(at, &[shape.as_slice(), &[1]].concat())?;
        let distance = call.linear(&[(1.0, column), (-1.0, elements)])?;
        match kernel {
            Kernel::Cubic(slope) => call.map(Function::CubicKernel(slope), distance)?,
            _ => {
                let distance = call.map(Function::Abs, distance)?;
                let one = call.scalar(1.0, DType::Real)?;
                let near = call.linear(&[(-1.0, distance), (1.0, one)])?;
                call.map(Function::Relu, near)?
            }
        }
    };
    if around == 0 {
        return Ok(weights);
    }
    let mut merge = vec![0.0; (n + 2 * around) * n];
    for (i, row) in merge.chunks_exact_mut(n).enumerate() {
        let position = i as f64 - around as f64;
        let inside = match outside {
            Outside::Reflection { lo, hi } => Function::Reflect { lo, hi }.eval(position),
            _ => position,
        };
        row[inside.clamp(0.0, last) as usize] = 1.0;
    }
    let merge = call.tensor(&[n + 2 * around, n], merge, DType::Real)?;
    let labels: Vec<Label> = (b'a'..=b'x').take(shape.len()).collect();
    let (from, to) = ([labels.as_slice(), b"y"].concat(), [labels.as_slice(), b"z"].concat());
    call.contract(weights, &from, merge, b"yz", &to)
}

fn clipped(call: &mut Call, x: NodeId, lo: f64, hi: f64) -> Lowering<NodeId> {
    let (lo, hi) = (call.scalar(lo, DType::Real)?, call.scalar(hi, DType::Real)?);
    let x = call.extremum(Extremum::Max, x, lo)?;
    call.extremum(Extremum::Min, x, hi)
}

/// Sums of the elements of `x`, of shape `[batch, channels, ..]`, with one tensor of weights `[batch, points, extent]` for
/// every axis after those: `[batch, channels, points]`.
pub(super) fn sampled(call: &mut Call, x: NodeId, weights: &[NodeId]) -> Lowering<NodeId> {
    let shape = call.shape(x);
    let (axes, spatial) = (weights.len(), shape.get(2..).unwrap_or_default());
    if spatial.len() != axes || axes == 0 {
        return invalid(format!("an image of shape {shape:?}"));
    }
    if axes > 20 {
        return unsupported(format!("{axes} spatial axes"), "use fewer axes");
    }
    // Labels: batch, channels, points, then the spatial axes.
    let spatial_labels: Vec<Label> = (b'd'..=b'z').take(axes).collect();
    if weights.iter().all(|w| call.is_known(*w)) {
        let mut joint = weights[0];
        for (i, weight) in weights.iter().enumerate().skip(1) {
            let left = [b"ac", &spatial_labels[..i]].concat();
            let out = [b"ac", &spatial_labels[..i + 1]].concat();
            joint = call.contract(joint, &left, *weight, &[b'a', b'c', spatial_labels[i]], &out)?;
        }
        let (image, all) = ([b"ab", spatial_labels.as_slice()].concat(), [b"ac", spatial_labels.as_slice()].concat());
        return call.contract(x, &image, joint, &all, b"abc");
    }
    let mut y = x;
    for (i, weight) in weights.iter().enumerate() {
        let (prefix, rest): (&[Label], _) = (if i == 0 { b"ab" } else { b"abc" }, &spatial_labels[i..]);
        let out = [b"abc", &rest[1..]].concat();
        y = call.contract(y, &[prefix, rest].concat(), *weight, &[b'a', b'c', rest[0]], &out)?;
    }
    Ok(y)
}

//! Convolutions over three axes.

use plonnx_ir::op::{Conv, View};
use plonnx_ir::{CoreOp, NodeId};

use super::builder::{Builder, sized};
use super::error::{Lowering, invalid};

impl Builder {
    /// A convolution over three axes: a sum of convolutions over the last two, one for every position of the kernel along
    /// the first. Slices of that axis become samples.
    pub(super) fn volume_conv(&mut self, conv: Conv, x: NodeId, w: NodeId) -> Lowering<NodeId> {
        let mut before = vec![0; 5];
        let mut after = vec![0; 5];
        (before[2], after[2]) = (conv.before[0], conv.after[0]);
        let padded = self.view(View::Pad { before, after, interior: vec![0; 5] }, x)?;
        let (x_shape, w_shape) = (self.shape(padded), self.shape(w));
        let ([batch, channels, depth, height, width], [outputs, own, kernel, kernel_h, kernel_w]) =
            (x_shape.as_slice(), w_shape.as_slice())
        else {
            return invalid(format!("input of shape {x_shape:?} and weights of shape {w_shape:?} do not fit"));
        };
        let reach = (kernel.saturating_sub(1)).saturating_mul(conv.dilations[0]) + 1;
        let Some(room) = depth.checked_sub(reach).filter(|_| *kernel > 0) else {
            return invalid(format!("kernel reaches over {reach} elements, axis 2 has {depth} with padding"));
        };
        let slices = room / conv.strides[0] + 1;
        let plane = Conv {
            strides: conv.strides[1..].to_vec(),
            dilations: conv.dilations[1..].to_vec(),
            before: conv.before[1..].to_vec(),
            after: conv.after[1..].to_vec(),
            groups: conv.groups,
        };
        sized(&[*batch, slices, *channels, *height, *width])?;
        let mut terms = Vec::with_capacity(*kernel);
        for k in 0..*kernel {
            let indices = (0..slices).map(|s| s * conv.strides[0] + k * conv.dilations[0]).collect();
            let taken = self.view(View::Gather { axis: 2, shape: vec![slices], indices }, padded)?;
            let taken = self.transpose(taken, &[0, 2, 1, 3, 4])?;
            let taken = self.reshape(taken, &[batch * slices, *channels, *height, *width])?;
            let weights = self.narrow(w, 2, k, 1)?;
            let weights = self.reshape(weights, &[*outputs, *own, *kernel_h, *kernel_w])?;
            terms.push((1.0, self.add(CoreOp::Conv(plane.clone()), &[taken, weights])?));
        }
        let y = self.linear(&terms)?;
        let shape = self.shape(y);
        let split = self.reshape(y, &[&[*batch, slices], &shape[1..]].concat())?;
        self.transpose(split, &[0, 2, 1, 3, 4])
    }
}

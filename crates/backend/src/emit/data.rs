//! Forms of convolutions whose weights are data.

use plonnx_ir::op::Conv;

use super::Emitter;
use crate::argument::linear::Forms;
use crate::assembler::{Cell, EXT_ZERO, Ext};

impl Emitter<'_, '_> {
    /// `sum_o r^(o step) sum_j w[o, j] sums[g(o) span + j]`: the right side of a convolution with kernels `w`, row-major of
    /// `outputs` rows, where `sums` are the window sums of all channels and `span` those of one group.
    ///
    /// The sum over `o` is moved inside: one form in the kernels' cells for every window sum, and one product of the two.
    /// Both factors are expressions in cells that are fixed before `r` is drawn.
    pub(super) fn kernel_form(
        &mut self,
        forms: &mut Forms,
        conv: &Conv,
        kernels: &[Cell],
        outputs: usize,
        sums: &[Ext],
        step: i64,
    ) -> Ext {
        let span = sums.len() / conv.groups;
        let per_group = outputs / conv.groups;
        let mut total = EXT_ZERO;
        for group in 0..conv.groups {
            let first = group * per_group;
            let mut sum = EXT_ZERO;
            for (j, window) in sums[group * span..(group + 1) * span].iter().enumerate() {
                let column: Vec<Cell> = (first..first + per_group).map(|o| kernels[o * span + j]).collect();
                let form = forms.cells(&mut self.asm, &column, &[per_group], &[step]);
                sum = self.asm.mul_add(form, *window, sum);
            }
            let power = forms.power(&mut self.asm, step * first as i64);
            total = self.asm.mul_add(power, sum, total);
        }
        total
    }
}

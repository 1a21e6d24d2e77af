//! Window sums of a convolution: for every kernel offset the sum, over all output positions, of the input element under
//! that offset times the power of the challenge that belongs to the position.
//!
//! With `a = r^s_y`, `b = r^s_x` the sum for offset `k` is `S(k) = sum_p a^p_y b^p_x x[p * stride + k * dilation - pad]`.
//! Offsets that agree modulo the stride read the same subsampled image, where the window of output positions is a
//! rectangle that only shifts with `k`. So `S(k) = a^-q_y b^-q_x (P - border)`: one inner product `P` over the whole
//! image serves all offsets, and the borders are thin rectangles.

use super::linear::Forms;
use crate::assembler::{Assembler, Cell, EXT_ZERO, Ext};
use crate::gate::{COLUMNS, ReduceGate};

/// One spatial axis.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub extent: usize,
    pub kernel: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
    pub out: usize,
    /// Exponent of the challenge per output position.
    pub exponent: i64,
}

/// The part of the subsampled axis that a kernel offset reads.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Offset {
    /// Residue of the offset: which subsampled axis it reads.
    phase: usize,
    /// Subsampled position under output position 0; may lie outside.
    q: i64,
    /// Half-open range of subsampled positions under some output position.
    lo: usize,
    hi: usize,
}

impl Axis {
    fn offset(&self, k: usize) -> Offset {
        let t = (k * self.dilation) as i64 - self.before as i64;
        let (q, phase) = (t.div_euclid(self.stride as i64), t.rem_euclid(self.stride as i64) as usize);
        let length = self.length(phase) as i64;
        let lo = q.clamp(0, length);
        let hi = (q + self.out as i64).clamp(lo, length);
        Offset { phase, q, lo: lo as usize, hi: hi as usize }
    }

    fn length(&self, phase: usize) -> usize {
        self.extent.saturating_sub(phase).div_ceil(self.stride)
    }
}

/// Rows that an inner product over a rectangle takes.
fn rect_rows(height: usize, width: usize) -> usize {
    if height == 0 || width == 0 {
        return 0;
    }
    let strips = (height * width.div_ceil(COLUMNS)).min(width * height.div_ceil(COLUMNS));
    strips.div_ceil(ReduceGate::ROWS)
}

/// `S(k_y, k_x)` for one image `cells` (`y.extent` x `x.extent`, row-major), row-major over the kernel.
pub fn window_sums(asm: &mut Assembler, forms: &mut Forms, cells: &[Cell], y: Axis, x: Axis) -> Vec<Ext> {
    let offsets_y: Vec<Offset> = (0..y.kernel).map(|k| y.offset(k)).collect();
    let offsets_x: Vec<Offset> = (0..x.kernel).map(|k| x.offset(k)).collect();
    let mut sums = vec![EXT_ZERO; y.kernel * x.kernel];
    for phase_y in 0..y.stride {
        for phase_x in 0..x.stride {
            let image = Image {
                cells,
                stride: (y.stride * x.extent, x.stride),
                origin: phase_y * x.extent + phase_x,
                exponents: (y.exponent, x.exponent),
                size: (y.length(phase_y), x.length(phase_x)),
            };
            let pick = |offsets: &[Offset], phase: usize| -> Vec<(usize, Offset)> {
                offsets.iter().copied().enumerate().filter(|(_, o)| o.phase == phase).collect()
            };
            let (ys, xs) = (pick(&offsets_y, phase_y), pick(&offsets_x, phase_x));
            image.sums(asm, forms, &ys, &xs, |ky, kx, sum| sums[ky * x.kernel + kx] = sum);
        }
    }
    sums
}

/// A subsampled image.
struct Image<'a> {
    cells: &'a [Cell],
    stride: (usize, usize),
    origin: usize,
    exponents: (i64, i64),
    size: (usize, usize),
}

impl Image<'_> {
    /// Inner product over rows `v` and columns `u` with exponents relative to (`from_v`, `from_u`).
    fn rect(
        &self,
        asm: &mut Assembler,
        forms: &mut Forms,
        v: (usize, usize),
        u: (usize, usize),
        from: (i64, i64),
    ) -> Ext {
        if v.0 >= v.1 || u.0 >= u.1 {
            return EXT_ZERO;
        }
        let mut cells = Vec::with_capacity((v.1 - v.0) * (u.1 - u.0));
        for row in v.0..v.1 {
            for column in u.0..u.1 {
                cells.push(self.cells[self.origin + row * self.stride.0 + column * self.stride.1]);
            }
        }
        let base = (v.0 as i64 - from.0) * self.exponents.0 + (u.0 as i64 - from.1) * self.exponents.1;
        let sum = forms.cells(asm, &cells, &[v.1 - v.0, u.1 - u.0], &[self.exponents.0, self.exponents.1]);
        let factor = forms.power(asm, base);
        asm.mul_add(factor, sum, EXT_ZERO)
    }

    fn sums(
        &self,
        asm: &mut Assembler,
        forms: &mut Forms,
        ys: &[(usize, Offset)],
        xs: &[(usize, Offset)],
        mut put: impl FnMut(usize, usize, Ext),
    ) {
        let (height, width) = self.size;
        let direct: usize =
            ys.iter().flat_map(|(_, y)| xs.iter().map(move |(_, x)| rect_rows(y.hi - y.lo, x.hi - x.lo))).sum();
        let mut borders = rect_rows(height, width) + 2 * ys.len() * xs.len() / 10;
        let mut left: Vec<usize> = xs.iter().map(|(_, x)| x.lo).collect();
        let mut right: Vec<usize> = xs.iter().map(|(_, x)| x.hi).collect();
        for cuts in [&mut left, &mut right] {
            cuts.sort_unstable();
            cuts.dedup();
        }
        borders += left.iter().map(|lo| rect_rows(height, *lo)).sum::<usize>();
        borders += right.iter().map(|hi| rect_rows(height, width - hi)).sum::<usize>();
        for (_, y) in ys {
            for (_, x) in xs {
                borders += rect_rows(y.lo, x.hi - x.lo) + rect_rows(height - y.hi, x.hi - x.lo);
            }
        }
        if direct <= borders {
            for (ky, y) in ys {
                for (kx, x) in xs {
                    let sum = self.rect(asm, forms, (y.lo, y.hi), (x.lo, x.hi), (y.q, x.q));
                    put(*ky, *kx, sum);
                }
            }
            return;
        }
        let origin = (0, 0);
        let total = self.rect(asm, forms, (0, height), (0, width), origin);
        let minus = [Cell::constant(-<crate::config::F as plonky2::field::types::Field>::ONE), Cell::ZERO];
        let lefts: Vec<Ext> = left.iter().map(|lo| self.rect(asm, forms, (0, height), (0, *lo), origin)).collect();
        let rights: Vec<Ext> =
            right.iter().map(|hi| self.rect(asm, forms, (0, height), (*hi, width), origin)).collect();
        let at = |cuts: &[usize], cut: usize| cuts.iter().position(|c| *c == cut).unwrap_or(0);
        for (kx, x) in xs {
            let columns = asm.mul_add(minus, lefts[at(&left, x.lo)], total);
            let columns = asm.mul_add(minus, rights[at(&right, x.hi)], columns);
            let mut borders: Vec<((usize, usize), Ext)> = Vec::new();
            for (ky, y) in ys {
                let mut sum = columns;
                for rows in [(0, y.lo), (y.hi, height)] {
                    let border = match borders.iter().find(|(r, _)| *r == rows) {
                        Some((_, border)) => *border,
                        None => {
                            let border = self.rect(asm, forms, rows, (x.lo, x.hi), origin);
                            borders.push((rows, border));
                            border
                        }
                    };
                    sum = asm.mul_add(minus, border, sum);
                }
                let shift = forms.power(asm, -y.q * self.exponents.0 - x.q * self.exponents.1);
                let sum = asm.mul_add(shift, sum, EXT_ZERO);
                put(*ky, *kx, sum);
            }
        }
    }
}

//! Window sums of a convolution: for every kernel offset the sum, over all output positions, of the input element under
//! that offset times the power of the challenge that belongs to the position.
//!
//! With `a = r^s_y`, `b = r^s_x` the sum for offset `k` is `S(k) = sum_p a^p_y b^p_x x[p * stride + k * dilation - pad]`.
//! Offsets that agree modulo the stride read the same subsampled image, where the window of output positions is a
//! rectangle that only shifts with `k`. So `S(k) = a^-q_y b^-q_x (P - border)`: one inner product `P` over the whole
//! image serves all offsets. The border is the columns outside the rectangle, and the rows outside it without their
//! ends, which are in those columns: `border = sum_u b^u C_u + sum_v a^v (R_v - sum_u b^u x_vu)` with the inner products
//! `C_u` of column `u` and `R_v` of row `v`. They are short, so those of all images share rows.

use std::collections::HashMap;

use super::linear::Forms;
use crate::assembler::{Assembler, Cell, EXT_ZERO, Ext};
use crate::gate::{COLUMNS, MulAddGate, ReduceGate, StripsGate};

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

/// `S(k_y, k_x) = r^exponents[k] sums[image][k]`, `k` row-major over the kernel.
pub struct Windows {
    /// The powers belong to offsets, not to images: whoever sums over images multiplies once for all of them.
    pub exponents: Vec<i64>,
    pub sums: Vec<Vec<Ext>>,
}

/// The window sums of each of `images` (`y.extent` x `x.extent`, row-major).
pub fn window_sums(asm: &mut Assembler, forms: &mut Forms, images: &[&[Cell]], y: Axis, x: Axis) -> Windows {
    let offsets_y: Vec<Offset> = (0..y.kernel).map(|k| y.offset(k)).collect();
    let offsets_x: Vec<Offset> = (0..x.kernel).map(|k| x.offset(k)).collect();
    let mut exponents = vec![0; y.kernel * x.kernel];
    let mut sums = vec![vec![EXT_ZERO; y.kernel * x.kernel]; images.len()];
    for phase_y in 0..y.stride {
        for phase_x in 0..x.stride {
            let pick = |offsets: &[Offset], phase: usize| -> Vec<(usize, Offset)> {
                offsets.iter().copied().enumerate().filter(|(_, o)| o.phase == phase).collect()
            };
            let lattice = Lattice {
                stride: (y.stride * x.extent, x.stride),
                origin: phase_y * x.extent + phase_x,
                exponents: (y.exponent, x.exponent),
                size: (y.length(phase_y), x.length(phase_x)),
                ys: pick(&offsets_y, phase_y),
                xs: pick(&offsets_x, phase_x),
            };
            let direct = lattice.sums(asm, forms, images, |image, ky, kx, sum| sums[image][ky * x.kernel + kx] = sum);
            for (ky, oy) in &lattice.ys {
                for (kx, ox) in &lattice.xs {
                    let first = if direct { (oy.lo as i64, ox.lo as i64) } else { (0, 0) };
                    exponents[ky * x.kernel + kx] = (first.0 - oy.q) * y.exponent + (first.1 - ox.q) * x.exponent;
                }
            }
        }
    }
    Windows { exponents, sums }
}

/// The positions of a subsampled image, and the kernel offsets that read it.
struct Lattice {
    stride: (usize, usize),
    origin: usize,
    exponents: (i64, i64),
    size: (usize, usize),
    ys: Vec<(usize, Offset)>,
    xs: Vec<(usize, Offset)>,
}

/// Positions outside the window of an offset.
fn outside(offset: &Offset, length: usize) -> impl Iterator<Item = usize> + use<> {
    (0..offset.lo).chain(offset.hi..length)
}

impl Lattice {
    fn cell(&self, image: &[Cell], v: usize, u: usize) -> Cell {
        image[self.origin + v * self.stride.0 + u * self.stride.1]
    }

    /// Inner product over rows `v` and columns `u` with exponents relative to the first element.
    fn rect(
        &self,
        asm: &mut Assembler,
        forms: &mut Forms,
        image: &[Cell],
        v: (usize, usize),
        u: (usize, usize),
    ) -> Ext {
        if v.0 >= v.1 || u.0 >= u.1 {
            return EXT_ZERO;
        }
        let cells: Vec<Cell> = (v.0..v.1)
            .flat_map(|row| (u.0..u.1).map(move |column| (row, column)))
            .map(|(r, c)| self.cell(image, r, c))
            .collect();
        forms.cells(asm, &cells, &[v.1 - v.0, u.1 - u.0], &[self.exponents.0, self.exponents.1])
    }

    /// Rows and columns that some window leaves out.
    fn borders(&self) -> (Vec<usize>, Vec<usize>) {
        let collect = |offsets: &[(usize, Offset)], length: usize| {
            let mut all: Vec<usize> = offsets.iter().flat_map(|(_, o)| outside(o, length)).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        (collect(&self.ys, self.size.0), collect(&self.xs, self.size.1))
    }

    /// Rows per image with one rectangle for each offset, and with one for all and the borders.
    fn costs(&self, rows: &[usize], columns: &[usize]) -> (f64, f64) {
        let (height, width) = self.size;
        let offsets = || self.ys.iter().flat_map(|(_, y)| self.xs.iter().map(move |(_, x)| (y, x)));
        let direct: usize = offsets().map(|(y, x)| rect_rows(y.hi - y.lo, x.hi - x.lo)).sum();
        let left_out = |o: &Offset, length: usize| length - (o.hi - o.lo);
        let ends: usize = self.xs.iter().map(|(_, x)| left_out(x, width)).sum();
        let products: usize = ends * (1 + rows.len())
            + self.xs.len() * self.ys.iter().map(|(_, y)| left_out(y, height)).sum::<usize>()
            + self.xs.len() * self.ys.len();
        let strips = rows.len() * width.div_ceil(COLUMNS) + columns.len() * height.div_ceil(COLUMNS);
        let borders = rect_rows(height, width) as f64
            + strips as f64 / StripsGate::ROWS as f64
            + (products + strips) as f64 / MulAddGate::SLOTS as f64;
        (direct as f64, borders)
    }

    /// Window sums without the powers in front, by `put(image, k_y, k_x, sum)`. Whether each offset was summed directly,
    /// with exponents from its first element.
    fn sums(
        &self,
        asm: &mut Assembler,
        forms: &mut Forms,
        images: &[&[Cell]],
        mut put: impl FnMut(usize, usize, usize, Ext),
    ) -> bool {
        let (height, width) = self.size;
        let (rows, columns) = self.borders();
        let (direct, borders) = self.costs(&rows, &columns);
        if direct <= borders {
            for (i, image) in images.iter().enumerate() {
                for (ky, y) in &self.ys {
                    for (kx, x) in &self.xs {
                        let sum = self.rect(asm, forms, image, (y.lo, y.hi), (x.lo, x.hi));
                        put(i, *ky, *kx, sum);
                    }
                }
            }
            return true;
        }
        for (i, image) in images.iter().enumerate() {
            let total = self.rect(asm, forms, image, (0, height), (0, width));
            let (mut row_sums, mut column_sums) = (HashMap::new(), HashMap::new());
            for v in &rows {
                let line: Vec<Cell> = (0..width).map(|u| self.cell(image, *v, u)).collect();
                row_sums.insert(*v, forms.line(asm, &line, self.exponents.1));
            }
            for u in &columns {
                let line: Vec<Cell> = (0..height).map(|v| self.cell(image, v, *u)).collect();
                column_sums.insert(*u, forms.line(asm, &line, self.exponents.0));
            }
            for (kx, x) in &self.xs {
                let mut inside = total;
                for u in outside(x, width) {
                    let factor = forms.negated(asm, u as i64 * self.exponents.1);
                    inside = asm.mul_add(factor, column_sums[&u], inside);
                }
                // Rows without the ends that are in the columns left out.
                let mut middles: Vec<(usize, Ext)> = Vec::new();
                for (ky, y) in &self.ys {
                    let mut sum = inside;
                    for v in outside(y, height) {
                        let middle = match middles.iter().find(|(row, _)| *row == v) {
                            Some((_, middle)) => *middle,
                            None => {
                                let mut middle = row_sums[&v];
                                for u in outside(x, width) {
                                    let factor = forms.negated(asm, u as i64 * self.exponents.1);
                                    middle = asm.mul_add(factor, [self.cell(image, v, u), Cell::ZERO], middle);
                                }
                                middles.push((v, middle));
                                middle
                            }
                        };
                        let factor = forms.negated(asm, v as i64 * self.exponents.0);
                        sum = asm.mul_add(factor, middle, sum);
                    }
                    put(i, *ky, *kx, sum);
                }
            }
        }
        false
    }
}

//! Linear forms: `sum_i r^e(i) x_i` of a tensor with exponents affine in the index.
//!
//! All linear relations `acc_i = L_i(x)` of a segment are checked by one equation, the sum of `r^i (acc_i - L_i(x))`
//! over all accumulators `i`. The left side accumulates in the requantisation rows; the right side is computed here,
//! once per relation, by moving the sum inside: for `C = A W` it is `sum_k (sum_m r^e(m) A_mk) (sum_n r^e(n) W_kn)`
//! (Freivalds), which costs about one multiplication per element of `A` and one constant per weight.

use std::collections::HashMap;

use plonky2::field::types::Field;

use super::suffix::{Run, Span, Suffixes};
use crate::assembler::{Assembler, Cell, EXT_ONE, EXT_ZERO, Ext};
use crate::config::{F, to_field};
use crate::gate::{BilinearGate, COLUMNS, Kind, ProductGate, ReduceGate, StripsGate};
use crate::witness::{Hint, Phase};

/// Up to eight cells at exponents `exponent + j * step`.
struct Strip {
    exponent: i64,
    cells: Vec<(Cell, Cell)>,
}

/// Right operand of a bilinear form.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    Base(Cell),
    Extension(Ext),
}

/// Powers of the challenge and the rows that use them.
#[derive(Debug)]
pub struct Forms {
    r: Ext,
    inverse: Option<Ext>,
    powers: HashMap<i64, Ext>,
    negated: HashMap<i64, Ext>,
    geometric: HashMap<(i64, usize), Ext>,
    pub(super) suffixes: Suffixes,
    /// By step: the last row of strips, and how many it has.
    open_strips: HashMap<i64, (u32, usize)>,
    /// Weights per row.
    constants: usize,
}

/// Least number of consecutive results whose inner product is taken from their rows' running sums.
const CONSECUTIVE: usize = 32;

impl Forms {
    /// Forms in the challenge `r`, for rows with `constants` constants. `runs` are rows with running sums of their results.
    pub fn new(r: Ext, constants: usize, runs: Vec<Run>) -> Self {
        Self {
            r,
            inverse: None,
            powers: HashMap::from([(0, EXT_ONE), (1, r)]),
            negated: HashMap::new(),
            geometric: HashMap::new(),
            suffixes: Suffixes::new(runs),
            open_strips: HashMap::new(),
            constants,
        }
    }

    /// `r^exponent`; negative exponents use an inverse that a constraint ties to `r`.
    pub fn power(&mut self, asm: &mut Assembler, exponent: i64) -> Ext {
        if let Some(power) = self.powers.get(&exponent) {
            return *power;
        }
        let power = if exponent == -1 {
            let r = self.r;
            *self.inverse.get_or_insert_with(|| asm.inverse(r))
        } else if exponent % 2 == 0 {
            let half = self.power(asm, exponent / 2);
            asm.mul_add(half, half, EXT_ZERO)
        } else {
            let unit = exponent.signum();
            let (rest, step) = (self.power(asm, exponent - unit), self.power(asm, unit));
            asm.mul_add(rest, step, EXT_ZERO)
        };
        self.powers.insert(exponent, power);
        power
    }

    /// `-r^exponent`
    pub fn negated(&mut self, asm: &mut Assembler, exponent: i64) -> Ext {
        if let Some(power) = self.negated.get(&exponent) {
            return *power;
        }
        let power = self.power(asm, exponent);
        let negated = asm.mul_add([Cell::constant(F::NEG_ONE), Cell::ZERO], power, EXT_ZERO);
        self.negated.insert(exponent, negated);
        negated
    }

    /// `sum_j r^(step j) line[j]`; strips of eight cells of all lines with one step share rows.
    pub fn line(&mut self, asm: &mut Assembler, line: &[Cell], step: i64) -> Ext {
        let strips: Vec<Ext> = line.chunks(COLUMNS).map(|cells| self.strip(asm, cells, step)).collect();
        let factor = self.power(asm, step * COLUMNS as i64);
        let joined = strips.into_iter().rev().reduce(|sum, strip| asm.mul_add(factor, sum, strip));
        joined.unwrap_or(EXT_ZERO)
    }

    /// `sum_j r^(step j) cells[j]` for up to eight cells.
    pub(super) fn strip(&mut self, asm: &mut Assembler, cells: &[Cell], step: i64) -> Ext {
        let (row, slot) = match self.open_strips.get(&step) {
            Some((row, used)) if *used < StripsGate::ROWS => (*row, *used),
            _ => {
                let lows: Vec<Ext> = (0..COLUMNS as i64).map(|j| self.power(asm, j * step)).collect();
                let row = asm.row(&Kind::Strips, Vec::new);
                for (j, low) in lows.into_iter().enumerate() {
                    asm.feed_ext(row, StripsGate::low(j), low);
                }
                (row, 0)
            }
        };
        self.open_strips.insert(step, (row, slot + 1));
        for j in 0..COLUMNS {
            asm.feed(row, StripsGate::cell(slot, j), cells.get(j).copied().unwrap_or(Cell::ZERO));
        }
        asm.step(row, Phase::Slot(slot as u8), Hint::None);
        Assembler::wire_ext(row, StripsGate::out(slot))
    }

    /// `sum_{i < count} r^(step i)`
    pub fn geometric(&mut self, asm: &mut Assembler, step: i64, count: usize) -> Ext {
        match count {
            0 => return EXT_ZERO,
            1 => return EXT_ONE,
            _ => {}
        }
        if let Some(sum) = self.geometric.get(&(step, count)) {
            return *sum;
        }
        let half = count / 2;
        let low = self.geometric(asm, step, half);
        let factor = self.power(asm, step * half as i64);
        let mut sum = asm.mul_add(factor, low, low);
        if count % 2 == 1 {
            let last = self.power(asm, step * (count as i64 - 1));
            sum = asm.add_ext(last, sum);
        }
        self.geometric.insert((step, count), sum);
        sum
    }

    /// `sum_i r^(strides . i) cells[i]` over a row-major tensor of `shape`.
    pub fn cells(&mut self, asm: &mut Assembler, cells: &[Cell], shape: &[usize], strides: &[i64]) -> Ext {
        let pairs: Vec<(Cell, Cell)> = cells.iter().map(|c| (*c, Cell::ONE)).collect();
        self.strips(asm, false, &pairs, shape, strides)
    }

    /// `sum_i r^(strides . i) x[i] y[i]`
    pub fn products(&mut self, asm: &mut Assembler, pairs: &[(Cell, Cell)], shape: &[usize], strides: &[i64]) -> Ext {
        self.strips(asm, true, pairs, shape, strides)
    }

    fn strips(
        &mut self,
        asm: &mut Assembler,
        product: bool,
        pairs: &[(Cell, Cell)],
        shape: &[usize],
        strides: &[i64],
    ) -> Ext {
        let (shape, strides, positions) = merged(shape, strides);
        if !product && let Some(sum) = self.consecutive_lines(asm, pairs, &shape, &strides, &positions) {
            return sum;
        }
        // The strips run along the axis that fills them best.
        let inner = (0..shape.len())
            .min_by_key(|a| {
                let others: usize = shape.iter().enumerate().filter(|(i, _)| i != a).map(|(_, n)| n).product();
                (others * shape[*a].div_ceil(COLUMNS), std::cmp::Reverse(*a))
            })
            .unwrap_or(0);
        if pairs.len() == 1 {
            let (x, y) = pairs[0];
            return if product {
                self.tiles(asm, true, vec![Strip { exponent: 0, cells: vec![(x, y)] }], 0)
            } else {
                [x, Cell::ZERO]
            };
        }
        let (extent, step) = (shape.get(inner).copied().unwrap_or(1), strides.get(inner).copied().unwrap_or(0));
        let mut strips = Vec::new();
        let outer_shape: Vec<usize> = shape.iter().enumerate().filter(|(i, _)| *i != inner).map(|(_, n)| *n).collect();
        let outer: Vec<usize> = (0..shape.len()).filter(|i| *i != inner).collect();
        for index in indices(&outer_shape) {
            let offset: usize = index.iter().zip(&outer).map(|(i, a)| i * positions[*a]).sum();
            let exponent: i64 = index.iter().zip(&outer).map(|(i, a)| *i as i64 * strides[*a]).sum();
            for start in (0..extent).step_by(COLUMNS) {
                let end = (start + COLUMNS).min(extent);
                let cells: Vec<(Cell, Cell)> =
                    (start..end).map(|j| pairs[offset + j * positions.get(inner).copied().unwrap_or(0)]).collect();
                if cells.iter().any(|(x, y)| *x != Cell::ZERO && *y != Cell::ZERO) {
                    strips.push(Strip { exponent: exponent + start as i64 * step, cells });
                }
            }
        }
        self.tiles(asm, product, strips, step)
    }

    /// The inner product of cells that are consecutive results along an axis with exponents `0, 1, ..`.
    fn consecutive_lines(
        &mut self,
        asm: &mut Assembler,
        pairs: &[(Cell, Cell)],
        shape: &[usize],
        strides: &[i64],
        positions: &[usize],
    ) -> Option<Ext> {
        let (inner, outer) = (shape.last()?, shape.len() - 1);
        if (strides[outer], positions[outer]) != (1, 1) || *inner < CONSECUTIVE {
            return None;
        }
        let lines: Vec<(i64, Span)> = indices(&shape[..outer])
            .map(|index| {
                let offset: usize = index.iter().zip(positions).map(|(i, p)| i * p).sum();
                let exponent: i64 = index.iter().zip(strides).map(|(i, s)| *i as i64 * s).sum();
                let line = pairs[offset..offset + inner].iter().map(|(x, _)| *x);
                Some((exponent, self.suffixes.span(line)?))
            })
            .collect::<Option<_>>()?;
        let mut sum = EXT_ZERO;
        for (exponent, span) in lines {
            let (factor, line) = (self.power(asm, exponent), self.consecutive(asm, span));
            sum = asm.mul_add(factor, line, sum);
        }
        Some(sum)
    }

    /// Sums strips whose columns step by `step`, highest exponents first.
    fn tiles(&mut self, asm: &mut Assembler, product: bool, mut strips: Vec<Strip>, step: i64) -> Ext {
        let rows = if product { ProductGate::ROWS } else { ReduceGate::ROWS };
        strips.sort_by_key(|s| std::cmp::Reverse(s.exponent));
        let lows: Vec<Ext> = (0..COLUMNS as i64).map(|j| self.power(asm, j * step)).collect();
        let mut sum = EXT_ZERO;
        let mut reached: Option<i64> = None;
        for tile in strips.chunks(rows) {
            let base = tile.iter().map(|s| s.exponent).min().unwrap_or(0);
            let shift = match reached {
                Some(previous) => self.power(asm, previous - base),
                None => EXT_ZERO,
            };
            // Row 0 of the tile has factor 1, so it takes the smallest exponent.
            let highs: Vec<Ext> = (0..rows)
                .map(|i| match tile.len().checked_sub(i + 1) {
                    Some(s) => self.power(asm, tile[s].exponent - base),
                    None => EXT_ZERO,
                })
                .collect();
            let gate = if product { Kind::Product } else { Kind::Reduce };
            let row = asm.row(&gate, Vec::new);
            for i in 0..rows {
                for j in 0..COLUMNS {
                    let strip = tile.len().checked_sub(i + 1).map(|s| &tile[s].cells);
                    let (x, y) = strip.and_then(|c| c.get(j)).copied().unwrap_or((Cell::ZERO, Cell::ZERO));
                    if product {
                        asm.feed(row, ProductGate::cell(0, i, j), x);
                        asm.feed(row, ProductGate::cell(1, i, j), y);
                    } else {
                        asm.feed(row, ReduceGate::cell(0, i, j), x);
                    }
                }
            }
            type Place = fn(usize) -> usize;
            let (low, high, sum_in, shift_at, sum_out): (Place, Place, _, _, _) = if product {
                (
                    ProductGate::low,
                    ProductGate::high,
                    ProductGate::sum_in(),
                    ProductGate::shift(),
                    ProductGate::sum_out(),
                )
            } else {
                (ReduceGate::low, ReduceGate::high, ReduceGate::sum_in(), ReduceGate::shift(), ReduceGate::sum_out())
            };
            for (j, power) in lows.iter().enumerate() {
                asm.feed_ext(row, low(j), *power);
            }
            for (i, power) in highs.iter().enumerate().skip(1) {
                asm.feed_ext(row, high(i), *power);
            }
            asm.feed_ext(row, sum_in, sum);
            asm.feed_ext(row, shift_at, shift);
            asm.step(row, Phase::Complete, Hint::None);
            sum = Assembler::wire_ext(row, sum_out);
            reached = Some(base);
        }
        match reached {
            Some(base) if base != 0 => {
                let factor = self.power(asm, base);
                asm.mul_add(factor, sum, EXT_ZERO)
            }
            _ => sum,
        }
    }

    /// Columns of the weights' tiles.
    pub fn tile_width(&self, wide: bool) -> usize {
        // As many as the routed wires of a row take.
        let widest = if wide { 22 } else { 44 };
        (self.constants / BilinearGate::LEFT).clamp(1, widest)
    }

    /// `sum_ij r^exponents[i] weight(i, j) right[j]`, where row `i` only has weights at `support(i)`.
    ///
    /// `exponents` ascend. Rows of the form are taken sixteen at a time, highest exponents first.
    pub fn bilinear(
        &mut self,
        asm: &mut Assembler,
        exponents: &[i64],
        right: &[Operand],
        support: impl Fn(usize) -> std::ops::Range<usize>,
        weight: impl Fn(usize, usize) -> i64,
    ) -> Ext {
        let wide = right.iter().any(|o| matches!(o, Operand::Extension(_)));
        let left = BilinearGate::LEFT;
        let gate = BilinearGate { left, right: self.tile_width(wide), wide };
        let kind = Kind::Bilinear(gate);
        let mut sum = EXT_ZERO;
        let mut reached: Option<i64> = None;
        let starts: Vec<usize> = (0..exponents.len()).step_by(left).collect();
        for start in starts.into_iter().rev() {
            let block = start..(start + left).min(exponents.len());
            let base = exponents[start];
            if let Some(previous) = reached {
                let shift = self.power(asm, previous - base);
                sum = asm.mul_add(shift, sum, EXT_ZERO);
            }
            reached = Some(base);
            // Powers may add rows of their own, so they come before the rows that read them.
            let powers: Vec<Ext> = (0..gate.left)
                .map(|a| match exponents.get(block.start + a) {
                    Some(exponent) if start + a < block.end => self.power(asm, exponent - base),
                    _ => EXT_ZERO,
                })
                .collect();
            let columns = {
                let inside = || block.clone().map(&support);
                inside().map(|s| s.start).min().unwrap_or(0)..inside().map(|s| s.end).max().unwrap_or(0)
            };
            for first in columns.clone().step_by(gate.right) {
                let last = (first + gate.right).min(columns.end);
                // Row and column in the tile, and the weight.
                let inside = |i: usize| first.max(support(i).start)..last.min(support(i).end);
                let tile = || {
                    let row = |(a, i)| inside(i).map(move |j| (a, j - first, i, j));
                    block.clone().enumerate().flat_map(row).map(|(a, b, i, j)| (a, b, weight(i, j)))
                };
                if tile().all(|(.., w)| w == 0) {
                    continue;
                }
                let row = asm.row(&kind, || {
                    let mut constants = vec![F::ZERO; gate.left * gate.right];
                    tile().for_each(|(a, b, w)| constants[gate.weight(a, b)] = to_field(w));
                    constants
                });
                for (a, x) in powers.iter().enumerate() {
                    asm.feed_ext(row, gate.x(a), *x);
                }
                for b in 0..gate.right {
                    let operand = if first + b < last { right[first + b] } else { Operand::Base(Cell::ZERO) };
                    match (operand, wide) {
                        (Operand::Base(cell), false) => asm.feed(row, gate.y(b), cell),
                        (Operand::Base(cell), true) => asm.feed_ext(row, gate.y(b), [cell, Cell::ZERO]),
                        (Operand::Extension(value), _) => asm.feed_ext(row, gate.y(b), value),
                    }
                }
                asm.feed_ext(row, gate.sum_in(), sum);
                asm.step(row, Phase::Complete, Hint::None);
                sum = Assembler::wire_ext(row, gate.sum_out());
            }
        }
        match reached {
            Some(base) if base != 0 => {
                let factor = self.power(asm, base);
                asm.mul_add(factor, sum, EXT_ZERO)
            }
            _ => sum,
        }
    }

    /// `sum_i r^(strides . i) values[i]` of a constant row-major tensor.
    pub fn constants(&mut self, asm: &mut Assembler, values: &[i64], shape: &[usize], strides: &[i64]) -> Ext {
        let (shape, strides, positions) = merged(shape, strides);
        let Some(inner) = shape.len().checked_sub(1) else {
            let value = values.first().copied().unwrap_or(0);
            return [Cell::constant(to_field(value)), Cell::ZERO];
        };
        let mut sum = EXT_ZERO;
        for index in indices(&shape[..inner]) {
            let offset: usize = index.iter().zip(&positions).map(|(i, p)| i * p).sum();
            let exponent: i64 = index.iter().zip(&strides).map(|(i, s)| *i as i64 * s).sum();
            let line: Vec<i64> = (0..shape[inner]).map(|j| values[offset + j * positions[inner]]).collect();
            if line.iter().all(|v| *v == 0) {
                continue;
            }
            // A line is a matrix of rows of 16: r^(16 s j) are the right operands, r^(s a) the left ones.
            let step = strides[inner];
            let left = line.len().min(16);
            let right: Vec<Operand> = (0..line.len().div_ceil(left))
                .map(|j| Operand::Extension(self.power(asm, step * (left * j) as i64)))
                .collect();
            let exponents: Vec<i64> = (0..left as i64).map(|a| a * step).collect();
            let count = right.len();
            let value = |a: usize, j: usize| line.get(j * left + a).copied().unwrap_or(0);
            let form = self.bilinear(asm, &exponents, &right, |_| 0..count, value);
            let factor = self.power(asm, exponent);
            sum = asm.mul_add(factor, form, sum);
        }
        sum
    }
}

/// Drops axes of extent 1 and joins neighbouring axes whose exponents and positions continue each other.
fn merged(shape: &[usize], strides: &[i64]) -> (Vec<usize>, Vec<i64>, Vec<usize>) {
    let mut position = 1;
    let mut out: Vec<(usize, i64, usize)> = Vec::new();
    for (n, s) in shape.iter().zip(strides).rev() {
        if *n != 1 {
            match out.last_mut() {
                Some((inner, step, at)) if *s == *step * *inner as i64 && position == *at * *inner => *inner *= n,
                _ => out.push((*n, *s, position)),
            }
        }
        position *= n;
    }
    out.reverse();
    (out.iter().map(|o| o.0).collect(), out.iter().map(|o| o.1).collect(), out.iter().map(|o| o.2).collect())
}

/// All index vectors below `shape`, in row-major order.
pub fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    let total: usize = shape.iter().product();
    (0..total).map(move |mut flat| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = flat % shape[axis];
            flat /= shape[axis];
        }
        index
    })
}

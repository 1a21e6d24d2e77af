//! Requantisation: rounding, rectification, function tables, roots.

use std::sync::Arc;

use num_bigint::{BigInt, BigUint};
use plonky2::field::types::{Field as _, Field64 as _};
use plonnx_ir::NodeId;
use plonnx_ir::op::{Requant, Table, Window};

use super::{Emitter, Group};
use crate::argument::lookup::TableUse;
use crate::assembler::{Assembler, Cell};
use crate::config::{F, to_field};
use crate::error::BackendError;
use crate::gate::{AccSource, DIGIT_BITS, Kind, RequantConstants, Side};
use crate::witness::{Hint, Phase};

/// Constants of a requantisation row.
struct Layout {
    constants: RequantConstants,
}

fn half(shift: u32) -> i64 {
    if shift == 0 { 0 } else { 1 << (shift - 1) }
}

impl Layout {
    /// `floor((acc + 2^(shift-1)) / 2^shift)` in a window that covers `window`: its length is rounded up to `8^m` or
    /// `2 * 8^m`.
    fn round(shift: u32, window: Window) -> Self {
        let align = (3 - shift % 3) % 3;
        let shift_digits = ((shift + align) / DIGIT_BITS) as usize;
        let top = window.bits % 3 == 1;
        let digits = shift_digits + if top { window.bits / 3 } else { window.bits.div_ceil(3) } as usize;
        let acc_offset = (window.lo << shift) - half(shift);
        let constants =
            RequantConstants { digits, shift_digits, acc_offset, align, y_offset: window.lo, top, relu: false };
        Self { constants }
    }

    /// `max(0, floor(..))` with `floor(..)` in `[-8^m, 8^m)`, `8^m >= 2^bits`.
    fn relu(shift: u32, bits: u32) -> Self {
        let align = (3 - shift % 3) % 3;
        let shift_digits = ((shift + align) / DIGIT_BITS) as usize;
        let digits = shift_digits + bits.div_ceil(3) as usize;
        // With more than 62 bits there are more digits than `requantise` admits.
        let reach = (DIGIT_BITS * bits.div_ceil(3) + shift).min(62);
        let acc_offset = -(1i64 << reach) - half(shift);
        let constants =
            RequantConstants { digits, shift_digits, acc_offset, align, y_offset: 0, top: true, relu: true };
        Self { constants }
    }

    /// Whether the row's results may exceed the window of `bits` bits.
    fn is_loose(bits: u32) -> bool {
        bits % 3 == 2
    }
}

impl Emitter<'_, '_> {
    pub(super) fn map(&mut self, id: NodeId, map: &Requant, operand: NodeId) -> Result<Vec<Cell>, BackendError> {
        match map {
            Requant::Round { shift, window } => {
                let cells = self.requantise(id, operand, Layout::round(*shift, *window))?;
                if Layout::is_loose(window.bits) {
                    self.cap(id, &cells, window.hi(), window.bits)?;
                }
                Ok(cells)
            }
            Requant::Relu { shift, bits } => {
                let cells = self.requantise(id, operand, Layout::relu(*shift, *bits))?;
                if bits % 3 != 0 {
                    self.cap(id, &cells, (1 << bits) - 1, *bits)?;
                }
                Ok(cells)
            }
            Requant::Table { shift, table } => {
                let wide = self.graph.node(operand).op.is_wide();
                let arguments = if *shift == 0 && !wide {
                    self.narrow(operand)?
                } else {
                    // The lookup itself confines the argument to the table.
                    self.requantise(id, operand, Layout::round(*shift, table.window))?
                };
                self.look_up(id, table, &arguments)
            }
            Requant::Sqrt { shift, bits } => self.sqrt(id, *shift, *bits, operand),
            Requant::Rsqrt { shift, bits } => self.rsqrt(id, *shift, *bits, operand),
        }
    }

    /// Constrains cells that a requantisation row made to at most `hi`.
    fn cap(&mut self, id: NodeId, cells: &[Cell], hi: i64, bits: u32) -> Result<(), BackendError> {
        let digits = self.digits_for(id, BigInt::from(1) << (bits + 2))?;
        for cell in cells {
            self.at_least(digits, Cell::constant(to_field(hi)), *cell);
        }
        Ok(())
    }

    fn requantise(&mut self, id: NodeId, operand: NodeId, layout: Layout) -> Result<Vec<Cell>, BackendError> {
        // `2^align (acc - acc_offset)` and the digits' value must differ by less than p, so that they are equal integers.
        let bound = &self.bounds[operand.index()];
        let reach = bound.lo.magnitude().max(bound.hi.magnitude()).clone();
        let reach = (reach + layout.constants.acc_offset.unsigned_abs()) << layout.constants.align;
        let value = BigUint::from(2u32) << (DIGIT_BITS as usize * layout.constants.digits);
        if layout.constants.digits > 19 || reach + value >= BigUint::from(F::ORDER) {
            return Err(self
                .unsupported(id, "needs more bits to round than the field has; lower activation_bits or weight_bits"));
        }
        let len = self.graph.node(operand).fact.len();
        if self.graph.node(operand).op.is_wide() {
            Ok(self.requantise_linear(id, operand, len, layout))
        } else {
            let cells = self.narrow(operand)?;
            Ok(self.requantise_local(&cells, layout))
        }
    }

    fn requantise_local(&mut self, operand: &[Cell], layout: Layout) -> Vec<Cell> {
        let gate = self.classes.requant(AccSource::Local, layout.constants.digits, operand.len());
        let constants = gate.constant_values(&layout.constants);
        let idle = Cell::constant(to_field(gate.idle_accumulator(&constants)));
        let mut out = Vec::with_capacity(operand.len());
        for chunk in operand.chunks(gate.slots) {
            let row = self.asm.row(&Kind::Requant(gate.clone()), || constants.clone());
            for k in 0..gate.slots {
                self.asm.feed(row, gate.x(k), chunk.get(k).copied().unwrap_or(idle));
            }
            self.asm.step(row, Phase::Complete, Hint::None);
            out.extend((0..chunk.len()).map(|k| Assembler::wire(row, gate.y(k))));
        }
        out
    }

    fn requantise_linear(&mut self, id: NodeId, operand: NodeId, len: usize, layout: Layout) -> Vec<Cell> {
        let gate = self.classes.requant(AccSource::Linear, layout.constants.digits, len);
        let constants = gate.constant_values(&layout.constants);
        let mut out = Vec::with_capacity(len);
        let mut rows = Vec::with_capacity(len.div_ceil(gate.slots));
        for start in (0..len).step_by(gate.slots) {
            let end = (start + gate.slots).min(len);
            let row = self.asm.row(&Kind::Requant(gate.clone()), || constants.clone());
            let hint = Hint::Values { node: operand.index() as u32, range: start as u32..end as u32 };
            self.asm.step(row, Phase::Commit, hint);
            self.absorbed.extend(gate.packed().map(|c| Assembler::wire(row, c)));
            out.extend((0..end - start).map(|k| Assembler::wire(row, gate.y(k))));
            rows.push(row);
        }
        let idle = gate.idle_accumulator(&constants);
        self.groups.push(Group { map: id, gate, rows, len, idle, label: self.asm.label() });
        out
    }

    fn look_up(&mut self, id: NodeId, table: &Arc<Table>, arguments: &[Cell]) -> Result<Vec<Cell>, BackendError> {
        let (lo, hi) = table.values.iter().fold((i64::MAX, i64::MIN), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        let digits = self.digits_for(id, BigInt::from(hi) - BigInt::from(lo))?;
        let index = match self.tables.iter().position(|t| *t.table == **table) {
            Some(index) => index,
            None => {
                let gate = self.classes.lookup(Side::Lookup, digits);
                self.tables.push(TableUse { table: table.clone(), gate, rows: Vec::new() });
                self.tables.len() - 1
            }
        };
        let gate = self.tables[index].gate.clone();
        let mut out = Vec::with_capacity(arguments.len());
        for (i, chunk) in arguments.chunks(gate.slots).enumerate() {
            let row = self.asm.row(&Kind::Lookup(gate.clone()), || vec![to_field(lo)]);
            for (k, argument) in chunk.iter().enumerate() {
                self.asm.feed(row, gate.argument(k), *argument);
                out.push(self.asm.feed_value(row, gate.result(k), id.index(), i * gate.slots + k));
            }
            for k in chunk.len()..gate.slots {
                self.asm.feed(row, gate.argument(k), Cell::constant(to_field(table.window.lo)));
                self.asm.feed(row, gate.result(k), Cell::constant(to_field(table.values[0])));
            }
            self.asm.step(row, Phase::Commit, Hint::Lookup { table: index as u32 });
            self.absorbed.extend(gate.packed().map(|c| Assembler::wire(row, c)));
            self.tables[index].rows.push(row);
        }
        Ok(out)
    }

    /// `y^2 <= v 2^shift < (y + 1)^2`, with `y` in `[0, 2^bits)`.
    fn sqrt(&mut self, id: NodeId, shift: u32, bits: u32, operand: NodeId) -> Result<Vec<Cell>, BackendError> {
        if self.bounds[operand.index()].lo < BigInt::from(0) {
            return Err(self.unsupported(id, "the radicand may be negative; clip it at zero in the model"));
        }
        let widest: BigInt = self.bounds[operand.index()].hi.clone().max(BigInt::from(1)) << shift;
        if widest.bits() > 60 || 2 * bits > 60 {
            return Err(self.unsupported(id, "the radicand needs more than 60 bits; lower activation_bits"));
        }
        let (y_digits, rest_digits) = (self.root_digits(bits), (bits as usize + 2).div_ceil(3));
        let mut out = Vec::new();
        for (i, v) in self.narrow(operand)?.into_iter().enumerate() {
            let y = self.root(id, i, bits, y_digits);
            let scaled =
                self.asm.arithmetic([F::ZERO, F::from_canonical_u64(1 << shift), F::ZERO], Cell::ZERO, Cell::ZERO, v);
            // rest = v 2^s - y^2 lies in [0, 2y].
            let rest = self.asm.arithmetic([-F::ONE, F::ONE, F::ZERO], y, y, scaled);
            self.at_least(rest_digits, rest, Cell::ZERO);
            let twice = self.asm.arithmetic([F::ZERO, F::TWO, F::ZERO], Cell::ZERO, Cell::ZERO, y);
            self.at_least(rest_digits, twice, rest);
            out.push(y);
        }
        Ok(out)
    }

    /// `y^2 v <= 2^shift < (y + 1)^2 v`, with `y` in `[0, 2^bits)` and `v >= 1`.
    ///
    /// No product may wrap modulo p for any `y` and `v` in their ranges: first `w = y v` is confined to what honest
    /// values give, `sqrt(2^shift v)`; then `y = y_1 2^k + y_0` is split so that `y_1 w` fits the field and is confined
    /// to `2^(shift - k)`; with both, `y w = y_1 w 2^k + y_0 w` is below 2^62.
    fn rsqrt(&mut self, id: NodeId, shift: u32, bits: u32, operand: NodeId) -> Result<Vec<Cell>, BackendError> {
        let v_bits = self.unconditional[operand.index()].hi.bits() as u32;
        let w_bits = (shift + v_bits).div_ceil(2) + 1;
        // The range checks round bits up to digits, by at most two each.
        let k = (bits + 2 + w_bits + 2).saturating_sub(62).next_multiple_of(DIGIT_BITS);
        if shift > 60 || bits + v_bits + 2 > 61 || k >= bits || k + w_bits + 2 > 61 || shift < k {
            let reason = format!(
                "the inverse square root of a value of up to {v_bits} bits, to {bits} bits, does not fit the field; \
                 narrow the range of its operand"
            );
            return Err(self.unsupported(id, reason));
        }
        let y_digits = self.root_digits(bits);
        let w_digits = (w_bits as usize + 1).div_ceil(3);
        // Differences of neighbouring squares are at most 2 w + v.
        let rest_digits = (w_bits as usize + 3).div_ceil(3);
        let vs = self.narrow(operand)?;
        let ys: Vec<Cell> = (0..vs.len()).map(|i| self.root(id, i, bits, y_digits)).collect();
        let highs = if k == 0 {
            ys.clone()
        } else {
            let constants = RequantConstants {
                digits: y_digits,
                shift_digits: (k / DIGIT_BITS) as usize,
                acc_offset: 0,
                align: 0,
                y_offset: 0,
                top: false,
                relu: false,
            };
            self.requantise_local(&ys, Layout { constants })
        };
        let power = |e: u32| F::from_canonical_u64(1 << e);
        for ((v, y), y_1) in vs.into_iter().zip(&ys).zip(highs) {
            self.at_least((v_bits as usize).div_ceil(3).max(1), v, Cell::ONE);
            let w = self.asm.arithmetic([F::ONE, F::ZERO, F::ZERO], *y, v, Cell::ZERO);
            self.at_least(w_digits, w, Cell::ZERO);
            self.at_least(w_digits, Cell::constant(power(w_bits)), w);
            let mut product = self.asm.arithmetic([F::ONE, F::ZERO, F::ZERO], y_1, w, Cell::ZERO);
            if k > 0 {
                self.at_least(rest_digits, Cell::constant(power(shift - k)), product);
                let y_0 = self.asm.arithmetic([-power(k), F::ONE, F::ZERO], Cell::ONE, y_1, *y);
                product = self.asm.arithmetic([F::ONE, power(k), F::ZERO], y_0, w, product);
            }
            self.at_least(rest_digits, Cell::constant(power(shift)), product);
            // (y + 1)^2 v - 1 = y w + 2 w + v - 1
            let next = self.asm.arithmetic([F::ONE, F::ONE, -F::ONE], Cell::ONE, product, v);
            let next = self.asm.arithmetic([F::TWO, F::ONE, F::ZERO], Cell::ONE, w, next);
            self.at_least(rest_digits, next, Cell::constant(power(shift)));
        }
        Ok(ys)
    }

    fn root_digits(&self, bits: u32) -> usize {
        (bits as usize).div_ceil(3).max(1)
    }

    /// A witness cell for element `i` of the root `id`, constrained to `[0, 2^bits)`.
    fn root(&mut self, id: NodeId, i: usize, bits: u32, digits: usize) -> Cell {
        let y = self.asm.witness(id.index(), i);
        self.at_least(digits, y, Cell::ZERO);
        self.at_least(digits, Cell::Constant((1 << bits) - 1), y);
        y
    }
}

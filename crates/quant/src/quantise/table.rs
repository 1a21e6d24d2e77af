//! Functions by table.
//!
//! The argument is the operand rounded to a step that keeps the error small, over the calibrated range with headroom.
//! Where that range is too wide for the table, the ends on which the function hardly varies are cut off: `max(x, c)` is
//! `relu(x - c) + c`, and the table takes the relu. What is cut off gets the value at the end of the range.

use std::sync::Arc;

use num_traits::ToPrimitive;
use plonnx_ir::op::{Requant, Table, Window};
use plonnx_ir::{CoreOp, Function, NodeId};

use super::Lowering;
use super::operand::Operand;
use crate::config::Config;
use crate::error::QuantError;
use crate::range::Range;
use crate::scale;

/// Bits to which a function by table is exact on all operands that it must expect, where the table has room for them.
const PRECISION: i32 = 9;

/// Bits that results may need beyond those of the calibrated ones.
pub(super) const RESULT_SLACK: i32 = 6;

/// Arguments that a table serves, as integers at scale `e`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arguments {
    pub(super) e: i32,
    pub(super) lo: i64,
    pub(super) hi: i64,
    /// Whether smaller operands are raised to `lo`, and larger ones lowered to `hi`.
    cut: (bool, bool),
}

impl Lowering<'_> {
    pub(super) fn lower_table(&mut self, id: NodeId, x: NodeId, function: Function) -> Result<Operand, QuantError> {
        let value = self.value(x)?;
        let reach = self.argument_range(id, x, value, function);
        let arguments = self.arguments(id, x, value, function, reach);
        let arguments = arguments.ok_or_else(|| {
            let reason =
                format!("a table of 2^{} entries cannot cover [{}, {}]", self.config.table_bits, reach.min, reach.max);
            self.unsupported(id, reason, "raise table_bits, or clip the operand in the model")
        })?;
        if arguments.cut == (false, false) && self.is_coarse(id, x, function, arguments.e) {
            let finer = self.narrow(x)?;
            if finer.scale > arguments.e + 1 && self.source.shape(id).len() <= 26 {
                let (e, ranges) = (self.result_scale(id, function, arguments, reach), (self.range(x), reach));
                return self.interpolated(id, finer, function, arguments, e, ranges);
            }
        }
        let e = self.result_scale(id, function, arguments, Range { min: f64::NEG_INFINITY, max: f64::INFINITY });
        let Arguments { lo, hi, .. } = arguments;
        let bits = scale::bits_for(i128::from(hi) - i128::from(lo) + 1).max(1);
        let range = self.range(x);
        let at_value = |units: i64| {
            let shift = u32::try_from(value.scale - arguments.e).ok()?;
            units.checked_mul(1i64.checked_shl(shift).filter(|f| *f > 0)?)
        };
        let far = || self.too_wide(id, format!("arguments in steps of 2^{}", -value.scale));
        let real = |units: i64| libm::ldexp(units as f64, -arguments.e);
        let (argument, first, flipped) = match arguments.cut {
            (false, false) => (value, lo, false),
            (true, upper) => {
                let start = at_value(lo).ok_or_else(far)?;
                let moved = self.offset(id, value, -start)?;
                let reach = Range { min: range.min - real(lo), max: range.max - real(lo) };
                let above = self.relu(id, moved, arguments.e, reach)?;
                if upper {
                    let rest = self.reflected(id, above, hi - lo)?;
                    let reach = Range { min: real(hi) - range.max, max: real(hi) - range.min };
                    (self.relu(id, rest, arguments.e, reach)?, hi, true)
                } else {
                    (above, lo, false)
                }
            }
            (false, true) => {
                let end = at_value(hi).ok_or_else(far)?;
                let rest = self.reflected(id, value, end)?;
                let reach = Range { min: real(hi) - range.max, max: real(hi) - range.min };
                (self.relu(id, rest, arguments.e, reach)?, hi, true)
            }
        };
        let window = if arguments.cut == (false, false) { Window { lo, bits } } else { Window::unsigned(bits) };
        let at = |i: i64| match if flipped { first - i } else { first + i } {
            units if arguments.cut.0 && units == lo => reach.min,
            units if arguments.cut.1 && units == hi => reach.max,
            units => real(units),
        };
        let table = self.table(function, window, e, reach, at);
        let argument = self.within_reach(id, argument, arguments.e)?;
        let shift = self.shift(id, argument, arguments.e)?;
        let result = self.emit(id, CoreOp::Map(Requant::Table { shift, table }), &[argument.id], e)?;
        self.shaped(id, result)
    }

    /// A table of a function with integer results over every value in `window`.
    pub(super) fn exact_table(
        &mut self,
        id: NodeId,
        value: Operand,
        window: Window,
        function: Function,
    ) -> Result<Operand, QuantError> {
        let real = |q: i64| libm::ldexp(q as f64, -value.scale);
        let reach = Range { min: real(window.lo), max: real(window.hi()) };
        let table = self.table(function, window, 0, reach, |i| real(window.lo + i));
        let result = self.emit(id, CoreOp::Map(Requant::Table { shift: 0, table }), &[value.id], 0)?;
        self.shaped(id, result)
    }

    /// The table of `function` at `argument`s of the members of `window`, at scale `e`. Where the function has no value,
    /// or one that only operands beyond `reach` give, that of the nearer end of `reach` stands for it.
    pub(super) fn table(
        &mut self,
        function: Function,
        window: Window,
        e: i32,
        reach: Range,
        argument: impl Fn(i64) -> f64,
    ) -> Arc<Table> {
        let limit = libm::ldexp(1.0, self.config.activation_bits as i32 + RESULT_SLACK + 1);
        let at = |x: f64| libm::round(libm::ldexp(function.eval(x), e));
        let value = |i: i64| {
            let direct = at(argument(i));
            let kept = if direct.abs() <= limit { direct } else { at(argument(i).max(reach.min).min(reach.max)) };
            if kept.is_nan() { 0 } else { kept.clamp(-limit, limit) as i64 }
        };
        let values = (0..1i64 << window.bits).map(value).collect();
        self.shared(Table { name: format!("{function:?}").to_lowercase(), window, values })
    }

    /// The table, or an equal one that exists.
    pub(super) fn shared(&mut self, table: Table) -> Arc<Table> {
        if let Some(known) = self.tables.iter().find(|t| ***t == table) {
            return known.clone();
        }
        let table = Arc::new(table);
        self.tables.push(table.clone());
        table
    }

    /// Operands that the table must expect: calibrated ones with headroom, as far as they are possible.
    fn argument_range(&self, id: NodeId, x: NodeId, value: Operand, function: Function) -> Range {
        let range = self.range(x);
        let slack = (self.config.headroom - 1.0) * range.absmax();
        let mut reach = Range { min: range.min - slack, max: range.max + slack };
        if self.structure.is_nonpositive(self.source, x) {
            reach.max = reach.max.min(0.0);
        }
        if self.structure.is_nonnegative(x) {
            reach.min = reach.min.max(0.0);
        }
        if needs_positive(function) && range.min > 0.0 {
            reach.min = reach.min.max(range.min / self.config.headroom);
        }
        if matches!(function, Function::Acos | Function::Asin | Function::Atanh) {
            reach = Range { min: reach.min.max(-1.0), max: reach.max.min(1.0) };
        }
        let proven = self.interval(value);
        let end = |v: Option<f64>| libm::ldexp(v.unwrap_or(0.0), -value.scale);
        let (lo, hi) = (end(proven.lo.to_f64()), end(proven.hi.to_f64()));
        let reach = Range { min: reach.min.max(lo.min(range.min)), max: reach.max.min(hi.max(range.max)) };
        let limit = libm::ldexp(self.range(id).absmax() * self.config.headroom, RESULT_SLACK);
        Range {
            min: last_within(function, range.min, reach.min, limit),
            max: last_within(function, range.max, reach.max, limit),
        }
    }

    /// Whether arguments in steps of `2^-e` are too coarse for the function `id` of `x`, by themselves or for the results.
    fn is_coarse(&self, id: NodeId, x: NodeId, function: Function, e: i32) -> bool {
        /// Bits by which such steps may exceed those of a value that is rounded.
        const BEYOND: i32 = 1;
        let step = libm::ldexp(steepest(function, self.range(x)), -e);
        let finest = self.demand.noise_scale(id, self.config);
        let shows = finest.is_some_and(|finest| step > libm::ldexp(1.0, BEYOND - finest));
        self.is_real(id) && (shows || is_coarse(function, self.range(x), self.range(id), e))
    }

    /// Step and window of the table; `None` when the operands do not fit even at their coarsest.
    fn arguments(&self, id: NodeId, x: NodeId, value: Operand, function: Function, reach: Range) -> Option<Arguments> {
        let bits = self.config.table_bits;
        let extremes = (self.structure.is_nonpositive(self.source, x), needs_positive(function));
        let step = step(function, reach, self.range(x), self.range(id), value.scale, self.config);
        let e = step.e.min(value.scale);
        let inner = if e > step.uncut { step.inner } else { reach };
        placed(inner, reach, e, extremes, bits)
    }

    /// Scale of the results of arguments within `reach`.
    fn result_scale(&self, id: NodeId, function: Function, arguments: Arguments, reach: Range) -> i32 {
        let bits = self.config.activation_bits as i32 - 1;
        let count = arguments.hi - arguments.lo;
        let step = (count / 4096).max(1);
        let points = (0..=count / step).map(|i| arguments.lo + i * step).chain([arguments.hi]);
        let real = |q: i64| libm::ldexp(q as f64, -arguments.e).max(reach.min).min(reach.max);
        let values = points.map(|q| function.eval(real(q))).filter(|v| v.is_finite());
        let Some(reached) = Range::of(values) else { return 0 };
        let calibrated = self.range(id).absmax() * self.config.headroom;
        let usual = if calibrated > 0.0 { reached.absmax().min(calibrated) } else { reached.absmax() };
        let spare = i32::from(reached.min >= 0.0);
        let own = scale::exponent(usual, bits + spare).min(scale::exponent(reached.absmax(), bits + RESULT_SLACK));
        let target = self.targets.exponent(id);
        if !self.is_real(id) {
            0
        } else if self.targets.is_shared(id) {
            own.min(target)
        } else {
            own.max(target.min(own + spare + 2))
        }
    }
}

/// The point nearest to `far` on the way from `near` at which the function is defined and at most `limit` in magnitude:
/// results far beyond the calibrated ones are of no use to the nodes that take them.
fn last_within(function: Function, near: f64, far: f64, limit: f64) -> f64 {
    let fits = |x: f64| function.eval(x).abs() <= limit;
    if limit == 0.0 || fits(far) || !fits(near) {
        return far;
    }
    let (mut inside, mut outside) = (near, far);
    for _ in 0..60 {
        let middle = inside + (outside - inside) / 2.0;
        if fits(middle) { inside = middle } else { outside = middle }
    }
    inside
}

/// Step `2^-e` of a table's arguments.
struct Step {
    e: i32,
    /// Finest scale at which no operand has to be cut off.
    uncut: i32,
    /// What has to be covered at finer scales.
    inner: Range,
    /// Scale of a step that is fine enough.
    wanted: i32,
}

/// The coarsest step that is fine enough, or the finest that the table allows. Operands within `reach` must be
/// expected, those within `operands` are usual and give `results`; they have scale `given`. Where the function is flat on
/// usual operands, others still get [`PRECISION`], if the table allows.
fn step(function: Function, reach: Range, operands: Range, results: Range, given: i32, config: &Config) -> Step {
    let largest = if results.absmax() > 0.0 { results.absmax() } else { 1.0 };
    let tolerance = libm::ldexp(largest, 2 - config.activation_bits as i32);
    let typical = if operands.max > operands.min { operands } else { reach };
    let uncut = finest(reach, config.table_bits);
    let tolerated = libm::ldexp(largest, -PRECISION);
    let wanted =
        fine_enough(function, typical, reach, tolerance).max(fine_enough(function, reach, reach, tolerated).min(uncut));
    if uncut >= wanted {
        return Step { e: wanted, uncut, inner: reach, wanted };
    }
    // Values that are cut off differ from the end's by far less than the tolerance: a softmax sums many of them.
    let inner = varying(function, reach, tolerance / 32.0);
    let e = finest(inner, config.table_bits).min(wanted);
    // Cutting costs a relu for every element: it must gain two bits, or one for exponentials, which softmaxes compare.
    if e <= uncut || (e - uncut == 1 && function != Function::Exp) {
        return Step { e: uncut, uncut, inner: reach, wanted };
    }
    let (inner, e) = if function == Function::Exp {
        (inner, e)
    } else {
        closer(function, typical, reach, (inner, e), wanted.min(given), config)
    };
    Step { e, uncut, inner, wanted }
}

/// A narrower part of `reach` at a finer scale, up to `most`, if what is cut off then differs from the end's value by no
/// more than the coarser step changed results.
fn closer(
    function: Function,
    typical: Range,
    reach: Range,
    (mut inner, mut e): (Range, i32),
    most: i32,
    config: &Config,
) -> (Range, i32) {
    let slope = steepest(function, typical);
    while e < most {
        let narrower = varying(function, reach, libm::ldexp(slope, -e - 1));
        if finest(narrower, config.table_bits) <= e {
            break;
        }
        (inner, e) = (narrower, e + 1);
    }
    (inner, e)
}

/// Coarsest scale at which rounding operands in `typical` changes the function by at most `tolerance`.
fn fine_enough(function: Function, typical: Range, reach: Range, tolerance: f64) -> i32 {
    let within = |slope: f64, e: i32| libm::ldexp(slope, -e - 1) <= tolerance;
    let slope = steepest(function, typical);
    // Where the function is flat, a step the size of the largest operand will do.
    let flat = scale::exponent(typical.absmax().max(reach.absmax()), 1);
    let mut e = if slope > 0.0 { scale::ceil_log2(slope / (2.0 * tolerance)) } else { flat };
    // A large step rounds operands out of their range, to where the function may be steeper, and the ends even to where
    // nothing is expected.
    let keeps = |end: f64, e: i32| {
        let change = function.eval(libm::ldexp(libm::round(libm::ldexp(end, e)), -e)) - function.eval(end);
        !change.is_finite() || change.abs() <= tolerance
    };
    while e < scale::MAX_EXPONENT {
        let half = libm::ldexp(1.0, -e - 1);
        let rounded = Range { min: (typical.min - half).max(reach.min), max: (typical.max + half).min(reach.max) };
        if within(steepest(function, rounded), e) && keeps(typical.min, e) && keeps(typical.max, e) {
            break;
        }
        e += 1;
    }
    e
}

/// Scale at which operands of a function by table should be rounded, if they are, so that they do not limit its step.
pub(super) fn operand_scale(function: Function, operands: Range, results: Range, config: &Config) -> i32 {
    let reach = operands.widened(config.headroom);
    let step = step(function, reach, operands, results, scale::MAX_EXPONENT, config);
    let interpolated = step.e <= step.uncut && is_coarse(function, operands, results, step.e);
    if interpolated { step.wanted + 1 } else { step.e + 1 }
}

/// Whether rounding usual `operands` to steps of `2^-e` changes `results` by far more than their own rounding does.
fn is_coarse(function: Function, operands: Range, results: Range, e: i32) -> bool {
    let tolerance = libm::ldexp(results.absmax(), -PRECISION);
    tolerance > 0.0 && libm::ldexp(steepest(function, operands), -e - 1) > tolerance
}

/// Whether a function is lowered to a table.
pub(super) fn is_tabled(function: Function) -> bool {
    !matches!(
        function,
        Function::Abs
            | Function::Ceil
            | Function::Clip { .. }
            | Function::Floor
            | Function::Pow(_)
            | Function::Reciprocal
            | Function::Relu
            | Function::Round
            | Function::Rsqrt
            | Function::Sign
            | Function::Sqrt
            | Function::Trunc
    )
}

/// Whether the function is only defined above zero.
fn needs_positive(function: Function) -> bool {
    match function {
        Function::Log => true,
        Function::Pow(exponent) => exponent < 0.0 || exponent != libm::trunc(exponent),
        _ => false,
    }
}

/// Finest scale at which `range` fits a table of `2^bits` entries.
fn finest(range: Range, bits: u32) -> i32 {
    let width = range.max - range.min;
    if width <= 0.0 || !width.is_finite() {
        return if width <= 0.0 { scale::MAX_EXPONENT } else { -scale::MAX_EXPONENT };
    }
    let mut e = bits as i32 - scale::ceil_log2(width);
    while span(range, e).is_some_and(|(lo, hi)| scale::bits_for(i128::from(hi) - i128::from(lo) + 1) <= bits) {
        e += 1;
    }
    while e > -scale::MAX_EXPONENT
        && span(range, e).is_none_or(|(lo, hi)| scale::bits_for(i128::from(hi) - i128::from(lo) + 1) > bits)
    {
        e -= 1;
    }
    e
}

/// Integers at scale `e` that the reals of `range` round to.
fn span(range: Range, e: i32) -> Option<(i64, i64)> {
    let end = |v: f64| libm::round(libm::ldexp(v, e)).to_i64().filter(|q| q.unsigned_abs() < 1 << 50);
    Some((end(range.min)?, end(range.max)?))
}

/// The window for `inner` at scale `e`, grown to a power of two, and which ends of `reach` it cuts off.
fn placed(inner: Range, reach: Range, e: i32, extremes: (bool, bool), bits: u32) -> Option<Arguments> {
    let (top_fixed, bottom_fixed) = extremes;
    let (reach_lo, reach_hi) = span(reach, e)?;
    let (mut lo, mut hi) = span(inner, e)?;
    let needed = scale::bits_for(i128::from(hi) - i128::from(lo) + 1).max(1);
    if needed > bits {
        return None;
    }
    let size = 1i64 << needed;
    let mut spare = size - (hi - lo + 1);
    // Where both ends are cut off, tables of other operands begin at the same round number and are shared.
    if lo - reach_lo > spare && reach_hi - hi > spare {
        lo = roundest(lo - spare, lo);
        return Some(Arguments { e, lo, hi: lo + size - 1, cut: (true, true) });
    }
    // First towards what is cut off, then to where operands may still stray.
    let down = spare.min(lo - reach_lo);
    (lo, spare) = (lo - down, spare - down);
    let up = spare.min(reach_hi - hi);
    (hi, spare) = (hi + up, spare - up);
    let below = if bottom_fixed || (lo >= 0 && spare > lo) {
        0
    } else if top_fixed {
        spare
    } else {
        spare / 2
    };
    (lo, hi) = (lo - below, hi + spare - below);
    Some(Arguments { e, lo, hi, cut: (lo > reach_lo, hi < reach_hi) })
}

/// The multiple of the largest power of two from `first` to `last`, the one nearest to zero of several.
fn roundest(first: i64, last: i64) -> i64 {
    let multiple = |power: u32| {
        let unit = 1i64 << power;
        let (from, to) = (first.div_euclid(unit) + i64::from(first.rem_euclid(unit) > 0), last.div_euclid(unit));
        (from <= to).then(|| 0.clamp(from, to) * unit)
    };
    (0..62).rev().find_map(multiple).unwrap_or(last)
}

/// Largest slope of a function on a range, from a grid.
pub(super) fn steepest(function: Function, range: Range) -> f64 {
    const STEPS: u32 = 512;
    let step = (range.max - range.min) / f64::from(STEPS);
    if step.is_nan() || step <= 0.0 {
        return 0.0;
    }
    let values: Vec<f64> = (0..=STEPS).map(|i| function.eval(range.min + step * f64::from(i))).collect();
    let slopes = values.windows(2).map(|w| (w[1] - w[0]).abs() / step).filter(|s| s.is_finite());
    slopes.fold(0.0, f64::max)
}

/// The part of `range` outside of which the function stays within `tolerance` of its value at the nearer end.
fn varying(function: Function, range: Range, tolerance: f64) -> Range {
    const STEPS: u32 = 4096;
    let step = (range.max - range.min) / f64::from(STEPS);
    let at = |i: u32| range.min + step * f64::from(i);
    let flat_until = |points: &mut dyn Iterator<Item = u32>| {
        let mut last = None;
        let mut seen: Option<Range> = None;
        for i in points {
            let v = function.eval(at(i));
            if !v.is_finite() {
                break;
            }
            let all = seen.map_or(Range::point(v), |r| r.join(Range::point(v)));
            if all.max - v <= tolerance && v - all.min <= tolerance {
                last = Some(i);
            }
            seen = Some(all);
        }
        last
    };
    let lo = flat_until(&mut (0..=STEPS)).unwrap_or(0);
    let hi = flat_until(&mut (0..=STEPS).rev()).unwrap_or(STEPS);
    if lo < hi { Range { min: at(lo), max: at(hi) } } else { range }
}

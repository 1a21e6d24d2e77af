//! Digit classes: which numbers of digits have a kind of row of their own.
//!
//! Every kind of a track is evaluated in every row when the quotient is computed, so a program whose nodes need many different
//! numbers of digits pays for each. A first emission records the demand; then demands are served by fewer, wider kinds
//! for some more rows.

use std::collections::BTreeMap;

use crate::gate::{AccSource, DIGIT_BITS, LookupGate, OrderGate, RequantGate, Side};

/// What a kind with digits is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    RequantLinear,
    RequantLocal,
    Order,
    Lookup,
    Table,
}

const ROLES: [Role; 5] = [Role::RequantLinear, Role::RequantLocal, Role::Order, Role::Lookup, Role::Table];

/// Numbers of digits that have a gate, by role, and how often each number was asked for.
#[derive(Clone, Debug, Default)]
pub struct Classes {
    /// Empty: every number has one.
    offered: BTreeMap<Role, Vec<usize>>,
    demand: BTreeMap<(Role, usize), usize>,
}

/// Classes of one role, and the rows they cost beyond exact ones.
type Choice = (Vec<usize>, f64);

impl Role {
    /// Slots of a row of `digits` digits, exact or one that serves fewer digits as well.
    fn slots(self, digits: usize, exact: bool) -> usize {
        match self {
            Role::RequantLinear => RequantGate::new(AccSource::Linear, digits, !exact).slots,
            Role::RequantLocal => RequantGate::new(AccSource::Local, digits, !exact).slots,
            Role::Order => OrderGate::new(digits).slots,
            Role::Lookup => LookupGate::new(Side::Lookup, digits).slots,
            Role::Table => LookupGate::new(Side::Table, digits).slots,
        }
    }

    /// Rows for `count` slots of `needed` digits in a class of `digits`, the hashing of absorbed digits included.
    fn rows(self, count: usize, digits: usize, exact: bool) -> f64 {
        let absorbed = match self {
            Role::RequantLinear => (DIGIT_BITS as usize * digits + 1) as f64 / 62.0,
            Role::Lookup | Role::Table => (DIGIT_BITS as usize * digits) as f64 / 62.0,
            Role::RequantLocal | Role::Order => 0.0,
        };
        (count.div_ceil(self.slots(digits, exact))) as f64 + count as f64 * absorbed / 8.0
    }
}

impl Classes {
    fn serve(&mut self, role: Role, digits: usize, count: usize) -> usize {
        *self.demand.entry((role, digits)).or_insert(0) += count;
        self.digits(role, digits)
    }

    /// Digits of the gate that serves a demand for `needed` digits.
    pub(super) fn digits(&self, role: Role, needed: usize) -> usize {
        let offered = self.offered.get(&role).and_then(|all| all.iter().copied().filter(|d| *d >= needed).min());
        offered.unwrap_or(needed)
    }

    /// Gate for `count` accumulators of `digits` digits.
    pub(crate) fn requant(&mut self, source: AccSource, digits: usize, count: usize) -> RequantGate {
        let role = if source == AccSource::Linear { Role::RequantLinear } else { Role::RequantLocal };
        let class = self.serve(role, digits, count);
        let shared = self.offered.get(&role).is_some_and(|all| all.contains(&class));
        RequantGate::new(source, class, shared && self.is_shared(role, class))
    }

    /// Whether the first emission asked for fewer digits than `class` too.
    fn is_shared(&self, role: Role, class: usize) -> bool {
        let below = self.offered.get(&role).and_then(|all| all.iter().copied().filter(|d| *d < class).max());
        // A window of two elements needs no digits at all.
        self.demand.keys().any(|(r, d)| *r == role && *d < class && below.is_none_or(|below| *d > below))
    }

    /// Digits of an order row that compares operands of `digits` digits.
    pub(crate) fn order(&mut self, digits: usize) -> usize {
        self.serve(Role::Order, digits, 1)
    }

    /// Gate of a lookup or table row.
    pub(crate) fn lookup(&mut self, side: Side, digits: usize) -> LookupGate {
        let role = if side == Side::Lookup { Role::Lookup } else { Role::Table };
        LookupGate::new(side, self.serve(role, digits, 1))
    }

    /// The classes that serve the recorded demand with the fewest kinds for at most `slack` more rows.
    pub(crate) fn merged(&self, slack: usize) -> Self {
        // Per role and number of classes: the cheapest choice and its additional rows.
        let options: Vec<(Role, Vec<Choice>)> = ROLES.iter().map(|role| (*role, self.options(*role))).collect();
        // From one class each, add the class that saves most rows until the slack suffices.
        let mut chosen: Vec<usize> = vec![0; options.len()];
        let extra = |chosen: &[usize]| -> f64 {
            options.iter().zip(chosen).map(|((_, o), c)| o.get(*c).map_or(0.0, |o| o.1)).sum()
        };
        while extra(&chosen) > slack as f64 {
            let saving = |i: usize| -> f64 {
                let o = &options[i].1;
                match (o.get(chosen[i]), o.get(chosen[i] + 1)) {
                    (Some(now), Some(next)) => now.1 - next.1,
                    _ => f64::NEG_INFINITY,
                }
            };
            let best = (0..options.len()).max_by(|a, b| saving(*a).total_cmp(&saving(*b)));
            match best {
                Some(i) if saving(i) > f64::NEG_INFINITY => chosen[i] += 1,
                _ => break,
            }
        }
        let offered = options
            .into_iter()
            .zip(chosen)
            .filter_map(|((role, o), c)| o.into_iter().nth(c).map(|(classes, _)| (role, classes)))
            .collect();
        Self { offered, demand: self.demand.clone() }
    }

    /// For 1, 2, .. classes the choice with the fewest rows.
    fn options(&self, role: Role) -> Vec<Choice> {
        let demand: Vec<(usize, usize)> =
            self.demand.iter().filter(|((r, _), _)| *r == role).map(|((_, d), count)| (*d, *count)).collect();
        // The choice is among subsets; programs have few different demands, and the rarest come in one class otherwise.
        let Some((largest, _)) = demand.last().copied() else { return Vec::new() };
        if demand.len() > 12 {
            return vec![(vec![largest], 0.0)];
        }
        let exact: f64 = demand.iter().map(|(d, count)| role.rows(*count, *d, true)).sum();
        let mut best: Vec<Option<Choice>> = vec![None; demand.len()];
        for subset in 0..1u32 << (demand.len() - 1) {
            let mut classes: Vec<usize> =
                (0..demand.len() - 1).filter(|i| subset >> i & 1 == 1).map(|i| demand[i].0).collect();
            classes.push(largest);
            let rows: f64 = demand
                .iter()
                .map(|(d, count)| {
                    let class = classes.iter().copied().find(|c| c >= d).unwrap_or(largest);
                    role.rows(*count, class, class == *d)
                })
                .sum();
            let slot = &mut best[classes.len() - 1];
            if slot.as_ref().is_none_or(|(_, fewest)| rows - exact < *fewest) {
                *slot = Some((classes, rows - exact));
            }
        }
        best.into_iter().flatten().collect()
    }
}

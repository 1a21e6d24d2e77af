//! The right side of the linear argument: what the accumulators of a group must sum up to.

use plonnx_ir::op::{Contract, Conv, Label, Reducer, View};
use plonnx_ir::{CoreOp, NodeId, Tensor};

use super::{Emitter, Group};
use crate::argument::linear::{Forms, Operand, indices};
use crate::argument::window::Axis;
use crate::argument::window_sums;
use crate::assembler::{Cell, EXT_ZERO, Ext};
use crate::config::to_field;
use crate::error::BackendError;
use crate::gate::{BilinearGate, MulAddGate};

/// Exponent of the challenge per step along each axis of a row-major tensor.
fn row_major(shape: &[usize]) -> Vec<i64> {
    let mut strides = vec![1i64; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i] as i64;
    }
    strides
}

/// Steps of positions in a row-major tensor.
fn positions(shape: &[usize]) -> Vec<usize> {
    row_major(shape).into_iter().map(|s| s as usize).collect()
}

fn dot(index: &[usize], strides: &[i64]) -> i64 {
    index.iter().zip(strides).map(|(i, s)| *i as i64 * s).sum()
}

impl Emitter<'_, '_> {
    /// `sum_f r^f acc_f` over the slots of a group, in terms of what the accumulators are computed from.
    pub(super) fn claim(&mut self, group: &Group, forms: &mut Forms) -> Result<Ext, BackendError> {
        let operand = self.graph.node(group.map).inputs[0];
        let mut sum = self.form(forms, operand, &row_major(self.graph.shape(operand)))?;
        if group.idle != 0 {
            let idle = [Cell::constant(to_field(group.idle)), Cell::ZERO];
            for f in group.len..group.rows.len() * group.gate.slots {
                let power = forms.power(&mut self.asm, f as i64);
                sum = self.asm.mul_add(power, idle, sum);
            }
        }
        Ok(sum)
    }

    /// `sum_i r^(strides . i) x_i` of the node's tensor.
    fn form(&mut self, forms: &mut Forms, id: NodeId, strides: &[i64]) -> Result<Ext, BackendError> {
        let graph = self.graph;
        let node = graph.node(id);
        match &node.op {
            CoreOp::Sum(sum) => {
                let mut total = EXT_ZERO;
                for (input, coefficient) in node.inputs.iter().zip(&sum.coefficients) {
                    let form = self.form(forms, *input, strides)?;
                    let factor = [Cell::constant(to_field(*coefficient)), Cell::ZERO];
                    total = self.asm.mul_add(factor, form, total);
                }
                Ok(total)
            }
            CoreOp::Reduce(reduce) if reduce.reducer == Reducer::Sum => {
                let mut kept = strides.iter();
                let inner: Vec<i64> = (0..graph.shape(node.inputs[0]).len())
                    .map(|axis| {
                        let reduced = reduce.axes.contains(&axis);
                        if reduced && !reduce.keep { 0 } else { kept.next().filter(|_| !reduced).copied().unwrap_or(0) }
                    })
                    .collect();
                self.form(forms, node.inputs[0], &inner)
            }
            CoreOp::Contract(contract) => self.contract(forms, contract, node.inputs[0], node.inputs[1], strides),
            CoreOp::Conv(conv) => self.conv(forms, id, conv, node.inputs[0], node.inputs[1], strides),
            CoreOp::View(View::Broadcast { shape }) => self.broadcast(forms, node.inputs[0], shape, strides),
            _ if self.is_constant(id) => {
                let values = self.constant(id)?.map(|t| t.to_vec()).unwrap_or_default();
                Ok(forms.constants(&mut self.asm, &values, &node.fact.shape, strides))
            }
            _ => {
                let cells = self.narrow(id)?;
                Ok(forms.cells(&mut self.asm, &cells, &node.fact.shape, strides))
            }
        }
    }

    /// A repeated axis contributes a geometric sum as a factor.
    fn broadcast(
        &mut self,
        forms: &mut Forms,
        operand: NodeId,
        shape: &[usize],
        strides: &[i64],
    ) -> Result<Ext, BackendError> {
        let inner_shape = self.graph.shape(operand).to_vec();
        let missing = shape.len() - inner_shape.len();
        let mut inner_strides = Vec::with_capacity(inner_shape.len());
        let mut factors = Vec::new();
        for (axis, (extent, stride)) in shape.iter().zip(strides).enumerate() {
            let source = axis.checked_sub(missing).map(|i| inner_shape[i]);
            if source != Some(*extent) {
                factors.push(forms.geometric(&mut self.asm, *stride, *extent));
            }
            if source.is_some() {
                inner_strides.push(*stride);
            }
        }
        let mut form = self.form(forms, operand, &inner_strides)?;
        for factor in factors {
            form = self.asm.mul_add(factor, form, EXT_ZERO);
        }
        Ok(form)
    }

    fn contract(
        &mut self,
        forms: &mut Forms,
        contract: &Contract,
        a: NodeId,
        b: NodeId,
        strides: &[i64],
    ) -> Result<Ext, BackendError> {
        let swapped = Contract { a: contract.b.clone(), b: contract.a.clone(), out: contract.out.clone() };
        let (graph, exponent) =
            (self.graph, |label: &Label| contract.out.iter().position(|l| l == label).map_or(0, |i| strides[i]));
        match (self.is_constant(a), self.is_constant(b)) {
            (_, true) => {
                let Some(weights) = self.constant(b)? else { return Ok(EXT_ZERO) };
                self.contract_weights(forms, contract, a, &weights, exponent)
            }
            (true, false) => {
                let Some(weights) = self.constant(a)? else { return Ok(EXT_ZERO) };
                self.contract_weights(forms, &swapped, b, &weights, exponent)
            }
            (false, false) => {
                let shapes = [graph.shape(a).to_vec(), graph.shape(b).to_vec()];
                self.contract_data(forms, contract, a, b, &shapes, exponent)
            }
        }
    }

    /// Data with constant weights: labels of both operands and the result are `g`, of both operands only `k`, of data
    /// and result `m`, of weights and result `n`.
    fn contract_weights(
        &mut self,
        forms: &mut Forms,
        contract: &Contract,
        data: NodeId,
        weights: &Tensor<i64>,
        exponent: impl Fn(&Label) -> i64,
    ) -> Result<Ext, BackendError> {
        let (data_labels, weight_labels) = (&contract.a, &contract.b);
        let data_shape = self.graph.shape(data).to_vec();
        let cells = self.narrow(data)?;
        let weight_values = weights.to_vec();
        let in_data = |l: &Label| data_labels.contains(l);
        let in_out = |l: &Label| contract.out.contains(l);
        let own: Vec<Label> = data_labels.iter().copied().filter(|l| !weight_labels.contains(l)).collect();
        let shared: Vec<Label> = data_labels.iter().copied().filter(|l| weight_labels.contains(l)).collect();
        let fresh: Vec<Label> = weight_labels.iter().copied().filter(|l| !in_data(l)).collect();
        let extent = |l: &Label| contract.extent(*l, &data_shape, weights.shape()).unwrap_or(1);
        let extents = |labels: &[Label]| -> Vec<usize> { labels.iter().map(extent).collect() };
        let place = |labels: &[Label], shape: &[usize], l: &Label| {
            labels.iter().position(|x| x == l).map_or(0, |i| positions(shape)[i])
        };
        // Right operands: one per shared index, the form of the data over its own labels.
        let own_shape = extents(&own);
        let own_strides: Vec<i64> = own.iter().map(&exponent).collect();
        let own_places: Vec<usize> = own.iter().map(|l| place(data_labels, &data_shape, l)).collect();
        let shared_shape = extents(&shared);
        let shared_places: Vec<usize> = shared.iter().map(|l| place(data_labels, &data_shape, l)).collect();
        let shared_weights: Vec<usize> = shared.iter().map(|l| place(weight_labels, weights.shape(), l)).collect();
        let shared_exponents: Vec<i64> = shared.iter().map(&exponent).collect();
        let mut right = Vec::new();
        let mut right_weight = Vec::new();
        let mut right_group = Vec::new();
        for index in indices(&shared_shape) {
            let base: usize = index.iter().zip(&shared_places).map(|(i, p)| i * p).sum();
            let slice: Vec<Cell> = indices(&own_shape)
                .map(|o| cells[base + o.iter().zip(&own_places).map(|(i, p)| i * p).sum::<usize>()])
                .collect();
            right.push(match slice.as_slice() {
                [cell] => Operand::Base(*cell),
                _ => Operand::Extension(forms.cells(&mut self.asm, &slice, &own_shape, &own_strides)),
            });
            right_weight.push(index.iter().zip(&shared_weights).map(|(i, p)| i * p).sum::<usize>());
            // The part of the index that the result has too must match on the left.
            let group: Vec<usize> = index.iter().zip(&shared).filter(|(_, l)| in_out(l)).map(|(i, _)| *i).collect();
            right_group.push((group, dot(&index, &shared_exponents)));
        }
        // Left rows: the result's labels that the weights have. Summed labels of the weights alone are added up.
        let result: Vec<Label> = fresh.iter().copied().filter(in_out).collect();
        let summed: Vec<Label> = fresh.iter().copied().filter(|l| !in_out(l)).collect();
        let result_places: Vec<usize> = result.iter().map(|l| place(weight_labels, weights.shape(), l)).collect();
        let result_exponents: Vec<i64> = result.iter().map(&exponent).collect();
        let summed_places: Vec<usize> = summed.iter().map(|l| place(weight_labels, weights.shape(), l)).collect();
        let summed_offsets: Vec<usize> =
            indices(&extents(&summed)).map(|i| i.iter().zip(&summed_places).map(|(i, p)| i * p).sum()).collect();
        let mut groups: Vec<(Vec<usize>, i64)> = right_group.clone();
        groups.sort();
        groups.dedup();
        let mut left: Vec<(i64, usize, Vec<usize>)> = Vec::new();
        for (group, base) in &groups {
            for index in indices(&extents(&result)) {
                let place = index.iter().zip(&result_places).map(|(i, p)| i * p).sum();
                left.push((base + dot(&index, &result_exponents), place, group.clone()));
            }
        }
        left.sort();
        // Right operands of one group need not be neighbours, so they are ordered by group.
        let mut order: Vec<usize> = (0..right.len()).collect();
        order.sort_by(|x, y| right_group[*x].0.cmp(&right_group[*y].0));
        let right: Vec<Operand> = order.iter().map(|i| right[*i]).collect();
        let spans: std::collections::HashMap<Vec<usize>, std::ops::Range<usize>> =
            order.iter().enumerate().fold(std::collections::HashMap::new(), |mut spans, (at, i)| {
                let span = spans.entry(right_group[*i].0.clone()).or_insert(at..at);
                span.end = at + 1;
                spans
            });
        let exponents: Vec<i64> = left.iter().map(|l| l.0).collect();
        let weight = |i: usize, j: usize| -> i64 {
            let base = left[i].1 + right_weight[order[j]];
            summed_offsets.iter().map(|o| weight_values[base + o]).sum()
        };
        let support = |i: usize| spans.get(&left[i].2).cloned().unwrap_or(0..0);
        Ok(forms.bilinear(&mut self.asm, &exponents, &right, support, weight))
    }

    /// Two data operands: per index of shared labels the product of two forms.
    fn contract_data(
        &mut self,
        forms: &mut Forms,
        contract: &Contract,
        a: NodeId,
        b: NodeId,
        shapes: &[Vec<usize>; 2],
        exponent: impl Fn(&Label) -> i64,
    ) -> Result<Ext, BackendError> {
        let operands = [self.narrow(a)?, self.narrow(b)?];
        let labels = [&contract.a, &contract.b];
        let shared: Vec<Label> = contract.a.iter().copied().filter(|l| contract.b.contains(l)).collect();
        let extent = |l: &Label| contract.extent(*l, &shapes[0], &shapes[1]).unwrap_or(1);
        let place = |side: usize, l: &Label| {
            labels[side].iter().position(|x| x == l).map_or(0, |i| positions(&shapes[side])[i])
        };
        let own: Vec<Vec<Label>> =
            labels.iter().map(|ls| ls.iter().copied().filter(|l| !shared.contains(l)).collect()).collect();
        let shared_shape: Vec<usize> = shared.iter().map(extent).collect();
        let shared_strides: Vec<i64> = shared.iter().map(&exponent).collect();
        let shared_places: Vec<Vec<usize>> =
            (0..2).map(|side| shared.iter().map(|l| place(side, l)).collect()).collect();
        let base = |side: usize, index: &[usize]| -> usize {
            index.iter().zip(&shared_places[side]).map(|(i, p)| i * p).sum()
        };
        if own.iter().all(Vec::is_empty) {
            let pairs: Vec<(Cell, Cell)> =
                indices(&shared_shape).map(|i| (operands[0][base(0, &i)], operands[1][base(1, &i)])).collect();
            return Ok(forms.products(&mut self.asm, &pairs, &shared_shape, &shared_strides));
        }
        let own_shapes: Vec<Vec<usize>> = own.iter().map(|ls| ls.iter().map(extent).collect()).collect();
        let own_strides: Vec<Vec<i64>> = own.iter().map(|ls| ls.iter().map(&exponent).collect()).collect();
        let own_places: Vec<Vec<usize>> =
            (0..2).map(|side| own[side].iter().map(|l| place(side, l)).collect()).collect();
        // Indices with equal exponents are summed before they are weighted; exponents descend (Horner).
        let mut terms: Vec<(i64, Vec<usize>)> = indices(&shared_shape).map(|i| (dot(&i, &shared_strides), i)).collect();
        terms.sort_by_key(|(exponent, _)| std::cmp::Reverse(*exponent));
        let mut total = EXT_ZERO;
        let mut reached = terms.first().map_or(0, |t| t.0);
        for (power, index) in terms {
            if power != reached {
                let shift = forms.power(&mut self.asm, reached - power);
                total = self.asm.mul_add(shift, total, EXT_ZERO);
                reached = power;
            }
            let mut factors = [EXT_ZERO; 2];
            for side in 0..2 {
                let at = base(side, &index);
                let slice: Vec<Cell> = indices(&own_shapes[side])
                    .map(|o| operands[side][at + o.iter().zip(&own_places[side]).map(|(i, p)| i * p).sum::<usize>()])
                    .collect();
                factors[side] = forms.cells(&mut self.asm, &slice, &own_shapes[side], &own_strides[side]);
            }
            total = self.asm.mul_add(factors[0], factors[1], total);
        }
        let last = forms.power(&mut self.asm, reached);
        Ok(self.asm.mul_add(last, total, EXT_ZERO))
    }

    fn conv(
        &mut self,
        forms: &mut Forms,
        id: NodeId,
        conv: &Conv,
        x: NodeId,
        w: NodeId,
        strides: &[i64],
    ) -> Result<Ext, BackendError> {
        let weights = self.constant(w)?;
        let (x_shape, w_shape) = (self.graph.shape(x).to_vec(), self.graph.shape(w).to_vec());
        let out_shape = self.graph.shape(id).to_vec();
        let rank = x_shape.len() - 2;
        if rank > 2 {
            return Err(self.unsupported(id, "convolutions over three spatial axes have no circuit yet; use 2-d ones"));
        }
        let cells = self.narrow(x)?;
        // A 1-d convolution is a 2-d one over images of height 1.
        let axis = |i: usize| match (rank, i) {
            (1, 0) => Axis { extent: 1, kernel: 1, stride: 1, dilation: 1, before: 0, out: 1, exponent: 0 },
            _ => {
                let s = if rank == 1 { 0 } else { i };
                Axis {
                    extent: x_shape[s + 2],
                    kernel: w_shape[s + 2],
                    stride: conv.strides[s],
                    dilation: conv.dilations[s],
                    before: conv.before[s],
                    out: out_shape[s + 2],
                    exponent: strides[s + 2],
                }
            }
        };
        let (y_axis, x_axis) = (axis(0), axis(1));
        let image: usize = x_shape[2..].iter().product();
        let kernel: usize = w_shape[2..].iter().product();
        let (channels, per_group) = (x_shape[1], w_shape[1]);
        let images: Vec<&[Cell]> = cells.chunks_exact(image).collect();
        let windows = window_sums(&mut self.asm, forms, &images, y_axis, x_axis);
        let mut right = Vec::with_capacity(channels * kernel);
        for c in 0..channels {
            let mut sums = vec![EXT_ZERO; kernel];
            for n in 0..x_shape[0] {
                let batch = forms.power(&mut self.asm, strides[0] * n as i64);
                for (sum, value) in sums.iter_mut().zip(&windows.sums[n * channels + c]) {
                    *sum = self.asm.mul_add(batch, *value, *sum);
                }
            }
            right.extend(sums);
        }
        let Some(weights) = weights else {
            let right = self.shifted(forms, &windows.exponents, right);
            let kernels = self.narrow(w)?;
            return Ok(self.kernel_form(forms, conv, &kernels, w_shape[0], &right, strides[1]));
        };
        let values = weights.to_vec();
        let outputs_per_group = w_shape[0] / conv.groups;
        let span = per_group * kernel;
        let exponents: Vec<i64> = (0..w_shape[0] as i64).map(|o| o * strides[1]).collect();
        let group = |o: usize| o / outputs_per_group;
        // The powers of the offsets multiply every window sum, or one form for every offset.
        let blocks = exponents.len().div_ceil(BilinearGate::LEFT);
        let groups = BilinearGate::LEFT.div_ceil(outputs_per_group).min(conv.groups);
        let width = forms.tile_width(true);
        let joint = blocks * (groups * span).div_ceil(width) + right.len() / MulAddGate::SLOTS;
        let split = blocks * kernel * (groups * per_group).div_ceil(width);
        if split <= joint {
            let mut sum = EXT_ZERO;
            for (k, exponent) in windows.exponents.iter().enumerate() {
                let operands: Vec<Operand> = (0..channels).map(|c| Operand::Extension(right[c * kernel + k])).collect();
                let support = |o: usize| group(o) * per_group..(group(o) + 1) * per_group;
                let weight = |o: usize, c: usize| values[o * span + (c % per_group) * kernel + k];
                let form = forms.bilinear(&mut self.asm, &exponents, &operands, support, weight);
                let factor = forms.power(&mut self.asm, *exponent);
                sum = self.asm.mul_add(factor, form, sum);
            }
            return Ok(sum);
        }
        let right: Vec<Operand> =
            self.shifted(forms, &windows.exponents, right).into_iter().map(Operand::Extension).collect();
        let support = |o: usize| group(o) * span..(group(o) + 1) * span;
        let weight = |o: usize, j: usize| values[o * span + j % span];
        Ok(forms.bilinear(&mut self.asm, &exponents, &right, support, weight))
    }

    /// Window sums, offsets innermost, times the powers of the offsets.
    fn shifted(&mut self, forms: &mut Forms, exponents: &[i64], sums: Vec<Ext>) -> Vec<Ext> {
        let factors: Vec<Ext> = exponents.iter().map(|e| forms.power(&mut self.asm, *e)).collect();
        sums.into_iter()
            .enumerate()
            .map(|(i, sum)| self.asm.mul_add(factors[i % factors.len()], sum, EXT_ZERO))
            .collect()
    }
}

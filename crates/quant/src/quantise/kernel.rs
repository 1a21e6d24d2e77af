//! Rounding of convolution kernels.
//!
//! Neighbouring elements of a feature map are alike, and a rectified map has a mean far from zero, so the error that the
//! weights of one kernel add up to counts more than that of each. Some weights are rounded to the second nearest integer,
//! so that the sum over each kernel is off by half a step at most.

/// Moves some of `integers`, the nearest ones to `exact`, to the second nearest, so that the sum of each run of `kernel`
/// elements becomes the integer nearest to the sum of what is exact. No magnitude beyond the largest one appears.
pub(super) fn keep_sums(integers: &mut [i64], exact: &[f64], kernel: usize) {
    let largest = integers.iter().map(|i| i.unsigned_abs()).max().unwrap_or(0);
    for (integers, exact) in integers.chunks_mut(kernel.max(1)).zip(exact.chunks(kernel.max(1))) {
        let error: f64 = integers.iter().zip(exact).map(|(i, v)| *i as f64 - v).sum();
        let excess = libm::round(error);
        let step = if excess > 0.0 { -1 } else { 1 };
        // Those that were rounded the farthest, in the direction of the excess, come first.
        let rounded = |k: usize| (exact[k] - integers[k] as f64) * step as f64;
        let mut order: Vec<usize> = (0..integers.len()).filter(|k| rounded(*k) > 0.0).collect();
        order.sort_by(|a, b| rounded(*b).total_cmp(&rounded(*a)));
        let fits = |k: &usize| (integers[*k] + step).unsigned_abs() <= largest;
        let moved: Vec<usize> = order.into_iter().filter(fits).take(excess.abs() as usize).collect();
        for k in moved {
            integers[k] += step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::keep_sums;

    fn kept(exact: &[f64], kernel: usize) -> Vec<i64> {
        let mut integers: Vec<i64> = exact.iter().map(|v| v.round() as i64).collect();
        keep_sums(&mut integers, exact, kernel);
        integers
    }

    #[test]
    fn the_sum_of_each_kernel_is_kept() {
        assert_eq!(kept(&[4.45, 1.2, -2.6, 0.3, 1.0, 2.0, 3.0, 9.0], 4), [5, 1, -3, 0, 1, 2, 3, 9]);
        assert_eq!(kept(&[1.55, 2.6, -1.4, 7.0], 4), [1, 3, -1, 7]);
    }

    #[test]
    fn integers_stay_and_the_largest_magnitude_is_not_exceeded() {
        assert_eq!(kept(&[0.0, 3.0, -2.0, 5.0], 2), [0, 3, -2, 5]);
        assert_eq!(kept(&[7.4, 7.4, 7.4], 3), [7, 7, 7]);
    }
}

//! Exponential functions and their kin in plain 32-bit arithmetic without branches, so that compilers turn loops over them into vector code,
//! and the row operations made of them. No sum depends on the width of the vectors, and nothing is contracted: bits are the same on every processor.

/// Defines a function whose body is compiled for wide vectors as well, and taken so where the processor has them.
macro_rules! wide {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) {
            #[inline(always)]
            fn plain($($arg: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) { plain($($arg),*) }
                if std::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor was just seen to have the feature.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

pub(in crate::ops::nn) use wide;

/// 1.5 * 2^23: adding and taking it away again rounds to the nearest whole number.
const ROUND: f32 = 12_582_912.0;

/// Returns exp(x) to about two units in the last place; below exp(-87.3) the smallest normal number (Moshier's Cephes, `expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.3, 88.7);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.987_569_2e-4f32;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * r + c;
    }
    let whole = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    (p * r * r + r + 1.0) * f32::from_bits((whole.wrapping_add(127) as u32) << 23)
}

/// Returns 1 / (1 + exp(-x)).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Returns the hyperbolic tangent to about two units in the last place (Moshier's Cephes, `tanhf`).
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let z = x * x;
    let mut p = -5.704_989e-3f32;
    for c in [2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1] {
        p = p * z + c;
    }
    let small = p * z * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { small } else { far }
}

/// Returns the error function to about 2e-7 (the rational approximation of Eigen's `generic_fast_erf_float`).
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let z = x * x;
    let mut p = -2.726_142_3e-10f32;
    for c in [2.770_681_4e-8, -2.101_024e-6, -5.692_506_5e-5, -7.349_906e-4, -2.954_6e-3, -1.609_603_3e-2] {
        p = p * z + c;
    }
    let mut q = -1.456_607_2e-5f32;
    for c in [-2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2] {
        q = q * z + c;
    }
    x * p / q
}

wide! {
    /// Replaces a row by exp(scale x) / sum of exp(scale x).
    pub fn softmax(row: &mut [f32], scale: f32) {
        let highest = max(row);
        row.iter_mut().for_each(|x| *x = exp((*x - highest) * scale));
        let inverse = 1.0 / sum(row);
        row.iter_mut().for_each(|x| *x *= inverse);
    }
}

wide! {
    /// Turns the gradient by a softmax's output into that by what it was taken of, times `scale`: `y (d - sum of y d)`.
    pub fn softmax_gradient(y: &[f32], gradient: &mut [f32], scale: f32) {
        let mean = dot(gradient, y);
        gradient.iter_mut().zip(y).for_each(|(g, y)| *g = (*g - mean) * y * scale);
    }
}

/// Returns the highest number of a row.
#[inline(always)]
pub fn max(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 8];
    let chunks = row.chunks_exact(8);
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    chunks.for_each(|c| lanes.iter_mut().zip(c).for_each(|(l, x)| *l = if *x > *l { *x } else { *l }));
    lanes.iter().fold(rest, |a, b| if *b > a { *b } else { a })
}

/// Returns the sum of a row: eight sums over every eighth number, then those in order.
#[inline(always)]
pub fn sum(row: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let chunks = row.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().sum();
    chunks.for_each(|c| lanes.iter_mut().zip(c).for_each(|(l, x)| *l += x));
    lanes.iter().sum::<f32>() + rest
}

/// Returns the sum of products of two rows, in the order of [`sum`].
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    let (ca, cb) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = ca.remainder().iter().zip(cb.remainder()).map(|(x, y)| x * y).sum();
    ca.zip(cb).for_each(|(x, y)| lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(l, (x, y))| *l += x * y));
    lanes.iter().sum::<f32>() + rest
}

/// Returns the sum of f(number) over a row in 64 bits, in the order of [`sum`].
#[inline(always)]
pub fn sum64(len: usize, f: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0f64; 8];
    let whole = len / 8 * 8;
    for at in (0..whole).step_by(8) {
        lanes.iter_mut().enumerate().for_each(|(i, l)| *l += f(at + i));
    }
    (whole..len).fold(lanes.iter().sum::<f64>(), |total, i| total + f(i))
}

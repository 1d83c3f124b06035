//! Inner loops over slices, compiled for the widest vectors that the processor has, with one order of summation for all widths.
//!
//! Every loop works on eight lanes written out by hand, so AVX2 and AVX-512 give the same bits; without fused multiply-add
//! the last bits differ (another device kind). Slices are padded with zeros to a multiple of [`LANES`].

pub use super::lanes::LANES;
use super::lanes::Lanes;

/// Returns the length padded to whole lanes.
pub fn padded(d: usize) -> usize {
    d.div_ceil(LANES) * LANES
}

/// Returns 2 with AVX-512, 1 with AVX2 and fused multiply-add, else 0.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn level() -> u8 {
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
        0
    } else if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl")
    {
        2
    } else {
        1
    }
}

/// Declares a function whose body, generic in [`Lanes`], is compiled once for each vector width.
macro_rules! dispatch {
    ($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $body:ident) => {
        $(#[$meta])*
        pub fn $name($($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                fn avx512_code($($arg: $type),*) $(-> $ret)? { $body::<$crate::ops::density::lanes::Avx512>($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2_code($($arg: $type),*) $(-> $ret)? { $body::<$crate::ops::density::lanes::Avx2>($($arg),*) }
                match $crate::ops::density::simd::level() {
                    // SAFETY: `level` has seen these features on this processor.
                    2 => return unsafe { avx512_code($($arg),*) },
                    // SAFETY: as above.
                    1 => return unsafe { avx2_code($($arg),*) },
                    _ => {}
                }
            }
            $body::<$crate::ops::density::lanes::Plain>($($arg),*)
        }
    };
}
pub(crate) use dispatch;

/// Returns the inner product of two padded vectors.
#[inline(always)]
pub fn dot<V: Lanes>(a: &[f64], b: &[f64]) -> f64 {
    let mut acc = V::splat(0.0);
    for (x, y) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        acc = V::load(x).fma(V::load(y), acc);
    }
    acc.sum()
}

/// Returns the first chunks of four consecutive rows of length `dp`.
#[inline(always)]
fn four(rows: &[f64], dp: usize, chunks: usize) -> [&[[f64; LANES]]; 4] {
    let row = |r: usize| &rows[r * dp..r * dp + chunks * LANES].as_chunks::<LANES>().0[..chunks];
    [row(0), row(1), row(2), row(3)]
}

/// Returns the inner products of four consecutive rows with one vector, still in lanes.
#[inline(always)]
fn dot4_lanes<V: Lanes>(rows: [&[[f64; LANES]]; 4], x: &[[f64; LANES]]) -> [V; 4] {
    let (mut p, mut q, mut r, mut s) = (V::splat(0.0), V::splat(0.0), V::splat(0.0), V::splat(0.0));
    let [a, b, c, d] = rows;
    for ((((x, a), b), c), d) in x.iter().zip(a).zip(b).zip(c).zip(d) {
        let x = V::load(x);
        p = V::load(a).fma(x, p);
        q = V::load(b).fma(x, q);
        r = V::load(c).fma(x, r);
        s = V::load(d).fma(x, s);
    }
    [p, q, r, s]
}

/// Returns the inner products of four consecutive rows with one vector; rows are `x.len()` apart.
#[inline(always)]
pub fn dot4<V: Lanes>(rows: &[f64], x: &[f64]) -> [f64; 4] {
    let xc = x.as_chunks::<LANES>().0;
    let [p, q, r, s] = dot4_lanes::<V>(four(rows, x.len(), xc.len()), xc);
    [p.sum(), q.sum(), r.sum(), s.sum()]
}

/// Returns the inner products of eight consecutive rows with one vector, one a lane; rows are `x.len()` apart.
#[inline(always)]
pub fn dot8<V: Lanes>(rows: &[f64], x: &[f64]) -> V {
    let (dp, xc) = (x.len(), x.as_chunks::<LANES>().0);
    let ([a, b, c, d], [e, f, g, h]) = (four(rows, dp, xc.len()), four(&rows[4 * dp..], dp, xc.len()));
    let mut acc = [V::splat(0.0); LANES];
    // Zipped, so that no index is checked.
    for ((((((((x, a), b), c), d), e), f), g), h) in xc.iter().zip(a).zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h) {
        let x = V::load(x);
        for (acc, row) in acc.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *acc = V::load(row).fma(x, *acc);
        }
    }
    V::sums(acc)
}

/// Returns `u' P u` for the symmetric `P = H + H'`, `H` its lower triangle with halved diagonal (rows padded with zeros).
#[inline(always)]
pub fn quadratic<V: Lanes>(half: &[f64], u: &[f64]) -> f64 {
    let dp = u.len();
    let uc = u.as_chunks::<LANES>().0;
    let mut total = V::splat(0.0);
    for j in (0..dp).step_by(4) {
        let chunks = j / LANES + 1;
        let [p, q, r, s] = dot4_lanes::<V>(four(&half[j * dp..], dp, chunks), &uc[..chunks]);
        total = p.fma(V::splat(u[j]), total);
        total = q.fma(V::splat(u[j + 1]), total);
        total = r.fma(V::splat(u[j + 2]), total);
        total = s.fma(V::splat(u[j + 3]), total);
    }
    2.0 * total.sum()
}

#[inline(always)]
fn symmetric_times_body<V: Lanes>(half: &[f64], v: &[f64], out: &mut [f64]) {
    let dp = v.len();
    out.fill(0.0);
    let vc = v.as_chunks::<LANES>().0;
    for j in (0..dp).step_by(4) {
        let chunks = j / LANES + 1;
        let [a, b, c, d] = four(&half[j * dp..], dp, chunks);
        let factors = [V::splat(v[j]), V::splat(v[j + 1]), V::splat(v[j + 2]), V::splat(v[j + 3])];
        let (mut p, mut q, mut r, mut s) = (V::splat(0.0), V::splat(0.0), V::splat(0.0), V::splat(0.0));
        let targets = out.as_chunks_mut::<LANES>().0;
        for (((((x, w), a), b), c), d) in vc[..chunks].iter().zip(targets).zip(a).zip(b).zip(c).zip(d) {
            let (x, a, b, c, d) = (V::load(x), V::load(a), V::load(b), V::load(c), V::load(d));
            p = a.fma(x, p);
            q = b.fma(x, q);
            r = c.fma(x, r);
            s = d.fma(x, s);
            let sum = d.fma(factors[3], V::load(w));
            a.fma(factors[0], b.fma(factors[1], c.fma(factors[2], sum))).store(w);
        }
        out[j] += p.sum();
        out[j + 1] += q.sum();
        out[j + 2] += r.sum();
        out[j + 3] += s.sum();
    }
}

#[inline(always)]
fn rank_one_body<V: Lanes>(half: &mut [f64], w: &[f64], c: f64) {
    let dp = w.len();
    let wc = w.as_chunks::<LANES>().0;
    for j in 0..dp {
        let chunks = j / LANES + 1;
        let row = &mut half[j * dp..j * dp + chunks * LANES];
        let factor = c * w[j];
        let diagonal = V::fma1(0.5 * factor, w[j], row[j]);
        let factor = V::splat(factor);
        for (r, x) in row.as_chunks_mut::<LANES>().0.iter_mut().zip(wc) {
            V::load(x).fma(factor, V::load(r)).store(r);
        }
        row[j] = diagonal;
        row[j + 1..].fill(0.0);
    }
}

#[inline(always)]
fn inner_body<V: Lanes>(a: &[f64], b: &[f64]) -> f64 {
    dot::<V>(a, b)
}

#[inline(always)]
fn form_body<V: Lanes>(half: &[f64], u: &[f64]) -> f64 {
    quadratic::<V>(half, u)
}

#[inline(always)]
fn axpy_body<V: Lanes>(factor: f64, x: &[f64], y: &mut [f64]) {
    let (xc, xr) = x.as_chunks::<LANES>();
    let (yc, yr) = y.as_chunks_mut::<LANES>();
    let f = V::splat(factor);
    for (x, y) in xc.iter().zip(yc) {
        V::load(x).fma(f, V::load(y)).store(y);
    }
    xr.iter().zip(yr).for_each(|(x, y)| *y = V::fma1(factor, *x, *y));
}

#[inline(always)]
fn outer_body<V: Lanes>(v: &[f64], d: usize, s: &mut [f64]) {
    for a in 0..d {
        axpy_body::<V>(v[a], &v[..=a], &mut s[a * d..=a * d + a]);
    }
}

#[inline(always)]
fn dot_plain_body<V: Lanes>(a: &[f64], b: &[f64]) -> f64 {
    let (ac, ar) = a.as_chunks::<LANES>();
    let (bc, br) = b.as_chunks::<LANES>();
    let mut acc = V::splat(0.0);
    for (x, y) in ac.iter().zip(bc) {
        acc = V::load(x).fma(V::load(y), acc);
    }
    ar.iter().zip(br).fold(acc.sum(), |s, (x, y)| V::fma1(*x, *y, s))
}

dispatch! {
    /// Writes `out = P v` for the symmetric `P = H + H'` of [`quadratic`].
    pub fn symmetric_times(half: &[f64], v: &[f64], out: &mut [f64]) = symmetric_times_body
}
dispatch! {
    /// Adds `c w w'` to the symmetric matrix of [`quadratic`].
    pub fn rank_one(half: &mut [f64], w: &[f64], c: f64) = rank_one_body
}
dispatch! {
    /// Returns the inner product of two padded vectors.
    pub fn inner(a: &[f64], b: &[f64]) -> f64 = inner_body
}
dispatch! {
    /// Returns the quadratic form; see [`quadratic`].
    pub fn form(half: &[f64], u: &[f64]) -> f64 = form_body
}
dispatch! {
    /// Adds `factor * x` to `y`; any length.
    pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) = axpy_body
}
dispatch! {
    /// Adds `v v'` to the lower triangle of the row-major `d x d` matrix.
    pub fn outer(v: &[f64], d: usize, s: &mut [f64]) = outer_body
}
dispatch! {
    /// Returns the inner product of two vectors of any length.
    pub fn dot_plain(a: &[f64], b: &[f64]) -> f64 = dot_plain_body
}

/// Returns the natural logarithms of eight positive normal numbers, within 1 ulp or so (fdlibm's `e_log.c`, without branches).
#[inline(always)]
pub fn ln8<V: Lanes>(x: &[f64; LANES]) -> [f64; LANES] {
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    const LG: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    let mut out = [0.0; LANES];
    for l in 0..LANES {
        // Mantissa in [sqrt(1/2), sqrt(2)): the offset moves the cut from 1 to sqrt(1/2).
        let bits = x[l].to_bits().wrapping_sub(0x3fe6_a09e_667f_3bcd);
        let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(0x3fe6_a09e_667f_3bcd));
        // The exponent, biased to stay positive, turned into a float without an integer conversion.
        let biased = (bits.wrapping_add(1024 << 52)) >> 52;
        let k = f64::from_bits(biased | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1024.0);
        let f = mantissa - 1.0;
        let s = f / (2.0 + f);
        let z = s * s;
        let w = z * z;
        let t1 = w * V::fma1(w, V::fma1(w, LG[5], LG[3]), LG[1]);
        let t2 = z * V::fma1(w, V::fma1(w, V::fma1(w, LG[6], LG[4]), LG[2]), LG[0]);
        let half = 0.5 * f * f;
        out[l] = k * LN2_HI - ((half - V::fma1(s, half + (t1 + t2), k * LN2_LO)) - f);
    }
    out
}

/// Returns the exponentials of eight numbers at most about 700, within 2 ulp or so; 0 below -708.
#[inline(always)]
pub fn exp8<V: Lanes>(x: &[f64; LANES]) -> [f64; LANES] {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    const C: [f64; 12] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ];
    let mut out = [0.0; LANES];
    for l in 0..LANES {
        let v = if x[l] > -708.0 { x[l] } else { -708.0 };
        let shifted = V::fma1(v, std::f64::consts::LOG2_E, SHIFT);
        let n = shifted - SHIFT;
        let r = V::fma1(-n, LN2_LO, V::fma1(-n, LN2_HI, v));
        let mut p = C[0];
        for c in &C[1..] {
            p = V::fma1(p, r, *c);
        }
        let p = V::fma1(p * r, r, r) + 1.0;
        let scale = f64::from_bits(shifted.to_bits().wrapping_add(1023).wrapping_shl(52));
        out[l] = if x[l] > -708.0 { p * scale } else { 0.0 };
    }
    out
}

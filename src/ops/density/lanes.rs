//! Eight numbers at once: AVX-512, a pair of AVX2 vectors, or plain Rust, with the same results to the bit where fused
//! multiply-add is there.

/// Lanes that every loop works on; vectors are padded to a multiple of this.
pub const LANES: usize = 8;

/// Eight lanes.
pub trait Lanes: Copy {
    /// Whether multiply-add is fused.
    const FUSED: bool;
    /// Returns the number in all lanes.
    fn splat(x: f64) -> Self;
    /// Reads eight numbers.
    fn load(x: &[f64; LANES]) -> Self;
    /// Writes eight numbers.
    fn store(self, x: &mut [f64; LANES]);
    /// Returns the sum, lane by lane.
    fn add(self, b: Self) -> Self;
    /// Returns the difference, lane by lane.
    fn sub(self, b: Self) -> Self;
    /// Returns `self * b + c`, lane by lane.
    fn fma(self, b: Self, c: Self) -> Self;

    /// Returns the sum of the lanes: `((0+4)+(2+6)) + ((1+5)+(3+7))`.
    #[inline(always)]
    fn sum(self) -> f64 {
        let mut a = [0.0; LANES];
        self.store(&mut a);
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }

    /// Returns the sums of eight vectors' lanes, one a lane: `((0+1)+(2+3)) + ((4+5)+(6+7))` each.
    #[inline(always)]
    fn sums(rows: [Self; LANES]) -> Self {
        let out = rows.map(|row| {
            let mut a = [0.0; LANES];
            row.store(&mut a);
            ((a[0] + a[1]) + (a[2] + a[3])) + ((a[4] + a[5]) + (a[6] + a[7]))
        });
        Self::load(&out)
    }

    /// Returns `a * b + c` of single numbers, fused as the lanes are.
    #[inline(always)]
    fn fma1(a: f64, b: f64, c: f64) -> f64 {
        if Self::FUSED { a.mul_add(b, c) } else { a * b + c }
    }
}

/// Plain Rust.
#[derive(Clone, Copy)]
pub struct Plain([f64; LANES]);

impl Lanes for Plain {
    const FUSED: bool = cfg!(target_arch = "aarch64");

    #[inline(always)]
    fn splat(x: f64) -> Self {
        Plain([x; LANES])
    }
    #[inline(always)]
    fn load(x: &[f64; LANES]) -> Self {
        Plain(*x)
    }
    #[inline(always)]
    fn store(self, x: &mut [f64; LANES]) {
        *x = self.0;
    }
    #[inline(always)]
    fn add(mut self, b: Self) -> Self {
        for l in 0..LANES {
            self.0[l] += b.0[l];
        }
        self
    }
    #[inline(always)]
    fn sub(mut self, b: Self) -> Self {
        for l in 0..LANES {
            self.0[l] -= b.0[l];
        }
        self
    }
    #[inline(always)]
    fn fma(self, b: Self, mut c: Self) -> Self {
        for l in 0..LANES {
            c.0[l] = Self::fma1(self.0[l], b.0[l], c.0[l]);
        }
        c
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{LANES, Lanes};
    use std::arch::x86_64::*;

    /// AVX-512. To be used only where [`super::super::simd::level`] is 2.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512d);

    // SAFETY of all blocks here: `dispatch!` reaches this type only on processors with the features, and loads and stores go
    // through references to eight numbers.
    impl Lanes for Avx512 {
        const FUSED: bool = true;

        #[inline(always)]
        fn splat(x: f64) -> Self {
            unsafe { Avx512(_mm512_set1_pd(x)) }
        }
        #[inline(always)]
        fn load(x: &[f64; LANES]) -> Self {
            // A copy rather than the intrinsic, whose result LLVM leaves on the stack.
            unsafe { Avx512(std::mem::transmute::<[f64; LANES], __m512d>(*x)) }
        }
        #[inline(always)]
        fn store(self, x: &mut [f64; LANES]) {
            unsafe { _mm512_storeu_pd(x.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            unsafe { Avx512(_mm512_add_pd(self.0, b.0)) }
        }
        #[inline(always)]
        fn sub(self, b: Self) -> Self {
            unsafe { Avx512(_mm512_sub_pd(self.0, b.0)) }
        }
        #[inline(always)]
        fn fma(self, b: Self, c: Self) -> Self {
            unsafe { Avx512(_mm512_fmadd_pd(self.0, b.0, c.0)) }
        }
        #[inline(always)]
        fn sum(self) -> f64 {
            unsafe { sum4(_mm256_add_pd(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0))) }
        }
        #[inline(always)]
        fn sums(r: [Self; LANES]) -> Self {
            unsafe {
                // Neighbouring lanes of two vectors, then pairs of pairs of four, then of all eight.
                let two = |a: Self, b: Self| _mm512_add_pd(_mm512_unpacklo_pd(a.0, b.0), _mm512_unpackhi_pd(a.0, b.0));
                let join = |a: __m512d, b: __m512d| {
                    _mm512_add_pd(_mm512_shuffle_f64x2::<0b10_00_10_00>(a, b), _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b))
                };
                let (low, high) = (join(two(r[0], r[1]), two(r[2], r[3])), join(two(r[4], r[5]), two(r[6], r[7])));
                Avx512(join(low, high))
            }
        }
    }

    /// Two AVX2 vectors. To be used only where [`super::super::simd::level`] is 1 or 2.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256d, __m256d);

    // SAFETY: as above.
    impl Lanes for Avx2 {
        const FUSED: bool = true;

        #[inline(always)]
        fn splat(x: f64) -> Self {
            unsafe { Avx2(_mm256_set1_pd(x), _mm256_set1_pd(x)) }
        }
        #[inline(always)]
        fn load(x: &[f64; LANES]) -> Self {
            let [a, b]: [__m256d; 2] = unsafe { std::mem::transmute::<[f64; LANES], [__m256d; 2]>(*x) };
            Avx2(a, b)
        }
        #[inline(always)]
        fn store(self, x: &mut [f64; LANES]) {
            unsafe {
                _mm256_storeu_pd(x.as_mut_ptr(), self.0);
                _mm256_storeu_pd(x.as_mut_ptr().add(4), self.1);
            }
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            unsafe { Avx2(_mm256_add_pd(self.0, b.0), _mm256_add_pd(self.1, b.1)) }
        }
        #[inline(always)]
        fn sub(self, b: Self) -> Self {
            unsafe { Avx2(_mm256_sub_pd(self.0, b.0), _mm256_sub_pd(self.1, b.1)) }
        }
        #[inline(always)]
        fn fma(self, b: Self, c: Self) -> Self {
            unsafe { Avx2(_mm256_fmadd_pd(self.0, b.0, c.0), _mm256_fmadd_pd(self.1, b.1, c.1)) }
        }
        #[inline(always)]
        fn sum(self) -> f64 {
            unsafe { sum4(_mm256_add_pd(self.0, self.1)) }
        }
        #[inline(always)]
        fn sums(r: [Self; LANES]) -> Self {
            unsafe {
                // Four vectors' sums: neighbours, then the two halves.
                let four = |a: [__m256d; 4]| {
                    let (x, y) = (_mm256_hadd_pd(a[0], a[1]), _mm256_hadd_pd(a[2], a[3]));
                    _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(x, y), _mm256_permute2f128_pd::<0x31>(x, y))
                };
                let half =
                    |r: &[Self]| _mm256_add_pd(four([r[0].0, r[1].0, r[2].0, r[3].0]), four([r[0].1, r[1].1, r[2].1, r[3].1]));
                Avx2(half(&r[..4]), half(&r[4..]))
            }
        }
    }

    /// Returns `(0+2) + (1+3)`.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn sum4(x: __m256d) -> f64 {
        unsafe {
            let pair = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd::<1>(x));
            _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)))
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

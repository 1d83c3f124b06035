//! The kernels that dominate a pass, against the arithmetic peak and the bandwidth measured in the same run.

use cfx::base::Stream;
use cfx::ops::density::cache::Observations;
use cfx::ops::density::lanes::{LANES, Lanes, Plain};
use cfx::ops::density::niw::Niw;
use cfx::ops::density::simd::{exp8, level};
use cfx::ops::density::state::State;
use rand::RngExt;
use std::hint::black_box;
use std::time::Instant;

#[inline(always)]
fn fma_body<V: Lanes>(rounds: usize) -> f64 {
    let mut acc = [V::splat(1.0); 10];
    let (b, c) = (V::splat(black_box(0.999_999)), V::splat(black_box(1e-6)));
    for _ in 0..rounds {
        for a in &mut acc {
            *a = a.fma(b, c);
        }
    }
    acc.iter().map(|a| a.sum()).sum()
}

#[inline(always)]
fn stream_body<V: Lanes>(data: &[f64]) -> f64 {
    let mut acc = [V::splat(0.0); 8];
    let chunks = data.as_chunks::<LANES>().0;
    for eight in chunks.chunks_exact(8) {
        for (a, x) in acc.iter_mut().zip(eight) {
            *a = a.add(V::load(x));
        }
    }
    acc.iter().map(|a| a.sum()).sum()
}

#[inline(always)]
fn exp_body<V: Lanes>(data: &mut [f64]) -> f64 {
    for chunk in data.as_chunks_mut::<LANES>().0 {
        *chunk = exp8::<V>(chunk);
    }
    data[0]
}

/// Compiles a body for each width, as the library does.
macro_rules! widths {
    ($name:ident($arg:ident: $type:ty) = $body:ident) => {
        fn $name($arg: $type) -> f64 {
            #[cfg(target_arch = "x86_64")]
            {
                use cfx::ops::density::lanes::{Avx2, Avx512};
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                fn wide($arg: $type) -> f64 {
                    $body::<Avx512>($arg)
                }
                #[target_feature(enable = "avx2,fma")]
                fn narrow($arg: $type) -> f64 {
                    $body::<Avx2>($arg)
                }
                match level() {
                    // SAFETY: `level` has seen these features on this processor.
                    2 => return unsafe { wide($arg) },
                    // SAFETY: as above.
                    1 => return unsafe { narrow($arg) },
                    _ => {}
                }
            }
            $body::<Plain>($arg)
        }
    };
}
widths!(fma(rounds: usize) = fma_body);
widths!(stream(data: &[f64]) = stream_body);
widths!(exps(data: &mut [f64]) = exp_body);

/// Returns the fastest of some runs in seconds: the machine may be busy with other things.
pub fn fastest(runs: usize, mut work: impl FnMut() -> f64) -> f64 {
    (0..runs).map(|_| work()).fold(f64::INFINITY, f64::min)
}

/// Returns seconds that some work takes this thread: processor time where the system tells, for others may be at work on the machine.
pub fn timed(work: impl FnOnce()) -> f64 {
    let (clock, before) = (Instant::now(), processor_time());
    work();
    match (before, processor_time()) {
        (Some(before), Some(after)) => after - before,
        _ => clock.elapsed().as_secs_f64(),
    }
}

/// Returns the seconds that this thread has been running.
#[cfg(target_os = "linux")]
fn processor_time() -> Option<f64> {
    #[repr(C)]
    struct Time {
        seconds: std::ffi::c_long,
        nanoseconds: std::ffi::c_long,
    }
    unsafe extern "C" {
        fn clock_gettime(clock: std::ffi::c_int, time: *mut Time) -> std::ffi::c_int;
    }
    let mut time = Time { seconds: 0, nanoseconds: 0 };
    // SAFETY: the C library's function writes one `timespec`, which on 64-bit Linux is two longs; 3 is CLOCK_THREAD_CPUTIME_ID.
    let failed = unsafe { clock_gettime(3, &mut time) } != 0;
    (!failed).then_some(time.seconds as f64 + 1e-9 * time.nanoseconds as f64)
}

#[cfg(not(target_os = "linux"))]
fn processor_time() -> Option<f64> {
    None
}

/// Returns seconds of exponentials of so many numbers, vectorised as the sampler's.
pub fn exponentials(count: usize) -> f64 {
    let mut data = vec![-0.5; count];
    fastest(50, || {
        timed(|| {
            (0..20).for_each(|_| {
                black_box(exps(black_box(&mut data)));
            })
        })
    }) / 20.0
}

/// Prints peak, bandwidths, and what the two kernels of a restless pass reach of the smaller of peak and bandwidth x intensity.
pub fn run() {
    let rounds = 200_000;
    let peak = (rounds * 10 * LANES * 2) as f64
        / fastest(20, || {
            timed(|| {
                black_box(fma(rounds));
            })
        });
    println!("peak: {:.1} GFLOP/s multiply-add in registers, one core, vector level {}", peak * 1e-9, level());
    let (n, d, k) = (500usize, 64usize, 60usize);
    let mut rng = Stream::root(8).rng();
    let x: Vec<f64> = (0..n * d).map(|_| 3.0 * (rng.random::<f64>() - 0.5)).collect();
    let (data, niw) = (Observations::new(x, d), Niw::new(d, 0.01, d as f64 + 2.0, n + 1));
    let z: Vec<u32> = (0..n as u32).map(|i| i % k as u32).collect();
    let all: Vec<u32> = (0..n as u32).collect();
    // Changes of each component since an entry was looked at: corrected one by one, or computed anew.
    for (name, changes) in [("corrections, 8 pending", 8usize), ("corrections, 16 pending", 16), ("quadratic forms anew", 40)] {
        let corrected = changes <= d / 2;
        let flops = if corrected {
            (n * k * changes * 2 * d) as f64
        } else {
            (n * k) as f64 * (0..d).step_by(4).map(|j| (4 * (j / LANES + 1) * LANES * 2 + 4 * LANES * 2) as f64).sum::<f64>()
        };
        let set = if corrected { k * changes * d } else { k * d * (d + LANES) / 2 };
        // A component's numbers come near once for eight observations.
        let bytes = (n.div_ceil(8) * set * 8) as f64;
        let buffer = vec![1.0; set];
        let times = 40;
        let bandwidth = (set * 8 * times) as f64
            / fastest(20, || {
                timed(|| {
                    (0..times).for_each(|_| {
                        black_box(stream(black_box(&buffer)));
                    })
                })
            });
        let seconds = fastest(15, || {
            let mut state = State::new(&data, &niw, z.clone(), 1.0);
            all.chunks(8).for_each(|t| state.freshen(t));
            for i in 0..k {
                (0..changes / 2).for_each(|_| {
                    state.take(i);
                    state.put(i, i);
                });
            }
            timed(|| all.chunks(8).for_each(|t| state.freshen(t)))
        });
        let roof = peak.min(bandwidth * flops / bytes);
        println!(
            "{name:26} {:6.1} GFLOP/s; bandwidth over its {} KiB {:.0} GB/s x {:.1} flop/byte, so the roof is {:.1}: {:.0}% of it",
            flops / seconds * 1e-9,
            set * 8 / 1024,
            bandwidth * 1e-9,
            flops / bytes,
            roof * 1e-9,
            100.0 * flops / seconds / roof
        );
    }
}

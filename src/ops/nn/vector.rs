//! Arithmetic on whole buffers wherever they are: what optimisers and training loops need beside layers.

use super::buffer::Buffer;
use super::cpu::parallel::{map1, sum_of_squares, update1};
use super::gpu::accelerator::{Args, Handle};
use super::gpu::work::half;

fn launch(handle: &Handle, kernel: &'static str, places: usize, p: &[u64], n: &[usize], f: &[f32]) {
    handle.launch(kernel, places, false, &Args::new(p, n, f));
}

/// Adds `scale` times a buffer to another on the same device.
pub fn add(to: &mut Buffer, from: &Buffer, scale: f32) {
    match to.accelerator().cloned() {
        None => map1(to.host_mut(), from.host(), true, |x| scale * x),
        Some(handle) => {
            let n = [from.len(), half(from.format()), half(to.format()), 1];
            launch(&handle, "combine", from.len().div_ceil(4), &[from.address(), to.address()], &n, &[scale]);
        }
    }
}

/// Multiplies all numbers.
pub fn scale(buffer: &mut Buffer, by: f32) {
    match buffer.accelerator() {
        None => update1(buffer.host_mut(), |x| x * by),
        Some(handle) => {
            let (at, n) = (buffer.address(), [buffer.len(), half(buffer.format()), half(buffer.format()), 0]);
            launch(handle, "combine", buffer.len().div_ceil(4), &[at, at], &n, &[by]);
        }
    }
}

/// Cuts all numbers, of 32 bits, to [-limit, limit].
pub fn limit(buffer: &mut Buffer, limit: f32) {
    match buffer.accelerator() {
        None => update1(buffer.host_mut(), |x| x.clamp(-limit, limit)),
        Some(handle) => launch(handle, "limit", buffer.len(), &[buffer.address()], &[buffer.len()], &[limit]),
    }
}

/// Returns the sum of the squares of all numbers, of 32 bits, in a fixed order.
pub fn squares(buffer: &Buffer) -> f64 {
    let Some(handle) = buffer.accelerator() else { return sum_of_squares(buffer.host()) };
    let pieces = buffer.len().div_ceil(8192);
    let sums = handle.allocate(8 * pieces);
    let args = Args::new(&[buffer.address(), sums.address()], &[buffer.len()], &[]);
    handle.launch("squares", pieces, true, &args);
    let mut bytes = vec![0u8; 8 * pieces];
    handle.download(sums.address(), &mut bytes);
    bytes.as_chunks().0.iter().map(|b| f64::from_ne_bytes(*b)).sum()
}

/// A step of stochastic gradient descent on an accelerator: weights, momentum (or nothing), gradients; rate, momentum, decay.
pub fn sgd(handle: &Handle, [w, v, g]: [u64; 3], len: usize, nesterov: bool, f: [f32; 3]) {
    launch(handle, "sgd", len, &[w, v, g], &[len, nesterov as usize], &f);
}

/// A step of Adam on an accelerator: weights, both moments, gradients; reals as `kernels.cu` has them.
pub fn adam(handle: &Handle, at: [u64; 4], len: usize, f: [f32; 9]) {
    launch(handle, "adam", len, &at, &[len], &f);
}

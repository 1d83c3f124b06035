//! Tests of the NVIDIA accelerator: what needs no device always, the rest where there is one.

use super::compile::{Target, compile, image};
use super::convolution::{Way, allowed, math, way};
use super::device::blocks;
use super::product::{Gemm, Side};
use super::{devices, open};
use crate::base::Stream;
use crate::ops::nn::cpu::Geometry;
use crate::ops::nn::gpu::accelerator::{Allocation, Args, Convolution, Direction, Format, Handle, Operand, Precision, Product};
use half::bf16;
use rand::RngExt;

/// Two kernels: one place a thread, and one place a warp.
const KERNELS: &str = r#"
struct Args {
    unsigned long long p[8];
    long long n[16];
    float f[12];
};
static_assert(sizeof(Args) == ARGS_BYTES, "Args as the host has them");
#ifndef DEVICE
#error "DEVICE is not defined"
#endif

extern "C" __global__ void affine(Args a) {
    long long i = blockIdx.x * (long long)blockDim.x + threadIdx.x;
    if (i >= a.n[0]) return;
    float *x = (float *)a.p[0];
    x[i] = x[i] * a.f[0] + a.f[7];
}

extern "C" __global__ void row_sums(Args a) {
    long long row = (blockIdx.x * (long long)blockDim.x + threadIdx.x) / 32;
    int lane = threadIdx.x % 32;
    if (row >= a.n[0]) return;
    const float *x = (const float *)a.p[0] + row * a.n[15];
    float sum = 0;
    for (long long i = lane; i < a.n[15]; i += 32) sum += x[i];
    for (int apart = 16; apart > 0; apart /= 2) sum += __shfl_xor_sync(0xffffffff, sum, apart);
    if (lane == 0) ((float *)a.p[7])[row] = sum;
}
"#;

fn normals(name: &str, count: usize) -> Vec<f32> {
    let mut rng = Stream::root(5).named(name).rng();
    (0..count).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect()
}

#[test]
fn kernels_become_machine_code_and_ptx() {
    let machine = compile(KERNELS, Target::Machine(90)).unwrap();
    assert_eq!(machine[..4].iter().map(|c| c.cast_unsigned()).collect::<Vec<_>>(), b"\x7fELF");
    let portable = compile(KERNELS, Target::Portable(80)).unwrap();
    let text: Vec<u8> = portable.iter().map(|c| c.cast_unsigned()).collect();
    assert_eq!(text.last(), Some(&0));
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains(".target sm_80") && text.contains(".entry affine") && text.contains(".entry row_sums"), "{text}");
    // The second call hands out the first one's image.
    assert!(std::sync::Arc::ptr_eq(&image((9, 0), KERNELS).unwrap(), &image((9, 0), KERNELS).unwrap()));
}

#[test]
fn messages_of_the_compiler_have_file_and_line() {
    let error = compile("extern \"C\" __global__ void wrong(int n) {\n    int m = n +;\n}\n", Target::Machine(90)).unwrap_err();
    assert!(error.starts_with("the kernels do not compile for sm_90 (NVRTC_ERROR_COMPILATION):\n"), "{error}");
    assert!(error.contains("kernels.cu(2): error: expected an expression"), "{error}");
    let error = compile(&KERNELS.replace("float f[12]", "float f[9]"), Target::Machine(90)).unwrap_err();
    assert!(error.contains("Args as the host has them"), "{error}");
    assert_eq!(compile("\0", Target::Machine(90)).unwrap_err(), "the text of the kernels has a zero byte in it");
    assert!(compile(KERNELS, Target::Machine(12)).unwrap_err().contains("sm_12"));
}

#[test]
fn targets_follow_the_device() {
    let supported = [75, 80, 86, 90, 100];
    assert_eq!(Target::choose((9, 0), &supported), Ok(Target::Machine(90)));
    assert_eq!(Target::choose((8, 9), &supported), Ok(Target::Portable(86)));
    assert_eq!(Target::choose((13, 1), &supported), Ok(Target::Portable(100)));
    assert_eq!(
        Target::choose((6, 1), &supported).unwrap_err(),
        "the GPU's compute capability is 6.1, and the CUDA libraries start at 7.5; use the libraries of an older CUDA, or a newer GPU"
    );
}

#[test]
fn a_device_that_is_not_there_is_a_sentence() {
    let error = match devices() {
        Ok(list) => {
            let error = open(list.len(), KERNELS).unwrap_err();
            let expected =
                if list.is_empty() { "there is no NVIDIA GPU;".to_owned() } else { format!("there is no GPU {};", list.len()) };
            assert!(error.starts_with(&expected), "{error}");
            error
        }
        Err(error) => {
            assert_eq!(open(0, KERNELS).unwrap_err(), error);
            error
        }
    };
    assert!(error.contains("nvidia-smi") || error.contains("numbered from 0"), "{error}");
}

#[test]
fn grids_cover_all_places() {
    assert_eq!([blocks(1, false), blocks(256, false), blocks(257, false)], [Some(1), Some(1), Some(2)]);
    assert_eq!([blocks(1, true), blocks(8, true), blocks(9, true)], [Some(1), Some(1), Some(2)]);
    assert_eq!(blocks(256 * i32::MAX as usize, false), Some(i32::MAX as u32));
    assert_eq!(blocks(256 * i32::MAX as usize + 1, false), None);
    assert_eq!(blocks(usize::MAX, true), None);
}

#[test]
fn no_algorithm_rounds_more_than_its_precision() {
    use candle_core::cuda_backend::cudarc::cudnn::sys::cudnnMathType_t::*;
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        assert_eq!(allowed(precision, math(precision)), Some(math(precision)));
        assert_eq!(allowed(precision, CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION), None);
    }
    assert_eq!([CUDNN_DEFAULT_MATH, CUDNN_TENSOR_OP_MATH].map(|m| allowed(Precision::F32, m)), [Some(CUDNN_FMA_MATH), None]);
    assert_eq!(allowed(Precision::Tf32, CUDNN_TENSOR_OP_MATH), Some(CUDNN_TENSOR_OP_MATH));
}

/// Computes a row-major product as [`Product`] says; addresses are places in the list.
fn by_rows(product: &Product, numbers: &mut [f32]) {
    let place = |o: &Operand, batch: usize, i: usize, j: usize| {
        let (i, j) = if o.transposed { (j, i) } else { (i, j) };
        o.at as usize + batch * o.apart + i * o.row + j
    };
    let (rows, columns, depth) = product.size;
    for b in 0..product.batch {
        for i in 0..rows {
            for j in 0..columns {
                let sum: f32 =
                    (0..depth).map(|k| numbers[place(&product.a, b, i, k)] * numbers[place(&product.b, b, k, j)]).sum();
                let out = &mut numbers[place(&product.out, b, i, j)];
                *out = product.alpha * sum + if product.add { *out } else { 0.0 };
            }
        }
    }
}

/// Computes a column-major product as cuBLAS does.
fn by_columns(gemm: &Gemm, numbers: &mut [f32]) {
    let place = |s: &Side, batch: i32, i: i32, j: i32| {
        let (i, j) = if s.transposed { (j, i) } else { (i, j) };
        s.at as usize + batch as usize * s.apart as usize + j as usize * s.column as usize + i as usize
    };
    let (m, n, k) = gemm.size;
    for b in 0..gemm.batch {
        for i in 0..m {
            for j in 0..n {
                let sum: f32 = (0..k).map(|l| numbers[place(&gemm.left, b, i, l)] * numbers[place(&gemm.right, b, l, j)]).sum();
                let out = &mut numbers[place(&gemm.out, b, i, j)];
                *out = gemm.alpha * sum + gemm.beta * *out;
            }
        }
    }
}

/// Returns products with each combination of transposes, rows apart and batches, over a list of so many numbers.
fn products() -> (Vec<Product>, usize) {
    let mut list = Vec::new();
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        for (size, gap, batch, add) in
            [((5, 3, 7), 0, 1, false), ((4, 6, 2), 3, 3, true), ((1, 9, 4), 0, 2, false), ((8, 1, 1), 2, 1, true)]
        {
            let (rows, columns, depth) = size;
            let operand = |at, transposed, (r, c): (usize, usize)| {
                let (r, c) = if transposed { (c, r) } else { (r, c) };
                Operand { at, row: c + gap, transposed, apart: r * (c + gap) + 1 }
            };
            let a = operand(0, ta, (rows, depth));
            let b = operand(300, tb, (depth, columns));
            let out = operand(600, false, (rows, columns));
            let (factors, result, precision) = (Format::F32, Format::F32, Precision::F32);
            list.push(Product { size, a, b, out, factors, result, precision, alpha: 0.5, add, batch });
        }
    }
    (list, 900)
}

#[test]
fn row_major_products_are_transposed_column_major_ones() {
    let (list, count) = products();
    for product in list {
        let mut rows = normals("product", count);
        let mut columns = rows.clone();
        by_rows(&product, &mut rows);
        by_columns(&Gemm::of(&product).unwrap().unwrap(), &mut columns);
        assert!(rows.iter().zip(&columns).all(|(a, b)| (a - b).abs() < 1e-5), "{product:?}");
    }
}

#[test]
fn products_that_cublas_does_not_take_are_refused() {
    let product = products().0[0];
    assert_eq!(Gemm::of(&Product { size: (0, 3, 7), ..product }), Ok(None));
    assert_eq!(Gemm::of(&Product { batch: 0, ..product }), Ok(None));
    let refused = |product| Gemm::of(&product).unwrap_err();
    assert!(refused(Product { size: (5, 3, 0), ..product }).contains("nothing to add up"));
    assert!(refused(Product { a: Operand { row: 6, ..product.a }, ..product }).contains("rows of 7 numbers that are 6 apart"));
    assert!(refused(Product { size: (1 << 31, 3, 7), ..product }).contains("too large for cuBLAS"));
    // The distance between rows means nothing where there is one row.
    assert!(Gemm::of(&Product { size: (1, 3, 7), a: Operand { row: 0, ..product.a }, ..product }).is_ok());
}

fn geometry(
    (h, w, c, n): (usize, usize, usize, usize),
    (kernel, stride, pad, dilation, groups): (usize, usize, usize, usize, usize),
) -> Geometry {
    let out = |size: usize| (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
    Geometry { h, w, c, oh: out(h), ow: out(w), n, kernel, stride, pad, dilation, groups }
}

/// Computes a convolution by its definition; `x`, `w` and `y` as [`Convolution`] has them.
fn by_definition(direction: Direction, batch: usize, g: &Geometry, x: &mut [f32], w: &mut [f32], y: &mut [f32]) {
    let result = match direction {
        Direction::Forward => &mut *y,
        Direction::ByInput => &mut *x,
        Direction::ByWeight => &mut *w,
    };
    let mut sums = vec![0.0_f64; result.len()];
    let (gi, go) = (g.c / g.groups, g.n / g.groups);
    for b in 0..batch {
        for (oi, oj) in (0..g.oh).flat_map(|i| (0..g.ow).map(move |j| (i, j))) {
            for (ki, kj) in (0..g.kernel).flat_map(|i| (0..g.kernel).map(move |j| (i, j))) {
                let (i, j) = (oi * g.stride + ki * g.dilation, oj * g.stride + kj * g.dilation);
                if i < g.pad || j < g.pad || i >= g.h + g.pad || j >= g.w + g.pad {
                    continue;
                }
                for n in 0..g.n {
                    for c in 0..gi {
                        let at_x = ((b * g.h + i - g.pad) * g.w + j - g.pad) * g.c + n / go * gi + c;
                        let at_w = ((n * g.kernel + ki) * g.kernel + kj) * gi + c;
                        let at_y = ((b * g.oh + oi) * g.ow + oj) * g.n + n;
                        match direction {
                            Direction::Forward => sums[at_y] += f64::from(x[at_x]) * f64::from(w[at_w]),
                            Direction::ByInput => sums[at_x] += f64::from(y[at_y]) * f64::from(w[at_w]),
                            Direction::ByWeight => sums[at_w] += f64::from(y[at_y]) * f64::from(x[at_x]),
                        }
                    }
                }
            }
        }
    }
    let result = match direction {
        Direction::Forward => y,
        Direction::ByInput => x,
        Direction::ByWeight => w,
    };
    result.iter_mut().zip(sums).for_each(|(r, s)| *r = s as f32);
}

const DIRECTIONS: [Direction; 3] = [Direction::Forward, Direction::ByInput, Direction::ByWeight];

fn convolution(direction: Direction, batch: usize, geometry: Geometry, precision: Precision, [x, w, y]: [u64; 3]) -> Convolution {
    Convolution { direction, batch, geometry, format: precision.format(), precision, x, w, y }
}

#[test]
fn pointwise_convolutions_are_products() {
    let (batch, g) = (2, geometry((3, 4, 5, 6), (1, 1, 0, 1, 1)));
    let [cx, cw, cy] = [batch * 12 * 5, 30, batch * 12 * 6];
    for direction in DIRECTIONS {
        let mut numbers = normals("pointwise", cx + cw + cy);
        let (mut x, mut rest) = (numbers[..cx].to_vec(), numbers[cx..].to_vec());
        let (w, y) = rest.split_at_mut(cw);
        by_definition(direction, batch, &g, &mut x, w, y);
        let Way::Product(product) = way(&convolution(direction, batch, g, Precision::F32, [0, cx as u64, (cx + cw) as u64]))
        else {
            panic!()
        };
        by_columns(&Gemm::of(&product).unwrap().unwrap(), &mut numbers);
        assert!(x.iter().chain(&rest).zip(&numbers).all(|(a, b)| (a - b).abs() < 1e-5), "{direction:?}");
    }
    for (window, groups) in [((3, 1, 1), 1), ((1, 2, 0), 1), ((1, 1, 1), 1), ((1, 1, 0), 2)] {
        let g = geometry((4, 4, 4, 4), (window.0, window.1, window.2, 1, groups));
        assert_eq!(way(&convolution(Direction::Forward, 1, g, Precision::F32, [0; 3])), Way::Library);
    }
    let none = |direction| way(&convolution(direction, 0, geometry((4, 4, 4, 6), (3, 1, 1, 1, 2)), Precision::Bf16, [1, 2, 3]));
    assert_eq!([none(Direction::Forward), none(Direction::ByInput)], [Way::Nothing; 2]);
    assert_eq!(none(Direction::ByWeight), Way::Clear { at: 2, bytes: 6 * 9 * 2 * 2 });
}

/// Returns an accelerator of the first device; none where there is no device, and the tests below have nothing to test.
fn first() -> Option<Handle> {
    let there = devices().is_ok_and(|list| !list.is_empty());
    if !there {
        eprintln!("there is no GPU to test");
    }
    there.then(|| open(0, KERNELS).unwrap())
}

/// Returns numbers on the device, in a format.
fn put(gpu: &Handle, numbers: &[f32], format: Format) -> Box<dyn Allocation> {
    let bytes: Vec<u8> = match format {
        Format::F32 => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Format::Bf16 => numbers.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
    };
    let place = gpu.allocate(bytes.len());
    gpu.upload(place.address(), &bytes);
    place
}

/// Returns numbers of the device.
fn get(gpu: &Handle, at: u64, count: usize, format: Format) -> Vec<f32> {
    let mut bytes = vec![0xff; count * format.bytes()];
    gpu.download(at, &mut bytes);
    assert_eq!(gpu.faults().take(), None);
    match format {
        Format::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Format::Bf16 => bytes.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
    }
}

#[test]
fn memory_and_kernels_of_a_device() {
    let Some(gpu) = first() else { return };
    let numbers = normals("kernel", 1000);
    let x = put(&gpu, &numbers, Format::F32);
    let mut args = Args::default();
    (args.p[0], args.n[0], args.f[0], args.f[7]) = (x.address(), 999, 2.0, 1.0);
    gpu.launch("affine", 999, false, &args);
    let expected: Vec<f32> = numbers.iter().enumerate().map(|(i, x)| if i < 999 { x * 2.0 + 1.0 } else { *x }).collect();
    assert_eq!(get(&gpu, x.address(), 1000, Format::F32), expected);
    let sums = gpu.allocate(4 * 9);
    assert_eq!(get(&gpu, sums.address(), 9, Format::F32), [0.0; 9]);
    (args.p[7], args.n[0], args.n[15]) = (sums.address(), 9, 111);
    gpu.launch("row_sums", 9, true, &args);
    for (row, sum) in get(&gpu, sums.address(), 9, Format::F32).into_iter().enumerate() {
        let expected: f64 = expected[row * 111..][..111].iter().map(|x| f64::from(*x)).sum();
        assert!((f64::from(sum) - expected).abs() < 1e-4, "row {row}: {sum} for {expected}");
    }
    gpu.copy(x.address(), sums.address(), 4 * 3);
    gpu.clear(x.address() + 4, 4);
    let mixed = get(&gpu, x.address(), 4, Format::F32);
    let sums = get(&gpu, sums.address(), 9, Format::F32);
    assert_eq!(mixed, [sums[0], 0.0, sums[2], expected[3]]);
    // Faults are kept, stop everything, and can be taken.
    gpu.launch("nothing", 1, false, &args);
    gpu.clear(x.address(), 4);
    assert!(gpu.faults().take().is_some_and(|fault| fault.contains("`nothing`")));
    assert_eq!(get(&gpu, x.address(), 1, Format::F32), [sums[0]]);
    let huge = gpu.allocate(1 << 50);
    assert_eq!(huge.address(), 0);
    assert!(gpu.faults().take().is_some_and(|fault| fault.contains("not enough memory")));
    // Another lease of the same device sees no fault.
    gpu.faults().keep("kept".into());
    drop(gpu);
    assert!(!first().unwrap().faults().any());
}

#[test]
fn products_of_a_device() {
    let Some(gpu) = first() else { return };
    let (list, count) = products();
    for product in list {
        for (precision, factors, result, within) in [
            (Precision::F32, Format::F32, Format::F32, 1e-5),
            (Precision::Tf32, Format::F32, Format::F32, 1e-2),
            (Precision::Bf16, Format::Bf16, Format::F32, 5e-2),
            (Precision::Bf16, Format::Bf16, Format::Bf16, 5e-2),
        ] {
            let numbers = normals("product", count);
            let factor = put(&gpu, &numbers, factors);
            let out = put(&gpu, &numbers, result);
            let at = |operand: Operand, format: Format, base: u64| Operand {
                at: base + operand.at * format.bytes() as u64,
                ..operand
            };
            let (a, b) = (at(product.a, factors, factor.address()), at(product.b, factors, factor.address()));
            gpu.product(&Product { a, b, out: at(product.out, result, out.address()), factors, result, precision, ..product });
            let mut expected = numbers.clone();
            by_rows(&product, &mut expected);
            let seen = get(&gpu, out.address(), count, result);
            let worst = seen.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < within, "{worst} for {precision:?} {product:?}");
        }
    }
}

#[test]
fn convolutions_of_a_device() {
    let Some(gpu) = first() else { return };
    for (sizes, window) in [
        ((8, 8, 16, 32), (3, 1, 1, 1, 1)),
        ((9, 7, 3, 8), (5, 2, 2, 1, 1)),
        ((8, 8, 16, 24), (1, 1, 0, 1, 1)),
        ((8, 8, 16, 24), (1, 2, 0, 1, 1)),
        ((8, 8, 16, 16), (3, 1, 2, 2, 1)),
        ((8, 8, 16, 16), (3, 1, 1, 1, 4)),
        ((8, 8, 16, 16), (3, 2, 1, 1, 16)),
        ((28, 28, 1, 6), (5, 1, 0, 1, 1)),
    ] {
        let (batch, g) = (4, geometry(sizes, window));
        let counts = [batch * g.h * g.w * g.c, g.n * g.depth(), batch * g.windows() * g.n];
        for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
            let format = precision.format();
            let round = |x: f32| if format == Format::Bf16 { bf16::from_f32(x).to_f32() } else { x };
            for direction in DIRECTIONS {
                let numbers =
                    ["x", "w", "y"].map(|name| normals(name, counts[["x", "w", "y"].iter().position(|n| *n == name).unwrap()]));
                let [mut x, mut w, mut y] = numbers.clone().map(|list| list.into_iter().map(round).collect::<Vec<_>>());
                by_definition(direction, batch, &g, &mut x, &mut w, &mut y);
                let (which, expected) = match direction {
                    Direction::Forward => (2, y),
                    Direction::ByInput => (0, x),
                    Direction::ByWeight => (1, w),
                };
                let scale = expected.iter().map(|x| x.abs()).fold(0.0, f32::max);
                let within = scale * if precision == Precision::F32 { 5e-5 } else { 1e-2 };
                let mut first: Option<Vec<f32>> = None;
                for _ in 0..3 {
                    let places = [0, 1, 2].map(|i: usize| put(&gpu, &numbers[i], format));
                    let at = [places[0].address(), places[1].address(), places[2].address()];
                    gpu.convolve(&convolution(direction, batch, g, precision, at));
                    let seen = get(&gpu, at[which], counts[which], format);
                    let worst = seen.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(worst <= within, "{worst} of {scale} for {direction:?} {precision:?} {g:?}");
                    assert_eq!(
                        *first.get_or_insert_with(|| seen.clone()),
                        seen,
                        "other bits for {direction:?} {precision:?} {g:?}"
                    );
                }
            }
        }
    }
}

//! An accelerator for tests: the kernels' own text, compiled by the system's C compiler and run thread by thread on a processor;
//! products and convolutions written down plainly. What it cannot show is the driver's side: that is checked on a GPU (benches/gpu.sh).

use super::accelerator::{Accelerator, Allocation, Args, Convolution, Direction, Faults, Format, Handle, Operand, Product};
use super::kernels::KERNELS;
use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::{Arc, OnceLock};

/// Added to the kernels: runs one of them for all threads of whole blocks, as a device would.
const LOOP: &str = "void each_thread(void (*kernel)(Args), const Args *a, long long threads) {
    for (long long i = 0; i < threads; i++) {
        THREAD = i;
        kernel(*a);
    }
}";
/// Threads of a block.
const BLOCK: usize = 256;

type EachThread = unsafe extern "C" fn(*const c_void, *const Args, i64);

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The compiled kernels: the handle of a library that stays loaded.
struct Library(*mut c_void);
// SAFETY: the handle is only used to look up functions, which any thread may do.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, object) = (folder.path().join("kernels.c"), folder.path().join("kernels.so"));
        std::fs::write(&source, format!("{KERNELS}\n{LOOP}\n")).unwrap();
        let mut cc = std::process::Command::new("cc");
        let done =
            cc.args(["-O2", "-Wall", "-Werror", "-fPIC", "-shared", "-o"]).arg(&object).arg(&source).arg("-lm").output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let path = CString::new(object.to_str().unwrap()).unwrap();
        // SAFETY: a library without initialisers; 2 is RTLD_NOW.
        let handle = unsafe { dlopen(path.as_ptr(), 2) };
        assert!(!handle.is_null());
        Library(handle)
    })
}

fn function(name: &str) -> *mut c_void {
    let text = CString::new(name).unwrap();
    // SAFETY: the library stays loaded.
    let found = unsafe { dlsym(library().0, text.as_ptr()) };
    assert!(!found.is_null(), "there is no kernel `{name}`");
    found
}

#[derive(Debug)]
struct Block(Vec<u64>);

impl Allocation for Block {
    fn address(&self) -> u64 {
        self.0.as_ptr() as u64
    }
}

/// A processor that plays an accelerator.
#[derive(Debug, Default)]
struct Emulated(Faults);

/// Returns one.
pub fn open() -> Handle {
    Arc::new(Emulated::default())
}

/// Reads `len` numbers.
fn numbers(at: u64, format: Format, len: usize) -> Vec<f32> {
    // SAFETY: layers ask for addresses within their allocations, which is what these tests are about.
    unsafe {
        match format {
            Format::F32 => std::slice::from_raw_parts(at as *const f32, len).to_vec(),
            Format::Bf16 => {
                let short = std::slice::from_raw_parts(at as *const u16, len);
                short.iter().map(|x| half::bf16::from_bits(*x).to_f32()).collect()
            }
        }
    }
}

fn store(at: u64, format: Format, place: usize, number: f32) {
    // SAFETY: as above.
    unsafe {
        match format {
            Format::F32 => *(at as *mut f32).add(place) = number,
            Format::Bf16 => *(at as *mut u16).add(place) = half::bf16::from_f32(number).to_bits(),
        }
    }
}

/// Returns a matrix of a batch as rows.
fn matrix(of: Operand, format: Format, rows: usize, cols: usize, which: usize) -> Vec<f32> {
    let (outer, inner) = if of.transposed { (cols, rows) } else { (rows, cols) };
    let start = of.at + (which * of.apart * format.bytes()) as u64;
    let all = numbers(start, format, (outer - 1) * of.row + inner);
    let at = |r: usize, c: usize| if of.transposed { all[c * of.row + r] } else { all[r * of.row + c] };
    (0..rows).flat_map(|r| (0..cols).map(move |c| (r, c))).map(|(r, c)| at(r, c)).collect()
}

impl Accelerator for Emulated {
    fn model(&self) -> String {
        "a processor that plays an accelerator".into()
    }

    fn memory(&self) -> u64 {
        1 << 30
    }

    fn allocate(&self, bytes: usize) -> Box<dyn Allocation> {
        Box::new(Block(vec![0; bytes.div_ceil(8) + 1]))
    }

    fn upload(&self, to: u64, bytes: &[u8]) {
        // SAFETY: as above.
        unsafe { std::ptr::copy(bytes.as_ptr(), to as *mut u8, bytes.len()) }
    }

    fn download(&self, from: u64, bytes: &mut [u8]) {
        // SAFETY: as above.
        unsafe { std::ptr::copy(from as *const u8, bytes.as_mut_ptr(), bytes.len()) }
    }

    fn copy(&self, to: u64, from: u64, bytes: usize) {
        // SAFETY: as above.
        unsafe { std::ptr::copy(from as *const u8, to as *mut u8, bytes) }
    }

    fn clear(&self, at: u64, bytes: usize) {
        // SAFETY: as above.
        unsafe { std::ptr::write_bytes(at as *mut u8, 0, bytes) }
    }

    fn launch(&self, kernel: &'static str, places: usize, _wide: bool, args: &Args) {
        // SAFETY: the loop's signature is written above, and a kernel ends where its arguments say.
        unsafe {
            let each: EachThread = std::mem::transmute(function("each_thread"));
            each(function(kernel), args, places.next_multiple_of(BLOCK) as i64);
        }
    }

    fn product(&self, p: &Product) {
        let (m, n, k) = p.size;
        for which in 0..p.batch {
            let (a, b) = (matrix(p.a, p.factors, m, k, which), matrix(p.b, p.factors, k, n, which));
            let out = p.out.at + (which * p.out.apart * p.result.bytes()) as u64;
            let before = if p.add { matrix(p.out, p.result, m, n, which) } else { vec![0.0; m * n] };
            for r in 0..m {
                for c in 0..n {
                    let sum: f32 = (0..k).map(|i| a[r * k + i] * b[i * n + c]).sum();
                    store(out, p.result, r * p.out.row + c, p.alpha * sum + before[r * n + c]);
                }
            }
        }
    }

    fn convolve(&self, conv: &Convolution) {
        let g = conv.geometry;
        let (cg, ng) = (g.c / g.groups, g.n / g.groups);
        let sizes = [conv.batch * g.h * g.w * g.c, g.n * g.kernel * g.kernel * cg, conv.batch * g.oh * g.ow * g.n];
        let read = |at: u64, len: usize, wanted: Direction| {
            if conv.direction == wanted { vec![0.0; len] } else { numbers(at, conv.format, len) }
        };
        let mut x = read(conv.x, sizes[0], Direction::ByInput);
        let mut w = read(conv.w, sizes[1], Direction::ByWeight);
        let mut y = read(conv.y, sizes[2], Direction::Forward);
        for place in 0..conv.batch * g.oh * g.ow {
            let (image, oy, ox) = (place / (g.oh * g.ow), place / g.ow % g.oh, place % g.ow);
            for ky in 0..g.kernel {
                for kx in 0..g.kernel {
                    let (yy, xx) = (oy * g.stride + ky * g.dilation, ox * g.stride + kx * g.dilation);
                    if yy < g.pad || xx < g.pad || yy - g.pad >= g.h || xx - g.pad >= g.w {
                        continue;
                    }
                    let at = ((image * g.h + yy - g.pad) * g.w + xx - g.pad) * g.c;
                    for o in 0..g.n {
                        for i in 0..cg {
                            let (xi, yi) = (at + o / ng * cg + i, place * g.n + o);
                            let wi = ((o * g.kernel + ky) * g.kernel + kx) * cg + i;
                            match conv.direction {
                                Direction::Forward => y[yi] += x[xi] * w[wi],
                                Direction::ByInput => x[xi] += y[yi] * w[wi],
                                Direction::ByWeight => w[wi] += x[xi] * y[yi],
                            }
                        }
                    }
                }
            }
        }
        let (at, numbers) = match conv.direction {
            Direction::Forward => (conv.y, y),
            Direction::ByInput => (conv.x, x),
            Direction::ByWeight => (conv.w, w),
        };
        numbers.iter().enumerate().for_each(|(i, v)| store(at, conv.format, i, *v));
    }

    fn faults(&self) -> &Faults {
        &self.0
    }
}

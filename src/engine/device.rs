//! The device kind: what besides a cell's key decides the bits of its result. And what has to be set up before anything runs.

// Links the system's OpenBLAS, which the functions below are part of.
use ndarray_linalg as _;
use std::ffi::{CStr, c_char, c_int};
use std::sync::Once;

unsafe extern "C" {
    fn openblas_set_num_threads(threads: c_int);
    fn openblas_get_config() -> *const c_char;
    fn openblas_get_corename() -> *const c_char;
}

/// Sets up the process: OpenBLAS keeps to one thread (cells run side by side, and the split of a product must not depend on the
/// machine), the pool that kernels spread their loops over has `threads` threads, and panics inside cells are kept for their logs.
///
/// To be called once, before anything else uses the pool; where it has a size already, it keeps it.
pub fn init(threads: usize) {
    prepare();
    // Fails where there is a pool already; runs with another number of threads then make one of their own.
    let _ = self::threads(threads).build_global();
}

/// Does what [`init`] does, but for the pool. Does nothing the second time.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: a plain setter of OpenBLAS, called once.
        unsafe { openblas_set_num_threads(1) };
        super::panics::catch_panics();
    });
}

/// Returns a pool to be built, with the names by which panics of cells are known, and deep stacks.
pub(super) fn threads(count: usize) -> rayon::ThreadPoolBuilder {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count.max(1))
        .thread_name(|i| format!("{}-pool-{i}", super::panics::THREAD))
        .stack_size(16 << 20)
}

/// Returns the device kind: instruction set, BLAS core and version, cfx version, accelerator.
///
/// `accelerator` is `cpu`, or the model of what networks run on.
pub fn kind(accelerator: &str) -> String {
    format!("{} {} cfx-{} {}", instructions(), blas(), env!("CARGO_PKG_VERSION"), accelerator.replace(' ', "_"))
}

/// Returns whether a kind names what networks ran on beside the processor: nothing promises there that bits are the same from run to run.
pub fn accelerated(kind: &str) -> bool {
    !matches!(kind.rsplit(' ').next(), None | Some("" | "cpu"))
}

/// Returns the architecture with the features that numerical code is chosen by at run time.
fn instructions() -> String {
    #[cfg(target_arch = "x86_64")]
    let features = [
        (std::is_x86_feature_detected!("avx"), "avx"),
        (std::is_x86_feature_detected!("avx2"), "avx2"),
        (std::is_x86_feature_detected!("fma"), "fma"),
        (std::is_x86_feature_detected!("f16c"), "f16c"),
        (std::is_x86_feature_detected!("avx512f"), "avx512f"),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let features: [(bool, &str); 0] = [];
    let mut out = std::env::consts::ARCH.to_string();
    for (there, name) in features {
        if there {
            out.push('+');
            out.push_str(name);
        }
    }
    out
}

/// Returns `openblas-VERSION-CORE`.
fn blas() -> String {
    let text = |p: *const c_char| {
        if p.is_null() {
            return String::new();
        }
        // SAFETY: OpenBLAS returns null-terminated texts that live as long as the process.
        unsafe { CStr::from_ptr(p) }.to_string_lossy().into_owned()
    };
    // SAFETY: plain getters of OpenBLAS.
    let (config, core) = unsafe { (text(openblas_get_config()), text(openblas_get_corename())) };
    let version = config.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("unknown");
    format!("openblas-{version}-{core}")
}

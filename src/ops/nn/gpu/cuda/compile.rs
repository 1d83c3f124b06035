//! The kernels' text to machine code by NVRTC, once for each architecture.

use crate::ops::nn::gpu::accelerator::Args;
use candle_core::cuda_backend::cudarc::nvrtc::{result, sys};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::{Arc, Mutex, PoisonError};

/// What the driver loads: machine code, or PTX text with a zero at its end.
pub(super) type Image = Vec<c_char>;

/// What is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Machine code for exactly this compute capability (90 is 9.0). The driver takes it as it is, so that its age does not
    /// decide bits.
    Machine(c_int),
    /// PTX, for a device that is newer than the compiler; the driver makes machine code of it.
    Portable(c_int),
}

impl Target {
    /// Returns the architecture as NVRTC names it.
    pub fn name(self) -> String {
        match self {
            Target::Machine(capability) => format!("sm_{capability}"),
            Target::Portable(capability) => format!("compute_{capability}"),
        }
    }

    /// Returns the best target for a compute capability, of those that a compiler has (ascending).
    pub fn choose((major, minor): (c_int, c_int), supported: &[c_int]) -> Result<Target, String> {
        let capability = 10 * major + minor;
        if supported.contains(&capability) {
            return Ok(Target::Machine(capability));
        }
        supported.iter().copied().filter(|s| *s < capability).max().map(Target::Portable).ok_or_else(|| {
            let oldest = supported.first().copied().unwrap_or_default();
            format!(
                "the GPU's compute capability is {major}.{minor}, and the CUDA libraries start at {}.{}; use the libraries of an older CUDA, or a newer GPU",
                oldest / 10,
                oldest % 10
            )
        })
    }
}

/// Images by target and digest of the text.
static IMAGES: Mutex<BTreeMap<(Target, [u8; 32]), Arc<Image>>> = Mutex::new(BTreeMap::new());

/// Returns the image of a text for a device of a compute capability, compiled at the first call in this process.
pub(super) fn image(capability: (c_int, c_int), source: &str) -> Result<Arc<Image>, String> {
    let target = Target::choose(capability, &supported()?)?;
    let key = (target, *blake3::hash(source.as_bytes()).as_bytes());
    // Held while compiling: cells that open at the same time wait for one compilation.
    let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(image) = images.get(&key) {
        return Ok(image.clone());
    }
    let image = Arc::new(compile(source, target)?);
    images.insert(key, image.clone());
    Ok(image)
}

/// Returns the version of NVRTC, which is that of the CUDA libraries.
pub(super) fn version() -> Result<(c_int, c_int), String> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: NVRTC writes one number to each address.
    unsafe { sys::nvrtcVersion(&mut major, &mut minor) }
        .result()
        .map_err(|e| format!("NVRTC does not say its version: {:?}", e.0))?;
    Ok((major, minor))
}

/// Returns the compute capabilities that NVRTC compiles for, ascending (90 is 9.0).
fn supported() -> Result<Vec<c_int>, String> {
    let failed = |e: result::NvrtcError| format!("NVRTC does not list its architectures: {:?}", e.0);
    let mut count = 0;
    // SAFETY: NVRTC writes one number.
    unsafe { sys::nvrtcGetNumSupportedArchs(&mut count) }.result().map_err(failed)?;
    let mut list = vec![0; usize::try_from(count).unwrap_or_default()];
    // SAFETY: NVRTC writes as many numbers as it said.
    unsafe { sys::nvrtcGetSupportedArchs(list.as_mut_ptr()) }.result().map_err(failed)?;
    list.sort_unstable();
    Ok(list)
}

/// Compiles a text.
///
/// # Errors
/// The messages of the compiler, as it writes them.
pub(super) fn compile(source: &str, target: Target) -> Result<Image, String> {
    let text = CString::new(source).map_err(|_| "the text of the kernels has a zero byte in it".to_owned())?;
    let program =
        Program(result::create_program(&text, Some(c"kernels.cu")).map_err(|e| format!("NVRTC does not start: {:?}", e.0))?);
    // Neither fast mathematics nor flushing of small numbers; a product and a sum may be one rounding, as on every run.
    let options =
        [format!("--gpu-architecture={}", target.name()), "-DDEVICE".to_owned(), format!("-DARGS_BYTES={}", size_of::<Args>())];
    // SAFETY: the program is not destroyed, and its text outlives it.
    if let Err(error) = unsafe { result::compile_program(program.0, &options) } {
        // SAFETY: as above.
        let log = unsafe { result::get_program_log(program.0) }.map(|log| text_of(&log)).unwrap_or_default();
        return Err(format!("the kernels do not compile for {} ({:?}):\n{}", target.name(), error.0, log.trim_end()));
    }
    let unread = |e: result::NvrtcError| format!("NVRTC does not hand out what it compiled: {:?}", e.0);
    match target {
        Target::Machine(_) => {
            let mut size = 0;
            // SAFETY: the program is compiled; NVRTC writes one number.
            unsafe { sys::nvrtcGetCUBINSize(program.0, &mut size) }.result().map_err(unread)?;
            let mut image: Image = vec![0; size];
            // SAFETY: the program is compiled; NVRTC writes as many bytes as it said.
            unsafe { sys::nvrtcGetCUBIN(program.0, image.as_mut_ptr()) }.result().map_err(unread)?;
            Ok(image)
        }
        // SAFETY: the program is compiled.
        Target::Portable(_) => unsafe { result::get_ptx(program.0) }.map_err(unread),
    }
}

/// A text in NVRTC's hands.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: made by `create_program`, destroyed here alone. That it fails would leak a few bytes.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// Returns the text before the first zero.
fn text_of(characters: &[c_char]) -> String {
    let bytes: Vec<u8> = characters.iter().map(|c| c.cast_unsigned()).chain([0]).collect();
    CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

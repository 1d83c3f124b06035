//! Damaged files of every format of data: what is planned of them and what is read, to the end or refused, never a panic.

use super::*;

/// A sound file: the operation that reads it, its place in the folder, and its bytes.
type Sound = (&'static str, &'static str, Vec<u8>);

/// Returns sound files of all formats.
fn sound() -> &'static [Sound] {
    static ALL: std::sync::OnceLock<Vec<Sound>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        let mut out: Vec<Sound> = Vec::new();
        let image = image::RgbImage::from_fn(9, 7, |x, y| image::Rgb([(x * 28) as u8, (y * 36) as u8, (x * y) as u8]));
        let place = ["set/a/0.png", "set/a/0.jpg", "set/a/0.webp", "set/a/0.bmp", "set/a/0.gif", "set/a/0.tiff", "set/a/0.ppm"];
        for name in place {
            let mut bytes = std::io::Cursor::new(Vec::new());
            let format = image::ImageFormat::from_path(name).unwrap();
            image.write_to(&mut bytes, format).unwrap();
            out.push(("image_folder", name, bytes.into_inner()));
        }
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/files/data");
        let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/data");
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        for name in ["cifar_python2", "cifar_python3_protocol2", "cifar_python3_protocol4"] {
            out.push(("cifar100", "train", read(made.join(name))));
        }
        for (name, place) in [("small-images", "x"), ("small-labels", "y")] {
            let bytes = read(files.join(name));
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&bytes).unwrap();
            out.push(("idx", place, bytes));
            out.push(("idx", place, packed.finish().unwrap()));
        }
        out.push(("corpus", "a.txt", "the quick brown fox jumps over the lazy dög \n and again the fox\n".into()));
        out.push(("arrays", "x.npz", read(made.join("packed.npz"))));
        out
    })
}

/// Returns the settings by which an operation reads such a file.
fn given(op: &str) -> Vec<(&'static str, Static)> {
    match op {
        "image_folder" => vec![("folder", text("set")), ("size", Static::Number(4.0))],
        "cifar100" => vec![("folder", text("."))],
        "idx" => vec![("images", text("x")), ("labels", text("y"))],
        "arrays" => vec![("x", text("x.npz:x")), ("labels", text("x.npz:labels")), ("layout", word("features"))],
        _ => Vec::new(),
    }
}

/// Writes a file of bytes among the sound ones that are read with it, and reads it; what is planned of it has no effect on what is read.
fn read(op: &str, place: &str, bytes: &[u8]) -> Result<Value, Failure> {
    let dir = tempfile::tempdir().unwrap();
    let beside = sound().iter().filter(|(other, ..)| *other == op && op != "image_folder");
    let beside = beside.map(|(_, place, bytes)| (*place, bytes.as_slice()));
    for (place, bytes) in beside.chain([("set/b/1.png", sound()[0].2.as_slice()), (place, bytes)]) {
        std::fs::create_dir_all(dir.path().join(place).parent().unwrap()).unwrap();
        std::fs::write(dir.path().join(place), bytes).unwrap();
    }
    let kernels = kernels();
    let planned = &kernels.iter().find(|(n, _)| *n == op).unwrap().1;
    let _ = planned.facts(&settings(op, &given(op)), &[], Some(&Files::new(dir.path(), &[])));
    run(op, &given(op), vec![], 0, dir.path())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(120), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_data_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..5), 1..8),
    ) {
        let (op, place, bytes) = &sound()[which.index(sound().len())];
        let mut bytes = bytes.clone();
        for (at, byte, what) in &changes {
            if bytes.is_empty() {
                break;
            }
            // Headers stand in the first bytes.
            let at = at.index(if byte % 2 == 0 { bytes.len().min(64) } else { bytes.len() });
            match what {
                0 => bytes[at] = *byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, *byte),
                _ => bytes.truncate(bytes.len() - 1),
            }
        }
        let _ = read(op, place, &bytes);
    }
}

#[test]
fn what_is_damaged_at_random_was_sound() {
    for (op, place, bytes) in sound() {
        let read = read(op, place, bytes);
        assert!(read.is_ok(), "{op} {place}: {read:?}");
    }
}

/// A header may tell of any number of pixels: no memory is taken for more than the file may hold.
#[test]
fn a_small_file_is_no_large_image() {
    for (place, at) in [("set/a/0.gif", None), ("set/a/0.bmp", Some(18))] {
        let mut bytes = sound().iter().find(|(_, name, _)| *name == place).unwrap().2.clone();
        // The size of the GIF's first frame follows its mark and its place.
        let at = at.unwrap_or_else(|| bytes.windows(5).position(|w| w == [b',', 0, 0, 0, 0]).unwrap() + 5);
        let wide = if place.ends_with("bmp") { 4 } else { 2 };
        for side in [at, at + wide] {
            bytes[side..side + 2].copy_from_slice(&12_000u16.to_le_bytes());
        }
        let said = message(read("image_folder", place, &bytes));
        assert!(said.contains("more pixels than are read from a file of"), "{place}: {said}");
    }
}

#[test]
fn a_tiff_that_tells_of_values_it_cannot_hold_is_refused() {
    let whole = sound().iter().find(|(_, name, _)| *name == "set/a/0.tiff").unwrap().2.clone();
    assert!(read("image_folder", "set/a/0.tiff", &whole).is_ok());
    let number = |at: usize, length: usize| whole[at..at + length].iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
    let directory = number(4, 4);
    for entry in 0..number(directory, 2) {
        let mut bytes = whole.clone();
        let count = directory + 2 + 12 * entry + 4;
        bytes[count..count + 4].copy_from_slice(&30_000_000u32.to_le_bytes());
        let said = message(read("image_folder", "set/a/0.tiff", &bytes));
        assert!(said.contains("tells of more values than it has bytes"), "{entry}: {said}");
    }
}

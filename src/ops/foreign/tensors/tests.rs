//! Tests of files of tensors: where training programs keep weights, damaged and hostile files.

mod world;

use super::{Listing, list};
use crate::ops::foreign::{Kind, Unreadable, pickle};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files of one small network in every form (tests/data/weights).
pub const SMALL: [&str; 10] = [
    "small.pt",
    "small_wrapped.pt",
    "small_half.pt",
    "small_bfloat16.pt",
    "small_double.th",
    "small_views.pt",
    "small_views.th",
    "small_deflated.pt",
    "small.safetensors",
    "small_bfloat16.safetensors",
];

/// Returns the place of one of them.
pub fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/weights").join(name)
}

/// Returns what a file of those bytes holds, or what is wrong with it.
fn listed(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file.flush().unwrap();
    let listing = list(file.path(), None)?;
    // Whatever is listed lies within the file, so that reading it needs no more memory than the file is long.
    for entry in listing.entries.iter().filter(|e| e.count().is_some_and(|n| n < 1 << 16)) {
        let _ = listing.numbers(file.path(), entry);
    }
    Ok(listing)
}

/// Returns a legacy checkpoint around a program.
fn legacy(program: &[u8], keys: &[u8]) -> Vec<u8> {
    let mut out = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    out.extend(program);
    out.extend(keys);
    out
}

#[test]
fn nothing_in_a_file_is_run() {
    for (program, name) in [
        (&b"cos\nsystem\n(S'touch pwned'\ntR."[..], "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x051 + 1\x85R.", "builtins.eval"),
        (b"(iposix\nsystem\n.", "posix.system"),
        (b"c__builtin__\ngetattr\n.", "__builtin__.getattr"),
        (b"ctorch.serialization\nload\n.", "torch.serialization.load"),
        (b"ctorch\nload\n.", "torch.load"),
        (b"cnumpy.testing._private.utils\nrunstring\n.", "numpy.testing._private.utils.runstring"),
        (b"ccollections\nOrderedDict.__init__\n.", "collections.OrderedDict.__init__"),
    ] {
        let why = pickle::read(&mut &program[..]).unwrap_err();
        assert!(why.words.contains(&format!("`{name}`")), "{why:?}");
        assert!(listed(&legacy(program, b"].")).unwrap_err().words.contains(name));
    }
    // Instructions that would build objects or take buffers from outside.
    for program in [&b"\x82\x01."[..], b"(o.", b"\x97.", b"\x92.", b"ccollections\nOrderedDict\n)R)b\x80\x09."] {
        assert!(pickle::read(&mut &program[..]).is_err());
    }
}

#[test]
fn hostile_pickles_cost_neither_memory_nor_stack() {
    // Ten million lists within each other.
    let deep = [vec![b']'; 3_000_000], vec![b'a'; 2_999_999], b".".to_vec()].concat();
    assert!(pickle::read(&mut &deep[..]).is_ok());
    // Sizes that are claimed and not there.
    for program in [
        &b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"[..],
        b"\x8d\xff\xff\xff\x03\x00\x00\x00\x00ab",
        b"T\xff\xff\xff\x7fab",
        b"\x8b\xff\xff\xff\x7f",
    ] {
        assert!(pickle::read(&mut &program[..]).is_err());
    }
    assert!(pickle::read(&mut std::io::repeat(b'(')).is_err());
    assert!(pickle::read(&mut std::io::repeat(b']')).is_err());
    assert!(pickle::read(&mut std::io::repeat(b'I')).is_err());
    // A list that holds itself, as the wrapper of weights.
    assert!(
        listed(&legacy(b"}q\x00X\x0a\x00\x00\x00state_dicth\x00s.", b"].")).unwrap_err().words.contains("no tensors by name")
    );
    // A dictionary doubled again and again: what is handed over is moved.
    let mut doubling = b"(ccollections\nOrderedDict\nq\x00((K\x01K\x02tt".to_vec();
    doubling.extend(b"q\x01\x85R".repeat(1000));
    assert!(pickle::read(&mut &doubling[..]).is_err());
}

#[test]
fn tensors_beyond_their_storage_are_refused() {
    // _rebuild_tensor_v2(storage "0" of two floats, offset, shape, stride) under the name "a".
    let program = |offset: u8, shape: &[u8], stride: &[u8]| {
        let mut p = b"}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x02NtQK".to_vec();
        p.push(offset);
        for list in [shape, stride] {
            p.push(b'(');
            list.iter().for_each(|n| p.extend([b'K', *n]));
            p.push(b't');
        }
        p.extend(b"tRs.");
        legacy(&p, b"(X\x01\x00\x00\x000l.\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00@")
    };
    let numbers = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let listing = list(file.path(), None)?;
        assert_eq!(listing.entries[0].kind, Kind::F32);
        listing.numbers(file.path(), &listing.entries[0])
    };
    assert_eq!(numbers(&program(0, &[2], &[1])).unwrap(), [1.0, 2.0]);
    assert_eq!(numbers(&program(1, &[3], &[0])).unwrap(), [2.0, 2.0, 2.0]);
    assert_eq!(numbers(&program(0, &[2, 2], &[1, 0])).unwrap(), [1.0, 1.0, 2.0, 2.0]);
    assert_eq!(numbers(&program(0, &[], &[])).unwrap(), [1.0]);
    assert!(numbers(&program(9, &[0, 255], &[255, 255])).unwrap().is_empty());
    for (offset, shape, stride) in
        [(2, &[1][..], &[1][..]), (0, &[3], &[1]), (0, &[2], &[2]), (0, &[2], &[]), (0, &[255; 40], &[0; 40])]
    {
        assert!(numbers(&program(offset, shape, stride)).unwrap_err().words.contains("`a` does not lie within its storage"));
    }
    let whole = program(0, &[2], &[1]);
    for cut in 0..whole.len() {
        assert!(listed(&whole[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn safetensors_with_a_wrong_header_are_refused() {
    let file = |header: &str, data: usize| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; data]].concat();
    let one = |dtype: &str, shape: &str, place: &str, data| {
        file(&format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{place}}}}}"#), data)
    };
    assert_eq!(listed(&one("F32", "[2]", "[0,8]", 8)).unwrap().entries[0].shape, [2]);
    for (dtype, shape, place, data) in [
        ("F32", "[2]", "[0,8]", 7),
        ("F32", "[3]", "[0,8]", 8),
        ("F32", "[2]", "[8,0]", 8),
        ("F32", "[18446744073709551615, 18446744073709551615]", "[0,8]", 8),
        ("F32", "[-2]", "[0,8]", 8),
        ("F32", "[2]", "[0,18446744073709551615]", 8),
        ("F32", "[2]", "[18446744073709551608,18446744073709551615]", 8),
        ("F9", "[2]", "[0,8]", 8),
    ] {
        assert!(listed(&one(dtype, shape, place, data)).is_err(), "{dtype} {shape} {place}");
    }
    // Tensors over each other, with a gap between them, and with bytes behind them, as the reference implementation refuses them.
    let two = |second: &str| {
        format!(
            r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"b":{{"dtype":"F32","shape":[1],"data_offsets":{second}}}}}"#
        )
    };
    assert!(listed(&file(&two("[8,12]"), 12)).is_ok());
    for (second, data) in [("[4,8]", 8), ("[12,16]", 16), ("[8,12]", 13)] {
        assert!(listed(&file(&two(second), data)).is_err(), "{second}");
    }
    assert!(listed(&file("[]", 8)).is_err() && listed(&file("{\"a\": 1}", 8)).is_err() && listed(&file("{", 8)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic(
        which in 0..SMALL.len(),
        cut in proptest::option::of(0.0..1.0f64),
        changes in proptest::collection::vec((0.0..1.0f64, any::<u8>(), any::<bool>()), 0..12),
    ) {
        let mut bytes = std::fs::read(here(SMALL[which])).unwrap();
        for (place, byte, early) in changes {
            // Headers and programs stand in the first part of each file.
            let range = if early { bytes.len().min(6000) } else { bytes.len() };
            bytes[(place * range as f64) as usize] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate((cut * bytes.len() as f64) as usize);
        }
        let _ = listed(&bytes);
    }

    #[test]
    fn garbage_never_panics(program in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = pickle::read(&mut &program[..]);
        let _ = listed(&legacy(&program, b"]."));
    }

    #[test]
    fn instructions_in_any_order_never_panic(
        program in proptest::collection::vec(proptest::sample::select(&b"(.012]})aesudltRQbhqK\x01\x85\x86\x87\x94N\x90\x93"[..]), 0..120),
    ) {
        let mut whole = b"ccollections\nOrderedDict\nq\x01ctorch._utils\n_rebuild_tensor_v2\nctorch\nFloatStorage\nX\x07\x00\x00\x00storage".to_vec();
        whole.extend(program);
        let _ = pickle::read(&mut &whole[..]);
    }
}

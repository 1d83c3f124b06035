//! Files at random: each reader is given sound files, damaged in many ways. Whatever stands in a file, reading it ends, does not panic, and takes no
//! memory beyond what the file may hold.
//!
//! `CFX_CASES=10000000` gives all readers together that many files, `CFX_SEED=2` others. `CFX_CORPUS=DIR` writes the sound files for `fuzz/fuzz_targets`.

mod all;

use crate::dice::Dice;
use crate::memory;
use std::panic::AssertUnwindSafe;

/// Numbers that sizes and places become.
const NUMBERS: [u64; 12] = [0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, i64::MAX as u64, u64::MAX];

/// Numbers that are written out.
const WRITTEN: [&str; 8] =
    ["0", "-1", "1e308", "99999999999", "9223372036854775807", "18446744073709551615", "NaN", "4294967296"];

/// Returns a file made of a sound one, changed in a few places.
fn changed(sound: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = dice.one(sound).clone();
    for _ in 0..1 + dice.below(4) {
        if bytes.is_empty() {
            break;
        }
        // Headers stand in the first bytes, directories in the last.
        let near = match dice.below(4) {
            0 => dice.below(bytes.len().min(64)),
            1 => bytes.len() - 1 - dice.below(bytes.len().min(128)),
            _ => dice.below(bytes.len()),
        };
        let end = (near + 1 + dice.below(24)).min(bytes.len());
        match dice.below(11) {
            0 => bytes[near] = dice.below(256) as u8,
            1 => bytes[near] ^= 1 << dice.below(8),
            2 => bytes.truncate(near),
            3 => drop(bytes.drain(near..end)),
            4 => bytes.insert(near, dice.below(256) as u8),
            5 => {
                let again: Vec<u8> = bytes[near..end].to_vec();
                bytes.splice(near..near, again);
            }
            6 | 7 => {
                let (number, width) = (*dice.one(&NUMBERS), *dice.one(&[1usize, 2, 4, 8]));
                let big = if dice.chance(30) { number.to_be_bytes() } else { number.to_le_bytes() };
                let from = if dice.chance(30) { 8 - width } else { 0 };
                let to = (near + width).min(bytes.len());
                let part = &big[from..from + (to - near)];
                bytes[near..to].copy_from_slice(part);
            }
            8 => {
                // The next number that is written out becomes another one.
                let Some(start) = (near..bytes.len()).find(|i| bytes[*i].is_ascii_digit()) else { continue };
                let stop = (start..bytes.len()).find(|i| !bytes[*i].is_ascii_digit()).unwrap_or(bytes.len());
                bytes.splice(start..stop, dice.word(&WRITTEN).bytes());
            }
            9 => {
                let other = dice.one(sound);
                let from = dice.below(other.len());
                let to = (from + 1 + dice.below(64)).min(other.len());
                bytes.splice(near..end, other[from..to].iter().copied());
            }
            _ => bytes.splice(near..end, std::iter::repeat_n(0u8, end - near)).for_each(drop),
        }
    }
    bytes
}

/// The most memory that a reader of these small files may take at once, in bytes.
const MOST_MEMORY: usize = 192 << 20;

#[test]
fn whatever_stands_in_a_file_reading_it_ends_and_takes_no_more_than_it_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let readers = all::readers(folder.path());
    for reader in &readers {
        assert!(reader.read(&reader.sound[0]), "{}: the sound file is not taken", reader.name);
    }
    if let Some(corpus) = std::env::var_os("CFX_CORPUS").map(std::path::PathBuf::from) {
        std::fs::create_dir_all(&corpus).expect("a folder");
        for (i, reader) in readers.iter().enumerate() {
            for (k, bytes) in reader.sound.iter().enumerate() {
                std::fs::write(corpus.join(format!("{i}-{k}")), [&[i as u8], bytes.as_slice()].concat()).expect("a file");
            }
        }
    }
    let wanted: usize = std::env::var("CFX_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(6_000);
    let seed: u64 = std::env::var("CFX_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let each = wanted.div_ceil(readers.len());
    let (mut wrong, mut all) = (Vec::new(), 0);
    for reader in &readers {
        let (mut dice, mut taken, mut largest) = (Dice::new(seed), 0, 0);
        let began = std::time::Instant::now();
        for case in 0..each {
            let bytes = changed(&reader.sound, &mut dice);
            let before = memory::restart();
            let read = std::panic::catch_unwind(AssertUnwindSafe(|| reader.read(&bytes)));
            let memory = memory::most().saturating_sub(before);
            largest = largest.max(memory);
            taken += usize::from(*read.as_ref().unwrap_or(&false));
            if read.is_err() || memory > MOST_MEMORY {
                let kept = std::env::temp_dir().join(format!("cfx-reader-{}-{case}", reader.name.replace(' ', "-")));
                let _ = std::fs::write(&kept, &bytes);
                let what = if read.is_err() { "panics".to_string() } else { format!("takes {memory} bytes") };
                wrong.push(format!("{}: case {case} {what}; its file is {}", reader.name, kept.display()));
            }
        }
        all += each;
        let micros = began.elapsed().as_secs_f64() / each as f64 * 1e6;
        println!("{}: {each} files, {taken} taken, {micros:.0} us each, at most {largest} bytes of memory", reader.name);
    }
    println!("{all} files, seed {seed}");
    assert!(wrong.is_empty(), "{} of {all}: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

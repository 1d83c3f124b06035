//! Files at random: each reader is given sound files, damaged in many ways. Whatever stands in a file, reading it ends, does not panic, and takes no
//! memory beyond what the file may hold.
//!
//! `CFX_CASES=10000000` gives all readers together that many files, those that are quick more of them; `CFX_SEED=2` gives others. `CFX_CORPUS=DIR`
//! writes the sound files for `fuzz/fuzz_targets`.

mod all;

use crate::dice::Dice;
use crate::memory;
use all::Reader;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

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

/// The longest that reading one of these small files may take, in seconds, on a machine with other things to do.
const LONGEST: f64 = 20.0;

/// The most files for which all readers are given the same number.
const FEW: usize = 100_000;

/// What became of the files that a reader was given.
#[derive(Default)]
struct Seen {
    files: usize,
    taken: usize,
    /// Seconds in all, and of the file that took the most.
    seconds: f64,
    longest: f64,
    /// The most bytes of memory.
    memory: usize,
    wrong: Vec<String>,
}

/// Gives a reader the files of these numbers.
fn give(reader: &Reader, seed: u64, cases: std::ops::Range<usize>, seen: &mut Seen) {
    for case in cases {
        let mut dice = Dice::new(seed.wrapping_mul(1 << 32).wrapping_add(case as u64));
        let mut bytes = changed(&reader.sound, &mut dice);
        if dice.chance(50) {
            (reader.mend)(&mut bytes);
        }
        let before = memory::restart();
        let began = Instant::now();
        let read = std::panic::catch_unwind(AssertUnwindSafe(|| reader.read(&bytes)));
        let seconds = began.elapsed().as_secs_f64();
        let memory = memory::most().saturating_sub(before);
        seen.files += 1;
        seen.taken += usize::from(*read.as_ref().unwrap_or(&false));
        seen.seconds += seconds;
        seen.longest = seen.longest.max(seconds);
        seen.memory = seen.memory.max(memory);
        if read.is_err() || memory > MOST_MEMORY || seconds > LONGEST {
            let kept = std::env::temp_dir().join(format!("cfx-reader-{}-{seed}-{case}", reader.name.replace(' ', "-")));
            let _ = std::fs::write(&kept, &bytes);
            let what = match read {
                Err(_) => "panics".to_string(),
                Ok(_) => format!("takes {memory} bytes and {seconds:.1} s"),
            };
            seen.wrong.push(format!("{}: file {case} {what}; it is {}", reader.name, kept.display()));
        }
    }
}

/// Returns how many more files each reader is given where there are many: in the proportion of the roots of their speeds, so that one that takes a
/// hundred times as long as another is given a tenth as many.
fn shares(seen: &[Seen], wanted: usize) -> Vec<usize> {
    let given: usize = seen.iter().map(|s| s.files).sum();
    let speed: Vec<f64> = seen.iter().map(|s| (s.files as f64 / s.seconds.max(1e-9)).sqrt()).collect();
    let all: f64 = speed.iter().sum();
    speed.iter().map(|s| (wanted.saturating_sub(given) as f64 * s / all).ceil() as usize).collect()
}

#[test]
fn whatever_stands_in_a_file_reading_it_ends_and_takes_no_more_than_it_holds() {
    // What readers do side by side is done by this thread, whose memory is counted.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    let _alone = alone.expect("a pool of this thread");
    // Where the machine has a folder in memory, no disk is waited for.
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
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
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (wanted, seed) = (number("CFX_CASES", 6_000), number("CFX_SEED", 1) as u64);
    let first = wanted.min(FEW).div_ceil(readers.len());
    let mut all: Vec<Seen> = readers.iter().map(|_| Seen::default()).collect();
    for (reader, seen) in readers.iter().zip(&mut all) {
        give(reader, seed, 0..first, seen);
    }
    let more = if wanted > FEW { shares(&all, wanted) } else { vec![0; readers.len()] };
    for ((reader, seen), more) in readers.iter().zip(&mut all).zip(more) {
        give(reader, seed, first..first + more, seen);
        println!(
            "{}: {} files, {} taken, {:.0} us each, at most {:.3} s and {} bytes of memory",
            reader.name,
            seen.files,
            seen.taken,
            seen.seconds / seen.files as f64 * 1e6,
            seen.longest,
            seen.memory
        );
    }
    let files: usize = all.iter().map(|s| s.files).sum();
    let seconds: f64 = all.iter().map(|s| s.seconds).sum();
    println!("{files} files of {} readers, seed {seed}, {seconds:.0} s of reading", readers.len());
    let wrong: Vec<&String> = all.iter().flat_map(|s| &s.wrong).collect();
    assert!(wrong.is_empty(), "{} of {files}: {:#?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

//! Tests of the store: what comes back, what damage does, several users at once, sweeping.

mod faults;
mod leases;
mod lines;

use super::index::Spot;
use super::line::{Entry, Line, Place, Read};
use super::{Fault, Made, SMALL, Store};
use crate::base::Hash;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn key(n: u8) -> Hash {
    Hash([n; 32])
}

fn made(op: &str) -> Made {
    Made { op: op.into(), title: format!("{op} of something"), device: "here".into(), seconds: 1.5, ..Made::default() }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    out.sort();
    out
}

fn get(store: &Store, key: &Hash) -> Result<Vec<u8>, Fault> {
    store.read(&store.known(key).ok_or(Fault::Missing)?)
}

#[test]
fn artifacts_come_back_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (b"small".to_vec(), vec![7u8; SMALL + 1]);
    {
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.put(&key(1), &small, &made("a"), true).unwrap(), Hash::of(&small));
        store.put(&key(2), &large, &made("b"), true).unwrap();
        store.put_alias(&key(9), &key(1)).unwrap();
        store.put_hash(&key(3), key(33), &made("inline")).unwrap();
        store.sync().unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((get(&store, &key(1)), get(&store, &key(2))), (Ok(small), Ok(large)));
    assert_eq!((store.alias(&key(9)), store.alias(&key(8))), (Some(key(1)), None));
    let known = store.known(&key(3)).unwrap();
    assert_eq!((known.hash, known.spot, known.seconds), (key(33), None, 1.5));
    assert_eq!(store.read(&known), Err(Fault::Missing));
    assert_eq!(files(&folder.path().join("packs")).len(), 1);
}

/// Who may write everything, as root may, sees nothing of it.
#[cfg(unix)]
#[test]
fn a_lock_file_that_another_user_left_is_no_obstacle() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let path = folder.path().join("locks").join(key(1).to_string());
    std::fs::write(&path, "4711 1\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).unwrap();
    let held = store.try_lock_cell(&key(1)).unwrap();
    assert!(held.is_some() && store.try_lock_cell(&key(1)).unwrap().is_none());
    drop(held);
    assert!(!path.exists());
}

#[test]
fn a_store_that_only_reads_writes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).unwrap().put(&key(1), b"x", &made("a"), true).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(get(&store, &key(1)).is_ok());
    store.sync().unwrap();
    assert_eq!(files(&folder.path().join("index")).len(), 1);
}

#[test]
fn lines_survive_writing_and_damage_is_seen() {
    let entry = Entry {
        hash: key(1),
        op: "train".into(),
        title: "m[noise: 20%] \"x\"\n".into(),
        bytes: 12,
        device: "x86".into(),
        seconds: 0.1,
        memory: Some(5),
        absent: Some("too few".into()),
        form: 4,
        created: 99,
        place: Some(Place::Pack("p".into(), 7)),
    };
    let whole = Entry { place: Some(Place::File), ..entry.clone() };
    let lines = [
        Line::Cell { key: key(2), entry },
        Line::Cell { key: key(2), entry: whole },
        Line::Same { plan: key(5), key: key(6), created: 3 },
        Line::Gone { key: key(7), created: 4 },
        Line::Spare { key: key(7), created: 5 },
    ];
    for line in lines {
        let mut bytes = Vec::new();
        line.write(&mut bytes);
        let length = bytes.len();
        assert_eq!(Line::read(&bytes), Read::Line(Box::new(line.clone()), length));
        for i in 0..length {
            bytes[i] ^= 1;
            assert!(!matches!(Line::read(&bytes), Read::Line(..)), "{i}");
            bytes[i] ^= 1;
            assert!(!matches!(Line::read(&bytes[..i]), Read::Line(..) | Read::Damaged(_)), "{i}");
        }
        // After damage, and after what a killed writer left, the next line is found.
        let whole = [&bytes[..length / 2], &bytes, &bytes].concat();
        assert_eq!(Line::read(&whole), Read::Damaged(length / 2));
        assert_eq!(Line::read(&whole[length / 2..]), Read::Line(Box::new(line), length));
    }
    assert_eq!(Line::read("text where a line should be".as_bytes()), Read::Damaged(27));
}

/// Kills the writer at every byte of what it writes: whatever is there afterwards is right, or is not there.
#[test]
fn a_writer_killed_at_any_byte_leaves_no_wrong_result() {
    let folder = tempfile::tempdir().unwrap();
    let contents: Vec<Vec<u8>> = (0..4u8).map(|i| vec![i; 20 + i as usize]).collect();
    {
        let store = Store::open(folder.path()).unwrap();
        for (i, bytes) in contents.iter().enumerate() {
            store.put(&key(i as u8), bytes, &made("a"), true).unwrap();
            store.put_alias(&key(100 + i as u8), &key(i as u8)).unwrap();
        }
    }
    let (log, pack) = (files(&folder.path().join("index")).remove(0), files(&folder.path().join("packs")).remove(0));
    let (log_bytes, pack_bytes) = (std::fs::read(&log).unwrap(), std::fs::read(&pack).unwrap());
    let mut seen = [false; 5];
    for cut in (0..log_bytes.len()).step_by(13) {
        std::fs::write(&log, &log_bytes[..cut]).unwrap();
        std::fs::write(&pack, &pack_bytes[..pack_bytes.len() * cut / log_bytes.len()]).unwrap();
        let left = folder.path().join("packs").join(format!("{}letter", crate::engine::unfinished::beginning()));
        std::fs::write(left, b"rest of a writer").unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut there = 0;
        for (i, bytes) in contents.iter().enumerate() {
            if let Ok(back) = get(&store, &key(i as u8)) {
                assert_eq!(&back, bytes);
                there += 1;
            }
        }
        assert_eq!(store.damaged_lines(), 0, "an unfinished line is no damage");
        seen[there] = true;
    }
    assert_eq!(&seen[..4], [true; 4]);
}

#[test]
fn a_damaged_line_is_skipped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(folder.path()).unwrap();
        for n in 1..4 {
            store.put(&key(n), &[n], &made("a"), true).unwrap();
        }
    }
    let log = files(&folder.path().join("index")).remove(0);
    let mut bytes = std::fs::read(&log).unwrap();
    let second = bytes.len() / 3 + 40;
    bytes[second] ^= 0xff;
    std::fs::write(&log, bytes).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.damaged_lines(), 1);
    assert_eq!([1, 2, 3].map(|n| get(&store, &key(n)).is_ok()), [true, false, true]);
}

#[test]
fn damaged_artifacts_are_not_read_and_are_mended_by_writing_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let large = vec![7u8; SMALL + 1];
    store.put(&key(1), b"small", &made("a"), true).unwrap();
    store.put(&key(2), &large, &made("a"), true).unwrap();
    let pack = files(&folder.path().join("packs")).remove(0);
    let object = files(&files(&folder.path().join("objects"))[0]).remove(0);
    std::fs::write(&pack, b"smell").unwrap();
    std::fs::write(&object, &large[1..]).unwrap();
    assert_eq!((get(&store, &key(1)), get(&store, &key(2))), (Err(Fault::Damaged), Err(Fault::Damaged)));
    assert!(!store.present(&store.known(&key(2)).unwrap()));
    store.put(&key(1), b"small", &made("a"), true).unwrap();
    store.put(&key(2), &large, &made("a"), true).unwrap();
    assert_eq!((get(&store, &key(1)), get(&store, &key(2))), (Ok(b"small".to_vec()), Ok(large)));
}

#[test]
fn an_artifact_goes_with_the_last_cell_that_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let large = vec![7u8; SMALL + 1];
    store.put(&key(1), &large, &made("a"), false).unwrap();
    store.put(&key(2), &large, &made("b"), false).unwrap();
    store.retire(&key(1)).unwrap();
    assert_eq!((get(&store, &key(1)), get(&store, &key(2)).is_ok()), (Err(Fault::Missing), true));
    store.retire(&key(2)).unwrap();
    assert!(files(&files(&folder.path().join("objects"))[0]).is_empty());
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.entry(&key(2)).unwrap().hash, Hash::of(&large));
    assert_eq!(get(&store, &key(2)), Err(Fault::Missing));
}

/// Two processes: one lets go an artifact whose file the other has just named for a cell of its own, which the first has not read of.
#[test]
fn an_artifact_that_another_process_names_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
    let large = vec![7u8; SMALL + 1];
    a.put(&key(1), &large, &made("a"), false).unwrap();
    b.refresh();
    let row = b.batch();
    b.put(&key(2), &large, &made("b"), false).unwrap();
    a.retire(&key(1)).unwrap();
    drop(row);
    assert_eq!((get(&a, &key(1)), get(&b, &key(2))), (Err(Fault::Missing), Ok(large)));
    b.retire(&key(2)).unwrap();
    assert!(files(&files(&folder.path().join("objects"))[0]).is_empty());
    assert!(files(&folder.path().join("locks")).is_empty());
}

/// One thread puts what another lets go: whoever has put it reads it back.
#[test]
fn an_artifact_that_is_being_put_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let large = vec![7u8; SMALL + 1];
    store.put(&key(1), &large, &made("weights"), false).unwrap();
    // A worker has seen that the file is there; before it names it, the other cell lets go what it has.
    let alone = store.lock_content(&Hash::of(&large)).unwrap();
    std::thread::scope(|scope| {
        let gone = scope.spawn(|| store.retire(&key(1)).unwrap());
        while store.known(&key(1)).unwrap().spot.is_some() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(50));
        assert!(!gone.is_finished() && files(&files(&folder.path().join("objects"))[0]).len() == 1);
        drop(alone);
    });
    assert!(files(&files(&folder.path().join("objects"))[0]).is_empty());
    // The same many times over, as it comes.
    for n in 0..100 {
        store.put(&key(1), &large, &made("weights"), false).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| store.retire(&key(1)).unwrap());
            scope.spawn(|| store.put(&key(2), &large, &made("result"), false).unwrap());
        });
        assert_eq!(get(&store, &key(2)), Ok(large.clone()), "round {n}");
        store.retire(&key(2)).unwrap();
    }
}

#[test]
fn two_stores_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
    a.put(&key(1), b"one", &made("a"), true).unwrap();
    assert!(b.entry(&key(1)).is_none());
    b.refresh();
    assert_eq!(get(&b, &key(1)), Ok(b"one".to_vec()));
    let lock = a.try_lock_cell(&key(2)).unwrap();
    assert!(lock.is_some() && b.try_lock_cell(&key(2)).unwrap().is_none());
    assert_eq!(b.holder(&key(2)), Some(format!("process {}", std::process::id())));
    drop(lock);
    assert!(b.try_lock_cell(&key(2)).unwrap().is_some());
    assert!(files(&folder.path().join("locks")).is_empty());
}

/// Has four threads, each with a store of its own from `open`, count in a file that only the lock of a cell protects.
fn count_under_one_lock(folder: &Path, rounds: u32, open: impl Fn(&Path) -> Store + Sync) {
    let count = folder.join("count");
    std::fs::write(&count, "0").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = open(&folder.join("store"));
                for _ in 0..rounds {
                    let lock = loop {
                        if let Some(lock) = store.try_lock_cell(&key(1)).unwrap() {
                            break lock;
                        }
                        std::thread::yield_now();
                    };
                    let n: u32 = std::fs::read_to_string(&count).unwrap().parse().unwrap();
                    std::thread::yield_now();
                    std::fs::write(&count, (n + 1).to_string()).unwrap();
                    drop(lock);
                }
            });
        }
    });
    assert_eq!(std::fs::read_to_string(&count).unwrap(), (4 * rounds).to_string());
}

#[test]
fn a_lock_is_held_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    count_under_one_lock(folder.path(), 50, |folder| Store::open(folder).unwrap());
}

const CHILD: &str = "CFX_TEST_STORE_OF_CHILD";

/// Not a test of its own: the second process of the test below, which holds a lock until it is killed.
#[test]
fn child_that_holds_a_lock() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let store = Store::open(Path::new(&folder)).unwrap();
    let _lock = store.try_lock_cell(&key(1)).unwrap().unwrap();
    store.put(&key(2), b"from the child", &made("a"), true).unwrap();
    std::fs::File::create(Path::new(&folder).join("ready")).unwrap().write_all(b"x").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_killed_process_leaves_its_results_and_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["engine::store::tests::child_that_holds_a_lock", "--exact"])
        .env(CHILD, folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !folder.path().join("ready").exists() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    let store = Store::open(folder.path()).unwrap();
    assert!(store.try_lock_cell(&key(1)).unwrap().is_none());
    assert_eq!(store.holder(&key(1)), Some(format!("process {}", child.id())));
    // Killed without a chance to tidy up.
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(store.try_lock_cell(&key(1)).unwrap().is_some());
    assert_eq!(get(&store, &key(2)), Ok(b"from the child".to_vec()));
}

#[test]
fn sweeping_keeps_what_the_last_runs_were_about() {
    let folder = tempfile::tempdir().unwrap();
    let large = |n: u8| vec![n; SMALL + 1];
    {
        let store = Store::open(folder.path()).unwrap();
        for n in 1..=3 {
            store.put(&key(n), &large(n), &made("a"), true).unwrap();
            store.put(&key(10 + n), &[n], &made("b"), true).unwrap();
            store.put_alias(&key(100 + n), &key(n)).unwrap();
            store.put_alias(&key(110 + n), &key(10 + n)).unwrap();
            let run = store.start_run("title", [key(100 + n), key(110 + n)].into_iter()).unwrap();
            run.log("failed.log", "why");
            store.end_run(&run, "done").unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
        let runs = store.runs();
        assert_eq!((runs.len(), runs[0].plans.as_slice(), runs[0].state.as_str()), (3, &[key(103), key(113)][..], "done"));
        let other = Store::open(folder.path()).unwrap();
        assert!(store.sweep(2).unwrap_err().locked);
        drop(other);
    }
    let swept = Store::open(folder.path()).unwrap().sweep(2).unwrap();
    assert_eq!((swept.cells, swept.runs), (2, 1));
    assert!(swept.bytes.1 + SMALL as u64 <= swept.bytes.0);
    for _ in 0..2 {
        let store = Store::open(folder.path()).unwrap();
        for n in 1..=3 {
            assert_eq!(get(&store, &key(n)).is_ok(), n > 1);
            assert_eq!(get(&store, &key(10 + n)).is_ok(), n > 1);
            assert_eq!(store.alias(&key(100 + n)).is_some(), n > 1);
        }
        assert_eq!((store.runs().len(), store.list().len(), store.find("02").len()), (2, 4, 1));
        assert_eq!(files(&folder.path().join("packs")).len(), 1);
        // Sweeping again changes nothing.
        assert_eq!(store.sweep(2).unwrap().cells, 0);
    }
    // A run that goes on keeps its place whatever came after it.
    let store = Store::open(folder.path()).unwrap();
    let first = store.runs()[1].id.clone();
    let swept = store.sweep_but(0, |_| BTreeSet::from([first.clone()])).unwrap();
    assert_eq!((swept.cells, swept.runs), (2, 1));
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.runs().iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), [first.as_str()]);
    assert!(get(&store, &key(2)).is_ok() && get(&store, &key(3)).is_err());
    assert!(folder.path().join("runs").join(first).join("failed.log").exists());
}

#[test]
fn lines_count_in_the_order_of_their_times() {
    use super::index::Index;
    let entry = |created, hash| Entry {
        hash: key(hash),
        op: "a".into(),
        title: "a".into(),
        bytes: 1,
        device: "here".into(),
        seconds: 0.0,
        memory: None,
        absent: None,
        form: 0,
        created,
        place: Some(Place::File),
    };
    let first = Line::Cell { key: key(1), entry: entry(10, 1) };
    let gone = Line::Gone { key: key(1), created: 11 };
    let again = Line::Cell { key: key(1), entry: entry(12, 1) };
    let after = |lines: &[&Line]| {
        let mut index = Index::default();
        lines.iter().for_each(|l| index.take_in((*l).clone()));
        (index.known(&key(1)).unwrap().spot, index.spot_of(&key(1)))
    };
    let there = (Some(Spot::File), Some(Spot::File));
    for order in [[&first, &gone, &again], [&gone, &again, &first], [&again, &gone, &first], [&gone, &first, &again]] {
        assert_eq!(after(&order), there);
    }
    assert_eq!(after(&[&first, &gone]), (None, None));
    assert_eq!(after(&[&gone, &first]), (None, None));
    // A clock that runs backwards does not make a later line count less.
    let mut index = Index::default();
    let future = super::now() + 1_000_000;
    index.take_in(Line::Cell { key: key(1), entry: entry(future, 1) });
    assert_eq!(index.time_for(&key(1)), future + 1);
}

#[test]
fn many_logs_become_one() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..70 {
        let store = Store::open(folder.path()).unwrap();
        store.put(&key(n), &[n], &made("a"), true).unwrap();
        store.put_alias(&key(100 + n), &key(n)).unwrap();
        store.retire(&key(n / 2)).unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert!(store.logs() < 10);
    assert_eq!((store.list().len(), store.alias(&key(169))), (70, Some(key(69))));
    assert_eq!([0, 34, 35, 69].map(|n| get(&store, &key(n)).is_ok()), [false, false, true, true]);
}

#[test]
fn another_version_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    std::fs::write(folder.path().join("format"), "cfx store 1\n").unwrap();
    let message = Store::open(folder.path()).err().unwrap().message;
    assert!(message.contains("another version") && message.contains("--store"), "{message}");
}

#[test]
fn many_small_results_cost_few_calls_to_the_system_and_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let count = 20_000u64;
    let key = |n: u64| Hash::of(&n.to_le_bytes());
    let store = Store::open(folder.path()).unwrap();
    {
        let _together = store.batch();
        for n in 0..count {
            store.put(&key(n), &[n.to_le_bytes(); 20].concat(), &made("a"), true).unwrap();
            store.put_alias(&key(count + n), &key(n)).unwrap();
        }
        // What waits is read as well.
        assert!(get(&store, &key(count - 1)).is_ok());
    }
    assert!(store.writes() < 40, "{} writes", store.writes());
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    for n in 0..count {
        assert_eq!(store.alias(&key(count + n)), Some(key(n)));
        assert_eq!(get(&store, &key(n)).unwrap(), [n.to_le_bytes(); 20].concat());
    }
    assert!(store.reads() < 40, "{} reads of {count} results", store.reads());
    // Backwards as well.
    let before = store.reads();
    (0..count).rev().for_each(|n| assert!(get(&store, &key(n)).is_ok()));
    assert!(store.reads() - before < 40, "{} reads backwards", store.reads() - before);
    // In any order, one read each at most, of no more than the result.
    let before = store.reads();
    (0..200).for_each(|n| assert!(get(&store, &key(n * 7919 % count)).is_ok()));
    assert!(store.reads() - before <= 200);
}

#[test]
fn what_a_batch_could_not_write_is_said_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    {
        let _together = store.batch();
        store.put(&key(1), b"x", &made("a"), true).unwrap();
        std::fs::remove_dir_all(folder.path().join("packs")).unwrap();
    }
    assert!(store.sync().is_err());
    std::fs::create_dir(folder.path().join("packs")).unwrap();
    assert!(store.put(&key(2), b"y", &made("a"), true).is_ok() && store.sync().is_ok());
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((store.known(&key(1)), get(&store, &key(2))), (None, Ok(b"y".to_vec())));
}

#[test]
fn runs_that_begin_at_once_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ids: BTreeSet<String> = (0..40).map(|_| store.start_run("t", [key(1)].into_iter()).unwrap().id).collect();
    assert_eq!((ids.len(), store.runs().len()), (40, 40));
}

#[test]
fn a_cell_without_inputs_needs_no_line_for_its_plan() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(folder.path()).unwrap();
        store.put(&key(1), b"x", &made("a"), true).unwrap();
        let before = files(&folder.path().join("index"))[0].metadata().unwrap().len();
        store.put_alias(&key(1), &key(1)).unwrap();
        assert_eq!(files(&folder.path().join("index"))[0].metadata().unwrap().len(), before);
        let run = store.start_run("title", [key(1)].into_iter()).unwrap();
        store.end_run(&run, "done").unwrap();
    }
    assert_eq!(Store::open(folder.path()).unwrap().sweep(1).unwrap().cells, 0);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((store.alias(&key(1)), get(&store, &key(1))), (Some(key(1)), Ok(b"x".to_vec())));
}

#[test]
fn spare_results_stay_within_a_budget_and_the_cheapest_and_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let large = |n: u8| vec![n; SMALL + 1];
    let each = SMALL as u64 + 1;
    let there = |store: &Store| (1..=5).filter(|n| get(store, &key(*n)).is_ok()).collect::<Vec<u8>>();
    let store = Store::open(folder.path()).unwrap();
    // 1 took long; 2 and 3 about the same, 2 was used before 3; 4 is to stay whatever happens; 5 was never let go.
    for (n, seconds) in [(1, 900.0), (2, 35.0), (3, 33.0), (4, 0.1), (5, 0.1)] {
        store.put(&key(n), &large(n), &Made { seconds, ..made("train") }, true).unwrap();
        if n < 5 {
            store.spare(&key(n), 10 * each).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    store.keep(&key(4));
    assert_eq!(store.spares().iter().map(|s| s.key).collect::<Vec<_>>(), [key(2), key(3), key(1)]);
    assert_eq!((store.make_room(3 * each).unwrap(), there(&store)), (0, vec![1, 2, 3, 4, 5]));
    // What this process reads stays meanwhile.
    store.use_spare(&key(2));
    assert_eq!((store.make_room(2 * each).unwrap(), there(&store)), (1, vec![1, 2, 4, 5]));
    store.end_use();
    drop(store);
    // Other processes know it too, through sweeping and merging.
    let run = |store: &Store| store.end_run(&store.start_run("t", (1..=5).map(key)).unwrap(), "done").unwrap();
    let store = Store::open(folder.path()).unwrap();
    run(&store);
    store.sweep(1).unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.merge_logs().unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert!(store.is_spare(&key(1)) && store.is_spare(&key(2)) && !store.is_spare(&key(5)));
    // Made again, it is no spare one before it is let go again.
    store.put(&key(1), &large(9), &made("train"), true).unwrap();
    assert!(!store.is_spare(&key(1)));
    assert_eq!((store.make_room(0).unwrap(), there(&store)), (1, vec![1, 4, 5]));
    assert!(!store.object_path(&Hash::of(&large(2))).exists());
    store.spare(&key(1), 0).unwrap();
    assert_eq!(there(&store), vec![4, 5]);
}

/// What recent runs were about is known from their records; where one is damaged nothing is swept, since it may be about everything.
#[test]
fn nothing_is_swept_while_it_is_not_known_what_runs_were_about() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Store::open(folder.path()).unwrap();
    open().put(&key(1), b"bytes", &made("a"), true).unwrap();
    let refused = |words: &str| {
        let why = open().sweep(1).unwrap_err().message;
        assert!(why.contains(words), "{why}");
        assert_eq!(get(&open(), &key(1)).unwrap(), b"bytes");
    };
    refused("no record of any run");
    let store = open();
    store.put_alias(&key(101), &key(1)).unwrap();
    store.end_run(&store.start_run("t", [key(101)].into_iter()).unwrap(), "done").unwrap();
    drop(store);
    for ending in ["json", "plans"] {
        let path = files(&folder.path().join("runs")).into_iter().find(|p| p.extension().is_some_and(|e| e == ending)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for damage in [&whole[..whole.len() / 2], b"", &[whole.as_slice(), &[0; 32]].concat()] {
            std::fs::write(&path, damage).unwrap();
            refused("the record of a run");
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(open().sweep(1).unwrap().cells, 0);
    assert_eq!(open().sweep(0).unwrap().cells, 1);
}

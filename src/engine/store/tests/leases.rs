//! Tests of leases: where there are no locks, or locks that do not hold, each cell has one holder, dead ones are succeeded, and who wakes up again is
//! fenced off.

use super::faults::{Faulty, Wrong};
use super::*;
use crate::engine::store::disk::System;
use crate::engine::store::leases::Leases;
use std::sync::Arc;

const SHORT: Duration = Duration::from_millis(1200);

fn open(folder: &Path, wrong: Wrong) -> Store {
    Store::open_on(folder, Faulty::new(wrong, None), false, SHORT).unwrap()
}

#[test]
fn missing_and_broken_locks_are_found_out() {
    for (wrong, leases) in [(Wrong::NoLocks, true), (Wrong::AllLocks, true), (Wrong::Slow, false)] {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(open(folder.path(), wrong).has_leases(), leases, "{wrong:?}");
        // Others that open it later do as the first one does.
        assert_eq!(Store::open(folder.path()).unwrap().has_leases(), leases);
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(Store::open_with_leases(folder.path()).unwrap().has_leases());
    assert!(files(&folder.path().join("locks")).is_empty(), "leases are given back");
}

/// A sweeper that died on another machine, or left bytes that are no text, keeps nobody out for longer than its lease lives.
#[test]
fn the_lease_of_a_dead_sweeper_dies() {
    use crate::engine::store::leases::EXPIRY;
    assert!(crate::engine::store::opening::patience(EXPIRY) > EXPIRY);
    for left in [&b"elsewhere 1 a-b-c 00000000000000000001 00000000000000000000\n"[..], b"\xff\xfe"] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path(), Wrong::NoLocks));
        std::fs::write(folder.path().join("locks/sweep.1"), left).unwrap();
        let start = Instant::now();
        drop(open(folder.path(), Wrong::NoLocks));
        assert!(start.elapsed() >= SHORT, "one that may be alive is waited for");
    }
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Wrong::NoLocks);
    std::fs::write(folder.path().join(format!("locks/{}.{}", key(1), u64::MAX)), b"gone").unwrap();
    let start = Instant::now();
    let last = loop {
        match store.try_lock_cell(&key(1)) {
            Ok(None) if start.elapsed() < 5 * SHORT => std::thread::sleep(Duration::from_millis(20)),
            other => break other,
        }
    };
    assert!(last.is_err(), "there is no attempt after the last one");
}

#[test]
fn a_lease_is_held_by_one_at_a_time() {
    for wrong in [Wrong::NoLocks, Wrong::AllLocks] {
        let folder = tempfile::tempdir().unwrap();
        count_under_one_lock(folder.path(), 25, |folder| {
            Store::open_on(folder, Faulty::new(wrong, None), false, super::super::leases::EXPIRY).unwrap()
        });
    }
}

/// A holder that stops saying that it is alive is succeeded after the stated time and not before; when it wakes up, what it made is refused.
#[test]
fn a_dead_holder_is_succeeded_and_fenced_off_when_it_wakes_up() {
    let folder = tempfile::tempdir().unwrap();
    let old = open(folder.path(), Wrong::NoLocks);
    let new = open(folder.path(), Wrong::NoLocks);
    let held = old.try_lock_cell(&key(1)).unwrap().unwrap();
    assert_eq!(new.holder(&key(1)), Some(format!("process {}", std::process::id())));
    // Alive, it keeps the lease for longer than it takes to die.
    let start = Instant::now();
    while start.elapsed() < 2 * SHORT {
        assert!(new.try_lock_cell(&key(1)).unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(old.put_checkpoint(&key(1), "here", b"older"));
    // It sleeps: nothing is written anew.
    old.leases.as_ref().unwrap().end();
    let start = Instant::now();
    let taken = loop {
        if let Some(lock) = new.try_lock_cell(&key(1)).unwrap() {
            break lock;
        }
        assert!(start.elapsed() < 50 * SHORT);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(start.elapsed() > SHORT / 2, "it was waited for");
    let names = || std::fs::read_dir(folder.path().join("locks")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(names().filter(|n| n.starts_with(&key(1).to_string())).collect::<Vec<_>>(), [format!("{}.2", key(1))]);
    assert!(new.put_checkpoint(&key(1), "here", b"newer"));
    // It wakes up, while the other one is at work and after it is done.
    for done in [false, true] {
        if done {
            new.put(&key(1), &vec![2; SMALL + 1], &made("new"), true).unwrap();
        }
        for bytes in [vec![1; 10], vec![1; SMALL + 2]] {
            let refused = old.put(&key(1), &bytes, &made("old"), true).unwrap_err();
            assert!(refused.locked, "{refused}");
            assert!(!old.object_path(&Hash::of(&bytes)).exists());
        }
        old.put_checkpoint(&key(1), "here", b"older");
        assert_eq!(new.checkpoint(&key(1), "here"), Some(b"newer".to_vec()));
    }
    // Giving back what it does not have any more takes nothing from the other one.
    drop(held);
    assert!(names().any(|n| n == format!("{}.2", key(1))));
    old.refresh();
    assert_eq!(get(&old, &key(1)), Ok(vec![2; SMALL + 1]));
    drop(taken);
    assert!(!names().any(|n| n.starts_with(&key(1).to_string())));
    assert!(new.try_lock_cell(&key(1)).unwrap().is_some());
}

const CHILD: &str = "CFX_TEST_LEASES_OF_CHILD";

/// Not a test of its own: the second process of the test below, which holds a lease until it is killed.
#[test]
fn child_that_holds_a_lease() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let store = Store::open_with_leases(Path::new(&folder)).unwrap();
    let _lock = store.try_lock_cell(&key(1)).unwrap().unwrap();
    std::fs::File::create(Path::new(&folder).join("ready")).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

/// A process of this machine that is gone is not waited for.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_process_leaves_no_lease_that_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["engine::store::tests::leases::child_that_holds_a_lease", "--exact"])
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
    assert!(store.has_leases() && store.try_lock_cell(&key(1)).unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    assert!(store.try_lock_cell(&key(1)).unwrap().is_some());
    // Nor does it keep the store from being swept, which takes what it left.
    store.sweep(1).unwrap();
    assert!(start.elapsed() < Duration::from_secs(30));
    assert!(files(&folder.path().join("locks")).is_empty());
}

#[test]
fn a_store_that_is_open_under_leases_is_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let other = open(folder.path(), Wrong::AllLocks);
    other.put(&key(1), b"x", &made("a"), true).unwrap();
    assert!(open(folder.path(), Wrong::AllLocks).sweep(0).unwrap_err().locked);
    drop(other);
    assert_eq!(open(folder.path(), Wrong::AllLocks).sweep(0).unwrap().cells, 1);
    // One that left without a word is dead after the stated time.
    std::fs::write(folder.path().join("locks/open-elsewhere.1"), "elsewhere 1 name 1 1\n").unwrap();
    assert_eq!(open(folder.path(), Wrong::AllLocks).sweep(0).unwrap().cells, 0);
    // While somebody sweeps, nobody opens it before that is over.
    let sweeping = Leases::new(&folder.path().join("locks"), "sweeper", Arc::new(System), SHORT);
    let lease = sweeping.try_take("sweep").unwrap().unwrap();
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| open(folder.path(), Wrong::AllLocks));
        std::thread::sleep(Duration::from_millis(50));
        assert!(!opened.is_finished());
        drop(lease);
        opened.join().unwrap();
    });
    sweeping.end();
}

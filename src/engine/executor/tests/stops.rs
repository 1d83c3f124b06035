//! Kernels that do not look whether the run stops, and those that seldom do.

use super::*;

/// A kernel that never looks whether the run stops is left behind: the caller is told soon, with everything else in the store.
#[test]
fn a_kernel_that_does_not_see_that_the_run_stops_is_left_behind() {
    static OVER: AtomicBool = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let ops = ops().with("deaf", |_, _| {
        let start = Instant::now();
        while !OVER.load(Ordering::SeqCst) && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Value::Number(Number::exact(1.0)))
    });
    let mut b = Builder::default();
    let quick = b.leaf("constant", 3.0);
    let deaf = b.leaf("deaf", 1.0);
    let store = Store::open(folder.path()).unwrap();
    let limits = crate::engine::Limits { seconds: Some(0.3), ..Default::default() };
    let told = Mutex::new(None);
    let start = Instant::now();
    let leave = |outcome: &RunOutcome| {
        *told.lock().unwrap() = Some((start.elapsed(), outcome.state, outcome.cells[quick].status, outcome.cells[deaf].status));
        OVER.store(true, Ordering::SeqCst);
    };
    let options = Options { limits, ..options(2) };
    let outcome = crate::engine::execute_or_leave(&b.0, &[quick, deaf], &ops, &store, &options, &Silent, Some(&leave)).unwrap();
    let (after, state, other, left) = told.into_inner().unwrap().expect("the caller is told");
    assert_eq!((state, other, left), (RunState::Interrupted, Status::Computed, Status::Stopped));
    assert!(after < Duration::from_secs(20), "{after:?}");
    assert_eq!(outcome.cells[deaf].status, Status::Stopped);
    assert_eq!(number(read(&b.0, &ops, folder.path(), quick)), 3.0);
}

/// A kernel that looks, but in steps longer than the time after which one is left behind, is given the time to see it.
#[test]
fn a_kernel_of_long_steps_is_given_the_time_to_keep_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops().with("slow", |_, cx| {
        for _ in 0..20 {
            if cx.interrupted() {
                cx.checkpoint(b"so far");
                return Err(Failure::Interrupted);
            }
            std::thread::sleep(crate::engine::DEAF + Duration::from_millis(500));
        }
        Ok(Value::Number(Number::exact(1.0)))
    });
    let mut b = Builder::default();
    let slow = b.leaf("slow", 1.0);
    let store = Store::open(folder.path()).unwrap();
    // During the third step, of which two are known then.
    let limits = crate::engine::Limits { seconds: Some(4.2), ..Default::default() };
    let left = AtomicBool::new(false);
    let leave = |_: &RunOutcome| left.store(true, Ordering::SeqCst);
    let options = Options { limits, ..options(1) };
    let outcome = crate::engine::execute_or_leave(&b.0, &[slow], &ops, &store, &options, &Silent, Some(&leave)).unwrap();
    assert_eq!((outcome.state, outcome.cells[slow].status), (RunState::Interrupted, Status::Stopped));
    assert!(!left.load(Ordering::SeqCst), "it was left behind");
}

//! Tests of the seam to LAPACK against definitions.

use super::*;
use crate::base::Stream;
use crate::engine::LONG;
use crate::engine::kernel::Quiet;
use crate::plan::files::Files;
use rand_distr::{Distribution, StandardNormal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

fn normal(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let mut rng = Stream::root(seed).rng();
    Array2::from_shape_simple_fn((n, d), || StandardNormal.sample(&mut rng))
}

fn close(a: &Array2<f64>, b: &Array2<f64>, tolerance: f64) {
    assert_eq!(a.dim(), b.dim());
    let worst = (a - b).iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert!(worst < tolerance, "differs by {worst}");
}

#[test]
fn gram_is_the_product() {
    let x = normal(3000, 7, 1);
    close(&gram(x.view(), &Quiet::default()).unwrap(), &x.t().dot(&x), 1e-9);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x = normal(20_000, 40, 2);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let cx = Quiet::default();
        pool.install(|| {
            let vectors = leading_right(x.view(), 5, &cx).unwrap().vectors;
            (gram(x.view(), &cx).unwrap(), vectors, project(x.view(), x.slice(s![..40, ..3]), &cx).unwrap())
        })
    };
    let (one, three) = (with(1), with(3));
    assert!(one == three);
}

#[test]
fn decompositions_recompose() {
    let (x, cx) = (normal(30, 6, 3), Quiet::default());
    let a = gram(x.view(), &cx).unwrap();
    let (values, v) = symmetric_eigen(a.view(), &cx).unwrap();
    assert!(values.windows(2).into_iter().all(|w| w[0] >= w[1]));
    close(&v.dot(&Array2::from_diag(&values)).dot(&v.t()), &a, 1e-10);
    for m in [x.clone(), x.t().to_owned()] {
        let (u, s, vt) = thin_svd(m.view(), &cx).unwrap();
        assert_eq!((u.ncols(), s.len(), vt.nrows()), (6, 6, 6));
        close(&u.dot(&Array2::from_diag(&s)).dot(&vt), &m, 1e-12);
    }
    let ((s, vt), (_, s1, vt1)) = (right_svd(x.view(), &cx).unwrap(), thin_svd(x.view(), &cx).unwrap());
    close(&vt.mapv(f64::abs), &vt1.mapv(f64::abs), 1e-12);
    assert!((s - s1).iter().all(|d| d.abs() < 1e-12));
    let l = cholesky(a.view()).unwrap();
    close(&l.dot(&l.t()), &a, 1e-10);
    assert_eq!(l[[0, 5]], 0.0);
    close(&l.dot(&solve_lower(l.view(), x.slice(s![..6, ..2])).unwrap()), &x.slice(s![..6, ..2]).to_owned(), 1e-10);
    close(&a.dot(&solve_positive(a.view(), x.slice(s![..6, ..2])).unwrap()), &x.slice(s![..6, ..2]).to_owned(), 1e-10);
}

#[test]
fn trouble_is_told() {
    let mut a = Array2::eye(3);
    a[[2, 2]] = -1.0;
    assert_eq!(cholesky(a.view()), Err(Trouble::Indefinite));
    a[[0, 1]] = f64::NAN;
    assert_eq!(leading_right(a.view(), 1, &Quiet::default()).map(|l| l.by_svd), Err(Trouble::NotFinite));
    assert_eq!(thin_svd(a.view(), &Quiet::default()).map(|_| ()), Err(Trouble::NotFinite));
}

#[test]
fn pieces_of_a_product_are_those_of_the_whole() {
    let (a, b) = (normal(700, 333, 4), normal(333, 129, 5));
    let whole = a.dot(&b);
    for rows in [8, 100, 129, 256, 699] {
        let pieces = rows_of_product(a.view(), b.view(), rows, &Quiet::default()).unwrap();
        close(&pieces, &whole, 1e-11);
        let turned = rows_of_product(b.t(), a.t(), rows, &Quiet::default()).unwrap();
        close(&turned.t().to_owned(), &whole, 1e-11);
    }
}

/// A context that says from the second look on that the run stops.
struct Stopping(AtomicU64);

impl Context for Stopping {
    fn interrupted(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > 0
    }
    fn progress(&self, _done: u64, _total: u64, _figures: &[(&str, f64)]) {}
    fn restore(&self) -> Option<Vec<u8>> {
        None
    }
    fn checkpoint(&self, _bytes: &[u8]) {}
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &Files {
        unreachable!("no file is read")
    }
}

#[test]
fn a_call_that_takes_long_is_left_behind_where_the_run_stops() {
    let (go_on, wait) = channel::<()>();
    let (tell, told) = channel();
    // It cannot end before it is left: what lets it go on is sent afterwards.
    let call = move || {
        let _ = wait.recv();
        tell.send(()).expect("somebody listens");
        Ok(())
    };
    assert_eq!(apart(&Stopping(0.into()), 2.0 * LONG, call), Err(Trouble::Stopped));
    go_on.send(()).expect("it waits");
    told.recv().expect("it ended by itself");
    assert_eq!(Trouble::Stopped.failure("no"), Failure::Interrupted);
}

#[test]
fn a_call_that_takes_long_gives_its_result_its_trouble_and_its_panic() {
    let cx = Quiet::default();
    assert_eq!(apart(&cx, 2.0 * LONG, || Ok(7)), Ok(7));
    assert_eq!(apart(&cx, 2.0 * LONG, || Err::<(), _>(Trouble::Indefinite)), Err(Trouble::Indefinite));
    let panics = || apart(&Quiet::default(), 2.0 * LONG, || -> Result<(), Trouble> { panic!("within") });
    assert!(std::panic::catch_unwind(panics).is_err());
}

#[test]
fn nothing_is_begun_where_the_run_stops_already() {
    let stopping = || Stopping(1.into());
    let x = normal(30, 6, 3);
    assert_eq!(apart(&stopping(), 0.0, || -> Result<(), Trouble> { unreachable!("it was begun") }), Err(Trouble::Stopped));
    assert_eq!(gram(x.view(), &stopping()), Err(Trouble::Stopped));
    assert_eq!(product(x.view(), x.t(), &stopping()), Err(Trouble::Stopped));
}

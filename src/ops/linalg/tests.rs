//! Tests of the seam to LAPACK against definitions.

use super::*;
use crate::base::Stream;
use rand_distr::{Distribution, StandardNormal};

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
    close(&gram(x.view()), &x.t().dot(&x), 1e-9);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x = normal(20_000, 40, 2);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| (gram(x.view()), leading_right(x.view(), 5).unwrap().vectors, project(x.view(), x.slice(s![..40, ..3]))))
    };
    let (one, three) = (with(1), with(3));
    assert!(one == three);
}

#[test]
fn decompositions_recompose() {
    let x = normal(30, 6, 3);
    let a = gram(x.view());
    let (values, v) = symmetric_eigen(a.view()).unwrap();
    assert!(values.windows(2).into_iter().all(|w| w[0] >= w[1]));
    close(&v.dot(&Array2::from_diag(&values)).dot(&v.t()), &a, 1e-10);
    for m in [x.clone(), x.t().to_owned()] {
        let (u, s, vt) = thin_svd(m.view()).unwrap();
        assert_eq!((u.ncols(), s.len(), vt.nrows()), (6, 6, 6));
        close(&u.dot(&Array2::from_diag(&s)).dot(&vt), &m, 1e-12);
    }
    let ((s, vt), (_, s1, vt1)) = (right_svd(x.view()).unwrap(), thin_svd(x.view()).unwrap());
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
    assert_eq!(leading_right(a.view(), 1).map(|l| l.by_svd), Err(Trouble::NotFinite));
    assert_eq!(thin_svd(a.view()).map(|_| ()), Err(Trouble::NotFinite));
}

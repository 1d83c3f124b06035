//! Fits with a learned base measure: what is kept, the predictive of it, threads.

use super::super::alpha::AlphaPrior;
use super::super::component::Component;
use super::super::fit::{Rows, fit};
use super::super::frame::Scale;
use super::super::logs;
use super::super::niw::Shape;
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::settings::Fit;
use super::super::setup::{Method, Setup};
use super::super::start::Start;
use super::{cloud, one_chain};
use crate::base::Stream;
use crate::engine::kernel::Quiet;

fn fitted(n: usize, d: usize) -> Posterior {
    let setup = Setup {
        burn_in: 60,
        thin: 20,
        chains: 3,
        start: Start::Dispersed,
        components: 3,
        ..one_chain(AlphaPrior::Gamma { shape: 1.0, rate: 1.0 }, Method::MergeSplit { proposals: 1, every: 1 }, 120)
    };
    let settings = Fit { kappa: 0.05, dof: [1.0, 2.0], inflate: [0.0, 1.0], shape: Shape::Full, scale: Scale::Learned, setup };
    let data = cloud(n, d, 1.5, 31);
    let x = (0..n).flat_map(|i| data.row(i)[..d].iter().map(|v| 3.0 + 2.0 * v).collect::<Vec<_>>()).collect();
    let rows = Rows { d, ids: (0..n as u32).collect(), x, ..Rows::default() };
    fit(rows, &settings, &Stream::root(3), &Quiet::default(), false).expect("fits")
}

#[test]
fn a_fit_is_read_back_and_hangs_on_no_number_of_threads() {
    let p = fitted(40, 3);
    let back = Posterior::unpack(&p.pack()).expect("sound");
    assert_eq!(back.chains, p.chains);
    assert_eq!(back.fit, p.fit);
    assert!(p.kept().count() == 9 && p.kept().all(|k| k.measure.is_some()));
    let first: Vec<f64> = p.kept().filter_map(|k| k.measure.as_ref()).map(|m| m.dof).collect();
    assert!((p.dof - first.iter().sum::<f64>() / 9.0).abs() < 1e-12 && first.iter().any(|f| *f != first[0]));
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        assert_eq!(pool.install(|| fitted(40, 3)).chains, p.chains, "{threads} threads");
    }
    // A damaged pack is refused.
    let mut pack = p.pack();
    pack.arrays.retain(|(name, _)| name != "scales");
    assert!(Posterior::unpack(&pack).is_err());
}

#[test]
fn the_predictive_is_the_mean_over_states_each_under_its_own_measure() {
    let p = fitted(30, 2);
    let points: Vec<f64> = (0..20).map(|i| 3.0 + 5.0 * (f64::from(i) * 0.7).sin()).collect();
    let got = Predictive::new(&p).log_density(&points);
    let base = p.observations();
    for (i, point) in points.chunks_exact(2).enumerate() {
        let logs: Vec<f64> = p
            .kept()
            .map(|kept| {
                let (own, niw, volume) = p.in_state(kept, &base);
                let framed = super::super::cache::Observations::new(p.frame.whiten(point), 2);
                let there = kept.measure.as_ref().expect("learned").whiten(&framed).0;
                let mut scratch = vec![0.0; there.dp];
                let count = kept.z.iter().max().expect("rows") + 1;
                let parts: Vec<f64> = (0..=count)
                    .map(|k| {
                        let mut c = Component::empty(&niw);
                        let rows: Vec<&[f64]> = (0..30).filter(|j| kept.z[*j] == k).map(|j| own.row(j)).collect();
                        if !rows.is_empty() {
                            c.rebuild(&niw, rows.iter().copied());
                        }
                        let size = if rows.is_empty() { kept.alpha } else { rows.len() as f64 };
                        size.ln() + niw.log_predictive(c.n, c.log_det, c.quadratic(there.row(0), &mut scratch))
                    })
                    .collect();
                logs::sum_of_logs(&parts) - (30.0 + kept.alpha).ln() - volume
            })
            .collect();
        let expected = logs::sum_of_logs(&logs) - (logs.len() as f64).ln();
        assert!((got[i] - expected).abs() < 1e-9 * (1.0 + expected.abs()), "point {i}: {} for {expected}", got[i]);
    }
    // Without a new component, of which there is one for each state.
    let occupied = Predictive::new(&p).occupied();
    assert!(occupied.parts.iter().all(|part| part.members > 0));
    assert!((occupied.pooled.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn the_predictive_of_one_unit_is_a_density() {
    let p = Predictive::new(&fitted(25, 1));
    let points: Vec<f64> = (0..40_000).map(|i| (f64::from(i) - 20_000.0) * 0.01).collect();
    let total: f64 = p.log_density(&points).iter().map(|l| l.exp() * 0.01).sum();
    assert!((total - 1.0).abs() < 2e-3, "{total}");
}

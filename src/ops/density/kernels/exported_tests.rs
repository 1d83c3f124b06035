//! What is exported of a density is all that its log densities need.

use super::super::zarr::{draws, inference_data};
use super::tests::{class, prior, run, sampler, stages, wrap};
use crate::engine::Value;
use crate::engine::value::Scores;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// A symmetric 2 x 2 matrix: both numbers of the diagonal, then the one beside it.
type Matrix = [f64; 3];

/// Returns the log density of a bivariate Student t of `nu` degrees of freedom at a difference from its location.
fn student(d: [f64; 2], nu: f64, scale: Matrix) -> f64 {
    let [a, c, b] = scale;
    let det = a * c - b * b;
    let q = (c * d[0] * d[0] - 2.0 * b * d[0] * d[1] + a * d[1] * d[1]) / det;
    libm::lgamma(0.5 * nu + 1.0) - libm::lgamma(0.5 * nu) - (nu * PI).ln() - 0.5 * det.ln() - (0.5 * nu + 1.0) * (q / nu).ln_1p()
}

/// Returns the log predictive density at `x` of normal components with the prior, given the rows of one (Murphy 2007, equations 215 to 219 and 232).
fn predictive(x: [f64; 2], rows: &[[f64; 2]], (mean, kappa, dof, s0): ([f64; 2], f64, f64, Matrix)) -> f64 {
    let n = rows.len() as f64;
    let centre = [0, 1].map(|j| if rows.is_empty() { 0.0 } else { rows.iter().map(|r| r[j]).sum::<f64>() / n });
    let (k, nu) = (kappa + n, dof + n);
    let mut s = s0;
    for r in rows {
        let e = [r[0] - centre[0], r[1] - centre[1]];
        s = [s[0] + e[0] * e[0], s[1] + e[1] * e[1], s[2] + e[0] * e[1]];
    }
    let e = [centre[0] - mean[0], centre[1] - mean[1]];
    let w = kappa * n / k;
    s = [s[0] + w * e[0] * e[0], s[1] + w * e[1] * e[1], s[2] + w * e[0] * e[1]];
    let at = [0, 1].map(|j| (kappa * mean[j] + n * centre[j]) / k);
    let free = nu - 1.0;
    student([x[0] - at[0], x[1] - at[1]], free, s.map(|v| v * (k + 1.0) / (k * free)))
}

#[test]
fn log_densities_follow_from_what_is_exported() {
    let s = stages(30, 2);
    for name in ["hierarchical", "niw", "niw_full"] {
        let given = vec![("by", class(1)), ("prior", prior(name)), ("sampler", sampler("gibbs", 60.0, 20.0, 2.0))];
        let Ok(Value::Pack(pack)) = run("dp_mixture", given, vec![("x", wrap(&s))]) else { panic!("fits") };
        let store = inference_data(&[], &[draws(&pack)], 1 << 20).expect("draws");
        let bytes = |path: &str| {
            let file = store.iter().find(|f| f.0.starts_with(&format!("{path}/")) && !f.0.contains("/.z"));
            file.unwrap_or_else(|| panic!("{path} is there")).1.as_slice()
        };
        let numbers = |path: &str| bytes(path).as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect::<Vec<f64>>();
        let whole = |path: &str| bytes(path).as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect::<Vec<i64>>();
        let components: Vec<i32> =
            bytes("partitions/component").as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
        let (alpha, after, ids) = (numbers("posterior/alpha"), whole("partitions/after_draw"), whole("partitions/id"));
        let (mean, kappa) = (numbers("base_measure/mean"), numbers("base_measure/kappa"));
        let (dof, scale) = (numbers("base_measure/dof"), numbers("base_measure/scale"));
        assert_eq!(whole("base_measure/unit"), [0, 1]);
        let row = |id: u32| {
            let at = s.ids.iter().position(|i| *i == id).expect("a row");
            [s.x[[at, 0]], s.x[[at, 1]]]
        };
        let rows: Vec<[f64; 2]> = ids.iter().map(|id| row(*id as u32)).collect();
        let (chains, states) = (2, after.len());
        let passes = alpha.len() / chains;
        let given = |chain: usize, state: usize| {
            let at = if dof.len() > 1 { chain * states + state } else { 0 };
            let m = &scale[4 * at..4 * at + 4];
            assert!((m[1] - m[2]).abs() <= 1e-12 * m[0].max(m[3]), "{m:?} is symmetric");
            ([mean[0], mean[1]], kappa[0], dof[at], [m[0], m[3], m[1]])
        };
        let Ok(Value::Scores(found)) = run("log_density", vec![], vec![("p", Value::Pack(pack.clone())), ("x", wrap(&s))]) else {
            panic!("scores")
        };
        let found: &Scores = &found;
        let mut seen = 0;
        for (id, value) in found.ids.iter().zip(&found.values).filter(|(id, _)| ids.contains(&i64::from(**id))) {
            let x = row(*id);
            let mut sum = 0.0;
            for chain in 0..chains {
                for state in 0..states {
                    let z = &components[(chain * states + state) * rows.len()..][..rows.len()];
                    let mut members: BTreeMap<i32, Vec<[f64; 2]>> = BTreeMap::new();
                    z.iter().zip(&rows).for_each(|(k, r)| members.entry(*k).or_default().push(*r));
                    let a = alpha[chain * passes + after[state] as usize];
                    let total = rows.len() as f64 + a;
                    let of = |rows: &[[f64; 2]]| predictive(x, rows, given(chain, state)).exp();
                    sum += members.values().map(|m| m.len() as f64 / total * of(m)).sum::<f64>() + a / total * of(&[]);
                }
            }
            let own = (sum / (chains * states) as f64).ln();
            assert!((own - value).abs() < 1e-10, "{name}, example {id}: {own} and {value}");
            seen += 1;
        }
        assert_eq!(seen, 30, "{name}");
    }
}

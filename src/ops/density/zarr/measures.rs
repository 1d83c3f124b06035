//! The base measures of a density's kept states, group `base_measure`: with them and the partitions, log densities can be computed anew.
//!
//! A component's mean and covariance are normal-inverse-Wishart with `mean` (axes, unit), `kappa` (axes), `dof` and `scale` (unit, unit_other; the matrix S0), all in the
//! units of the rows. `dof` and `scale` have the axes alone where the measure is given; chain, state and the axes where it is learned with the
//! partition. `unit` (axes, unit): the unit of the representation; constant units are left out. A cell of fewer units holds NaN, and -1 in `unit`.

use super::store::{Store, Whole, coordinates, own_names};
use crate::base::Coordinates;
use crate::ops::density::posterior::Posterior;
use serde_json::{Value as Json, json};

/// Degrees of freedom and `S0` of each kept state, chain after chain.
type States = Vec<Vec<(f64, Vec<f64>)>>;

/// The base measures of one density.
pub struct Measures {
    /// Units that it is over.
    units: Vec<usize>,
    mean: Vec<f64>,
    kappa: f64,
    dof: f64,
    /// `S0`, d x d.
    scale: Vec<f64>,
    /// Those of each state, where they are learned.
    learned: Option<States>,
    settings: Json,
}

impl Measures {
    /// Returns those of a density.
    pub fn of(p: &Posterior) -> Measures {
        let d = p.d;
        let full = p.frame.factor.len() == d * d && d > 1;
        let identity = |a: usize, b: usize| if a == b { 1.0 } else { 0.0 };
        let factor = |a: usize, b: usize| if full { p.frame.factor[a * d + b] } else { identity(a, b) * p.frame.factor[a] };
        // L S L', L the factor of the frame and S (lower triangle) a matrix in it.
        let turned = |s: &dyn Fn(usize, usize) -> f64| {
            let mut half = vec![0.0; d * d];
            for a in 0..d {
                for c in 0..d {
                    half[a * d + c] = (0..=a).map(|b| factor(a, b) * s(b.max(c), b.min(c))).sum();
                }
            }
            let at = |k: usize| (0..=k % d).map(|c| half[k / d * d + c] * factor(k % d, c)).sum();
            (0..d * d).map(at).collect::<Vec<f64>>()
        };
        let learned = p.kept().all(|k| k.measure.is_some()) && p.states() > 0;
        let measures = learned.then(|| {
            let state = |m: &crate::ops::density::hyper::Measure| {
                let s = m.scale(d);
                (m.dof, turned(&|a, b| s[a * d + b]))
            };
            p.chains.iter().map(|c| c.kept.iter().filter_map(|k| k.measure.as_ref()).map(state).collect()).collect()
        });
        Measures {
            units: p.units.kept.clone(),
            mean: p.frame.centre.clone(),
            kappa: p.kappa,
            dof: p.dof,
            scale: turned(&identity),
            learned: measures,
            settings: p.fit.to_json(),
        }
    }
}

/// Adds the group, unless it is larger than allowed, or there is nothing to add.
pub fn write(store: &mut Store, axes: &[(String, Coordinates)], cells: &[Option<&Measures>], largest: u64) {
    let Some(first) = cells.iter().flatten().next() else { return };
    let units = cells.iter().flatten().map(|m| m.units.len()).max().unwrap_or(0);
    let learned = cells.iter().flatten().any(|m| m.learned.is_some());
    let most = |of: &dyn Fn(&States) -> usize| cells.iter().flatten().filter_map(|m| m.learned.as_ref()).map(of).max();
    let chains = most(&Vec::len).unwrap_or(0);
    let states = most(&|l| l.iter().map(Vec::len).max().unwrap_or(0)).unwrap_or(0);
    let repeats = if learned { chains * states } else { 1 };
    let size = [repeats, cells.len(), units, units, 8].iter().fold(1u64, |n, x| n.saturating_mul(*x as u64));
    if size == 0 || size > largest {
        return;
    }
    let group = "base_measure";
    store.group(group, json!({ "creation_library": "cfx", "settings": first.settings }));
    let names = own_names(axes, &["chain", "state", "unit", "unit_other", "mean", "kappa", "dof", "scale"]);
    let whole = Whole { names, lengths: axes.iter().map(|(_, c)| c.len()).collect() };
    coordinates(store, group, axes, &whole.names);
    let numbers = |x: &mut dyn Iterator<Item = f64>| x.flat_map(f64::to_le_bytes).collect::<Vec<u8>>();
    let (dims, shape) = whole.after(&[]);
    let dims_of = |more: &[&'static str]| -> Vec<&str> { dims.iter().copied().chain(more.iter().copied()).collect() };
    let shape_of = |more: usize| -> Vec<usize> { shape.iter().copied().chain(std::iter::repeat_n(units, more)).collect() };
    let of_unit = |m: &Option<&Measures>, j: usize| m.and_then(|m| m.units.get(j)).map_or(-1, |u| *u as i64);
    let which = cells.iter().flat_map(|m| (0..units).map(move |j| of_unit(m, j))).flat_map(i64::to_le_bytes).collect();
    store.array(&format!("{group}/unit"), "<i8", &shape_of(1), &dims_of(&["unit"]), which);
    let mean = |m: &Option<&Measures>, j: usize| m.and_then(|m| m.mean.get(j)).copied().unwrap_or(f64::NAN);
    let means = numbers(&mut cells.iter().flat_map(|m| (0..units).map(move |j| mean(m, j))));
    store.array(&format!("{group}/mean"), "<f8", &shape_of(1), &dims_of(&["unit"]), means);
    let kappas = numbers(&mut cells.iter().map(|m| m.map_or(f64::NAN, |m| m.kappa)));
    store.array(&format!("{group}/kappa"), "<f8", &shape, &dims, kappas);

    let first = if learned { vec![("chain", chains), ("state", states)] } else { Vec::new() };
    let (dims, shape) = whole.after(&first);
    let (mut dofs, mut scales) = (Vec::new(), Vec::new());
    for at in 0..repeats {
        for cell in cells {
            let found = cell.and_then(|m| match &m.learned {
                Some(l) => l.get(at / states)?.get(at % states).map(|(dof, scale)| (*dof, scale)),
                None => Some((m.dof, &m.scale)),
            });
            dofs.extend(found.map_or(f64::NAN, |f| f.0).to_le_bytes());
            let d = cell.map_or(0, |m| m.units.len());
            for k in 0..units * units {
                let (a, b) = (k / units, k % units);
                let value = found.filter(|_| a < d && b < d).and_then(|f| f.1.get(a * d + b)).copied();
                scales.extend(value.unwrap_or(f64::NAN).to_le_bytes());
            }
        }
    }
    store.array(&format!("{group}/dof"), "<f8", &shape, &dims, dofs);
    let dims: Vec<&str> = dims.into_iter().chain(["unit", "unit_other"]).collect();
    let shape: Vec<usize> = shape.into_iter().chain([units, units]).collect();
    store.array(&format!("{group}/scale"), "<f8", &shape, &dims, scales);
}

//! Densities of given partitions, as reference files have them.

use super::super::alpha::AlphaPrior;
use super::super::chain::{Kept, Record};
use super::super::frame::{Frame, Scale};
use super::super::niw::Shape;
use super::super::posterior::Posterior;
use super::super::settings::Fit;
use super::super::setup::{Method, Setup};
use super::super::start::Start;
use super::super::units::Units;
use super::one_chain;
use serde_json::Value as Json;

/// Returns the numbers of nested lists, one after the other.
pub fn numbers(j: &Json) -> Vec<f64> {
    match j {
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().expect("a number")],
    }
}

/// Returns the states of a chain.
pub fn states(j: &Json) -> Vec<Kept> {
    let state = |s: &Json| Kept {
        alpha: s["alpha"].as_f64().expect("alpha"),
        z: numbers(&s["z"]).iter().map(|k| *k as u32).collect(),
        measure: None,
    };
    j.as_array().expect("states").iter().map(state).collect()
}

/// Returns a density of rows in `d` units with given chains, under a measure derived from the rows.
pub fn density(rows: Vec<f64>, d: usize, chains: Vec<Vec<Kept>>, (kappa, dof): (f64, f64), shape: Shape) -> Posterior {
    let scale = if shape == Shape::Spherical { Scale::Spherical } else { Scale::Diagonal };
    let setup = Setup {
        chains: chains.len(),
        start: Start::Dispersed,
        components: 6,
        ..one_chain(AlphaPrior::Fixed(1.0), Method::Gibbs, 3)
    };
    Posterior {
        d,
        units: Units::all(d),
        ids: (0..(rows.len() / d) as u32).collect(),
        labels: Vec::new(),
        class: None,
        class_name: String::new(),
        classes: Vec::new(),
        frame: Frame::derive(&rows, d, &scale, 6.0).expect("proper"),
        fit: Fit { kappa, dof: [0.0, dof], inflate: [0.0, 1.0], shape, scale, setup },
        kappa,
        dof,
        chains: chains.into_iter().map(|kept| Record { trace: vec![[0.0; 5]; 3], kept, moves: 0 }).collect(),
        rows,
    }
}

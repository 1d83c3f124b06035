//! Tests of networks: every layer against a plain 64-bit reference and its finite differences, whole runs, threads, checkpoints.

mod against_pytorch;
pub(super) mod build;
pub(super) mod complete;
mod estimates;
mod f_scores;
mod features;
mod layers;
mod on_candle;
mod one_pass;
mod parts;
mod reference;
pub(super) mod running;
mod torch;

use super::place::{Place, Precision};

/// Returns the places at which layers and trainings are tested: the host, candle's CPU device, and a GPU where the build knows GPUs and
/// `CFX_TEST_DEVICE` names one.
pub(crate) fn places() -> Vec<Place> {
    let all = [vec!["cpu".to_string()], accelerators()].concat();
    all.iter().map(|name| Place::open(name, Precision::F32).unwrap()).collect()
}

/// Returns the names of those that are not the host.
pub(super) fn accelerators() -> Vec<String> {
    ["candle".to_string()].into_iter().chain(std::env::var("CFX_TEST_DEVICE")).collect()
}

//! What is known of a model before the run.

use super::cost;
use crate::lang::net::ir::Net;
use crate::plan::facts::Facts;
use std::sync::Arc;

/// Returns what is known of a model of a network, its history aside.
pub fn of_net(net: &Arc<Net>, classes: Option<Vec<String>>) -> Facts {
    Facts {
        classes,
        taps: net.taps.iter().map(|(name, node)| (name.clone(), net.nodes[*node].shape.clone())).collect(),
        pass_bytes: Some(cost::evaluation_bytes(net)),
        multiply_adds: Some(net.multiply_adds() as u64),
        bytes: Some(4 * net.parameters() as u64),
        net: Some(net.clone()),
        ..Facts::default()
    }
}

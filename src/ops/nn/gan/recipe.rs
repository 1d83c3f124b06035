//! The settings of `train_gan`, checked once for planning and running alike.

use super::seam::split;
use crate::lang::net::ir::Net;
use crate::lang::{Settings, Static};
use crate::ops::nn::optimizer::Optimizer;
use crate::ops::nn::settings::{Pace, wrong};
use crate::plan::facts::Problem;
use crate::{settings, words};
use std::sync::Arc;

/// The settings of a run.
#[derive(Clone)]
pub(super) struct Recipe {
    pub generator: Arc<Net>,
    pub judge: Arc<Net>,
    pub pace: Pace,
    pub optimizer: Optimizer,
    /// Whether weights start as in Radford et al. 2016.
    pub normal: bool,
}

words! {
    /// How weights start.
    enum Start {
        /// As in Radford et al. 2016.
        Dcgan = "dcgan",
        /// PyTorch's defaults.
        Default = "default",
    }
}
settings! {
    /// The settings of `train_gan` beside its pace.
    struct GanSettings("train_gan") {
        /// The network; nothing before the shape of the data is known.
        network: Option<Arc<Net>> = None,
        optimizer: Static,
        init: Start,
    }
}

impl Recipe {
    /// Returns what the settings of a call ask of its network; nothing before there is one.
    pub(super) fn known(settings: &Settings) -> Result<Option<Self>, Problem> {
        let of = |parameter: &'static str| move |message: String| wrong(parameter, message);
        let given = GanSettings::read(settings);
        let Some(net) = &given.network else { return Ok(None) };
        let (generator, judge) = split(net).map_err(of("network"))?;
        Ok(Some(Recipe {
            generator,
            judge,
            pace: Pace::parse(settings, 2, "examples in a step: batch normalisation needs two")?,
            optimizer: Optimizer::parse(&given.optimizer).map_err(of("optimizer"))?,
            normal: given.init == Start::Dcgan,
        }))
    }

    pub(super) fn parse(settings: &Settings) -> Result<Self, Problem> {
        Recipe::known(settings)?.ok_or_else(|| wrong("network", "the network is missing".into()))
    }

    /// Returns the examples of each step of an epoch: whole batches, and a last one of two examples or more.
    pub(super) fn batches(&self, rows: usize) -> Vec<usize> {
        let (batch, rest) = (self.pace.batch, rows % self.pace.batch);
        std::iter::repeat_n(batch, rows / batch).chain((rest > 1).then_some(rest)).collect()
    }
}

//! The settings of `train_gan`, checked once for planning and running alike.

use super::seam::split;
use crate::lang::carried::named_epochs;
use crate::lang::net::ir::Net;
use crate::lang::{Settings, Static};
use crate::ops::nn::batches::Augment;
use crate::ops::nn::given::{BATCH, EPOCHS, Given};
use crate::ops::nn::optimizer::Optimizer;
use crate::ops::nn::place::Precision;
use crate::ops::nn::rate::Rate;
use crate::ops::nn::settings::{of_training, wrong};
use crate::plan::facts::Problem;
use crate::{settings, words};
use std::sync::Arc;

/// The settings of a run.
#[derive(Clone)]
pub(super) struct Recipe {
    pub generator: Arc<Net>,
    pub judge: Arc<Net>,
    pub epochs: usize,
    pub batch: usize,
    pub optimizer: Optimizer,
    pub rate: Rate,
    pub augment: Vec<Augment>,
    /// Whether weights start as in Radford et al. 2016.
    pub normal: bool,
    /// Epochs after which weights are kept.
    pub snapshots: Vec<usize>,
    pub precision: Precision,
}

words! {
    /// How weights start.
    pub(super) enum Start {
        /// As in Radford et al. 2016.
        Dcgan = "dcgan",
        /// PyTorch's defaults.
        Default = "default",
    }
}
settings! {
    /// The settings of `train_gan`.
    pub(super) struct GanSettings("train_gan") {
        /// The network; nothing before the shape of the data is known.
        network: Option<Arc<Net>> = None,
        epochs: Given,
        batch: Given,
        optimizer: Static,
        rate: Static,
        augment: Static,
        init: Start,
        snapshots: Static = Static::None,
        precision: Precision = Precision::F32,
    }
}

impl Recipe {
    pub(super) fn new(given: &GanSettings, net: &Arc<Net>) -> Result<Self, Problem> {
        let of = |parameter: &'static str| move |message: String| wrong(parameter, message);
        let (generator, judge) = split(net).map_err(of("network"))?;
        let epochs = given.epochs.whole("epochs", 0, EPOCHS, "passes over the data").map_err(of_training)?;
        Ok(Recipe {
            generator,
            judge,
            epochs,
            snapshots: named_epochs(&given.snapshots, epochs).map_err(of("snapshots"))?,
            batch: given
                .batch
                .whole("batch", 2, BATCH, "examples in a step: batch normalisation needs two")
                .map_err(of_training)?,
            optimizer: Optimizer::parse(&given.optimizer).map_err(of("optimizer"))?,
            rate: Rate::parse(&given.rate).map_err(of("rate"))?,
            augment: Augment::parse(&given.augment).map_err(of("augment"))?,
            normal: given.init == Start::Dcgan,
            precision: given.precision,
        })
    }

    pub(super) fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = GanSettings::read(settings);
        let net = given.network.clone().ok_or_else(|| wrong("network", "the network is missing".into()))?;
        Recipe::new(&given, &net)
    }

    /// Returns the examples of each step of an epoch: whole batches, and a last one of two examples or more.
    pub(super) fn batches(&self, rows: usize) -> Vec<usize> {
        let rest = rows % self.batch;
        std::iter::repeat_n(self.batch, rows / self.batch).chain((rest > 1).then_some(rest)).collect()
    }
}

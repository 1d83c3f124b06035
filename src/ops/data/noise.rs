//! Noise on examples: a data set whose images are those of another with Gaussian noise added.

use super::bytes::{failed, unfit};
use crate::engine::value::{Dataset, Images, Pixels, Source};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

settings! {
    /// Settings of `add_noise`.
    struct NoiseSettings("add_noise") { sd: f64 }
}

/// Adds N(0, sd^2) to every number of the normalised examples. An example's noise is drawn from the part of the stream that its id numbers, so that a
/// choice of the examples has the noise of all of them. Pixels stay as they are: whoever reads them adds the noise.
pub struct AddNoise;

/// Returns the standard deviation.
///
/// Errors: it is none.
fn deviation(settings: &Settings) -> Result<f64, Problem> {
    let sd = NoiseSettings::read(settings).sd;
    match sd >= 0.0 && sd.is_finite() {
        true => Ok(sd),
        false => Err(unfit("sd", format!("{sd} is not a standard deviation: give 0 or more, in normalised units"))),
    }
}

impl Planned for AddNoise {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        deviation(settings)?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        match data.labels_each.is_some() {
            true => Err(unfit("data", "noise can be added to numbers, not to words")),
            false => Ok(Facts { files: Vec::new(), warnings: Vec::new(), bytes: None, ..data }),
        }
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        Cost { seconds: 1e-3, memory: 1e6, disk: 0.0 }
    }
}

impl Kernel for AddNoise {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let sd = deviation(&job.settings).map_err(failed)?;
        if sd == 0.0 {
            return Ok(Value::Dataset(data.clone()));
        }
        let of = &data.source;
        if let Pixels::Words(_) = of.images.data {
            return Err(Failure::new("noise can be added to numbers, not to words"));
        }
        super::parts::with_images(data)?;
        let pixels = Pixels::Noisy(of.clone(), sd, job.stream.named("noise"));
        let images =
            Images { shape: of.images.shape.clone(), data: pixels, mean: of.images.mean.clone(), std: of.images.std.clone() };
        let source = Source {
            name: of.name.clone(),
            images,
            labels: of.labels.clone(),
            classes: of.classes.clone(),
            splits: of.splits.clone(),
        };
        Ok(Value::Dataset(Arc::new(Dataset { source: Arc::new(source), ..(**data).clone() })))
    }
}

//! Where a network runs: on the host's cores or on a device of candle's, and in which precision.

use super::candle::device;
use crate::engine::{Context, Failure};
use crate::words;
use candle_core::Device;

words! {
    /// The precision of a training.
    pub enum Precision {
        /// 32 bits.
        F32 = "f32",
        /// Activations and the factors of products in 16 bits (bfloat16); weights, statistics, the optimiser and all sums in 32.
        Bf16 = "bf16",
    }
}

/// Where a network runs.
#[derive(Clone, Debug, Default)]
pub enum Place {
    /// The host's cores, in 32 bits.
    #[default]
    Host,
    /// A device of candle's; `short` where activations and the factors of products have 16 bits.
    Candle { device: Device, short: bool },
}

impl Place {
    /// Returns the place that a run's cells compute at, in 32 bits.
    ///
    /// Errors: the device is not available.
    pub fn of(cx: &dyn Context) -> Result<Self, Failure> {
        Place::open(cx.device(), Precision::F32)
    }

    /// Returns the place of a device by name: `cpu`, or what [`device::open`] knows.
    ///
    /// Errors: the device is not available, or not in this precision.
    pub fn open(name: &str, precision: Precision) -> Result<Self, Failure> {
        if name == "cpu" {
            return Ok(Place::Host);
        }
        let found = device::open(name).map_err(Failure::new)?;
        Place::Candle { device: found.device, short: false }.with(precision)
    }

    /// Returns the same device with another precision. The host computes in 32 bits whatever the precision.
    ///
    /// Errors: the device does not have it (a run is refused before, by [`crate::api::precisions`]).
    pub fn with(&self, precision: Precision) -> Result<Self, Failure> {
        match (self, precision) {
            (Place::Host, _) => Ok(Place::Host),
            (Place::Candle { device, .. }, Precision::Bf16) if !device::short(device) => {
                Err(Failure::new("this GPU does not compute in 16 bits (`precision: bf16`)").help(device::NO_SHORT))
            }
            (Place::Candle { device, .. }, precision) => {
                Ok(Place::Candle { device: device.clone(), short: precision == Precision::Bf16 })
            }
        }
    }
}

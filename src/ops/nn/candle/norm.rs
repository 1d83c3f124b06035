//! Normalisations: candle's fused layer normalisation has no gradient, and its batch normalisation keeps its statistics to itself. They are composed,
//! save that of a batch where the device has a library for it.

use super::layer::{Backward, Gradients, Layer, Normalised, column_sums, relu, where_positive};
use super::native;
use crate::ops::nn::spec;
use crate::ops::nn::spec::Pass;
use candle_core::{Device, Result, Tensor};

/// Batch normalisation, with the addition and the ReLU that may follow.
pub struct BatchNorm {
    of: spec::BatchNorm,
    /// Whether a batch's own statistics go through the device's library.
    native: bool,
}

impl BatchNorm {
    /// Returns the layer, on the device's library where that is trusted.
    pub fn new(of: spec::BatchNorm, device: &Device) -> Self {
        BatchNorm { of, native: native::trusted(device) }
    }

    /// Normalises a batch by its own statistics, scales and shifts it.
    ///
    /// Errors: what the device says.
    pub fn composed(of: &spec::BatchNorm, batch: usize, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Normalised> {
        let sums = |x: &Tensor| column_sums(x, batch, of.features);
        let rows = (batch * of.positions) as f64;
        let mean = (sums(x)? / rows)?;
        let var = (sums(&x.broadcast_sub(&mean)?.sqr()?)? / rows)?;
        let inverse = (&var + of.eps)?.sqrt()?.recip()?;
        let y = normal(x, &mean, &inverse)?.broadcast_mul(scale)?.broadcast_add(shift)?;
        Ok(Normalised { y, mean, var, inverse })
    }

    /// Returns the gradients by the batch, the scale and the shift of [`BatchNorm::composed`]. With `fixed` statistics are no function of the batch.
    ///
    /// Errors: what the device says.
    pub fn composed_back(
        of: &spec::BatchNorm,
        batch: usize,
        (x, d): (&Tensor, &Tensor),
        scale: &Tensor,
        (mean, inverse): (&Tensor, &Tensor),
        fixed: bool,
    ) -> Result<[Tensor; 3]> {
        let sums = |x: &Tensor| column_sums(x, batch, of.features);
        let normal = normal(x, mean, inverse)?;
        let (sum, product) = (sums(d)?, sums(&(d * &normal)?)?);
        let centred = if fixed {
            d.clone()
        } else {
            let rows = (batch * of.positions) as f64;
            d.broadcast_sub(&(&sum / rows)?)?.sub(&normal.broadcast_mul(&(&product / rows)?)?)?
        };
        Ok([centred.broadcast_mul(&(inverse * scale)?)?, product, sum])
    }

    /// Has the running statistics follow the batch.
    fn follow(&self, batch: usize, state: &mut [Tensor], found: &Normalised) -> Result<()> {
        let of = &self.of;
        let rows = (batch * of.positions) as f64;
        let unbiased = if rows > 1.0 { rows / (rows - 1.0) } else { 1.0 };
        let follow = |old: &Tensor, new: &Tensor, scale: f64| (old * (1.0 - of.momentum))? + (new * (of.momentum * scale))?;
        state[2] = follow(&state[2], &found.mean, 1.0)?;
        state[3] = follow(&state[3], &found.var, unbiased)?;
        Ok(())
    }
}

fn normal(x: &Tensor, mean: &Tensor, inverse: &Tensor) -> Result<Tensor> {
    x.broadcast_sub(mean)?.broadcast_mul(inverse)
}

impl Layer for BatchNorm {
    /// Saves means and inverse deviations: the normalised numbers are made again on the way back.
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.of;
        let shape = (pass.batch * of.positions, of.features);
        let x = inputs[0].reshape(shape)?;
        let (mut y, mean, inverse) = if !pass.training {
            let (mean, inverse) = (state[2].clone(), (&state[3] + of.eps)?.sqrt()?.recip()?);
            (normal(&x, &mean, &inverse)?.broadcast_mul(&state[0])?.broadcast_add(&state[1])?, mean, inverse)
        } else {
            let by_library = if self.native { native::normalised(of, pass.batch, &x, &state[0], &state[1])? } else { None };
            let found = match by_library {
                Some(found) => found,
                None => BatchNorm::composed(of, pass.batch, &x, &state[0], &state[1])?,
            };
            self.follow(pass.batch, state, &found)?;
            (found.y, found.mean, found.inverse)
        };
        if of.residual {
            y = (y + inputs[1].reshape(shape)?)?;
        }
        Ok((if of.relu { relu(&y)? } else { y }, vec![mean, inverse]))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.of;
        let shape = (b.pass.batch * of.positions, of.features);
        let d = if of.relu { where_positive(b.output, b.grad)? } else { b.grad.clone() }.reshape(shape)?;
        let [mean, inverse] = b.saved else { candle_core::bail!("a batch normalisation without its forward pass") };
        let mut out = Gradients { inputs: vec![None; b.inputs.len()], parameters: Vec::new() };
        if of.residual && b.wanted[1] {
            out.inputs[1] = Some(d.clone());
        }
        if !b.wanted[0] && !b.learns {
            return Ok(out);
        }
        let (x, batch, statistics) = (b.inputs[0].reshape(shape)?, b.pass.batch, (mean, inverse));
        let by_library = match self.native && b.pass.training {
            true => native::normalised_back(of, batch, (&x, &d), &b.state[0], statistics)?,
            false => None,
        };
        let [by_input, by_scale, by_shift] = match by_library {
            Some(found) => found,
            None => BatchNorm::composed_back(of, batch, (&x, &d), &b.state[0], statistics, !b.pass.training)?,
        };
        if b.wanted[0] {
            out.inputs[0] = Some(by_input);
        }
        if b.learns {
            out.parameters = vec![by_scale, by_shift];
        }
        Ok(out)
    }
}

/// Normalisation of each example (and group of channels), then a scale and a shift for each channel: layer and group normalisation.
pub struct RowNorm {
    /// Runs of positions of one example that are normalised apart.
    pub apart: usize,
    /// Positions of one run.
    pub positions: usize,
    /// Groups of channels.
    pub groups: usize,
    /// Channels.
    pub features: usize,
    /// Added to variances.
    pub eps: f64,
}

impl RowNorm {
    /// Returns `batch x size` as a row for each run and group.
    fn rows(&self, x: &Tensor, batch: usize) -> Result<Tensor> {
        let each = self.features / self.groups;
        let shape = (batch * self.apart * self.groups, self.positions * each);
        if self.groups == 1 {
            return x.reshape(shape);
        }
        let x = x.reshape((batch * self.apart, self.positions, self.groups, each))?;
        x.transpose(1, 2)?.contiguous()?.reshape(shape)
    }

    /// Returns rows as `positions x features`.
    fn places(&self, rows: &Tensor, batch: usize) -> Result<Tensor> {
        let each = self.features / self.groups;
        let shape = (batch * self.apart * self.positions, self.features);
        if self.groups == 1 {
            return rows.reshape(shape);
        }
        let x = rows.reshape((batch * self.apart, self.groups, self.positions, each))?;
        x.transpose(1, 2)?.contiguous()?.reshape(shape)
    }
}

impl Layer for RowNorm {
    /// Saves the normalised rows and the inverse deviation of each.
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let x = self.rows(&inputs[0], pass.batch)?;
        let centred = x.broadcast_sub(&x.mean_keepdim(1)?)?;
        let inverse = (centred.sqr()?.mean_keepdim(1)? + self.eps)?.sqrt()?.recip()?;
        let normal = centred.broadcast_mul(&inverse)?;
        let y = self.places(&normal, pass.batch)?.broadcast_mul(&state[0])?.broadcast_add(&state[1])?;
        Ok((y, vec![normal, inverse]))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let batch = b.pass.batch;
        let [normal, inverse] = b.saved else { candle_core::bail!("a normalisation without its forward pass") };
        let dy = b.grad.reshape((batch * self.apart * self.positions, self.features))?;
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            let product = (&dy * self.places(normal, batch)?)?;
            out.parameters = vec![column_sums(&product, batch, self.features)?, column_sums(&dy, batch, self.features)?];
        }
        if b.wanted[0] {
            let d = self.rows(&dy.broadcast_mul(&b.state[0])?, batch)?;
            let along = (&d * normal)?.mean_keepdim(1)?;
            let centred = d.broadcast_sub(&d.mean_keepdim(1)?)?.sub(&normal.broadcast_mul(&along)?)?;
            out.inputs[0] = Some(self.places(&centred.broadcast_mul(inverse)?, batch)?);
        }
        Ok(out)
    }
}

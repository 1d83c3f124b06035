//! Normalisations, composed: candle's fused layer normalisation has no gradient, and its batch normalisation keeps its statistics to itself.

use super::layer::{Backward, Gradients, Layer, column_sums, relu, where_positive};
use crate::ops::nn::cpu;
use crate::ops::nn::layer::Pass;
use candle_core::{Result, Tensor};

/// Batch normalisation, with the addition and the ReLU that may follow.
pub struct BatchNorm(pub cpu::BatchNorm);

impl BatchNorm {
    /// Returns mean and inverse deviation of each feature, `features` each, and has the running statistics follow the batch in training.
    fn statistics(&self, pass: Pass, state: &mut [Tensor], x: &Tensor) -> Result<(Tensor, Tensor)> {
        let of = &self.0;
        if !pass.training {
            return Ok((state[2].clone(), (&state[3] + of.eps)?.sqrt()?.recip()?));
        }
        let rows = (pass.batch * of.positions) as f64;
        let sums = |x: &Tensor| column_sums(x, pass.batch, of.features);
        let mean = (sums(x)? / rows)?;
        let var = (sums(&x.broadcast_sub(&mean)?.sqr()?)? / rows)?;
        let unbiased = if rows > 1.0 { rows / (rows - 1.0) } else { 1.0 };
        let follow = |old: &Tensor, new: &Tensor, scale: f64| (old * (1.0 - of.momentum))? + (new * (of.momentum * scale))?;
        state[2] = follow(&state[2], &mean, 1.0)?;
        state[3] = follow(&state[3], &var, unbiased)?;
        let inverse = (var + of.eps)?.sqrt()?.recip()?;
        Ok((mean, inverse))
    }
}

impl Layer for BatchNorm {
    /// Saves the normalised numbers and the inverse deviations.
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.0;
        let shape = (pass.batch * of.positions, of.features);
        let x = inputs[0].reshape(shape)?;
        let (mean, inverse) = self.statistics(pass, state, &x)?;
        let normal = x.broadcast_sub(&mean)?.broadcast_mul(&inverse)?;
        let mut y = normal.broadcast_mul(&state[0])?.broadcast_add(&state[1])?;
        if of.residual {
            y = (y + inputs[1].reshape(shape)?)?;
        }
        Ok((if of.relu { relu(&y)? } else { y }, vec![normal, inverse]))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.0;
        let shape = (b.pass.batch * of.positions, of.features);
        let d = if of.relu { where_positive(b.output, b.grad)? } else { b.grad.clone() }.reshape(shape)?;
        let [normal, inverse] = b.saved else { candle_core::bail!("a batch normalisation without its forward pass") };
        let mut out = Gradients { inputs: vec![None; b.inputs.len()], parameters: Vec::new() };
        if of.residual && b.wanted[1] {
            out.inputs[1] = Some(d.clone());
        }
        let sums = |x: &Tensor| column_sums(x, b.pass.batch, of.features);
        let (sum, product) = (sums(&d)?, sums(&(&d * normal)?)?);
        if b.wanted[0] {
            let factor = (inverse * &b.state[0])?;
            let centred = if b.pass.training {
                let rows = shape.0 as f64;
                d.broadcast_sub(&(&sum / rows)?)?.sub(&normal.broadcast_mul(&(&product / rows)?)?)?
            } else {
                d
            };
            out.inputs[0] = Some(centred.broadcast_mul(&factor)?);
        }
        if b.learns {
            out.parameters = vec![product, sum];
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

//! Layers over rows of tokens, and changes of shape.

use super::layer::{Backward, Gradients, Layer};
use crate::ops::nn::spec;
use crate::ops::nn::spec::Pass;
use candle_core::{DType, Result, Tensor};

/// Rows and columns of each example exchanged.
pub struct Transpose(pub spec::Transpose);

fn exchanged(x: &Tensor, batch: usize, rows: usize, cols: usize) -> Result<Tensor> {
    x.reshape((batch, rows, cols))?.transpose(1, 2)?.contiguous()
}

impl Layer for Transpose {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((exchanged(&inputs[0], pass.batch, self.0.rows, self.0.cols)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        Ok(Gradients::input(exchanged(b.grad, b.pass.batch, self.0.cols, self.0.rows)?))
    }
}

/// Another image of the same numbers, both in the order channels, positions.
pub struct Reshape(pub spec::Reshape);

impl Reshape {
    fn run(x: &Tensor, batch: usize, from: (usize, usize), to: (usize, usize)) -> Result<Tensor> {
        exchanged(&exchanged(x, batch, from.0, from.1)?, batch, to.1, to.0)
    }
}

impl Layer for Reshape {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((Reshape::run(&inputs[0], pass.batch, self.0.from, self.0.to)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        Ok(Gradients::input(Reshape::run(b.grad, b.pass.batch, self.0.to, self.0.from)?))
    }
}

/// Concatenation along the last axis.
pub struct Concat(pub spec::Concat);

impl Layer for Concat {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let rows = pass.batch * self.0.positions;
        let parts = inputs.iter().zip(&self.0.widths).map(|(x, w)| x.reshape((rows, *w))).collect::<Result<Vec<_>>>()?;
        Ok((Tensor::cat(&parts, 1)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let total: usize = self.0.widths.iter().sum();
        let dy = b.grad.reshape((b.pass.batch * self.0.positions, total))?;
        let (mut at, mut out) = (0, Gradients::default());
        for (width, wanted) in self.0.widths.iter().zip(b.wanted) {
            out.inputs.push(if *wanted { Some(dy.narrow(1, at, *width)?.contiguous()?) } else { None });
            at += width;
        }
        Ok(out)
    }
}

/// One token of several.
pub struct Token(pub spec::Token);

impl Layer for Token {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.0;
        let x = inputs[0].reshape((pass.batch, of.tokens, of.features))?;
        Ok((x.narrow(1, of.index, 1)?.contiguous()?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.0;
        let dy = b.grad.reshape((b.pass.batch, 1, of.features))?;
        Ok(Gradients::input(dy.pad_with_zeros(1, of.index, of.tokens - of.index - 1)?))
    }
}

/// A learned token before the others.
pub struct ClassToken(pub spec::ClassToken);

impl Layer for ClassToken {
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.0;
        let token = state[0].reshape((1, 1, of.features))?.broadcast_as((pass.batch, 1, of.features))?.contiguous()?;
        Ok((Tensor::cat(&[&token, &inputs[0].reshape((pass.batch, of.tokens, of.features))?], 1)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.0;
        let dy = b.grad.reshape((b.pass.batch, of.tokens + 1, of.features))?;
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            out.parameters.push(dy.narrow(1, 0, 1)?.contiguous()?.sum(0)?.flatten_all()?);
        }
        if b.wanted[0] {
            out.inputs[0] = Some(dy.narrow(1, 1, of.tokens)?.contiguous()?);
        }
        Ok(out)
    }
}

/// A learned vector added to each token.
pub struct PositionEmbedding;

impl Layer for PositionEmbedding {
    fn forward(&self, _pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((inputs[0].broadcast_add(&state[0])?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let parameters = if b.learns { vec![b.grad.sum(0)?] } else { Vec::new() };
        Ok(Gradients { inputs: vec![b.wanted[0].then(|| b.grad.clone())], parameters })
    }
}

/// A learned vector for each word.
pub struct Embedding(pub spec::Embedding);

impl Embedding {
    /// Returns the rows of words; what is no word's number, which data are checked for, counts as the nearest one.
    fn rows(&self, words: &Tensor) -> Result<Tensor> {
        words.flatten_all()?.clamp(0f32, (self.0.words - 1) as f32)?.to_dtype(DType::U32)
    }
}

impl Layer for Embedding {
    fn forward(&self, _pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let weight = state[0].reshape((self.0.words, self.0.features))?;
        Ok((weight.index_select(&self.rows(&inputs[0])?, 0)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let (words, features) = (self.0.words, self.0.features);
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            let rows = self.rows(&b.inputs[0])?;
            let dy = b.grad.reshape((rows.elem_count(), features))?;
            let zeros = Tensor::zeros((words, features), DType::F32, dy.device())?;
            out.parameters.push(zeros.index_add(&rows, &dy, 0)?.flatten_all()?);
        }
        if b.wanted[0] {
            // A word's number is no quantity: the gradient by it is 0.
            out.inputs[0] = Some(b.inputs[0].zeros_like()?);
        }
        Ok(out)
    }
}

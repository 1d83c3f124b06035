//! Layers that mix tokens: attention, and long short-term memory.

use super::layer::{Backward, Gradients, Layer, Products, column_sums, softmax_gradient, turned};
use crate::ops::nn::cpu::{attention, lstm};
use crate::ops::nn::layer::Pass;
use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{sigmoid, softmax_last_dim};

/// `softmax(Q K' / sqrt(d)) V` head by head.
pub struct Attention {
    of: attention::Attention,
    products: Products,
    /// Minus infinity where a token does not look, 0 elsewhere: `tokens x tokens`; `None` if each looks at all.
    hidden: Option<Tensor>,
}

impl Attention {
    /// Returns the layer of these sizes.
    pub fn new(of: attention::Attention, products: Products, device: &Device) -> Result<Self> {
        let n = of.tokens;
        let hidden = match of.causal {
            true => {
                let one = |i: usize| if i % n > i / n { f32::NEG_INFINITY } else { 0.0 };
                Some(Tensor::from_vec((0..n * n).map(one).collect::<Vec<_>>(), (n, n), device)?)
            }
            false => None,
        };
        Ok(Attention { of, products, hidden })
    }

    fn scale(&self) -> f64 {
        1.0 / ((self.of.features / self.of.heads) as f64).sqrt()
    }

    /// Returns queries, keys and values: `(batch heads) x tokens x (features / heads)` each.
    fn parts(&self, x: &Tensor, batch: usize) -> Result<[Tensor; 3]> {
        let (n, heads, d) = (self.of.tokens, self.of.heads, self.of.features / self.of.heads);
        let all = x.reshape((batch, n, 3, heads, d))?.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let all = all.reshape((3, batch * heads, n, d))?;
        Ok([all.get(0)?, all.get(1)?, all.get(2)?])
    }

    /// Returns an output, or the gradient by it, head by head.
    fn heads(&self, y: &Tensor, batch: usize) -> Result<Tensor> {
        let (n, heads, d) = (self.of.tokens, self.of.heads, self.of.features / self.of.heads);
        y.reshape((batch, n, heads, d))?.transpose(1, 2)?.contiguous()?.reshape((batch * heads, n, d))
    }
}

fn swapped(x: &Tensor) -> Result<Tensor> {
    x.transpose(1, 2)?.contiguous()
}

impl Layer for Attention {
    /// Saves the weights of attention.
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (batch, of) = (pass.batch, &self.of);
        let [q, k, v] = self.parts(&inputs[0], batch)?;
        let scores = (self.products.of(&q, &swapped(&k)?)? * self.scale())?;
        let scores = match &self.hidden {
            Some(hidden) => scores.broadcast_add(hidden)?,
            None => scores,
        };
        let weights = softmax_last_dim(&scores)?;
        let y = self.products.of(&weights, &v)?;
        let y = y.reshape((batch, of.heads, of.tokens, of.features / of.heads))?.transpose(1, 2)?.contiguous()?;
        Ok((y, vec![weights]))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let (batch, of) = (b.pass.batch, &self.of);
        let [weights] = b.saved else { candle_core::bail!("attention without its forward pass") };
        let [q, k, v] = self.parts(&b.inputs[0], batch)?;
        let dy = self.heads(b.grad, batch)?;
        let by_values = self.products.of(&swapped(weights)?, &dy)?;
        let by_scores = (softmax_gradient(weights, &self.products.of(&dy, &swapped(&v)?)?)? * self.scale())?;
        let by_queries = self.products.of(&by_scores, &k)?;
        let by_keys = self.products.of(&swapped(&by_scores)?, &q)?;
        let all = Tensor::stack(&[by_queries, by_keys, by_values], 0)?;
        let all = all.reshape((3, batch, of.heads, of.tokens, of.features / of.heads))?;
        Ok(Gradients::input(all.permute((1, 3, 0, 2, 4))?.contiguous()?))
    }
}

/// A layer of long short-term memory, token by token.
pub struct Lstm {
    pub of: lstm::Lstm,
    pub products: Products,
}

impl Lstm {
    /// Returns one token of `batch x tokens x c`.
    fn at(x: &Tensor, token: usize) -> Result<Tensor> {
        x.narrow(1, token, 1)?.squeeze(1)?.contiguous()
    }

    /// Returns the four quarters of the columns.
    fn quarters(&self, x: &Tensor) -> Result<[Tensor; 4]> {
        let h = self.of.hidden;
        let part = |i: usize| x.narrow(1, i * h, h)?.contiguous();
        Ok([part(0)?, part(1)?, part(2)?, part(3)?])
    }
}

impl Layer for Lstm {
    /// Saves the gates after their functions, token by token, then the cells.
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let (batch, n, d, h) = (pass.batch, self.of.tokens, self.of.input, self.of.hidden);
        let from_input = state[0].reshape((d, 4 * h))?;
        let recurrent = state[1].reshape((h, 4 * h))?;
        let x = inputs[0].reshape((batch * n, d))?;
        let all = self.products.of(&x, &from_input)?.broadcast_add(&(&state[2] + &state[3])?)?.reshape((batch, n, 4 * h))?;
        let (mut gates, mut cells, mut hidden): (Vec<Tensor>, Vec<Tensor>, Vec<Tensor>) = Default::default();
        for t in 0..n {
            let mut at = Lstm::at(&all, t)?;
            if let Some(before) = hidden.last() {
                at = (at + self.products.of(before, &recurrent)?)?;
            }
            let [i, f, g, o] = self.quarters(&at)?;
            let (i, f, g, o) = (sigmoid(&i)?, sigmoid(&f)?, g.tanh()?, sigmoid(&o)?);
            let mut cell = (&i * &g)?;
            if let Some(before) = cells.last() {
                cell = (cell + (&f * before)?)?;
            }
            hidden.push((&o * cell.tanh()?)?);
            cells.push(cell);
            gates.push(Tensor::cat(&[i, f, g, o], 1)?);
        }
        let out = Tensor::stack(&hidden, 1)?;
        gates.extend(cells);
        Ok((out, gates))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let (batch, n, d, h) = (b.pass.batch, self.of.tokens, self.of.input, self.of.hidden);
        if b.saved.len() != 2 * n {
            candle_core::bail!("a memory without its forward pass");
        }
        let (gates, cells) = b.saved.split_at(n);
        let from_input = b.state[0].reshape((d, 4 * h))?;
        let back = turned(&b.state[1].reshape((h, 4 * h))?)?;
        let dy = b.grad.reshape((batch, n, h))?;
        let mut grads: Vec<Tensor> = Vec::with_capacity(n);
        let mut by_cell = Tensor::zeros((batch, h), dy.dtype(), dy.device())?;
        for t in (0..n).rev() {
            let [i, f, g, o] = self.quarters(&gates[t])?;
            let mut by_hidden = Lstm::at(&dy, t)?;
            if let Some(after) = grads.last() {
                by_hidden = (by_hidden + self.products.of(after, &back)?)?;
            }
            let tan = cells[t].tanh()?;
            let cell = (by_cell + (&by_hidden * (&o * (1.0 - tan.sqr()?)?)?)?)?;
            // The gradient by what a logistic function with value s was taken of: s (1 - s).
            let slope = |s: &Tensor| s * (1.0 - s)?;
            let by_forget = match t {
                0 => f.zeros_like()?,
                _ => ((&cell * &cells[t - 1])? * slope(&f)?)?,
            };
            let parts = [
                ((&cell * &g)? * slope(&i)?)?,
                by_forget,
                ((&cell * &i)? * (1.0 - g.sqr()?)?)?,
                ((&by_hidden * tan)? * slope(&o)?)?,
            ];
            grads.push(Tensor::cat(&parts, 1)?);
            by_cell = (cell * f)?;
        }
        grads.reverse();
        let grads = Tensor::stack(&grads, 1)?.reshape((batch * n, 4 * h))?;
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            let x = b.inputs[0].reshape((batch * n, d))?;
            // Hidden states one token late, zeros at the first.
            let y = b.output.reshape((batch, n, h))?;
            let late = match n {
                1 => y.zeros_like()?,
                _ => y.narrow(1, 0, n - 1)?.contiguous()?.pad_with_zeros(1, 1, 0)?,
            };
            let late = late.reshape((batch * n, h))?;
            let bias = column_sums(&grads, batch, 4 * h)?;
            let product = |a: &Tensor| self.products.of(&turned(a)?, &grads)?.flatten_all();
            out.parameters = vec![product(&x)?, product(&late)?, bias.clone(), bias];
        }
        if b.wanted[0] {
            out.inputs[0] = Some(self.products.of(&grads, &turned(&from_input)?)?);
        }
        Ok(out)
    }
}

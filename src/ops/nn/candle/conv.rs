//! Convolutions and affine maps: windows as a matrix, and products of matrices.

use super::layer::{Backward, Gradients, Layer, Products, column_sums, turned};
use super::native::{self, Way};
use super::positions::Windows;
use crate::ops::nn::spec::Pass;
use crate::ops::nn::spec::{self, Geometry};
use candle_core::{Device, Result, Tensor};

/// Numbers that the windows of a piece of a batch may have.
pub const PIECE: usize = 1 << 26;

/// A convolution as products with the matrix of its windows, or by the library of its device.
pub struct Gathered {
    g: Geometry,
    windows: Option<Windows>,
    products: Products,
    /// Whether the device's library is asked first.
    native: bool,
}

impl Gathered {
    fn new(g: Geometry, products: Products, device: &Device) -> Result<Self> {
        Ok(Gathered { native: native::trusted(device), ..Gathered::composed(g, products, device)? })
    }

    /// Returns the convolution made of candle's operations alone.
    ///
    /// Errors: what the device says.
    pub fn composed(g: Geometry, products: Products, device: &Device) -> Result<Self> {
        let windows = match g.pointwise() {
            true => None,
            false => Some(Windows::square([g.h, g.w, g.oh, g.ow], [g.kernel, g.stride, g.pad, g.dilation], device)?.0),
        };
        Ok(Gathered { g, windows, products, native: false })
    }

    /// Returns what the device's library makes of it, where it is asked and has an answer.
    fn by_library(&self, way: Way, a: &Tensor, b: &Tensor) -> Result<Option<Tensor>> {
        if self.native { native::convolution(way, &self.g, self.products, a, b) } else { Ok(None) }
    }

    /// Returns the pieces of a batch: first example and count.
    fn pieces(&self, batch: usize) -> Vec<(usize, usize)> {
        let one = self.g.windows() * self.g.depth() * self.g.groups;
        let most = (PIECE / one.max(1)).max(1);
        (0..batch).step_by(most).map(|start| (start, most.min(batch - start))).collect()
    }

    /// Returns examples `batch x (positions c)` as `groups x (batch positions) x (c / groups)`.
    fn grouped(&self, x: &Tensor, positions: usize, c: usize) -> Result<Tensor> {
        let (batch, groups) = (x.dim(0)?, self.g.groups);
        let rows = x.reshape((batch * positions, groups, c / groups))?;
        if groups == 1 { rows.transpose(0, 1)?.reshape((1, batch * positions, c)) } else { rows.transpose(0, 1)?.contiguous() }
    }

    /// Returns `groups x (batch positions) x (c / groups)` as examples.
    fn ungrouped(&self, x: &Tensor, batch: usize) -> Result<Tensor> {
        let (groups, rows, c) = x.dims3()?;
        x.transpose(0, 1)?.contiguous()?.reshape((batch, rows / batch * groups * c))
    }

    /// Returns the windows of images as `groups x (batch windows) x depth`.
    fn columns(&self, x: &Tensor) -> Result<Tensor> {
        let (g, batch) = (&self.g, x.dim(0)?);
        let Some(windows) = &self.windows else { return self.grouped(x, g.windows(), g.c) };
        let all = windows.gather(&x.reshape((batch, g.h * g.w, g.c))?)?;
        let (rows, places) = (batch * g.windows(), g.kernel * g.kernel);
        if g.groups == 1 {
            return all.reshape((1, rows, places * g.c));
        }
        let all = all.reshape((rows, places, g.groups, g.group_in()))?.permute((2, 0, 1, 3))?.contiguous()?;
        all.reshape((g.groups, rows, places * g.group_in()))
    }

    /// Returns images whose windows are added up from `groups x (batch windows) x depth`.
    fn images(&self, columns: &Tensor, batch: usize) -> Result<Tensor> {
        let g = &self.g;
        let Some(windows) = &self.windows else { return self.ungrouped(columns, batch) };
        let (rows, places) = (batch * g.windows(), g.kernel * g.kernel);
        let all = match g.groups {
            1 => columns.reshape((batch, g.windows(), places, g.c))?,
            _ => {
                let all = columns.reshape((g.groups, rows, places, g.group_in()))?.permute((1, 2, 0, 3))?.contiguous()?;
                all.reshape((batch, g.windows(), places, g.c))?
            }
        };
        windows.scatter(&all)?.reshape((batch, g.h * g.w * g.c))
    }

    /// Returns the weight as `groups x depth x (n / groups)`.
    fn weight(&self, flat: &Tensor) -> Result<Tensor> {
        flat.reshape((self.g.groups, self.g.depth(), self.g.group_out()))
    }

    /// Returns the convolution of images.
    ///
    /// Errors: what the device says.
    pub fn convolve(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        if let Some(y) = self.by_library(Way::Forward, x, weight)? {
            return Ok(y);
        }
        let weight = self.weight(weight)?;
        self.each(x.dim(0)?, |start, count| {
            let y = self.products.of(&self.columns(&x.narrow(0, start, count)?)?, &weight)?;
            self.ungrouped(&y, count)
        })
    }

    /// Returns the images that lead to outputs by the transpose of the convolution.
    ///
    /// Errors: what the device says.
    pub fn back(&self, y: &Tensor, weight: &Tensor) -> Result<Tensor> {
        if let Some(x) = self.by_library(Way::ByImages, y, weight)? {
            return Ok(x);
        }
        let weight = self.weight(weight)?.transpose(1, 2)?.contiguous()?;
        self.each(y.dim(0)?, |start, count| {
            let y = self.grouped(&y.narrow(0, start, count)?, self.g.windows(), self.g.n)?;
            self.images(&self.products.of(&y, &weight)?, count)
        })
    }

    /// Returns the gradient by the weight, flat, from images and the gradient by what comes of them.
    ///
    /// Errors: what the device says.
    pub fn by_weight(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        if let Some(gradient) = self.by_library(Way::ByWeight, x, y)? {
            return Ok(gradient);
        }
        let mut sum: Option<Tensor> = None;
        for (start, count) in self.pieces(x.dim(0)?) {
            let columns = self.columns(&x.narrow(0, start, count)?)?.transpose(1, 2)?.contiguous()?;
            let y = self.grouped(&y.narrow(0, start, count)?, self.g.windows(), self.g.n)?;
            let part = self.products.of(&columns, &y)?;
            sum = Some(match sum {
                Some(sum) => (sum + part)?,
                None => part,
            });
        }
        match sum {
            Some(sum) => sum.flatten_all(),
            None => Tensor::zeros(self.g.groups * self.g.depth() * self.g.group_out(), x.dtype(), x.device()),
        }
    }

    fn each(&self, batch: usize, one: impl Fn(usize, usize) -> Result<Tensor>) -> Result<Tensor> {
        let parts: Vec<Tensor> = self.pieces(batch).into_iter().map(|(start, count)| one(start, count)).collect::<Result<_>>()?;
        if let [part] = &parts[..] { Ok(part.clone()) } else { Tensor::cat(&parts, 0) }
    }
}

/// Adds a vector to each position.
fn add_bias(y: &Tensor, bias: Option<&Tensor>, c: usize) -> Result<Tensor> {
    let Some(bias) = bias else { return Ok(y.clone()) };
    let shape = y.shape().clone();
    y.reshape((y.elem_count() / c, c))?.broadcast_add(bias)?.reshape(shape)
}

/// A convolution.
pub struct Conv {
    gathered: Gathered,
    bias: bool,
}

impl Conv {
    /// Returns the layer of these sizes.
    pub fn new(of: spec::Conv, products: Products, device: &Device) -> Result<Self> {
        Ok(Conv { gathered: Gathered::new(of.geometry, products, device)?, bias: of.bias })
    }
}

impl Layer for Conv {
    fn forward(&self, _pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let y = self.gathered.convolve(&inputs[0], &state[0])?;
        Ok((add_bias(&y, state.get(1).filter(|_| self.bias), self.gathered.g.n)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            out.parameters.push(self.gathered.by_weight(&b.inputs[0], b.grad)?);
            if self.bias {
                out.parameters.push(column_sums(b.grad, b.pass.batch, self.gathered.g.n)?);
            }
        }
        if b.wanted[0] {
            out.inputs[0] = Some(self.gathered.back(b.grad, &b.state[0])?);
        }
        Ok(out)
    }
}

/// A transposed convolution.
pub struct ConvTransposed {
    gathered: Gathered,
    bias: bool,
}

impl ConvTransposed {
    /// Returns the layer of these sizes.
    pub fn new(of: spec::ConvTransposed, products: Products, device: &Device) -> Result<Self> {
        Ok(ConvTransposed { gathered: Gathered::new(of.back, products, device)?, bias: of.bias })
    }
}

impl Layer for ConvTransposed {
    fn forward(&self, _pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let y = self.gathered.back(&inputs[0], &state[0])?;
        Ok((add_bias(&y, state.get(1).filter(|_| self.bias), self.gathered.g.c)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            out.parameters.push(self.gathered.by_weight(b.grad, &b.inputs[0])?);
            if self.bias {
                out.parameters.push(column_sums(b.grad, b.pass.batch, self.gathered.g.c)?);
            }
        }
        if b.wanted[0] {
            out.inputs[0] = Some(self.gathered.convolve(b.grad, &b.state[0])?);
        }
        Ok(out)
    }
}

/// An affine map of the last axis.
pub struct Linear {
    pub of: spec::Linear,
    pub products: Products,
}

impl Layer for Linear {
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.of;
        let x = inputs[0].reshape((pass.batch * of.positions, of.input))?;
        let y = self.products.of(&x, &state[0].reshape((of.input, of.output))?)?;
        Ok((add_bias(&y, state.get(1).filter(|_| of.bias), of.output)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.of;
        let rows = b.pass.batch * of.positions;
        let dy = b.grad.reshape((rows, of.output))?;
        let mut out = Gradients { inputs: vec![None], parameters: Vec::new() };
        if b.learns {
            let x = b.inputs[0].reshape((rows, of.input))?;
            out.parameters.push(self.products.of(&turned(&x)?, &dy)?.flatten_all()?);
            if of.bias {
                out.parameters.push(column_sums(&dy, b.pass.batch, of.output)?);
            }
        }
        if b.wanted[0] {
            out.inputs[0] = Some(self.products.of(&dy, &turned(&b.state[0].reshape((of.input, of.output))?)?)?);
        }
        Ok(out)
    }
}

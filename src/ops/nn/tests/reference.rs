//! A plain 64-bit forward pass, written from the definitions alone: weights in PyTorch's layouts, one loop per index.

use crate::engine::value::Weights;
use crate::lang::net::ir::{LayerOp, Net, Source};
use std::collections::BTreeMap;

/// Weights by name in 64 bits.
pub type Named = BTreeMap<String, Vec<f64>>;

/// Returns weights in 64 bits.
pub fn named(weights: &Weights) -> Named {
    weights.iter().map(|(n, _, x)| (n.clone(), x.iter().map(|x| *x as f64).collect())).collect()
}

/// Returns the outputs of all nodes for a batch. `masks` holds dropout's factors by node.
pub fn forward(
    net: &Net,
    weights: &Named,
    input: &[f64],
    batch: usize,
    training: bool,
    masks: &BTreeMap<usize, Vec<f64>>,
) -> Vec<Vec<f64>> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    for (id, node) in net.nodes.iter().enumerate() {
        let inputs: Vec<&[f64]> = node
            .inputs
            .iter()
            .map(|s| match s {
                Source::Input => input,
                Source::Node(id) => &values[*id],
            })
            .collect();
        let shape = net.shape_of(node.inputs[0]);
        let x = inputs[0];
        let c = *shape.last().unwrap();
        let (h, w) = if shape.len() == 3 { (shape[0], shape[1]) } else { (shape[..shape.len() - 1].iter().product(), 1) };
        let (oh, ow) = if node.shape.len() == 3 { (node.shape[0], node.shape[1]) } else { (1, 1) };
        let get = |name: &str| weights.get(&format!("{}.{name}", node.path)).cloned().unwrap_or_default();
        let at = |b: usize, y: isize, xx: isize, ch: usize| -> Option<f64> {
            (y >= 0 && xx >= 0 && y < h as isize && xx < w as isize).then(|| x[((b * h + y as usize) * w + xx as usize) * c + ch])
        };
        let mut out = vec![0f64; batch * node.shape.iter().product::<usize>()];
        match node.op {
            LayerOp::Conv { input, output, kernel, stride, pad, dilation, groups, .. } => {
                let (weight, bias) = (get("weight"), get("bias"));
                let (cin, cout) = (input / groups, output / groups);
                for (i, o) in out.iter_mut().enumerate() {
                    let (n, p, b) = (i % output, i / output % (oh * ow), i / output / (oh * ow));
                    *o = bias.get(n).copied().unwrap_or(0.0);
                    for ci in 0..cin {
                        for ky in 0..kernel {
                            for kx in 0..kernel {
                                let y = (p / ow * stride + ky * dilation) as isize - pad as isize;
                                let xx = (p % ow * stride + kx * dilation) as isize - pad as isize;
                                let v = at(b, y, xx, n / cout * cin + ci).unwrap_or(0.0);
                                *o += v * weight[((n * cin + ci) * kernel + ky) * kernel + kx];
                            }
                        }
                    }
                }
            }
            LayerOp::MaxPool { kernel, stride, pad } | LayerOp::AvgPool { kernel, stride, pad } => {
                for (i, o) in out.iter_mut().enumerate() {
                    let (ch, p, b) = (i % c, i / c % (oh * ow), i / c / (oh * ow));
                    let mut all = Vec::new();
                    for ky in 0..kernel {
                        for kx in 0..kernel {
                            let y = (p / ow * stride + ky) as isize - pad as isize;
                            let xx = (p % ow * stride + kx) as isize - pad as isize;
                            all.extend(at(b, y, xx, ch));
                        }
                    }
                    *o = if matches!(node.op, LayerOp::MaxPool { .. }) {
                        all.into_iter().fold(f64::NEG_INFINITY, f64::max)
                    } else {
                        all.iter().sum::<f64>() / (kernel * kernel) as f64
                    };
                }
            }
            LayerOp::BatchNorm { features, eps, .. } => {
                let (scale, shift) = (get("weight"), get("bias"));
                let n = (x.len() / features) as f64;
                for ch in 0..features {
                    let column = || x.iter().skip(ch).step_by(features);
                    let (mean, var) = if training {
                        let mean = column().sum::<f64>() / n;
                        (mean, column().map(|x| (x - mean).powi(2)).sum::<f64>() / n)
                    } else {
                        (get("running_mean")[ch], get("running_var")[ch])
                    };
                    for i in (ch..x.len()).step_by(features) {
                        out[i] = (x[i] - mean) / (var + eps).sqrt() * scale[ch] + shift[ch];
                    }
                }
            }
            LayerOp::LayerNorm { features, eps } => {
                let (scale, shift) = (get("weight"), get("bias"));
                for (out, row) in out.chunks_mut(features).zip(x.chunks(features)) {
                    let mean = row.iter().sum::<f64>() / features as f64;
                    let var = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / features as f64;
                    for i in 0..features {
                        out[i] = (row[i] - mean) / (var + eps).sqrt() * scale[i] + shift[i];
                    }
                }
            }
            LayerOp::Linear { input, output, .. } => {
                let (weight, bias) = (get("weight"), get("bias"));
                for (out, row) in out.chunks_mut(output).zip(x.chunks(input)) {
                    for (n, o) in out.iter_mut().enumerate() {
                        *o =
                            bias.get(n).copied().unwrap_or(0.0) + (0..input).map(|i| row[i] * weight[n * input + i]).sum::<f64>();
                    }
                }
            }
            LayerOp::Relu => out.iter_mut().zip(x).for_each(|(o, x)| *o = x.max(0.0)),
            LayerOp::LeakyRelu { slope } => out.iter_mut().zip(x).for_each(|(o, x)| *o = if *x > 0.0 { *x } else { slope * x }),
            LayerOp::Gelu => {
                out.iter_mut().zip(x).for_each(|(o, x)| *o = x * 0.5 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2)));
            }
            LayerOp::Tanh => out.iter_mut().zip(x).for_each(|(o, x)| *o = x.tanh()),
            LayerOp::Sigmoid => out.iter_mut().zip(x).for_each(|(o, x)| *o = 1.0 / (1.0 + (-x).exp())),
            LayerOp::Dropout { .. } => match masks.get(&id) {
                Some(mask) => out.iter_mut().zip(x).zip(mask).for_each(|((o, x), m)| *o = x * m),
                None => out.copy_from_slice(x),
            },
            LayerOp::GlobalMean => {
                for (i, o) in out.iter_mut().enumerate() {
                    let (b, ch) = (i / c, i % c);
                    *o = (0..h * w).map(|p| x[(b * h * w + p) * c + ch]).sum::<f64>() / (h * w) as f64;
                }
            }
            LayerOp::Flatten => {
                for (i, o) in out.iter_mut().enumerate() {
                    let (b, ch, p) = (i / (h * w * c), i / (h * w) % c, i % (h * w));
                    *o = x[(b * h * w + p) * c + ch];
                }
            }
            LayerOp::Add => inputs.iter().for_each(|x| out.iter_mut().zip(*x).for_each(|(o, x)| *o += x)),
            LayerOp::Concat => {
                let widths: Vec<usize> = node.inputs.iter().map(|s| *net.shape_of(*s).last().unwrap()).collect();
                let total: usize = widths.iter().sum();
                for (row, out) in out.chunks_mut(total).enumerate() {
                    let all = inputs.iter().zip(&widths).flat_map(|(x, w)| x[row * w..(row + 1) * w].iter());
                    out.iter_mut().zip(all).for_each(|(o, x)| *o = *x);
                }
            }
            LayerOp::SubsamplePad { stride, output } => {
                let low = (output - c) / 2;
                for (i, o) in out.iter_mut().enumerate() {
                    let (n, p, b) = (i % output, i / output % (oh * ow), i / output / (oh * ow));
                    if n >= low && n < low + c {
                        *o = at(b, (p / ow * stride) as isize, (p % ow * stride) as isize, n - low).unwrap();
                    }
                }
            }
        }
        values.push(out);
    }
    values
}

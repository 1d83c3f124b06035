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
        let own = || weights.get(&node.path).cloned().unwrap_or_default();
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
            LayerOp::GeluTanh => {
                let inner = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                out.iter_mut().zip(x).for_each(|(o, x)| *o = 0.5 * x * (1.0 + inner(*x).tanh()));
            }
            LayerOp::Softmax => out.chunks_mut(c).zip(x.chunks(c)).for_each(|(o, x)| o.copy_from_slice(&softmax(x))),
            LayerOp::Tanh => out.iter_mut().zip(x).for_each(|(o, x)| *o = x.tanh()),
            LayerOp::Sigmoid => out.iter_mut().zip(x).for_each(|(o, x)| *o = 1.0 / (1.0 + (-x).exp())),
            LayerOp::Dropout { .. } | LayerOp::DropoutChannels { .. } => match masks.get(&id) {
                Some(mask) => out.iter_mut().zip(x).zip(mask).for_each(|((o, x), m)| *o = x * m),
                None => out.copy_from_slice(x),
            },
            LayerOp::GlobalMean => {
                for (i, o) in out.iter_mut().enumerate() {
                    let (b, ch) = (i / c, i % c);
                    *o = (0..h * w).map(|p| x[(b * h * w + p) * c + ch]).sum::<f64>() / (h * w) as f64;
                }
            }
            LayerOp::Flatten if shape.len() < 3 => out.copy_from_slice(x),
            LayerOp::Reshape => {
                let (p, k) = (oh * ow, node.shape[2]);
                for (i, o) in out.iter_mut().enumerate() {
                    let (b, place, ch) = (i / (p * k), i / k % p, i % k);
                    // The number's place in the order channels, height, width.
                    let n = ch * p + place;
                    let from = if shape.len() == 3 { n % (h * w) * c + n / (h * w) } else { n };
                    *o = x[b * p * k + from];
                }
            }
            LayerOp::Tokens => out.copy_from_slice(x),
            LayerOp::Transpose => {
                for (i, o) in out.iter_mut().enumerate() {
                    let (b, row, col) = (i / (h * c), i / h % c, i % h);
                    *o = x[(b * h + col) * c + row];
                }
            }
            LayerOp::Token { index } => {
                out.iter_mut().enumerate().for_each(|(i, o)| *o = x[(i / c * h + index) * c + i % c]);
            }
            LayerOp::ClassToken { .. } => {
                let token = own();
                for (out, x) in out.chunks_mut((h + 1) * c).zip(x.chunks(h * c)) {
                    out[..c].copy_from_slice(&token);
                    out[c..].copy_from_slice(x);
                }
            }
            LayerOp::PositionEmbedding { .. } => {
                let place = own();
                out.iter_mut().enumerate().for_each(|(i, o)| *o = x[i] + place[i % place.len()]);
            }
            LayerOp::Embedding { features, .. } => {
                let weight = get("weight");
                out.iter_mut().enumerate().for_each(|(i, o)| *o = weight[x[i / features] as usize * features + i % features]);
            }
            LayerOp::Upsample { factor, bilinear } => {
                let between = |at: usize, size: usize| {
                    let s = ((at as f64 + 0.5) / factor as f64 - 0.5).clamp(0.0, size as f64 - 1.0);
                    (s.floor() as isize, s.ceil() as isize, s - s.floor())
                };
                for (i, o) in out.iter_mut().enumerate() {
                    let (ch, xx, y, b) = (i % c, i / c % ow, i / c / ow % oh, i / c / ow / oh);
                    *o = if bilinear {
                        let ((y0, y1, ty), (x0, x1, tx)) = (between(y, h), between(xx, w));
                        let line = |y| at(b, y, x0, ch).unwrap() * (1.0 - tx) + at(b, y, x1, ch).unwrap() * tx;
                        line(y0) * (1.0 - ty) + line(y1) * ty
                    } else {
                        at(b, (y / factor) as isize, (xx / factor) as isize, ch).unwrap()
                    };
                }
            }
            LayerOp::ConvTransposed { input, output, kernel, stride, pad, dilation, groups, .. } => {
                let (weight, bias) = (get("weight"), get("bias"));
                let (cin, cout) = (input / groups, output / groups);
                for b in 0..batch {
                    out[b * oh * ow * output..][..oh * ow * output]
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, o)| *o = bias.get(i % output).copied().unwrap_or(0.0));
                    for (y, xx, ky, kx) in quadruples(h, w, kernel, kernel) {
                        let (oy, ox) = (y * stride + ky * dilation, xx * stride + kx * dilation);
                        if oy < pad || ox < pad || oy - pad >= oh || ox - pad >= ow {
                            continue;
                        }
                        for (ci, co) in (0..input).flat_map(|ci| (0..cout).map(move |co| (ci, co))) {
                            let v = at(b, y as isize, xx as isize, ci).unwrap();
                            let to = ((b * oh + oy - pad) * ow + ox - pad) * output + ci / cin * cout + co;
                            out[to] += v * weight[((ci * cout + co) * kernel + ky) * kernel + kx];
                        }
                    }
                }
            }
            LayerOp::GroupNorm { groups, features, eps } => {
                let (scale, shift) = (get("weight"), get("bias"));
                let width = features / groups;
                for (b, group) in (0..batch).flat_map(|b| (0..groups).map(move |g| (b, g))) {
                    let members: Vec<usize> = (b * h * w * c..(b + 1) * h * w * c).filter(|i| i % c / width == group).collect();
                    let n = members.len() as f64;
                    let mean = members.iter().map(|i| x[*i]).sum::<f64>() / n;
                    let var = members.iter().map(|i| (x[*i] - mean).powi(2)).sum::<f64>() / n;
                    members.iter().for_each(|i| out[*i] = (x[*i] - mean) / (var + eps).sqrt() * scale[i % c] + shift[i % c]);
                }
            }
            LayerOp::Attention { heads, causal } => {
                let (n, f) = (node.shape[0], node.shape[1]);
                let d = f / heads;
                for (b, head, i) in triples(batch, heads, n) {
                    let part = |token: usize, which: usize, j: usize| x[(b * n + token) * 3 * f + which * f + head * d + j];
                    let seen = if causal { i + 1 } else { n };
                    let scores: Vec<f64> = (0..seen)
                        .map(|t| (0..d).map(|j| part(i, 0, j) * part(t, 1, j)).sum::<f64>() / (d as f64).sqrt())
                        .collect();
                    for j in 0..d {
                        let mean = softmax(&scores).iter().enumerate().map(|(t, p)| p * part(t, 2, j)).sum();
                        out[(b * n + i) * f + head * d + j] = mean;
                    }
                }
            }
            LayerOp::Lstm { input, hidden, index } => {
                let named = |what: &str| get(&format!("{what}_l{index}"));
                let (wi, wh, bi, bh) = (named("weight_ih"), named("weight_hh"), named("bias_ih"), named("bias_hh"));
                let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
                for b in 0..batch {
                    let (mut state, mut cell) = (vec![0f64; hidden], vec![0f64; hidden]);
                    for t in 0..h {
                        let gate = |k: usize| {
                            let from_input: f64 = (0..input).map(|j| wi[k * input + j] * x[(b * h + t) * input + j]).sum();
                            let from_state: f64 = (0..hidden).map(|j| wh[k * hidden + j] * state[j]).sum();
                            from_input + from_state + bi[k] + bh[k]
                        };
                        let gates: Vec<f64> = (0..4 * hidden).map(gate).collect();
                        for j in 0..hidden {
                            cell[j] = sigmoid(gates[hidden + j]) * cell[j] + sigmoid(gates[j]) * gates[2 * hidden + j].tanh();
                            state[j] = sigmoid(gates[3 * hidden + j]) * cell[j].tanh();
                        }
                        out[(b * h + t) * hidden..][..hidden].copy_from_slice(&state);
                    }
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

/// Returns exp(x) / sum of exp(x).
fn softmax(x: &[f64]) -> Vec<f64> {
    let total: f64 = x.iter().map(|x| x.exp()).sum();
    x.iter().map(|x| x.exp() / total).collect()
}

fn triples(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a * b * c).map(move |i| (i / (b * c), i / c % b, i % c))
}

fn quadruples(a: usize, b: usize, c: usize, d: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    triples(a, b, c * d).map(move |(i, j, k)| (i, j, k / d, k % d))
}

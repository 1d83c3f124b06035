//! Time of a training step beside plain matrix products in the same process: `cargo bench --bench nn [THREADS]`.

use cfx::base::Stream;
use cfx::lang::net::ir::{LayerOp, Net, Node, Source};
use cfx::ops::nn::cpu::loss::cross_entropy;
use cfx::ops::nn::network::Network;
use cfx::ops::nn::optimizer::{Optimizer, Running};
use cfx::ops::nn::program::Purpose;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let threads = std::env::args().filter_map(|a| a.parse::<usize>().ok()).next().unwrap_or(2);
    if let Err(e) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        println!("the pool of threads is there already: {e}");
    }
    println!("{threads} threads, {:.0} GFLOP/s a core in plain products (512 x 512 x 4608)", plain());
    step("tiny residual, 8x8x1, batch 64", &resnet([8, 8, 1], &[16, 32, 64], 1, 10), 64, 40);
    step("ResNet-18, 32x32x3, batch 32", &resnet([32, 32, 3], &[64, 128, 256, 512], 2, 100), 32, 3);
    step("ResNet-18, 32x32x3, batch 128", &resnet([32, 32, 3], &[64, 128, 256, 512], 2, 100), 128, 2);
}

/// Returns the speed of plain products on one core.
fn plain() -> f64 {
    let (m, n, k) = (512, 512, 4608);
    let (a, b, mut c) = (vec![1f32; m * k], vec![1f32; k * n], vec![0f32; m * n]);
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        // SAFETY: the three matrices have the sizes and strides given.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                c.as_mut_ptr(),
                1,
                n as isize,
                false,
                a.as_ptr(),
                1,
                k as isize,
                b.as_ptr(),
                1,
                n as isize,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    2.0 * (m * n * k) as f64 / best / 1e9
}

fn step(name: &str, net: &Arc<Net>, batch: usize, times: usize) {
    let mut network = Network::new(net, Purpose::Training, &[], batch);
    network.initialise(Stream::root(1));
    let sizes: Vec<usize> = network.trained().map(|(w, _)| w.len()).collect();
    let mut optimizer = Running::new(Optimizer::Sgd { momentum: 0.9, nesterov: true, decay: 1e-6 }, &sizes);
    let labels = vec![1u32; batch];
    let mut losses = vec![0.0; batch];
    let mut one = |parts: &mut [f64; 3]| {
        let start = Instant::now();
        network.input_mut(batch).iter_mut().enumerate().for_each(|(i, x)| *x = (i % 17) as f32 / 17.0);
        network.forward(batch, Stream::root(2));
        parts[0] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (scores, grad) = network.output_and_gradient();
        cross_entropy(scores, &labels, 0.0, &mut losses, Some((grad, 1.0 / batch as f64)));
        network.backward();
        parts[1] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        optimizer.step(network.trained(), 0.01);
        parts[2] += start.elapsed().as_secs_f64();
    };
    one(&mut [0.0; 3]);
    let mut parts = [0.0; 3];
    (0..times).for_each(|_| one(&mut parts));
    let [forward, backward, update] = parts.map(|t| t / times as f64);
    let total = forward + backward + update;
    let work = 6.0 * net.multiply_adds() as f64 * batch as f64;
    println!(
        "{name}: {:.1} ms a step ({:.1} forward, {:.1} backward, {:.1} update), {:.0} GFLOP/s, {:.0} MB",
        total * 1e3,
        forward * 1e3,
        backward * 1e3,
        update * 1e3,
        work / total / 1e9,
        Network::bytes(net, Purpose::Training, batch) / 1e6
    );
}

/// Returns a residual network of basic blocks as torchvision's, first convolution 3x3 at stride 1, no max-pool.
fn resnet(input: [usize; 3], widths: &[usize], blocks: usize, classes: usize) -> Arc<Net> {
    let mut net = Net { name: "resnet".into(), input: input.to_vec(), nodes: vec![], taps: vec![], output: 0 };
    let norm = |net: &mut Net, from: Source| {
        let features = net.shape_of(from)[2];
        add(net, LayerOp::BatchNorm { features, eps: 1e-5, momentum: 0.1, zero_scale: false }, &[from])
    };
    let mut x = conv(&mut net, Source::Input, widths[0], 3, 1);
    x = norm(&mut net, x);
    x = add(&mut net, LayerOp::Relu, &[x]);
    for (stage, width) in widths.iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let mut y = conv(&mut net, x, *width, 3, stride);
            y = norm(&mut net, y);
            y = add(&mut net, LayerOp::Relu, &[y]);
            y = conv(&mut net, y, *width, 3, 1);
            y = norm(&mut net, y);
            if stride != 1 {
                x = conv(&mut net, x, *width, 1, stride);
                x = norm(&mut net, x);
            }
            x = add(&mut net, LayerOp::Add, &[y, x]);
            x = add(&mut net, LayerOp::Relu, &[x]);
        }
    }
    x = add(&mut net, LayerOp::GlobalMean, &[x]);
    let input = net.shape_of(x)[0];
    add(&mut net, LayerOp::Linear { input, output: classes, bias: true }, &[x]);
    net.output = net.nodes.len() - 1;
    Arc::new(net)
}

fn conv(net: &mut Net, from: Source, output: usize, kernel: usize, stride: usize) -> Source {
    let input = net.shape_of(from)[2];
    let op = LayerOp::Conv { input, output, kernel, stride, pad: kernel / 2, dilation: 1, groups: 1, bias: false };
    add(net, op, &[from])
}

fn add(net: &mut Net, op: LayerOp, inputs: &[Source]) -> Source {
    let x = net.shape_of(inputs[0]).clone();
    let shape = match op {
        LayerOp::Conv { output, stride, .. } => vec![x[0].div_ceil(stride), x[1].div_ceil(stride), output],
        LayerOp::GlobalMean => vec![x[2]],
        LayerOp::Linear { output, .. } => vec![output],
        _ => x,
    };
    let id = net.nodes.len();
    net.nodes.push(Node { op, inputs: inputs.to_vec(), shape, path: format!("n{id}") });
    Source::Node(id)
}

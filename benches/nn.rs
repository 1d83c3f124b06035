//! Time of a training step of the networks of `std.networks`, beside plain matrix products in the same process.
//!
//! `cargo bench --bench nn -- [THREADS] [--tsv] [--seconds S] [--device cuda:N] [--precision f32|bf16] [PART OF A CASE'S NAME …]`.
//! `benches/compare.py` runs it and PyTorch in turns.

use cfx::base::{SourceMap, Span, Stream};
use cfx::lang::Static;
use cfx::lang::eval::eval;
use cfx::lang::net::ir::Net;
use cfx::lang::net::{Declared, Found, Library, NetworkCall, elaborate};
use cfx::ops::nn::cost;
use cfx::ops::nn::network::Network;
use cfx::ops::nn::optimizer::Optimizer;
use cfx::ops::nn::place::{Place, Precision};
use cfx::ops::nn::steps::Purpose;
use cfx::syntax::ast::{Item, ItemKind, Keyword};
use cfx::syntax::parse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A network on inputs of one shape, and the examples in a step. `benches/pytorch.py` has the same list.
struct Case {
    name: &'static str,
    network: &'static str,
    args: &'static [(&'static str, f64)],
    input: &'static [usize],
    classes: usize,
    batch: usize,
}

const CASES: [Case; 13] = [
    Case { name: "resnet18-32", network: "resnet18", args: &[], input: &[32, 32, 3], classes: 100, batch: 32 },
    Case { name: "resnet18-128", network: "resnet18", args: &[], input: &[32, 32, 3], classes: 100, batch: 128 },
    Case { name: "resnet18-512", network: "resnet18", args: &[], input: &[32, 32, 3], classes: 100, batch: 512 },
    Case { name: "resnet50-64", network: "resnet50", args: &[], input: &[32, 32, 3], classes: 100, batch: 64 },
    Case { name: "vgg11-128", network: "vgg11", args: &[], input: &[32, 32, 3], classes: 10, batch: 128 },
    Case { name: "plain11-128", network: "plain11", args: &[], input: &[32, 32, 3], classes: 10, batch: 128 },
    Case { name: "resnet32-128", network: "resnet32", args: &[], input: &[32, 32, 3], classes: 10, batch: 128 },
    Case { name: "tiny_resnet-64", network: "tiny_resnet", args: &[], input: &[8, 8, 1], classes: 10, batch: 64 },
    Case { name: "mlp-128", network: "mlp", args: &[], input: &[28, 28, 1], classes: 10, batch: 128 },
    Case { name: "vit_s-32", network: "vit_s", args: &[("patch", 4.0)], input: &[32, 32, 3], classes: 100, batch: 32 },
    Case { name: "mixer_s-32", network: "mixer_s", args: &[("patch", 4.0)], input: &[32, 32, 3], classes: 100, batch: 32 },
    Case { name: "lstm-20", network: "lstm_lm", args: &[("dropout", 0.0)], input: &[35], classes: 10_000, batch: 20 },
    // Generator and discriminator behind each other, one pass.
    Case { name: "dcgan-128", network: "dcgan", args: &[], input: &[32, 32, 3], classes: 1, batch: 128 },
];

fn main() {
    let mut words: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let tsv = words.iter().position(|w| w == "--tsv").map(|i| words.remove(i)).is_some();
    let mut option = |name: &str| match words.iter().position(|w| w == name) {
        Some(i) if i + 1 < words.len() => words.drain(i..i + 2).nth(1),
        _ => None,
    };
    let seconds = option("--seconds").and_then(|w| w.parse().ok()).unwrap_or(3.0);
    let precision = match option("--precision").as_deref() {
        Some("bf16") => Precision::Bf16,
        _ => Precision::F32,
    };
    let device = option("--device").unwrap_or("cpu".into());
    let place = match Place::open(&device, precision) {
        Ok(place) => place,
        Err(why) => return println!("{device}: {why:?}"),
    };
    let threads = words.iter().position(|w| w.parse::<usize>().is_ok()).and_then(|i| words.remove(i).parse().ok()).unwrap_or(2);
    if let Err(e) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        println!("the pool of threads is there already: {e}");
    }
    if !tsv {
        println!("{threads} threads, {:.0} GFLOP/s a core in plain products (512 x 512 x 4608)", plain());
    }
    let shelf = Shelf::new();
    for case in CASES.iter().filter(|c| words.is_empty() || words.iter().any(|w| c.name.contains(w.as_str()))) {
        // Inside the pool, as `train` runs its steps.
        rayon::scope(|_| step(case, &shelf.net(case), seconds, tsv, &place));
        if let (Place::Host, false) = (&place, tsv) {
            rayon::scope(|_| passes(&shelf.net(case), seconds));
        }
    }
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

/// Steps that are timed together on an accelerator, which runs behind what it is asked for.
const TOGETHER: usize = 10;

/// Runs steps for so many seconds, three at least, and prints the median, beside the mean time of processors that a step took.
fn step(case: &Case, net: &Arc<Net>, seconds: f64, tsv: bool, place: &Place) {
    let batch = case.batch;
    let mut network = Network::new(net, Purpose::Training, &[], batch, place);
    network.initialise(Stream::root(1));
    let sgd = Optimizer::Sgd { momentum: 0.9, nesterov: true, decay: 1e-6 };
    network.optimise(sgd);
    // A score for each class, or, of words, for each at each.
    let each = net.nodes[net.output].shape.iter().product::<usize>() / case.classes;
    let labels: Vec<u32> = (0..batch * each).map(|i| (i % case.classes) as u32).collect();
    let words = each > 1;
    let number = |i: usize| if words { (i * 7919 % case.classes) as f32 } else { (i % 17) as f32 / 17.0 };
    let input: Vec<f32> = (0..network.input_mut(batch).len()).map(number).collect();
    let together = if let Place::Host = place { 1 } else { TOGETHER };
    let one = |network: &mut Network| {
        let mut parts = [0.0; 3];
        let start = Instant::now();
        network.input_mut(batch).copy_from_slice(&input);
        network.forward(batch, Stream::root(2));
        parts[0] = start.elapsed().as_secs_f64();
        network.cross_entropy(&labels, 0.0, 1.0 / batch as f64);
        network.backward();
        parts[1] = start.elapsed().as_secs_f64() - parts[0];
        network.step(0.01);
        parts[2] = start.elapsed().as_secs_f64() - parts[0] - parts[1];
        parts
    };
    let several = |network: &mut Network| {
        let (start, mut parts) = (Instant::now(), [0.0; 3]);
        for _ in 0..together {
            parts.iter_mut().zip(one(network)).for_each(|(p, x)| *p += x / together as f64);
        }
        if together > 1 {
            network.wait();
            parts[2] += start.elapsed().as_secs_f64() / together as f64 - parts.iter().sum::<f64>();
        }
        parts
    };
    several(&mut network);
    let (start, worked, mut times) = (Instant::now(), processor(), Vec::new());
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        times.push(several(&mut network));
    }
    let worked = (processor() - worked) / (times.len() * together) as f64;
    if let Err(why) = network.check() {
        return println!("{}: {why:?}", case.name);
    }
    times.sort_by(|a, b| a.iter().sum::<f64>().total_cmp(&b.iter().sum()));
    let [forward, backward, update] = times[times.len() / 2];
    let total = forward + backward + update;
    if tsv {
        println!("{}\t{total:.6}\t{worked:.6}", case.name);
        return;
    }
    println!(
        "{}: {:.2} ms a step, {:.2} of processors where {:.2} were estimated ({:.2} forward, {:.2} backward, {:.2} update), {:.0} images/s, {:.0} GFLOP/s, {:.0} MB planned, {:.0} MB at the process's peak",
        case.name,
        total * 1e3,
        worked * 1e3,
        cost::batch_seconds(net, Purpose::Training, batch, None) * 1e3,
        forward * 1e3,
        backward * 1e3,
        update * 1e3,
        batch as f64 / total,
        6.0 * net.multiply_adds() as f64 * batch as f64 / total / 1e9,
        Network::bytes(net, Purpose::Training, batch) / 1e6,
        peak() / 1e6
    );
}

/// Runs passes in evaluation and for gradients by the input for so many seconds each, and prints the processor time of a batch beside its estimate.
fn passes(net: &Arc<Net>, seconds: f64) {
    let words = net.nodes[net.output].shape.len() == 2;
    for (purpose, batch) in [(Purpose::Evaluation, 256), (Purpose::InputGradient, 64), (Purpose::Evaluation, 1)] {
        if words && purpose == Purpose::InputGradient {
            continue;
        }
        let mut network = Network::new(net, purpose, &[], batch, &Place::Host);
        network.initialise(Stream::root(1));
        let input: Vec<f32> =
            (0..network.input_mut(batch).len()).map(|i| if words { 1.0 } else { (i % 17) as f32 / 17.0 }).collect();
        let mut one = || {
            network.input_mut(batch).copy_from_slice(&input);
            network.forward(batch, Stream::root(2));
            if purpose == Purpose::InputGradient {
                network.cross_entropy(&vec![0; batch], 0.0, 1.0);
                network.backward();
            }
        };
        one();
        let (start, worked, mut count) = (Instant::now(), processor(), 0);
        while count < 3 || start.elapsed().as_secs_f64() < seconds {
            one();
            count += 1;
        }
        let worked = (processor() - worked) / count as f64;
        let estimated = cost::batch_seconds(net, purpose, batch, None);
        println!("  {purpose:?} of {batch}: {:.3} ms of processors where {:.3} were estimated", worked * 1e3, estimated * 1e3);
    }
}

/// Returns the seconds that the process has had of processors, where the system tells; to a hundredth.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Returns the most bytes that the process has held, where the system tells.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok()).map_or(f64::NAN, |kb| kb * 1024.0)
}

/// The standard library's layers and networks.
struct Shelf(BTreeMap<String, Item>);

impl Shelf {
    fn new() -> Self {
        let mut sources = SourceMap::new();
        let mut out = BTreeMap::new();
        let texts = [include_str!("../stdlib/layers.cfx"), include_str!("../stdlib/networks.cfx")];
        for (name, text) in ["std/layers.cfx", "std/networks.cfx"].into_iter().zip(texts) {
            for item in parse(&sources.add(name, text)).0.items {
                if let ItemKind::Network { name, .. } | ItemKind::Extern { name, .. } | ItemKind::Bind { name, .. } = &item.kind {
                    out.insert(name.name.clone(), item);
                }
            }
        }
        Shelf(out)
    }

    fn net(&self, case: &Case) -> Arc<Net> {
        let args = case.args.iter().map(|(n, v)| (n.to_string(), Static::Number(*v))).collect();
        let network = self.0.get(case.network).and_then(Declared::of).expect("a network of the standard library");
        let call = NetworkCall { network, args, span: Span::new(0, 0) };
        Arc::new(elaborate(self, &call, &case.input.to_vec(), case.classes).expect("a network that fits"))
    }
}

impl Library for Shelf {
    fn find(&self, _from: Span, name: &str) -> Option<Found<'_>> {
        let item = self.0.get(name)?;
        Some(match &item.kind {
            ItemKind::Network { .. } => Found::Declared(Declared::of(item)?),
            ItemKind::Extern { name, params, .. } => Found::BuiltIn(name, params),
            ItemKind::Bind { keyword: Keyword::Let, value, .. } => Found::Static(eval(value, &|_: &str| None).ok()?),
            _ => return None,
        })
    }

    fn layers(&self, _from: Span) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

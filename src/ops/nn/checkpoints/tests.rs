//! Tests of imported weights: PyTorch's own in every form, published networks, names.

use super::names::{Named, pairing};
use crate::api::{self, Registry, Source};
use crate::engine::executor::outcome::RunState;
use crate::engine::kernel::Quiet;
use crate::engine::value::{Dataset, Images, Model, Pixels, Source as Examples};
use crate::engine::{Failure, Value};
use crate::lang::Static;
use crate::lang::net::ir::Net;
use crate::ops::foreign::tensors::list;
use crate::ops::foreign::tensors::tests::{SMALL, here};
use crate::ops::nn::evaluate;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tests::running::{job, kernel};
use crate::ops::nn::weights_to_safetensors;
use crate::plan::files::Files;
use crate::plan::graph::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Returns the folder of shared real data, where there is one.
fn shared() -> Option<PathBuf> {
    let found = match std::env::var_os("CFX_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if found.join("weights").is_dir() {
        return Some(found);
    }
    println!("skipped: no real data at {} (set CFX_DATA)", found.display());
    None
}

/// Returns reference numbers of a JSON file.
fn reference(file: &str, key: &str) -> Vec<f32> {
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(here(file)).unwrap()).unwrap();
    json[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Returns the network that a script's only model is built from.
fn net_of(text: &str, folder: &Path) -> Arc<Net> {
    let registry = Registry::standard();
    let source = Source::text("test.cfx", text, folder);
    let checked = api::check(&source, &registry);
    let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
    let net = graph.cells.iter().find_map(|c| match c.settings.find("network")? {
        Static::Net(net) => Some(net.clone()),
        _ => None,
    });
    net.unwrap()
}

/// Returns std.networks' `tiny_resnet(width)` for 8 x 8 grey images and three classes.
fn tiny(width: usize) -> Arc<Net> {
    let folder = tempfile::tempdir().unwrap();
    for (name, shape, count) in [("x.npy", "(3, 8, 8)", 192), ("y.npy", "(3,)", 3)] {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        let header = format!("{:<117}\n", format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"));
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend((0..count).map(|i| (i % 3) as u8));
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let text = format!(
        "cfx 1\nuse std.data {{ arrays }}\nuse std.networks {{ tiny_resnet }}\n\
         dataset d = arrays(\"x.npy\", labels: \"y.npy\", layout: nhwc)\nmodel m = untrained(tiny_resnet(width: {width}), d)\n"
    );
    net_of(&text, folder.path())
}

/// Returns images with labels of zero.
fn images(shape: &[usize], data: Pixels, count: usize, mean: &[f32], std: &[f32]) -> Arc<Dataset> {
    let images = Images { shape: shape.to_vec(), data, mean: mean.to_vec(), std: std.to_vec() };
    let labels = vec![0; count];
    let source = Examples { name: "images".into(), images, labels: labels.clone(), classes: Vec::new(), splits: Vec::new() };
    Arc::new(Dataset { source: Arc::new(source), ids: Arc::new((0..count as u32).collect()), labels: Arc::new(labels) })
}

fn small_images() -> Arc<Dataset> {
    images(&[8, 8, 1], Pixels::Floats(reference("small.json", "images")), 4, &[], &[])
}

/// Imports a file below a folder into a network.
fn import(folder: &Path, file: &str, net: &Arc<Net>, data: &Arc<Dataset>, rename: &[&str]) -> Result<Arc<Model>, Failure> {
    let rename = rename.iter().map(|r| Static::Text(r.to_string())).collect();
    let settings =
        [("file", Static::Text(file.to_string())), ("network", Static::Net(net.clone())), ("rename", Static::List(rename))];
    let job = job("import_weights", vec![("data", Value::Dataset(data.clone()))], &settings, 0);
    let kernel = kernel("import_weights");
    match kernel.run(&job, &Quiet { files: Files::new(folder, &[]) })? {
        Value::Model(model) => Ok(model),
        other => panic!("{other:?}"),
    }
}

fn words(result: Result<Arc<Model>, Failure>) -> String {
    match result {
        Err(Failure::Failed { message, help }) => format!("{message}\n{}", help.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

fn logits(model: &Model, data: &Dataset) -> Vec<f32> {
    let mut network = evaluate::open(model, Purpose::Evaluation, &[], data.len(), &Place::Host).unwrap();
    let (mut out, node) = (Vec::new(), model.net.output);
    let cx = Quiet { files: Files::new(Path::new("."), &[]) };
    evaluate::sweep(&mut network, data, &cx, |_, _, network| {
        out.extend_from_slice(network.value(node));
        Ok(())
    })
    .unwrap();
    out
}

fn near(found: &[f32], wanted: &[f32], tolerance: f32) {
    assert_eq!(found.len(), wanted.len());
    let worst = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{worst}");
}

#[test]
fn every_form_of_file_gives_pytorch_s_logits() {
    let (net, data) = (tiny(2), small_images());
    let first = import(&here(""), "small.pt", &net, &data, &[]).unwrap();
    near(&logits(&first, &data), &reference("small.json", "logits"), 2e-5);
    assert_eq!((first.trained_on.len(), first.history.rows(), first.snapshots.len()), (0, 0, 0));
    for file in SMALL {
        // The weights are exact in all kinds of numbers, so that every file must give the same bits.
        assert_eq!(import(&here(""), file, &net, &data, &[]).unwrap().weights, first.weights, "{file}");
    }
}

#[test]
fn what_is_exported_comes_back_with_the_same_logits() {
    let (net, data) = (tiny(2), small_images());
    let model = import(&here(""), "small_wrapped.pt", &net, &data, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("out.safetensors"), weights_to_safetensors(&model).unwrap()).unwrap();
    let back = import(folder.path(), "out.safetensors", &net, &data, &[]).unwrap();
    assert_eq!(back.weights, model.weights);
    assert_eq!(logits(&back, &data), logits(&model, &data));
}

#[test]
fn transformers_of_torchvision_come_back_under_timms_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/networks");
    let text = "cfx 1\nuse std.data { arrays }\nuse std.networks { tiny_vit }\n\
         dataset d = arrays(\"data/images.npy\", labels: \"data/labels.npy\", layout: nhwc)\n\
         model m = untrained(tiny_vit(patch: 2, dim: 8, depth: 2, heads: 2), d)\n";
    let net = net_of(text, &folder);
    let data = images(&[8, 8, 3], Pixels::Floats(vec![0.5; 192]), 1, &[], &[]);
    let first = import(&folder, "data/vit_torchvision.pt", &net, &data, &[]).unwrap();
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("out.safetensors"), weights_to_safetensors(&first).unwrap()).unwrap();
    let back = import(out.path(), "out.safetensors", &net, &data, &[]).unwrap();
    assert_eq!(back.weights, first.weights);
    let names = |path: &Path| {
        let mut names: Vec<_> = list(path, None).unwrap().entries.into_iter().map(|e| (e.name, e.shape)).collect();
        names.sort();
        names
    };
    assert_eq!(names(&out.path().join("out.safetensors")), names(&folder.join("data/vit_timm.safetensors")));
    let wrong = words(import(&folder, "data/mixer_timm.safetensors", &net, &data, &[]));
    assert!(
        wrong.contains("`cls_token`") && wrong.contains("`patch_embed.proj.weight` (nearest: `stem.proj.weight`)"),
        "{wrong}"
    );
}

#[test]
fn parts_that_start_anew_are_not_taken_from_the_file() {
    let file: Vec<Named> = vec![("a.weight".into(), vec![2, 3]), ("fc.weight".into(), vec![10, 2]), ("fc.bias".into(), vec![10])];
    let wanted: Vec<Named> = vec![("a.weight".into(), vec![2, 3])];
    assert_eq!(pairing(&file, &wanted, &[], &["fc.".into()], &[]).unwrap(), [0]);
    assert_eq!(pairing(&file, &wanted, &[], &[], &[]).unwrap_err().unexpected.len(), 2);
}

#[test]
fn published_networks_give_pytorch_s_logits_and_the_published_accuracy() {
    let Some(root) = shared() else { return };
    let packed = root.join("cifar10/test_first1000.bin.xz");
    let Some(raw) = std::process::Command::new("xz").arg("-dc").arg(packed).output().ok().filter(|o| o.status.success()) else {
        println!("skipped: xz cannot unpack the images");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("cifar-10-batches-bin")).unwrap();
    std::fs::write(folder.path().join("cifar-10-batches-bin/test_batch.bin"), &raw.stdout).unwrap();
    // The first 32 images, planes turned into pixels.
    let pixel = |i: usize| raw.stdout[i / 3072 * 3073 + 1 + i % 3 * 1024 + i % 3072 / 3];
    let pixels = Pixels::Bytes { data: (0..32 * 3072).map(pixel).collect(), divisor: 255.0 };
    let data = images(&[32, 32, 3], pixels, 32, &[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);

    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/imported_resnet/exp.cfx");
    let mut source = Source::read(&example).unwrap();
    source.granted = vec![folder.path().to_path_buf(), root.clone()];
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
    let networks = graph.cells.iter().filter(|c| c.op == "import_weights");
    for (cell, file) in networks.zip(["resnet20-12fca82f.th", "resnet32-d509ac18.th"]) {
        let Some(Static::Net(net)) = cell.settings.find("network") else { panic!("{:?}", cell.settings) };
        let model = import(&root, &format!("weights/{file}"), net, &data, &[]).unwrap();
        near(&logits(&model, &data), &reference("logits.json", file), 1e-4);
    }

    let store = crate::engine::Store::open(&folder.path().join("store")).unwrap();
    let options = crate::engine::Options { files: source.files(), ..crate::engine::Options::new(&source.folder) };
    let outcome = api::run(&graph, &registry, &store, &options, &crate::engine::progress::Silent).unwrap();
    let results = api::results(&graph, &registry, &store, &source, &outcome);
    for (name, published) in [("accuracy20", 0.9173), ("accuracy32", 0.9263)] {
        let value = graph.values.iter().find(|v| v.name == name).unwrap();
        let Ok(Value::Number(n)) = results.entry(&value.entries[0]) else { panic!("{outcome:?}") };
        let half = 1.96 * (published * (1.0 - published) / 1000f64).sqrt();
        assert!((n.value - published).abs() < half, "{name}: {}", n.value);
        println!("{name}: {} (published {published} ± {half:.4})", n.value);
    }
    let claims = api::claims(&graph, &results);
    assert!(claims.len() == 2 && claims.iter().all(api::Claim::holds), "{claims:?}");
}

#[test]
fn a_network_declared_in_a_script_takes_a_safetensors_file() {
    let Some(root) = shared() else { return };
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/imported_resnet/mnist.cfx");
    let mut source = Source::read(&example).unwrap();
    source.granted = vec![root.clone()];
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
    let cell = graph.cells.iter().find(|c| c.op == "import_weights").unwrap();
    let Some(Static::Net(net)) = cell.settings.find("network") else { panic!("{:?}", cell.settings) };
    let mut pixels = Vec::new();
    let file = std::fs::File::open(root.join("mnist/t10k-images-idx3-ubyte.gz")).unwrap();
    std::io::Read::read_to_end(&mut std::io::Read::take(flate2::read::GzDecoder::new(file), 16 + 32 * 784), &mut pixels).unwrap();
    let pixels = Pixels::Bytes { data: pixels.split_off(16), divisor: 255.0 };
    let data = images(&[28, 28, 1], pixels, 32, &[0.1307], &[0.3081]);
    let model = import(&root, "weights/mnist.safetensors", net, &data, &[]).unwrap();
    near(&logits(&model, &data), &reference("logits.json", "mnist.safetensors"), 1e-4);

    let folder = tempfile::tempdir().unwrap();
    let store = crate::engine::Store::open(folder.path()).unwrap();
    let options = crate::engine::Options { files: source.files(), ..crate::engine::Options::new(&source.folder) };
    let outcome = api::run(&graph, &registry, &store, &options, &crate::engine::progress::Silent).unwrap();
    let claims = api::claims(&graph, &api::results(&graph, &registry, &store, &source, &outcome));
    assert!(claims.len() == 1 && claims[0].holds(), "{claims:?}");
}

fn named(list: &[(&str, &[usize])]) -> Vec<Named> {
    list.iter().map(|(n, s)| (n.to_string(), s.to_vec())).collect()
}

#[test]
fn names_are_changed_only_where_everything_then_fits() {
    let wanted = named(&[("conv1.weight", &[2]), ("layer2.0.downsample.0.weight", &[3]), ("fc.bias", &[4])]);
    let order = |list: &[(&str, &[usize])]| pairing(&named(list), &wanted, &[], &[], &[]).map_err(|m| *m);
    let exact: [(&str, &[usize]); 3] = [("fc.bias", &[4]), ("conv1.weight", &[2]), ("layer2.0.downsample.0.weight", &[3])];
    assert_eq!(order(&exact).unwrap(), [1, 2, 0]);
    let other: [(&str, &[usize]); 4] = [
        ("module.conv1.weight", &[2]),
        ("module.bn1.num_batches_tracked", &[]),
        ("module.layer2.0.shortcut.0.weight", &[3]),
        ("module.linear.bias", &[4]),
    ];
    assert_eq!(order(&other).unwrap(), [0, 2, 3]);
    // One tensor too many: no renaming counts, and names are those of the file.
    let m = order(&[&other[..], &[("module.linear.bias2", &[4])]].concat()).unwrap_err();
    assert_eq!(m.unexpected, [("module.linear.bias2".to_string(), Some("fc.bias".to_string()))]);
    assert!(m.missing.is_empty() && m.misshapen.is_empty(), "{m:?}");
    // Both written: `a` and `module.a` would become one name.
    assert!(order(&[&exact[..], &[("module.fc.bias", &[4])]].concat()).is_err());
    let m = order(&[("conv1.weight", &[2]), ("layer2.0.downsample.0.weight", &[3, 1]), ("fc.bais", &[4])]).unwrap_err();
    assert_eq!(m.missing, [("fc.bias".to_string(), Some("fc.bais".to_string()))]);
    assert_eq!(m.misshapen, [("layer2.0.downsample.0.weight".to_string(), vec![3, 1], vec![3])]);
    assert_eq!(m.summary(), "tensors: 1 missing, 1 unexpected, 1 of another shape");
    assert!(m.lists().contains("3 x 1 in the file, 3 in the network"), "{}", m.lists());
    let rules = [("backbone.".to_string(), String::new()), ("out.".to_string(), "fc.".to_string())];
    let file = named(&[("backbone.conv1.weight", &[2]), ("backbone.layer2.0.downsample.0.weight", &[3]), ("out.bias", &[4])]);
    assert_eq!(pairing(&file, &wanted, &rules, &[], &[]).unwrap(), [0, 1, 2]);
    // timm's VGGs: a convolution over the whole image is the linear map with the same numbers.
    let vgg = named(&[("classifier.0.weight", &[8, 147]), ("classifier.6.bias", &[3])]);
    let timm = named(&[("pre_logits.fc1.weight", &[8, 3, 7, 7]), ("head.fc.bias", &[3])]);
    assert_eq!(pairing(&timm, &vgg, &[], &[], &[]).unwrap(), [0, 1]);
}

#[test]
fn what_does_not_fit_is_listed_and_planned() {
    let data = small_images();
    let text = words(import(&here(""), "small_wrapped.pt", &tiny(4), &data, &[]));
    assert!(text.contains("does not fit the network `tiny_resnet`: tensors: 46 of another shape"), "{text}");
    assert!(text.contains("`module.conv1.weight`: 2 x 1 x 3 x 3 in the file, 4 x 1 x 3 x 3 in the network"), "{text}");
    assert!(text.contains("and 34 more"), "{text}");
    let text = words(import(&here(""), "small.pt", &tiny(2), &data, &["fc -> out"]));
    assert!(text.contains("tensors: 2 missing, 2 unexpected"), "{text}");
    assert!(words(import(&here(""), "small.pt", &tiny(2), &data, &["fc"])).contains("does not change names"));
    assert!(words(import(&here(""), "small.json", &tiny(2), &data, &[])).contains("is JSON"));
    assert!(words(import(&here(""), "make.py", &tiny(2), &data, &[])).contains("neither a safetensors file"));
    // The same sentence when planned, before anything runs.
    let script = "cfx 1\nuse std.data { digits }\nuse std.networks { tiny_resnet }\ndataset d = digits()\n\
                  model m = import_weights(\"small.pt\", tiny_resnet(width: 2), d.train)\n";
    let registry = Registry::standard();
    let source = Source::text("test.cfx", script, &here(""));
    let checked = api::check(&source, &registry);
    assert!(!checked.diags.has_errors(), "{:?}", checked.diags);
    let said = format!("{:?}", api::plan(&source, &checked, &registry).unwrap_err());
    assert!(said.contains("cfx::weights::names") && said.contains("fc.weight"), "{said}");
}

#[test]
fn numbers_that_are_not_those_of_the_checksum_are_refused() {
    let data = small_images();
    let net = tiny(2);
    let listing = list(&here("small.pt"), None).unwrap();
    let block = listing.entries[0].block.unwrap();
    assert!(block.checksum.is_some());
    let mut bytes = std::fs::read(here("small.pt")).unwrap();
    bytes[block.at as usize + 1] ^= 4;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("flipped.pt"), &bytes).unwrap();
    assert!(words(import(dir.path(), "flipped.pt", &net, &data, &[])).contains("checksum"));
    // PyTorch, told to leave checksums out, writes 0 in their place: in the directory at the end of the file, behind sizes and name.
    let sum = block.checksum.unwrap().to_le_bytes();
    let at = bytes.windows(4).rposition(|four| four == sum).unwrap();
    bytes[at..at + 4].fill(0);
    std::fs::write(dir.path().join("without.pt"), &bytes).unwrap();
    assert!(import(dir.path(), "without.pt", &net, &data, &[]).is_ok());
}

#[test]
fn parts_of_weights_are_told_and_no_trained_layer_is_begun_anew() {
    let data = small_images();
    let dir = tempfile::tempdir().unwrap();
    let model = import(&here(""), "small.pt", &tiny(2), &data, &[]).unwrap();
    let normalised: Vec<_> =
        model.weights.iter().cloned().map(|(n, s, x)| (n.replace("fc.weight", "fc.weight_v"), s, x)).collect();
    let changed = Model { weights: Arc::new(normalised), ..(*model).clone() };
    std::fs::write(dir.path().join("w.safetensors"), weights_to_safetensors(&changed).unwrap()).unwrap();
    let said = words(import(dir.path(), "w.safetensors", &tiny(2), &data, &[]));
    assert!(said.contains("`fc.weight_v` is a part from which a layer computes its weights"), "{said}");
    assert!(!said.contains("it would fit"), "{said}");
}

#[test]
fn whole_numbers_are_refused_when_planned() {
    let dir = tempfile::tempdir().unwrap();
    let header = "{\"fc.bias\":{\"dtype\":\"I8\",\"shape\":[10],\"data_offsets\":[0,10]},\
                  \"fc.weight\":{\"dtype\":\"I8\",\"shape\":[10,64],\"data_offsets\":[10,650]}}";
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 650]].concat();
    std::fs::write(dir.path().join("w.safetensors"), bytes).unwrap();
    let script = "cfx 1\nuse std.data { digits }\nnetwork net {\n flatten\n named(\"fc\") { linear(classes) }\n}\ndataset d = digits()\n\
                  model m = import_weights(\"w.safetensors\", net, d.train)\n";
    let registry = Registry::standard();
    let source = Source::text("test.cfx", script, dir.path());
    let checked = api::check(&source, &registry);
    assert!(!checked.diags.has_errors(), "{:?}", checked.diags);
    let said = format!("{:?}", api::plan(&source, &checked, &registry).unwrap_err());
    assert!(said.contains("holds whole numbers under the name `fc."), "{said}");
}

#[test]
fn the_generator_of_two_networks_is_imported_again() {
    const HEAD: &str = "cfx 1
experiment \"Again\" { seed: 1 }
use std.data { digits }
network adversaries() {
  latent(3)
  generator: linear(8) -> relu -> linear(64) -> tanh
  linear(8) -> leaky_relu(0.2) -> linear(1)
}
dataset d = digits()
";
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::standard();
    // Runs a script; returns its model `gan`, where that is kept, and the hash of its images `fake`.
    let made = |script: &str| {
        let source = Source::text("again.cfx", &format!("{HEAD}{script}"), folder.path());
        let checked = api::check(&source, &registry);
        let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
        let store = tempfile::tempdir().unwrap();
        let store = crate::engine::Store::open(store.path()).unwrap();
        let options = crate::engine::Options { files: source.files(), ..crate::engine::Options::new(&source.folder) };
        // Data sets as well, and the model that one is made of, which a run makes only where something is computed of them.
        let all: Vec<usize> = (0..graph.cells.len()).collect();
        let outcome =
            crate::engine::execute(&graph, &all, &registry, &store, &options, &crate::engine::progress::Silent).unwrap();
        assert_eq!(outcome.state, RunState::Done, "{:?}", outcome.cells.iter().map(|c| &c.message).collect::<Vec<_>>());
        let results = api::results(&graph, &registry, &store, &source, &outcome);
        let entry = |name: &str| &graph.values.iter().find(|v| v.name == name).unwrap().entries[0];
        let Entry::Cell(fake) = entry("fake") else { panic!("`fake` is no cell") };
        let model = match results.entry(entry("gan")) {
            Ok(Value::Model(model)) => Some(model),
            _ => None,
        };
        (model, outcome.cells[*fake].hash.expect("images have a hash"))
    };
    let fake = "dataset fake = generate(gan, d.train, count: 3, seed: 5)\n";
    let (model, images) = made(&format!(
        "model gan = train_gan(adversaries, d.train) {{ epochs: 1, batch: 64, init: default, keep: weights }}\n{fake}"
    ));
    std::fs::write(folder.path().join("gan.safetensors"), weights_to_safetensors(&model.unwrap()).unwrap()).unwrap();
    // Weights that were imported are not kept: what they make tells that they are the same.
    let (_, again) = made(&format!("model gan = import_weights(\"gan.safetensors\", adversaries, d)\n{fake}"));
    assert_eq!(again, images);
    let (_, other) =
        made(&format!("model gan = train_gan(adversaries, d.train, seed: 2) {{ epochs: 1, batch: 64, init: default }}\n{fake}"));
    assert_ne!(other, images);
}

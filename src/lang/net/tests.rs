//! Tests of elaboration against published networks, and of every error.

use super::ir::{LayerOp, Net};
use super::{BUILT_IN, Declared, Found, Library, NetworkCall, check_body, elaborate, taps};
use crate::base::{Diags, SourceMap, Span};
use crate::lang::Static;
use crate::lang::eval::eval;
use crate::syntax::ast::{Item, ItemKind, Keyword};
use crate::syntax::parse;
use std::collections::BTreeMap;

/// One name space for the standard library and the test's own text.
pub(crate) struct Shelf {
    sources: SourceMap,
    items: Vec<Item>,
    places: BTreeMap<String, usize>,
}

impl Shelf {
    pub(crate) fn new(text: &str) -> Self {
        let mut sources = SourceMap::new();
        let mut items = Vec::new();
        let std = [include_str!("../../../stdlib/layers.cfx"), include_str!("../../../stdlib/networks.cfx"), text];
        for (name, text) in ["std/layers.cfx", "std/networks.cfx", "test.cfx"].into_iter().zip(std) {
            let file = sources.add(name, text);
            let (tree, diags) = parse(&file);
            assert!(!diags.has_errors(), "{name}: {diags:?}");
            items.extend(tree.items);
        }
        let name = |item: &Item| match &item.kind {
            ItemKind::Network { name, .. } | ItemKind::Extern { name, .. } | ItemKind::Bind { name, .. } => {
                Some(name.name.clone())
            }
            _ => None,
        };
        let places = items.iter().enumerate().filter_map(|(i, item)| Some((name(item)?, i))).collect();
        Shelf { sources, items, places }
    }

    fn item(&self, name: &str) -> Option<&Item> {
        self.places.get(name).map(|i| &self.items[*i])
    }

    fn declared(&self, name: &str) -> Declared<'_> {
        self.item(name).and_then(Declared::of).unwrap_or_else(|| panic!("no network {name}"))
    }

    fn call(&self, name: &str, args: &[(&str, Static)]) -> NetworkCall<'_> {
        let args = args.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
        NetworkCall { network: self.declared(name), args, span: Span::new(0, 0) }
    }

    fn net(&self, name: &str, args: &[(&str, Static)], input: &[usize], classes: usize) -> Net {
        elaborate(self, &self.call(name, args), &input.to_vec(), classes).unwrap_or_else(|d| panic!("{name}: {d:#?}"))
    }

    fn text(&self, span: Span) -> &str {
        self.sources.text(span)
    }
}

impl Library for Shelf {
    fn find(&self, _from: Span, name: &str) -> Option<Found<'_>> {
        let item = self.item(name)?;
        Some(match &item.kind {
            ItemKind::Network { .. } => Found::Declared(Declared::of(item)?),
            ItemKind::Extern { name, params, .. } => Found::BuiltIn(name, params),
            ItemKind::Bind { keyword: Keyword::Let, value, .. } => Found::Static(eval(value, &|_: &str| None).ok()?),
            ItemKind::Bind { keyword, .. } => Found::Other(keyword.word()),
            _ => return None,
        })
    }

    fn layers(&self, _from: Span) -> Vec<String> {
        let layer = |item: &Item| matches!(item.kind, ItemKind::Network { .. } | ItemKind::Extern { .. });
        self.places.iter().filter(|(_, i)| layer(&self.items[**i])).map(|(n, _)| n.clone()).collect()
    }
}

fn word(w: &str) -> Static {
    Static::Word(w.into())
}

fn paths(net: &Net) -> Vec<String> {
    let weights = |node: &super::ir::Node| -> Vec<&str> {
        match node.op {
            LayerOp::Conv { bias, .. } | LayerOp::Linear { bias, .. } => {
                if bias {
                    vec!["weight", "bias"]
                } else {
                    vec!["weight"]
                }
            }
            LayerOp::BatchNorm { .. } | LayerOp::LayerNorm { .. } => vec!["weight", "bias"],
            LayerOp::ConvTransposed { bias: false, .. } | LayerOp::Embedding { .. } => vec!["weight"],
            LayerOp::ClassToken { .. } | LayerOp::PositionEmbedding { .. } => vec![""],
            LayerOp::Lstm { index, .. } => {
                let all = [["weight_ih_l0", "weight_hh_l0"], ["weight_ih_l1", "weight_hh_l1"]];
                all[index].to_vec()
            }
            _ => vec![],
        }
    };
    let name = |path: &str, weight: &str| format!("{path}.{weight}").trim_end_matches('.').to_string();
    net.nodes.iter().flat_map(|n| weights(n).into_iter().map(|w| name(&n.path, w)).collect::<Vec<_>>()).collect()
}

fn tapped(net: &Net) -> Vec<(String, Vec<usize>)> {
    net.taps.iter().map(|(name, node)| (name.clone(), net.nodes[*node].shape.clone())).collect()
}

fn stages(shapes: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    shapes.iter().map(|(n, s)| (n.to_string(), s.to_vec())).collect()
}

/// The one message of a body `text` of network `n(classes)` on the input, as code, message, and text under the main label.
fn fails(text: &str, input: &[usize]) -> (String, String, String) {
    let shelf = Shelf::new(text);
    let diags = elaborate(&shelf, &shelf.call("n", &[]), &input.to_vec(), 10).expect_err("an error is expected");
    let first = &diags.0[0];
    (first.code.to_string(), first.message.clone(), shelf.text(first.span()).to_string())
}

fn checked(text: &str, name: &str) -> Vec<(String, String)> {
    let shelf = Shelf::new(text);
    let diags = check_body(&shelf, shelf.declared(name)).0;
    diags.into_iter().map(|d| (d.code.to_string(), format!("{}; {}", d.message, d.help.unwrap_or_default()))).collect()
}

/// Counts of torchvision 0.20 and timm 0.6.13 (`sum(p.numel() for p in model.parameters())`), and, for CIFAR, of a 6n + 2 implementation with
/// option-A shortcuts and of VGGs with batch norm and a single linear layer; tests/data/layers/make.py prints them.
#[test]
fn parameter_counts_are_the_published_ones() {
    let shelf = Shelf::new("");
    let imagenet = [("stem", word("imagenet"))];
    let head = [("norm", Static::Bool(false)), ("head", word("imagenet"))];
    let normed = [("norm", Static::Bool(true)), ("head", word("imagenet"))];
    for (name, args, size, classes, count) in [
        ("resnet18", &imagenet[..], 224, 1000, 11_689_512),
        ("resnet34", &imagenet[..], 224, 1000, 21_797_672),
        ("resnet50", &imagenet[..], 224, 1000, 25_557_032),
        ("vgg11", &head[..], 224, 1000, 132_863_336),
        ("vgg13", &head[..], 224, 1000, 133_047_848),
        ("vgg16", &head[..], 224, 1000, 138_357_544),
        ("vgg11", &normed[..], 224, 1000, 132_868_840),
        ("vgg16", &normed[..], 224, 1000, 138_365_992),
        ("vgg11", &[][..], 32, 10, 9_231_114),
        ("vgg13", &[][..], 32, 10, 9_416_010),
        ("vgg16", &[][..], 32, 10, 14_728_266),
        ("resnet18", &[][..], 32, 10, 11_173_962),
        ("vit_b", &[][..], 224, 1000, 86_567_656),
        ("vit_b", &[("patch", Static::Number(32.0))][..], 224, 1000, 88_224_232),
        ("vit_s", &[][..], 224, 1000, 22_050_664),
        ("vit_ti", &[][..], 224, 1000, 5_717_416),
        ("tiny_vit", &[][..], 32, 10, 1_205_898),
        ("mixer_b", &[][..], 224, 1000, 59_880_472),
        ("mixer_s", &[][..], 224, 1000, 18_528_264),
        ("tiny_mixer", &[][..], 32, 10, 851_082),
        ("resnet20", &[][..], 32, 10, 269_722),
        ("resnet32", &[][..], 32, 10, 464_154),
        ("resnet44", &[][..], 32, 10, 658_586),
        ("resnet56", &[][..], 32, 10, 853_018),
        ("resnet110", &[][..], 32, 10, 1_727_962),
    ] {
        assert_eq!(shelf.net(name, args, &[size, size, 3], classes).parameters(), count, "{name}");
    }
    assert_eq!(shelf.net("lstm_lm", &[], &[35], 10_000).parameters(), 4_653_200);
    let gan = shelf.net("dcgan", &[], &[32, 32, 3], 1);
    assert_eq!((gan.parameters(), gan.input.clone()), (1_068_928 + 663_296, vec![100]));
    let seam = gan.taps.iter().find(|t| t.0 == "generator").unwrap().1;
    assert_eq!(gan.nodes[..=seam].iter().map(|n| n.op.parameters()).sum::<usize>(), 1_068_928);
    assert_eq!(gan.nodes[seam].shape, [32, 32, 3]);
    assert_eq!(
        (paths(&gan)[0].as_str(), paths(&gan).last().unwrap().as_str()),
        ("generator.main.0.weight", "discriminator.main.8.weight")
    );
}

#[test]
fn transformers_and_mixers_have_timms_names_and_taps_after_each_block() {
    let shelf = Shelf::new("");
    let vit = shelf.net("vit_b", &[], &[224, 224, 3], 1000);
    let names = paths(&vit);
    assert_eq!(names[..4], ["patch_embed.proj.weight", "patch_embed.proj.bias", "cls_token", "pos_embed"]);
    let block = ["norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"];
    let block: Vec<_> = block.iter().flat_map(|n| [format!("blocks.0.{n}.weight"), format!("blocks.0.{n}.bias")]).collect();
    assert_eq!(names[4..16], block);
    assert_eq!(names[names.len() - 5..], ["blocks.11.mlp.fc2.bias", "norm.weight", "norm.bias", "head.weight", "head.bias"]);
    let blocks: Vec<_> = (1..=12).map(|i| (format!("block{i}"), vec![197, 768])).collect();
    assert_eq!(tapped(&vit), blocks);
    let mixer = shelf.net("mixer_b", &[], &[224, 224, 3], 1000);
    let names = paths(&mixer);
    for name in ["stem.proj.weight", "blocks.0.norm1.bias", "blocks.3.mlp_tokens.fc1.weight", "blocks.11.mlp_channels.fc2.bias"] {
        assert!(names.contains(&name.to_string()), "{name}");
    }
    assert_eq!(tapped(&mixer), (1..=12).map(|i| (format!("block{i}"), vec![196, 768])).collect::<Vec<_>>());
    // 17.58 and 12.61 G multiply-adds, as published with the weights (17.58 with all products of attention).
    assert!((vit.multiply_adds() as f64 / 1e9 - 17.56).abs() < 0.05, "{}", vit.multiply_adds());
    assert!((mixer.multiply_adds() as f64 / 1e9 - 12.61).abs() < 0.05, "{}", mixer.multiply_adds());
}

#[test]
fn language_models_have_pytorchs_names_and_a_score_for_each_word_at_each_token() {
    let shelf = Shelf::new("");
    let net = shelf.net("lstm_lm", &[], &[35], 1000);
    assert_eq!(net.nodes[net.output].shape, [35, 1000]);
    let names =
        ["encoder.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.weight_ih_l1", "rnn.weight_hh_l1", "decoder.weight"];
    assert_eq!(paths(&net)[..6], names);
    assert_eq!(tapped(&net), stages(&[("hidden1", &[35, 200]), ("hidden2", &[35, 200])]));
    let nine =
        "network n(classes: int) { embedding(9, 4)\n repeat(9) { named(\"a\") { lstm(4) } }\n token(-1) -> linear(classes) }";
    assert_eq!(fails(nine, &[7]).1, "there are more than 8 layers of `lstm` called `a`");
    let two = "network n(classes: int) { a: linear(3)\n named(\"a\") { linear(classes) } }";
    assert_eq!(fails(two, &[7]).1, "two neighbouring steps are called `a`");
}

#[test]
fn resnet18_has_torchvisions_names() {
    let net = Shelf::new("").net("resnet18", &[("stem", word("imagenet"))], &[224, 224, 3], 1000);
    let mut expected = vec!["conv1.weight".to_string(), "bn1.weight".into(), "bn1.bias".into()];
    for layer in 1..=4 {
        for block in 0..2 {
            for part in ["conv1.weight", "bn1.weight", "bn1.bias", "conv2.weight", "bn2.weight", "bn2.bias"] {
                expected.push(format!("layer{layer}.{block}.{part}"));
            }
            if layer > 1 && block == 0 {
                for part in ["0.weight", "1.weight", "1.bias"] {
                    expected.push(format!("layer{layer}.0.downsample.{part}"));
                }
            }
        }
    }
    expected.extend(["fc.weight".to_string(), "fc.bias".into()]);
    assert_eq!(paths(&net), expected);
}

#[test]
fn names_of_resnet50_and_vgg_are_torchvisions() {
    let shelf = Shelf::new("");
    let resnet = paths(&shelf.net("resnet50", &[], &[32, 32, 3], 100));
    for name in ["layer1.0.downsample.0.weight", "layer1.0.conv3.weight", "layer1.2.bn3.bias", "layer4.2.conv2.weight", "fc.bias"]
    {
        assert!(resnet.contains(&name.to_string()), "{name}");
    }
    assert_eq!(resnet.len(), 161);
    let args = [("norm", Static::Bool(false)), ("head", word("imagenet"))];
    let vgg: Vec<_> =
        paths(&shelf.net("vgg11", &args, &[224, 224, 3], 1000)).into_iter().filter(|n| n.ends_with("weight")).collect();
    let convolutions = [0, 3, 6, 8, 11, 13, 16, 18].map(|i| format!("features.{i}.weight"));
    let linear = [0, 3, 6].map(|i| format!("classifier.{i}.weight"));
    assert_eq!(vgg, [&convolutions[..], &linear[..]].concat());
    let normed = paths(&shelf.net("vgg11", &[], &[32, 32, 3], 10));
    assert_eq!(
        &normed[..6],
        ["features.0.weight", "features.0.bias", "features.1.weight", "features.1.bias", "features.4.weight", "features.4.bias"]
    );
    assert_eq!(&normed[normed.len() - 2..], ["classifier.weight", "classifier.bias"]);
}

#[test]
fn stages_have_the_shapes_of_the_papers() {
    let shelf = Shelf::new("");
    let four = |n: usize| {
        stages(&[
            ("stage1", &[n, n, 64]),
            ("stage2", &[n / 2, n / 2, 128]),
            ("stage3", &[n / 4, n / 4, 256]),
            ("stage4", &[n / 8, n / 8, 512]),
        ])
    };
    assert_eq!(tapped(&shelf.net("resnet18", &[], &[32, 32, 3], 100)), four(32));
    assert_eq!(tapped(&shelf.net("resnet18", &[("stem", word("mini_imagenet"))], &[84, 84, 3], 100)), four(32));
    assert_eq!(tapped(&shelf.net("resnet34", &[("stem", word("imagenet"))], &[224, 224, 3], 100)), four(56));
    let fifty = shelf.net("resnet50", &[], &[32, 32, 3], 100);
    assert_eq!(tapped(&fifty)[3], ("stage4".to_string(), vec![4, 4, 2048]));
    let three = stages(&[("stage1", &[32, 32, 16]), ("stage2", &[16, 16, 32]), ("stage3", &[8, 8, 64])]);
    assert_eq!(tapped(&shelf.net("resnet32", &[], &[32, 32, 3], 10)), three);
    let tiny = stages(&[("stage1", &[8, 8, 16]), ("stage2", &[4, 4, 32]), ("stage3", &[2, 2, 64])]);
    assert_eq!(tapped(&shelf.net("tiny_resnet", &[], &[8, 8, 1], 10)), tiny);
    let vgg = shelf.net("vgg13", &[], &[32, 32, 3], 10);
    assert_eq!(tapped(&vgg)[4], ("stage5".to_string(), vec![2, 2, 512]));
}

#[test]
fn taps_of_residual_stages_stand_after_their_last_relu() {
    for name in ["resnet18", "resnet50", "resnet20", "tiny_resnet"] {
        let net = Shelf::new("").net(name, &[], &[32, 32, 3], 10);
        for (_, node) in &net.taps {
            assert_eq!(net.nodes[*node].op, LayerOp::Relu);
            assert_eq!(net.nodes[node - 1].op, LayerOp::Add);
        }
    }
}

#[test]
fn the_last_batch_norm_of_each_branch_starts_at_zero() {
    let shelf = Shelf::new("");
    for (name, per_stage) in [("resnet18", 8), ("resnet50", 16), ("tiny_resnet", 3)] {
        let net = shelf.net(name, &[], &[32, 32, 3], 10);
        let zero = |n: &super::ir::Node| matches!(n.op, LayerOp::BatchNorm { zero_scale: true, .. });
        assert_eq!(net.nodes.iter().filter(|n| zero(n)).count(), per_stage, "{name}");
        let last = if name == "resnet50" { "bn3" } else { "bn2" };
        assert!(net.nodes.iter().filter(|n| zero(n)).all(|n| n.path.ends_with(last)));
    }
    let net = shelf.net("resnet18", &[("zero_scale", Static::Bool(false))], &[32, 32, 3], 10);
    assert!(!net.nodes.iter().any(|n| matches!(n.op, LayerOp::BatchNorm { zero_scale: true, .. })));
}

#[test]
fn plain_networks_have_the_papers_widths_and_their_thinner_variants() {
    let shelf = Shelf::new("");
    let widths = |net: &Net| net.taps.iter().map(|t| net.nodes[t.1].shape[2]).collect::<Vec<_>>();
    let eleven = [64, 64, 128, 128, 128, 256, 256, 256, 512, 512, 512];
    assert_eq!(widths(&shelf.net("plain8", &[], &[32, 32, 3], 100)), eleven[..8]);
    let named = shelf.net("convnet11", &[], &[32, 32, 3], 10);
    assert_eq!(widths(&named), eleven);
    assert_eq!(
        named.taps.iter().map(|t| t.0.clone()).collect::<Vec<_>>(),
        (1..12).map(|i| format!("conv{i}")).collect::<Vec<_>>()
    );
    assert_eq!(named.hash(), shelf.net("plain11", &[], &[32, 32, 3], 10).hash());
    for width in [0.75, 0.5, 0.375, 0.25] {
        let thin = shelf.net("plain11", &[("width", Static::Number(width)), ("dropout", Static::Number(0.2))], &[32, 32, 3], 10);
        let drops = thin.nodes.iter().filter(|n| n.op == LayerOp::Dropout { rate: 0.2 }).count();
        assert_eq!((widths(&thin), drops), (eleven.map(|w| (w as f64 * width) as usize).to_vec(), 11));
    }
    assert_eq!(paths(&named)[..4], ["conv1.0.weight", "conv1.1.weight", "conv1.1.bias", "conv2.0.weight"]);
    let without = paths(&shelf.net("plain8", &[("norm", Static::Bool(false))], &[32, 32, 3], 10));
    assert_eq!(without[..3], ["conv1.0.weight", "conv1.0.bias", "conv2.0.weight"]);
}

#[test]
fn a_perceptron_has_a_tap_for_each_hidden_layer() {
    let shelf = Shelf::new("");
    let hidden = Static::List([128.0, 512.0, 2048.0, 2048.0].map(Static::Number).to_vec());
    let net = shelf.net("mlp", &[("hidden", hidden.clone())], &[28, 28, 1], 10);
    let expected = stages(&[("hidden1", &[128]), ("hidden2", &[512]), ("hidden3", &[2048]), ("hidden4", &[2048])]);
    assert_eq!(tapped(&net), expected);
    assert_eq!(net.parameters(), 784 * 128 + 128 + 128 * 512 + 512 + 512 * 2048 + 2048 + 2048 * 2048 + 2048 + 2048 * 10 + 10);
    assert_eq!(paths(&net)[..3], ["hidden1.0.weight", "hidden1.0.bias", "hidden2.0.weight"]);
    let call = shelf.call("mlp", &[("hidden", hidden)]);
    let names: Vec<_> = taps(&shelf, &call).unwrap().into_iter().map(|t| t.0).collect();
    assert_eq!(names, net.taps.iter().map(|t| t.0.clone()).collect::<Vec<_>>());
}

#[test]
fn taps_are_known_without_shapes_for_every_network() {
    let shelf = Shelf::new("");
    for (name, item) in &shelf.places {
        let Some(declared) = Declared::of(&shelf.items[*item]).filter(Declared::is_network) else { continue };
        let needed = declared.params.iter().filter(|p| p.default.is_none() && p.name.name != "classes");
        let args: Vec<_> = needed.map(|p| (p.name.name.as_str(), Static::Number(2.0))).collect();
        let input: &[usize] = match name.as_str() {
            "lstm_lm" | "lstm_classifier" => &[100],
            _ => &[32, 32, 3],
        };
        let net = shelf.net(name, &args, input, if name == "dcgan" { 1 } else { 10 });
        let names: Vec<_> = taps(&shelf, &shelf.call(name, &args)).unwrap().into_iter().map(|t| t.0).collect();
        assert_eq!(names, net.taps.iter().map(|t| t.0.clone()).collect::<Vec<_>>(), "{name}");
        let mut unique = paths(&net);
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), paths(&net).len(), "{name}");
    }
}

#[test]
fn the_library_checks_clean_and_declares_every_built_in() {
    let shelf = Shelf::new("");
    let mut built_in = Vec::new();
    for item in &shelf.items {
        if let Some(declared) = Declared::of(item) {
            assert_eq!(check_body(&shelf, declared), Diags::default(), "{}", declared.name.name);
        } else if let ItemKind::Extern { name, .. } = &item.kind {
            built_in.push(name.name.as_str());
            assert!(item.doc.is_some(), "{}", name.name);
        }
    }
    built_in.sort();
    assert_eq!(built_in, BUILT_IN);
}

#[test]
fn tiny_resnet_is_small() {
    let net = Shelf::new("").net("tiny_resnet", &[], &[8, 8, 1], 10);
    assert_eq!(net.parameters(), 77_754);
    assert!(net.multiply_adds() < 1_000_000, "{}", net.multiply_adds());
}

#[test]
fn names_of_parameters_follow_labels_numbers_and_modules() {
    let shelf = Shelf::new(
        "layer unit(c: int) {\n a: conv(c, 3)\n relu\n}\nlayer pair(c: int) {\n conv(c, 3) -> relu\n}\n\
         network n(classes: int) {\n conv(4, 3) -> relu\n one: conv(4, 3)\n two: pair(4) -> unit(4)\n three: unit(4)\n unit(4)\n pair(4)\n\
         repeat(2) { turn: unit(4) }\n named(\"x\") { unit(4) -> unit(4) }\n unnamed { unit(4) }\n kept: unnamed { conv(4, 1) }\n\
         global_mean\n linear(classes)\n}",
    );
    let net = shelf.net("n", &[], &[8, 8, 3], 10);
    let convs: Vec<_> = net.nodes.iter().filter(|n| n.op.word() == "conv").map(|n| n.path.clone()).collect();
    assert_eq!(convs, ["0", "one", "two.0", "two.2.a", "three.a", "2.a", "3", "turn1.a", "turn2.a", "x.0.a", "x.1.a", "a", "6"]);
    assert_eq!(net.taps.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["one", "two", "three", "turn1", "turn2", "kept"]);
}

#[test]
fn layers_can_be_passed_in_and_combined() {
    let shelf = Shelf::new(
        "let wide = 4 * 2\nlayer around(inner: layers, after: layers = relu) {\n residual { inner -> inner }\n after\n}\n\
         network n(classes: int) {\n conv(wide, 3)\n around(conv(wide, 3) -> tanh)\n around(inner: gelu, after: identity)\n\
         concat {\n identity\n b: conv(3, 1) -> relu\n}\n flatten\n linear(classes)\n}",
    );
    let net = shelf.net("n", &[], &[4, 4, 1], 10);
    let ops: Vec<_> = net.nodes.iter().map(|n| n.op.word()).collect();
    let expected = [
        "conv", "conv", "tanh", "conv", "tanh", "add", "relu", "gelu", "gelu", "add", "conv", "relu", "concat", "flatten",
        "linear",
    ];
    assert_eq!(ops, expected);
    assert_eq!(net.nodes[12].shape, [4, 4, 11]);
    assert_eq!(net.nodes[13].shape, [176]);
}

#[test]
fn shapes_that_do_not_fit_name_the_layer_and_both_shapes() {
    let n = |body: &str| format!("network n(classes: int) {{\n{body}\n}}");
    for (body, input, code, message, at) in [
        (
            "flatten\nconv(8, 3)",
            &[8usize, 8, 1][..],
            "cfx::shape::rank",
            "`conv` convolves images, but its input is 64 units",
            "conv",
        ),
        (
            "conv(8, 3)\nlinear(classes)",
            &[8, 8, 1],
            "cfx::shape::rank",
            "`linear` maps vectors, but its input is 8 x 8 x 8",
            "linear",
        ),
        (
            "max_pool(2)\nlinear(classes)",
            &[64],
            "cfx::shape::rank",
            "`max_pool` pools images, but its input is 64 units",
            "max_pool",
        ),
        (
            "flatten\nglobal_mean",
            &[4, 4, 1],
            "cfx::shape::rank",
            "`global_mean` takes a mean over positions, but its input is 16 units",
            "global_mean",
        ),
        ("max_pool(9)", &[8, 8, 1], "cfx::shape::pool", "`max_pool` has windows of 9 positions on an image of 8", "max_pool"),
        (
            "conv(4, 5, pad: 1)",
            &[2, 2, 1],
            "cfx::shape::empty",
            "`conv` would have no output: its kernel covers 5 positions of 2, 4 with padding",
            "conv",
        ),
        ("conv(8, 3, groups: 2)", &[8, 8, 3], "cfx::shape::groups", "`conv` cannot split 3 input channels into 2 groups", "conv"),
        (
            "conv(9, 3, groups: 2)",
            &[8, 8, 2],
            "cfx::shape::groups",
            "`conv` cannot split 9 output channels into 2 groups",
            "conv",
        ),
        (
            "subsample_pad(4, 2)",
            &[8, 8, 3],
            "cfx::shape::pad",
            "`subsample_pad` cannot pad 3 channels to 4 with equal zeros on both sides",
            "subsample_pad",
        ),
        (
            "residual { conv(8, 3, stride: 2) }",
            &[8, 8, 3],
            "cfx::shape::residual",
            "the steps of `residual` give 4 x 4 x 8, but its shortcut gives 8 x 8 x 3",
            "residual",
        ),
        (
            "residual(project: conv(4, 1)) { conv(8, 3) }",
            &[8, 8, 3],
            "cfx::shape::residual",
            "the steps of `residual` give 8 x 8 x 8, but its shortcut gives 8 x 8 x 4",
            "residual",
        ),
        (
            "concat {\nconv(4, 3)\nmax_pool(2)\n}",
            &[8, 8, 3],
            "cfx::shape::concat",
            "`concat` cannot put 4 x 4 x 3 beside 8 x 8 x 4",
            "max_pool(2)",
        ),
        (
            "global_mean\nlinear(7)",
            &[8, 8, 3],
            "cfx::shape::output",
            "network `n` ends in 7 units, but there are 10 classes",
            "linear(7)",
        ),
        (
            "conv(10, 3)",
            &[8, 8, 3],
            "cfx::shape::output",
            "network `n` ends in 8 x 8 x 10, but there are 10 classes",
            "conv(10, 3)",
        ),
        (
            "conv(4, 2)",
            &[8, 8, 3],
            "cfx::network::setting",
            "a 2 x 2 kernel has no middle, so the default `pad` is not a whole number",
            "conv",
        ),
        (
            "conv(0, 3)",
            &[8, 8, 3],
            "cfx::network::setting",
            "`channels` of `conv` is 0; it must be a whole number from 1 to a million",
            "conv",
        ),
        (
            "max_pool(2, pad: 2)",
            &[8, 8, 3],
            "cfx::network::setting",
            "`pad` of `max_pool` is 2; it must be at most half the kernel, 1",
            "max_pool",
        ),
        (
            "conv_transposed(4, 3, stride: 2)",
            &[8, 8, 3],
            "cfx::network::setting",
            "with kernel 3 and stride 2 no padding makes the image 2 times as large, so there is no default `pad`",
            "conv_transposed",
        ),
        (
            "conv_transposed(4, 2, pad: 1)",
            &[1, 2, 3],
            "cfx::shape::empty",
            "`conv_transposed` would have no output for 1 positions: `pad` takes 1 from each side",
            "conv_transposed",
        ),
        (
            "conv_transposed(4, 4, stride: 2, output_pad: 2)",
            &[2, 2, 3],
            "cfx::network::setting",
            "`output_pad` of `conv_transposed` is 2; it must be below stride or dilation, 2",
            "conv_transposed",
        ),
        (
            "group_norm(4)",
            &[8, 8, 6],
            "cfx::shape::groups",
            "`group_norm` cannot split 6 input channels into 4 groups",
            "group_norm",
        ),
        ("upsample(2)", &[8], "cfx::shape::rank", "`upsample` enlarges images, but its input is 8 units", "upsample"),
        ("reshape(2, 3)", &[8], "cfx::network::setting", "`reshape` cannot make 2 x 3 x 1 of 8 units", "reshape"),
        (
            "self_attention(2)",
            &[8, 8, 3],
            "cfx::shape::rank",
            "`self_attention` attends to tokens, but its input is 8 x 8 x 3",
            "self_attention",
        ),
        (
            "tokens\nself_attention(2)",
            &[8, 8, 3],
            "cfx::shape::groups",
            "`self_attention` cannot split 3 features into 2 heads",
            "self_attention",
        ),
        (
            "tokens\ntoken(-65)",
            &[8, 8, 3],
            "cfx::network::setting",
            "`at` of `token` is -65; it must be a whole number from -64 to 63",
            "token",
        ),
        (
            "embedding(10, 4)",
            &[8, 8, 3],
            "cfx::shape::rank",
            "`embedding` takes words by their numbers, but its input is 8 x 8 x 3",
            "embedding",
        ),
        ("lstm(4)", &[8], "cfx::shape::rank", "`lstm` runs along tokens, but its input is 8 units", "lstm"),
        (
            "tokens\nlinear(classes)",
            &[8, 8, 3],
            "cfx::shape::output",
            "network `n` ends in 64 x 10, but there are 10 classes",
            "linear(classes)",
        ),
        (
            "feed_forward(4)",
            &[8, 8, 3],
            "cfx::shape::rank",
            "`feed_forward` maps vectors and tokens, but its input is 8 x 8 x 3",
            "feed_forward",
        ),
        (
            "dropout_channels(0.1)",
            &[8],
            "cfx::shape::rank",
            "`dropout_channels` drops channels of images, but its input is 8 units",
            "dropout_channels",
        ),
        (
            "dropout(120%)",
            &[8, 8, 3],
            "cfx::network::setting",
            "`rate` of `dropout` is 1.2; it must be between 0 and 1",
            "dropout",
        ),
        ("conv(classes / 4, 3)", &[8, 8, 3], "cfx::static::type", "expected int, found the number 2.5", "classes / 4"),
        ("identity", &[8], "cfx::network::empty", "network `n` has no layers", "n"),
        ("t: identity", &[8], "cfx::network::tap", "`t` would name the network's input, not the output of a layer", "t"),
        (
            "repeat(100000) { repeat(10) { relu } }",
            &[8],
            "cfx::network::too_large",
            "the network has more than 20000 layers",
            "relu",
        ),
        (
            "repeat(100000) { repeat(100000) { identity } }",
            &[8],
            "cfx::network::too_large",
            "the network takes more than 500000 steps to lay out",
            "identity",
        ),
        (
            "linear(1000000)\nlinear(1000000)",
            &[8],
            "cfx::network::too_large",
            "`linear` is too large: its output is 1000000 units",
            "linear",
        ),
    ] {
        assert_eq!(fails(&n(body), input), (code.into(), message.into(), at.into()), "{body}");
    }
}

#[test]
fn an_error_inside_a_layer_names_the_calls_that_led_there() {
    let shelf = Shelf::new("network n(classes: int) {\n flatten\n basic_stage(16, 2)\n}");
    let diags = elaborate(&shelf, &shelf.call("n", &[]), &vec![8, 8, 1], 10).expect_err("an error is expected");
    let places: Vec<_> = diags.0[0].labels.iter().map(|(span, words)| (shelf.text(*span), words.as_str())).collect();
    let used = |name: &'static str| (name, ["in `", name, "`, used here on 64 units"].concat());
    assert_eq!(places[0], ("conv", "gets 64 units"));
    assert_eq!((places[1].0, places[1].1.to_string()), used("basic_block"));
    assert_eq!((places[2].0, places[2].1.to_string()), used("basic_stage"));
    assert_eq!(places[3].1, "network `n` on an input of 8 x 8 x 1");
}

#[test]
fn bodies_are_checked_without_shapes() {
    let n = |body: &str| {
        format!("let k = 3\ndataset d = digits()\nnetwork n(classes: int, kind: option(big, small) = big) {{\n{body}\n}}")
    };
    for (body, code, message) in [
        ("cnov(16, 3)", "cfx::network::unknown_layer", "there is no layer `cnov`; did you mean `conv`?"),
        ("conv(16, 3, strid: 2)", "cfx::call::unknown_argument", "`conv` has no argument `strid`; did you mean `stride`?"),
        (
            "conv(16)",
            "cfx::call::missing",
            "`conv` needs the argument `kernel`; `conv` takes channels, kernel, stride (optional), pad (optional), dilation (optional), groups (optional), bias (optional)",
        ),
        ("relu(3)", "cfx::call::too_many", "`relu` takes no arguments; "),
        ("conv(16, 3, kernel: 5)", "cfx::call::doubled", "`conv` is given `kernel` twice; keep one of them"),
        (
            "conv(channels: 16, 3)",
            "cfx::call::order",
            "a positional argument of `conv` follows a named one; put positional arguments first, or name this one",
        ),
        ("conv(width, 3)", "cfx::name::unknown", "there is no `width` here; parameters here: classes, kind"),
        ("conv(2 * clases, 3)", "cfx::name::unknown", "there is no `clases` here; did you mean `classes`?"),
        ("conv(d, 3)", "cfx::static::unknown", "`d` is not a value known before the run; "),
        ("conv(16, \"3\")", "cfx::static::type", "expected int, found the text \"3\"; "),
        (
            "if kind == bigg then relu else tanh",
            "cfx::static::option",
            "`bigg` is not one of the words allowed here; did you mean `big`?",
        ),
        (
            "resnet18(classes, stem: cifr)",
            "cfx::static::option",
            "`cifr` is not one of the words allowed here; did you mean `cifar`?",
        ),
        ("d", "cfx::network::not_layer", "`d` is a dataset, not a layer; "),
        ("k", "cfx::network::not_layer", "`k` is the number 3, not a layer; "),
        ("classes", "cfx::network::not_layer", "`classes` is a value, not a layer; "),
        ("3 + 4", "cfx::network::not_layer", "this is not a layer; a step is a layer, as in `conv(16, 3) -> relu`"),
        (
            "residual",
            "cfx::network::no_steps",
            "`residual` holds steps, but there are none; write `residual { conv(16, 3) -> relu }`",
        ),
        (
            "relu { tanh }",
            "cfx::network::steps",
            "`relu` holds no steps; in a body, arguments stand in round brackets: `relu(…)`",
        ),
        (
            "each([1, 2]) { relu }",
            "cfx::call::each",
            "`each` takes one named list; name what stands for each element: `each(width: [64, 32]) { linear(width) -> relu }`",
        ),
        ("a: relu\na: tanh", "cfx::network::doubled_label", "two neighbouring steps are called `a`; give them different labels"),
        ("a: residual { a: relu }", "cfx::network::doubled_label", "there are two taps `a`; give them different labels"),
        (
            "n",
            "cfx::network::cycle",
            "`n` contains itself; a layer is made of others; to use one several times, write `repeat(n) { … }`",
        ),
        (
            "linear(classes) -> relu",
            "cfx::network::unused_parameter",
            "`kind` of `n` has no effect; remove it, or use it in the body",
        ),
        ("each(w: [8, 16]) { linear(w) } -> relu\nconv(k, k) -> (if kind == big then relu else linear(classes))", "", ""),
    ] {
        let found = checked(&n(body), "n");
        let first = found.first().cloned().unwrap_or_default();
        assert_eq!(first, (code.to_string(), message.to_string()), "{body}");
    }
}

#[test]
fn layers_that_contain_each_other_are_found_and_never_laid_out() {
    let text = "layer a() { b }\nlayer b() { residual { a } }\nnetwork n(classes: int) { a }";
    assert_eq!(checked(text, "a")[0].1.split(';').next(), Some("`a` contains itself"));
    assert!(checked(text, "n").is_empty());
    assert_eq!(fails(text, &[8]).0, "cfx::network::too_large");
}

#[test]
fn doubled_taps_of_networks_used_as_steps_are_errors() {
    let text = "network one(classes: int) { t: relu }\nnetwork n(classes: int) { one -> one -> linear(classes) }";
    assert_eq!(fails(text, &[8]).0, "cfx::network::doubled_label");
    let shelf = Shelf::new(text);
    assert_eq!(taps(&shelf, &shelf.call("n", &[])).unwrap_err().0[0].message, "there are two taps `t`");
}

#[test]
fn classes_come_from_the_data_unless_given() {
    let shelf = Shelf::new("network n(classes: int) { linear(classes) }");
    assert_eq!(shelf.net("n", &[], &[8], 7).nodes[0].shape, [7]);
    let given = shelf.call("n", &[("classes", Static::Number(5.0))]);
    assert_eq!(elaborate(&shelf, &given, &vec![8], 7).unwrap_err().0[0].code, "cfx::shape::output");
}

#[test]
fn long_ways_down_are_refused_without_overflowing_the_stack() {
    let chain: String = (0..2000).map(|i| format!("layer l{i}() {{ residual {{ l{} }} }}\n", i + 1)).collect();
    let text = format!("{chain}layer l2000() {{ relu }}\nnetwork n(classes: int) {{ l0 }}");
    assert_eq!(fails(&text, &[8]).0, "cfx::network::too_large");
    assert!(checked(&text, "n").is_empty());
    let circle: String = (0..400).map(|i| format!("network m{i}() {{ m{} }}\n", (i + 1) % 400)).collect();
    let shelf = Shelf::new(&circle);
    assert_eq!(taps(&shelf, &shelf.call("m0", &[])).unwrap_err().0[0].code, "cfx::network::too_large");
}

//! No dead argument: for each argument of each operation and figure there is a call on which changing it changes the result.

use super::calls::{Call, bases, inputs, of_param, settings, words};
use super::compare::{self, Atom, atoms};
use super::world::{self, Line, WORLD};
use super::{excused, judge};
use cfx::engine::Value;
use cfx::lang::signature::{AxisWord, SettingType, Signature, takes};
use std::collections::BTreeMap;

/// What must stand beside an argument for it to have something to do: operation, argument (a field of a constructor by
/// `argument.constructor.field`), arguments.
const BESIDE: &[(&str, &str, &[(&str, &str)])] = &[
    ("arrays", "layout", &[("x", "\"data/pixels.npy\""), ("labels", "\"data/labels.npy\"")]),
    ("arrays", "test_labels", &[("test_x", "\"data/packed.npz:x\"")]),
    ("arrays", "test_x", &[("test_labels", "\"data/labels.npy\"")]),
    ("bands", "panels", &[("x", "b"), ("y", "[n3, y2]")]),
    ("cca", "variance", &[("variant", "svcca")]),
    ("certify", "n0", &[("examples", "0"), ("sigma", "2")]),
    ("curves", "panels", &[("data", "[n3, y2]"), ("x", "b")]),
    (
        "classify",
        "prior",
        &[
            ("x", "svd(acts[hidden1], width: 2)"),
            (
                "p",
                "dp_mixture(svd(acts[hidden1], width: 2), by: class, sampler: gibbs(passes: 12, burn_in: 4, thin: 4, chains: 2), seed: 1)",
            ),
        ],
    ),
    ("curves", "y", &[("data", "tab"), ("x", "epoch")]),
    ("dp_mixture", "at_least", &[("x", "svd(acts[hidden1], width: 2)"), ("by", "class")]),
    ("dp_mixture", "in_every", &[("x", "acts[hidden1]"), ("by", "class"), ("within", "ease"), ("at_least", "2")]),
    ("dp_mixture", "within", &[("x", "acts[hidden1]")]),
    ("generative_classification", "at_least", &[("x", "svd(acts[hidden1], width: 2)")]),
    (
        "generative_classification",
        "sampler.block_gibbs.start",
        &[("x", "gaussian_stages(rows: 60, units: 2, classes: 3, seed: 3)")],
    ),
    ("generative_classification", "sampler.gibbs.start", &[("x", "gaussian_stages(rows: 60, units: 2, classes: 3, seed: 3)")]),
    (
        "generative_classification",
        "sampler.split_merge.start",
        &[("x", "gaussian_stages(rows: 60, units: 2, classes: 3, seed: 3)")],
    ),
    (
        "generative_classification",
        "sampler.merge_split.start",
        &[("x", "gaussian_stages(rows: 60, units: 2, classes: 3, seed: 3)")],
    ),
    ("heatmap", "tree", &[("x", "cka(acts[hidden1], between: run)")]),
    ("heatmap", "value", &[("x", "tab"), ("rows", "run"), ("columns", "epoch")]),
    ("image_folder", "order", &[("folder", "\"data/order\"")]),
    ("import_weights", "at", &[("file", "\"data/averaged.pt\""), ("network", "mlp(hidden: [1])"), ("fresh", "[]")]),
    ("load_stages", "layout", &[("path", "\"data/pixels.npy\""), ("labels", "\"data/labels.npy\"")]),
    ("load_stages", "pool", &[("path", "\"data/pixels.npy\""), ("labels", "\"data/labels.npy\""), ("layout", "nhwc")]),
    ("load_stages", "rows", &[("path", "\"data/square.npy\""), ("labels", "\"data/labels.npy\"")]),
    (
        "clusters",
        "linkage",
        &[
            ("x", "cosine_distance(gaussian_stages(rows: 6, units: 2, seed: 300 + trial + 10 * a), between: [trial, a])"),
            ("along", "[trial, a]"),
            ("groups", "3"),
        ],
    ),
    ("join", "over", &[("x", "gaussian_stages(rows: 5, units: 3, seed: a + 10 * run)")]),
    ("project", "tolerance", &[("against", "tap(m2, e, at: hidden2)")]),
    ("only", "seed", &[("count", "5")]),
    ("profile", "groups", &[("facet", "run")]),
    ("relabel", "by", &[("labels", "none")]),
    ("selection", "along", &[("subset", "2")]),
    ("selection", "top", &[("subset", "3"), ("along", "[a, b]")]),
    ("share", "of", &[("x", "grt")]),
    ("tap", "pool", &[("net", "conv")]),
    ("tap", "position", &[("net", "conv"), ("at", "stage1")]),
    ("train", "from", &[("network", "mlp(hidden: [12, 8])")]),
    ("train", "stop.patience.epochs", &[("rate", "1e-6"), ("epochs", "6")]),
    ("train", "stop.patience.column", &[("rate", "0.02"), ("epochs", "8")]),
    ("train", "stop.patience.improvement", &[("rate", "0.1"), ("epochs", "6")]),
    ("train_gan", "init", &[("rate", "1e-4")]),
    ("train_gan", "rate.step.at", &[("epochs", "3")]),
    ("train_gan", "rate.step.factor", &[("epochs", "3")]),
];

/// What must stand beside a field of a constructor, within the constructor: argument and constructor, the fields.
const INSIDE: &[(&str, &[(&str, &str)])] = &[
    ("sampler.gibbs.budget", &[("passes", "12"), ("burn_in", "6"), ("thin", "3"), ("chains", "2")]),
    ("sampler.split_merge.budget", &[("passes", "12"), ("burn_in", "6"), ("thin", "3"), ("chains", "2")]),
    ("sampler.merge_split.budget", &[("passes", "12"), ("burn_in", "6"), ("thin", "3"), ("chains", "2")]),
    ("sampler.gibbs", &[("passes", "12"), ("burn_in", "4"), ("thin", "4"), ("chains", "2")]),
    ("sampler.block_gibbs", &[("passes", "12"), ("burn_in", "4"), ("thin", "4"), ("chains", "2")]),
    ("sampler.split_merge", &[("passes", "12"), ("burn_in", "4"), ("thin", "4"), ("chains", "2")]),
    ("sampler.merge_split", &[("passes", "12"), ("burn_in", "4"), ("thin", "4"), ("chains", "2")]),
    ("optimizer.sgd", &[("momentum", "0.9")]),
    ("rate.step", &[("at", "[1]")]),
    ("stop.when", &[("reaches", "100")]),
    ("stop.patience.epochs", &[("improvement", "5")]),
    ("stop.patience", &[("epochs", "1")]),
];

/// Ends of axes.
const RANGES: &[&str] = &["[0, 4]", "[1, 20]"];

/// Ends of bands.
const BANDS: &[&str] = &["[1, 3]", "[n0, 4]"];

/// Values that tell where those made from types do not: operation, argument, texts.
const VALUES: &[(&str, &str, &[&str])] = &[
    ("ablate", "at", &["hidden1", "hidden2"]),
    ("ablate", "order", &["random(2)", "random(3)"]),
    ("ablation_area", "ablation", &["abl", "ablate(m2, e, order: random(2), steps: 3, seed: 1)"]),
    ("arrays", "labels", &["\"data/packed.npz:labels\"", "\"data/labels.npy\""]),
    ("arrays", "test_labels", &["\"data/packed.npz:labels\"", "\"data/labels.npy\""]),
    ("arrays", "test_x", &["\"data/packed.npz:x\""]),
    ("certify", "n0", &["1", "2", "40"]),
    ("corpus", "test", &["\"data/rhyme.txt\""]),
    ("corpus", "valid", &["\"data/rhyme.txt\""]),
    ("curves", "y", &["loss", "accuracy"]),
    ("dp_mixture", "at_least", &["2", "5"]),
    ("dp_mixture", "in_every", &["ease"]),
    ("dp_mixture", "within", &["part"]),
    ("dp_mixture", "sampler.gibbs.passes", &["16", "20"]),
    ("dp_mixture", "sampler.gibbs.budget", &["24", "48"]),
    ("dp_mixture", "sampler.split_merge.budget", &["24", "48"]),
    ("dp_mixture", "sampler.merge_split.budget", &["24", "48"]),
    ("dp_mixture", "sampler.block_gibbs.passes", &["16", "20"]),
    ("dp_mixture", "sampler.split_merge.passes", &["16", "20"]),
    ("dp_mixture", "sampler.merge_split.passes", &["16", "20"]),
    ("dp_mixture", "sampler.merge_split.heated", &["0", "2", "4"]),
    ("any", "x", &["tr", "n3 > 1000"]),
    ("bands", "x_range", RANGES),
    ("bands", "y_range", RANGES),
    ("bars", "y_range", RANGES),
    ("curves", "x_range", RANGES),
    ("curves", "y_range", RANGES),
    ("distribution", "x_range", RANGES),
    ("distribution", "y_range", RANGES),
    ("heatmap", "order", &["n1", "0 - n1"]),
    ("heatmap", "range", RANGES),
    ("heatmap", "tree", &["cluster(1 - cka(acts[hidden1], between: run), over: run)"]),
    ("heatmap", "value", &["loss", "accuracy"]),
    ("profile", "y_range", RANGES),
    ("scatter", "x_range", RANGES),
    ("scatter", "y_range", RANGES),
    ("bands", "x_band", BANDS),
    ("bands", "y_band", BANDS),
    ("bars", "y_band", BANDS),
    ("curves", "x_band", BANDS),
    ("curves", "y_band", BANDS),
    ("distribution", "x_band", BANDS),
    ("distribution", "y_band", BANDS),
    ("profile", "y_band", BANDS),
    ("scatter", "x_band", BANDS),
    ("scatter", "y_band", BANDS),
    ("captured_energy", "x", &["svd(g, width: 1)", "svd(g, width: 2)"]),
    ("curve_area", "t", &["tab", "history(m2)"]),
    ("curve_area", "x", &["\"epoch\"", "\"accuracy\""]),
    ("curve_area", "y", &["\"loss\"", "\"accuracy\""]),
    ("highest", "data", &["e", "part"]),
    ("history", "m", &["m", "m2"]),
    ("influence", "data", &["d", "sample(d, 3, seed: 4)"]),
    ("kl_divergence", "draws", &["100", "200"]),
    ("influence", "on", &["e", "part"]),
    ("load_scores", "data", &["packed", "with_ids(packed, \"data/ids.npy\")"]),
    ("log_density", "x", &["g", "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 5 + a)"]),
    ("lowest", "data", &["e", "part"]),
    ("maximize_activation", "m", &["m", "m2"]),
    ("maximize_activation", "through", &["gan", "gan2"]),
    ("project", "against", &["tap(m2, e, at: hidden2)", "tap(m3, e, at: hidden1)"]),
    ("project", "at", &["hidden1", "\"hidden1.0\""]),
    ("project", "x", &["tap(m, e, at: hidden1)", "tap(m2, e, at: hidden1)"]),
    (
        "cluster",
        "x",
        &[
            "procrustes(tap(tried, e, at: hidden1), between: trial)",
            "cosine_distance(tap(tried, e, at: hidden1), between: trial)",
        ],
    ),
    (
        "clusters",
        "x",
        &[
            "procrustes(tap(tried, e, at: hidden1), between: trial)",
            "cosine_distance(gaussian_stages(rows: 6, units: 2, seed: trial), between: trial)",
            "cosine_distance(gaussian_stages(rows: 6, units: 2, seed: 7 + trial), between: trial)",
        ],
    ),
    (
        "cosine_distance",
        "against",
        &[
            "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 20 + a)",
            "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 30 + a)",
        ],
    ),
    ("cosine_distance", "x", &["g", "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 40 + a)"]),
    (
        "euclidean_distance",
        "against",
        &[
            "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 20 + a)",
            "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 30 + a)",
        ],
    ),
    ("euclidean_distance", "x", &["g", "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 40 + a)"]),
    ("join", "over", &["a", "run"]),
    ("quantile_bins", "data", &["e", "part"]),
    ("snapshot", "m", &["m", "m3"]),
    ("split", "data", &["src", "normal"]),
    ("split", "name", &["\"train\"", "\"test\""]),
    ("unit_correlation", "a", &["sel", "class_selectivity(m2, e)"]),
    ("unit_correlation", "b", &["each", "ablate_each(m2, e)"]),
    ("unit_correlation", "x", &["\"selectivity\"", "\"highest\""]),
    ("unit_correlation", "y", &["\"drop\"", "\"accuracy\""]),
    ("where", "condition", &["trs", "s2 > 3"]),
    ("where", "data", &["e", "part"]),
    ("add_noise", "sd", &["0", "0.1", "2"]),
    ("calibration", "bins", &["2", "15"]),
    ("calibration", "confidence", &["confidence(m, e)", "confidence(m2, e)"]),
    ("calibration", "correct", &["correct(m, e)", "correct(m2, e)"]),
    ("classify", "p", &["p", "q"]),
    ("classify", "x", &["g", "gaussian_stages(rows: 24, units: 3, classes: 2, seed: 5 + a)"]),
    ("folds", "count", &["3", "4"]),
    ("folds", "data", &["e", "part"]),
    ("f_score_of", "x", &["predicted(m, e)", "predicted(m2, e)"]),
    ("label", "x", &["e", "part"]),
    ("of_class", "class", &["[\"3\"]", "[\"0\", \"7\"]"]),
    ("of_class", "data", &["e", "part"]),
    ("only", "x", &["n3", "y2 + 0 * c"]),
    ("only", "condition", &["a * b < 3", "b < 5"]),
    ("only", "count", &["2", "5"]),
    ("only", "seed", &["1", "2"]),
    ("own_class", "of", &["s1", "label(part)"]),
    ("own_class", "x", &["cls", "mean(s2, by: class)"]),
    ("relabel", "by", &["label(packed)", "abs(label(packed) - 1)"]),
    ("selection", "subset", &["2", "3"]),
    ("selection", "top", &["1", "2"]),
    ("union", "data", &["part", "e"]),
    ("union", "other", &["part", "sample(e, 5, seed: 9)"]),
    ("without", "data", &["e", "part"]),
    ("without", "other", &["part", "sample(e, 5, seed: 9)"]),
    ("field", "name", &["mean", "std"]),
    ("field", "x", &["rec", "describe(n2, over: b)"]),
    ("generate", "data", &["d", "normal"]),
    ("generate", "m", &["gan", "gan[a: 0]"]),
    ("generative_classification", "sampler.gibbs.passes", &["16", "20"]),
    ("generative_classification", "sampler.gibbs.budget", &["24", "48"]),
    ("generative_classification", "sampler.split_merge.budget", &["24", "48"]),
    ("generative_classification", "sampler.merge_split.budget", &["24", "48"]),
    ("generative_classification", "sampler.block_gibbs.passes", &["16", "20"]),
    ("generative_classification", "sampler.split_merge.passes", &["16", "20"]),
    ("generative_classification", "sampler.merge_split.passes", &["16", "20"]),
    ("generative_classification", "sampler.merge_split.heated", &["0", "2", "4"]),
    ("generative_classification", "at_least", &["2", "3", "4", "5"]),
    ("idx", "test_images", &["\"data/small-images\""]),
    ("idx", "test_labels", &["\"data/small-labels\""]),
    ("import_weights", "at", &["\"model\"", "\"ema\""]),
    ("import_weights", "fresh", &["[\"fc.\"]", "[\"fc.\", \"conv1.\"]"]),
    ("influence", "net", &["tried", "tried[trial: [0, 1, 2]]"]),
    ("load_scores", "path", &["\"data/scores.npy\"", "\"data/packed.npz:labels\""]),
    ("load_stages", "array", &["\"s2\"", "\"s10\""]),
    ("load_stages", "path", &["\"data/stages.npz\"", "\"data/square.npy\""]),
    ("load_stages", "labels", &["\"data/stages.npz:labels\"", "\"data/labels.npy\""]),
    ("maximize_activation", "data", &["d", "normal"]),
    ("memorization", "net", &["tried", "tried[trial: [0, 1, 2]]"]),
    ("memorization_error", "net", &["tried", "tried[trial: [0, 1, 2]]"]),
    ("perturb", "at", &["hidden1", "hidden2"]),
    ("relative_entropy", "draws", &["100", "200"]),
    ("share", "of", &["low", "high"]),
    ("relabel", "data", &["packed", "with_ids(packed, \"data/ids.npy\")"]),
    ("relabel", "labels", &["\"data/labels.npy\"", "\"data/packed.npz:labels\""]),
    ("train", "freeze", &["[hidden1]"]),
    ("train", "from", &["m[run: 0]"]),
    ("train", "record.accuracy.data", &["d", "e"]),
    ("train", "record.loss.data", &["d", "e"]),
    ("train", "stop", &["when(reaches: 0.01)", "patience(epochs: 1)"]),
    ("train", "stop.when.reaches", &["0.01", "0.9"]),
    ("train", "stop.when.column", &["loss", "accuracy"]),
    ("train", "stop.patience.column", &["loss", "accuracy"]),
    ("train", "stop.patience.improvement", &["0", "5"]),
    ("train_gan", "from", &["gan[a: 0]"]),
    ("train_gan", "network", &["adversaries", "adversaries(width: 4)"]),
    ("trial_outcome", "on", &["d", "e"]),
    ("with_ids", "data", &["packed", "relabel(packed, \"data/labels.npy\")"]),
    ("with_ids", "path", &["\"data/ids.npy\"", "\"data/labels.npy\""]),
];

/// Arguments that change no result, with the reason. This list may only shrink.
const NO_RESULT: &[(&str, &str, &str)] = &[
    ("align", "a", "gives the axis alone, by which coordinates are matched; tests/suite/axes has both"),
    ("align", "axis", "axes of one name and several origins are of classes and stages; tests/suite/axes has both"),
    ("import_weights", "file", "the one file of the world that fits the network; others are read by unit tests"),
    (
        "import_weights",
        "ignore",
        "names that the network has no use for; without it they are refused, as in tests/bad/weights_fit",
    ),
    ("import_weights", "network", "only the network that the file is of fits"),
    ("import_weights", "rename", "names that fit already; what does not fit is refused"),
    ("train_gan", "optimizer.sam.rho", "`train_gan` refuses `sam`"),
    ("train_gan", "optimizer.sam.base", "`train_gan` refuses `sam`"),
    ("arrays", "x", "the one file of the world whose labels fit"),
    ("arrays", "test_x", "the one file of the world whose labels fit"),
    ("load_stages", "path", "the one file of the world whose labels fit"),
    ("idx", "test_images", "the one file of the world; images and labels of the test come together"),
    ("idx", "test_labels", "the one file of the world; images and labels of the test come together"),
    ("influence", "over", "trials lie along one axis"),
    ("cluster", "over", "the one axis of the world that is paired with itself"),
    ("clusters", "along", "the one axis of the world that is paired with itself"),
    ("memorization", "over", "trials lie along one axis"),
    ("memorization_error", "over", "trials lie along one axis"),
    ("corpus", "train", "the one text of the world"),
    ("cifar10", "folder", "the one folder of the world"),
    ("cifar100", "folder", "the one folder of the world"),
    ("image_folder", "classes", "`shared` refuses or warns of what `pooled` takes, and gives the same otherwise"),
    ("image_folder", "folder", "the one folder of the world"),
    ("idx", "images", "the one file of the world"),
    ("idx", "labels", "the one file of the world"),
    ("mnist", "folder", "the one folder of the world"),
    ("train", "keep", "what is stored, not what is computed"),
    ("train_gan", "keep", "what is stored, not what is computed"),
    ("untrained", "keep", "what is stored, not what is computed"),
    ("train", "precision", "of GPUs; the CPU computes in 32 bits whatever is asked for"),
    ("train_gan", "precision", "of GPUs; the CPU computes in 32 bits whatever is asked for"),
    ("certify", "batch", "how many copies go through the network at a time"),
];

/// One thing to try: an argument by its path, a call with it, and what the call is beside it.
struct Trial {
    op: String,
    argument: String,
    /// The word that the argument is, where each word must do something.
    word: String,
    /// Which calls differ in this argument alone.
    group: usize,
    call: Call,
}

fn beside(op: &str, argument: &str, call: &Call) -> Call {
    let more = BESIDE.iter().filter(|(o, a, _)| *o == op && *a == argument).flat_map(|(_, _, args)| args.iter());
    more.fold(call.clone(), |call, (name, text)| call.with(name, text))
}

/// Returns texts to try for a parameter.
fn texts(op: &str, argument: &str, call: &Call, param: &cfx::syntax::ast::Param) -> Vec<String> {
    if let Some((_, _, texts)) = VALUES.iter().find(|(o, a, _)| *o == op && *a == argument) {
        return texts.iter().map(|t| t.to_string()).collect();
    }
    let takes = takes(param).expect("a parameter of the standard library");
    let mut out = Vec::new();
    if takes.axis.is_some() && !argument.contains('.') {
        out.extend(words(call, argument));
    }
    if let Some(ty) = &takes.setting {
        out.extend(settings(ty));
    }
    if !takes.inputs.is_empty() {
        out.extend(inputs(&takes.inputs).into_iter().take(12).map(str::to_string));
    }
    out
}

/// Returns the words of options within a type.
fn options(ty: &SettingType) -> Vec<String> {
    match ty {
        SettingType::Option(words) => words.clone(),
        _ => Vec::new(),
    }
}

/// Returns everything to try for the arguments of an operation.
fn trials(signature: &Signature, groups: &mut usize) -> Vec<Trial> {
    let mut out = Vec::new();
    let all = bases(signature);
    let trial = |argument: &str, word: String, group: usize, call: Call| Trial {
        op: signature.name.clone(),
        argument: argument.into(),
        word,
        group,
        call,
    };
    for (param, takes) in signature.params.iter().zip(&signature.takes) {
        let name = param.name.name.as_str();
        for base in all.iter().take(3) {
            *groups += 1;
            let mut base = beside(&signature.name, name, base);
            if takes.axis == Some(AxisWord::Pairs) {
                // Pairs are made of one value: what it was compared with is left out.
                out.push(trial(name, String::new(), *groups, base.clone()));
                base = base.without("against");
            }
            let given = base.without(name);
            out.push(trial(name, String::new(), *groups, given.clone()));
            let words = takes.setting.as_ref().map(options).unwrap_or_default();
            for text in texts(&signature.name, name, &base, param) {
                let word = if words.contains(&text) && !is_default(param, &text) { text.clone() } else { String::new() };
                out.push(trial(name, word, *groups, given.with(name, &text)));
            }
        }
        // Fields of constructors.
        let Some(base) = all.first() else { continue };
        for variant in takes.setting.iter().flat_map(variants) {
            for constructor in &world::library().variants[&variant].constructors {
                let made = constructor.name.name.as_str();
                for field in &constructor.params {
                    *groups += 1;
                    let path = format!("{name}.{made}.{}", field.name.name);
                    let inside = INSIDE
                        .iter()
                        .find(|(at, _)| *at == path || *at == format!("{name}.{made}"))
                        .map_or(&[][..], |(_, fields)| fields);
                    let call = beside(&signature.name, &path, base);
                    let mut others: Vec<String> = Vec::new();
                    for other in constructor.params.iter().filter(|p| p.name.name != field.name.name) {
                        let given = inside.iter().find(|(n, _)| *n == other.name.name).map(|(_, text)| text.to_string());
                        let needed = other.default.is_none().then(|| of_param(other));
                        others.extend(given.or(needed).map(|text| format!("{}: {text}", other.name.name)));
                    }
                    let with = |more: Option<String>| {
                        let text = format!("{made}({})", others.iter().cloned().chain(more).collect::<Vec<_>>().join(", "));
                        call.with(
                            name,
                            &if matches!(takes.setting, Some(SettingType::List(_))) { format!("[{text}]") } else { text },
                        )
                    };
                    out.push(trial(&path, String::new(), *groups, with(None)));
                    for text in texts(&signature.name, &path, &call, field) {
                        let word =
                            takes_words(field).into_iter().find(|w| *w == text && !is_default(field, w)).unwrap_or_default();
                        out.push(trial(&path, word, *groups, with(Some(format!("{}: {text}", field.name.name)))));
                    }
                }
            }
        }
    }
    out
}

fn takes_words(param: &cfx::syntax::ast::Param) -> Vec<String> {
    takes(param).ok().and_then(|t| t.setting).map(|ty| options(&ty)).unwrap_or_default()
}

/// Returns whether a word is what a parameter has where it is left out.
fn is_default(param: &cfx::syntax::ast::Param, word: &str) -> bool {
    matches!(&param.default, Some(expr) if matches!(&expr.kind, cfx::syntax::ast::ExprKind::Name(name) if name == word))
}

/// Returns the names of variants within a type.
fn variants(ty: &SettingType) -> Vec<String> {
    match ty {
        SettingType::Variant(name) => vec![name.clone()],
        SettingType::List(of) => variants(of),
        SettingType::Either(types) => types.iter().flat_map(variants).collect(),
        _ => Vec::new(),
    }
}

/// Returns whether cells are, at every place, those without the axes that they have more: an axis word that did nothing.
fn nothing_more(cells: &[world::Cell], without: &[world::Cell]) -> bool {
    let Some(first) = without.first() else { return false };
    cells.iter().all(|cell| {
        let place: BTreeMap<String, String> =
            cell.at.iter().filter(|(axis, _)| first.at.contains_key(*axis)).map(|(a, x)| (a.clone(), x.clone())).collect();
        without.iter().any(|w| w.at == place && compare::difference(&says_one(cell), &says_one(w)).is_none())
    })
}

/// No axis word is taken and ignored: ten equal rows for ten classes, a colour that colours nothing.
#[test]
fn no_axis_word_is_ignored() {
    let mut pairs: Vec<(Call, Call)> = Vec::new();
    for signature in world::library().operations.values().filter(|s| !excused(&s.name)) {
        for base in bases(signature).iter().take(3) {
            for (param, takes) in signature.params.iter().zip(&signature.takes) {
                let name = &param.name.name;
                if matches!(takes.axis, Some(AxisWord::Axis | AxisWord::Splits))
                    && param.default.is_some()
                    && !BESIDE.iter().any(|b| b.0 == signature.name && b.1 == *name)
                {
                    let given = base.without(name);
                    // An axis that a value has stays where it is split by it.
                    let stays = |w: &String| takes.axis == Some(AxisWord::Splits) && base.axes_given().contains(w);
                    pairs.extend(
                        words(base, name).into_iter().filter(|w| !stays(w)).map(|w| (given.clone(), given.with(name, &w))),
                    );
                }
            }
        }
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for call in pairs.iter().flat_map(|(x, y)| [x, y]) {
        let next = format!("word{}", lines.len());
        if let std::collections::btree_map::Entry::Vacant(place) = names.entry(call.text()) {
            lines.push(call.line(&next));
            place.insert(next);
        }
    }
    let refused = world::refusals(WORLD, &lines);
    let kept: Vec<Line> = lines.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(WORLD, &kept);
    let mut wrong = Vec::new();
    for (without, with) in &pairs {
        let (x, y) = (&names[&without.text()], &names[&with.text()]);
        if refused.contains_key(x) || refused.contains_key(y) {
            continue;
        }
        let (x, y) = (ran.cells(x), ran.cells(y));
        let said = |cells: &[world::Cell]| cells.iter().all(|c| matches!(&c.value, Ok(v) if !matches!(v, Value::Absent(_))));
        if said(x) && y.iter().all(|c| c.value.is_ok()) && nothing_more(y, x) {
            wrong.push((with.op.clone(), with.text()));
        }
    }
    judge("axis words that are taken and ignored", &wrong, &[]);
}

/// Returns what a result says; of a figure its drawing.
fn says(cells: &[world::Cell]) -> Vec<Atom> {
    let mut out = Vec::new();
    for cell in cells {
        out.extend(cell.at.iter().map(|(a, x)| Atom::Word(format!("{a}: {x}"))));
        out.extend(says_one(cell));
    }
    out
}

fn says_one(cell: &world::Cell) -> Vec<Atom> {
    match &cell.value {
        Ok(Value::Figure(f)) => vec![Atom::Word(f.svg.clone())],
        value => atoms(value),
    }
}

#[test]
fn every_argument_changes_something() {
    let wrong = dead(|_| true);
    let exceptions: Vec<String> = NO_RESULT.iter().map(|(op, argument, _)| format!("{op} {argument}")).collect();
    let excepted = |what: &str| exceptions.iter().any(|e| what == e || what.starts_with(&format!("{e} = ")));
    let stale: Vec<&String> =
        exceptions.iter().filter(|e| !wrong.iter().any(|(what, _)| what == *e || what.starts_with(&format!("{e} = ")))).collect();
    let left: Vec<(String, String)> = wrong.iter().filter(|(what, _)| !excepted(what)).cloned().collect();
    judge("arguments that change nothing", &left, &[]);
    assert!(stale.is_empty(), "these change something now, take them off the list: {stale:?}");
}

/// Returns the arguments of some operations that change nothing: operation and argument, with a call.
pub(super) fn dead(of: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut groups = 0;
    let mut all: Vec<Trial> = Vec::new();
    let signatures = world::library().operations.values().filter(|s| !excused(&s.name) && of(&s.name));
    signatures.for_each(|s| all.extend(trials(s, &mut groups)));
    // Equal calls are one declaration.
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for trial in &all {
        let next = format!("tried{}", lines.len());
        if let std::collections::btree_map::Entry::Vacant(place) = names.entry(trial.call.text()) {
            lines.push(trial.call.line(&next));
            place.insert(next);
        }
    }
    let refused = world::refusals(WORLD, &lines);
    let kept: Vec<Line> = lines.into_iter().filter(|l| !refused.contains_key(&l.name)).collect();
    let ran = world::run(WORLD, &kept);
    // What each call that is taken and does not fail says, by what it differs in.
    let mut said: BTreeMap<usize, Vec<(usize, Vec<Atom>)>> = BTreeMap::new();
    for (i, trial) in all.iter().enumerate() {
        let name = &names[&trial.call.text()];
        if !refused.contains_key(name) && ran.cells(name).iter().all(|c| c.value.is_ok()) {
            said.entry(trial.group).or_default().push((i, says(ran.cells(name))));
        }
    }
    let mut alive: BTreeMap<(String, String, String), bool> = BTreeMap::new();
    let mut example: BTreeMap<(String, String, String), String> = BTreeMap::new();
    for (i, trial) in all.iter().enumerate() {
        let group = said.get(&trial.group).map(Vec::as_slice).unwrap_or_default();
        let own = group.iter().find(|(j, _)| *j == i);
        let differs = own.is_some_and(|(_, own)| group.iter().any(|(_, other)| compare::difference(own, other).is_some()));
        for word in ["", trial.word.as_str()] {
            let at = (trial.op.clone(), trial.argument.clone(), word.to_string());
            *alive.entry(at.clone()).or_default() |= differs;
            let why = refused
                .get(&names[&trial.call.text()])
                .map_or("no difference".to_string(), |why| why.chars().take(160).collect());
            example.insert(at, format!("{}: {why}", trial.call.text()));
        }
    }
    alive
        .iter()
        .filter(|(_, alive)| !**alive)
        .map(|(at, _)| (format!("{} {}{}{}", at.0, at.1, if at.2.is_empty() { "" } else { " = " }, at.2), example[at].clone()))
        .collect()
}

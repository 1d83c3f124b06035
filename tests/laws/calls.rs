//! Calls of every built-in, made from its signature and the values of the world.

use super::world::{Known, Line, known, library};
use cfx::lang::kind::Kind;
use cfx::lang::signature::{AxisWord, SettingType, Signature};

/// A call: the operation, and its arguments by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The operation.
    pub op: String,
    /// Arguments: parameter, text.
    pub args: Vec<(String, String)>,
}

/// What fits where types say too little: operation (`*`: any), parameter, texts. Parameters that may be left out are given all the same.
pub const FITS: &[(&str, &str, &[&str])] = &[
    // Data.
    ("*", "data", &["e"]),
    ("split", "data", &["src"]),
    ("split", "name", &["\"train\""]),
    ("subset", "data", &["d", "noisy"]),
    ("subset", "fraction", &["50%"]),
    ("sample", "data", &["d", "noisy"]),
    ("sample", "count", &["10"]),
    ("without", "data", &["e"]),
    ("without", "other", &["part"]),
    ("lowest", "count", &["10"]),
    ("highest", "count", &["10"]),
    ("quantile_bins", "count", &["3"]),
    ("folds", "count", &["3"]),
    ("corrupt_labels", "data", &["d", "noisy"]),
    ("corrupt_labels", "fraction", &["50%"]),
    ("add_noise", "sd", &["0.5"]),
    ("union", "data", &["part"]),
    ("union", "other", &["sample(e, 5, seed: 9)"]),
    ("of_class", "class", &["[\"3\"]"]),
    ("relabel", "data", &["packed"]),
    ("relabel", "labels", &["\"data/labels.npy\""]),
    ("load_scores", "data", &["packed"]),
    ("load_scores", "path", &["\"data/scores.npy\""]),
    ("with_ids", "data", &["packed"]),
    ("with_ids", "path", &["\"data/ids.npy\""]),
    ("idx", "images", &["\"data/small-images\""]),
    ("idx", "labels", &["\"data/small-labels\""]),
    ("mnist", "folder", &["\"data/mnist\""]),
    ("cifar10", "folder", &["\"data/cifar10\""]),
    ("cifar100", "folder", &["\"data/cifar100\""]),
    ("arrays", "x", &["\"data/packed.npz:x\""]),
    ("arrays", "labels", &["\"data/packed.npz:labels\""]),
    ("arrays", "layout", &["features"]),
    ("image_folder", "folder", &["\"data/images\""]),
    ("image_folder", "size", &["4"]),
    ("corpus", "train", &["\"data/rhyme.txt\""]),
    ("corpus", "length", &["6"]),
    // Networks.
    ("*", "net", &["m"]),
    ("*", "network", &["mlp(hidden: [5])"]),
    ("train", "data", &["d"]),
    ("train", "epochs", &["2"]),
    ("train", "batch", &["16"]),
    ("untrained", "data", &["d"]),
    ("train_gan", "network", &["adversaries"]),
    ("train_gan", "data", &["d"]),
    ("train_gan", "epochs", &["1"]),
    ("train_gan", "batch", &["30"]),
    ("generate", "m", &["gan"]),
    ("generate", "data", &["d"]),
    ("generate", "count", &["3"]),
    ("maximize_activation", "m", &["m"]),
    ("maximize_activation", "through", &["gan"]),
    ("maximize_activation", "data", &["d"]),
    ("maximize_activation", "restarts", &["2"]),
    ("maximize_activation", "steps", &["3"]),
    ("snapshot", "m", &["m"]),
    ("snapshot", "epoch", &["1"]),
    ("history", "m", &["m"]),
    ("import_weights", "file", &["\"weights/small.safetensors\""]),
    ("import_weights", "network", &["tiny_resnet(width: 2)"]),
    ("import_weights", "fresh", &["[\"fc.\"]"]),
    ("import_weights", "data", &["d"]),
    // Probes.
    ("trial_outcome", "net", &["tried"]),
    ("trial_outcome", "data", &["d"]),
    ("memorization", "net", &["tried", "outs"]),
    ("memorization", "data", &["d"]),
    ("memorization", "over", &["trial"]),
    ("memorization_error", "net", &["tried", "outs"]),
    ("memorization_error", "data", &["d"]),
    ("memorization_error", "over", &["trial"]),
    ("influence", "net", &["tried"]),
    ("influence", "data", &["d"]),
    ("influence", "on", &["e"]),
    ("influence", "pairs", &["5"]),
    ("influence", "over", &["trial"]),
    ("certify", "sigma", &["0.3"]),
    ("certify", "n0", &["8"]),
    ("certify", "n", &["60"]),
    ("certify", "examples", &["4"]),
    ("ablate", "steps", &["3"]),
    ("ablate", "order", &["random(2)"]),
    ("ablation_area", "ablation", &["abl"]),
    ("perturb", "draws", &["2"]),
    ("unit_correlation", "a", &["sel"]),
    ("unit_correlation", "x", &["\"selectivity\""]),
    ("unit_correlation", "b", &["each"]),
    ("unit_correlation", "y", &["\"drop\""]),
    ("output_divergence", "against", &["m[run: 0]"]),
    ("output_divergence", "inputs", &["e"]),
    // Representations and densities.
    ("svd", "width", &["2"]),
    ("dimension", "x", &["svd(g, width: 1)"]),
    ("captured_energy", "x", &["svd(g, width: 1)"]),
    ("load_stages", "path", &["\"data/stages.npz\""]),
    ("load_stages", "rows", &["examples"]),
    ("load_stages", "labels", &["\"data/stages.npz:labels\""]),
    ("gaussian_stages", "rows", &["10"]),
    ("gaussian_stages", "units", &["2"]),
    ("cca", "x", &["g"]),
    ("cca", "against", &["h"]),
    ("cca", "permutations", &["3"]),
    ("cka", "x", &["g"]),
    ("cka", "against", &["h"]),
    ("procrustes", "x", &["g"]),
    ("procrustes", "against", &["h"]),
    ("canonical_correlations", "x", &["g"]),
    ("canonical_correlations", "against", &["h"]),
    ("canonical_directions", "x", &["g"]),
    ("canonical_directions", "against", &["h"]),
    ("cosine_distance", "x", &["g"]),
    ("cosine_distance", "against", &["gaussian_stages(rows: 24, units: 3, classes: 2, seed: 20 + a)"]),
    ("euclidean_distance", "x", &["g"]),
    ("euclidean_distance", "against", &["gaussian_stages(rows: 24, units: 3, classes: 2, seed: 20 + a)"]),
    ("project", "x", &["tap(m, e, at: hidden1)"]),
    ("project", "at", &["hidden1"]),
    ("project", "width", &["2"]),
    ("join", "x", &["g"]),
    ("join", "over", &["a"]),
    ("dp_mixture", "x", &["g"]),
    ("dp_mixture", "sampler", &[TINY]),
    ("log_density", "p", &["p"]),
    ("log_density", "x", &["g"]),
    ("relative_entropy", "draws", &["200"]),
    ("kl_divergence", "p", &["p"]),
    ("kl_divergence", "against", &["q"]),
    ("kl_divergence", "draws", &["200"]),
    ("sample_density", "draws", &["8"]),
    ("classify", "p", &["p"]),
    ("classify", "x", &["g"]),
    ("f_score_of", "x", &["predicted(m, e)"]),
    ("generative_classification", "x", &["g"]),
    ("generative_classification", "sampler", &[TINY]),
    ("generative_classification", "folds", &["2"]),
    // Analyses.
    ("quantile", "q", &["30%"]),
    ("threshold", "at", &["5"]),
    ("own_class", "x", &["cls", "mean(s2, by: class)"]),
    ("own_class", "of", &["s1"]),
    ("best", "along", &["b", "a"]),
    ("at_best", "x", &["n3", "holes"]),
    ("at_best", "by", &["n2", "y2"]),
    ("at_best", "along", &["b", "a"]),
    ("selection", "x", &["n3", "holes"]),
    ("selection", "by", &["n2", "y2"]),
    ("selection", "along", &["b"]),
    ("selection", "subset", &["2"]),
    ("calibration", "confidence", &["confidence(m, e)"]),
    ("calibration", "correct", &["correct(m, e)"]),
    ("permutation_test", "y", &["s1"]),
    ("permutation_test", "draws", &["100"]),
    ("bootstrap", "draws", &["100"]),
    ("auc", "over", &["b", "a"]),
    ("cluster", "x", &["procrustes(tap(tried, e, at: hidden1), between: trial)"]),
    ("cluster", "over", &["trial"]),
    ("clusters", "x", &["procrustes(tap(tried, e, at: hidden1), between: trial)"]),
    ("clusters", "along", &["trial"]),
    ("curve_area", "t", &["tab"]),
    ("curve_area", "x", &["\"epoch\""]),
    ("curve_area", "y", &["\"loss\""]),
    ("align", "axis", &["a"]),
    ("only", "x", &["n3"]),
    ("only", "condition", &["1 < 2"]),
    ("field", "x", &["rec"]),
    ("field", "name", &["mean"]),
    // Figures.
    ("curves", "data", &["n3", "tab", "est", "holes"]),
    ("curves", "x", &["b", "epoch", "run", "b"]),
    ("profile", "x", &["cls", "s1", "s2"]),
    ("bands", "x", &["b", "a", "bin"]),
    ("bars", "x", &["a", "b", "c"]),
];

/// A sampler's settings that take no time.
pub const TINY: &str = "gibbs(passes: 12, burn_in: 4, thin: 4, chains: 2)";

/// Operations that no call by name reaches, with the reason. This list may only shrink.
pub const NOT_CALLED: &[(&str, &str)] = &[("pick", "made by a selection along an axis that an operation keeps: `grp[class: 0]`")];

/// Values to give where a kind is asked for, the most telling ones first.
const TELLING: &[&str] = &[
    "n3", "s2", "holes", "y2", "binned", "s1", "est", "cls", "n1", "nb", "tr", "trs", "t1", "grt", "grp", "ga", "gb", "m", "g",
    "acts", "p", "whole", "tab", "hist", "abl", "rec", "d", "e", "part", "noisy", "m2", "h", "q", "each",
];

/// How many calls of one operation are tried with the arguments it needs.
const MOST: usize = 5;

impl Call {
    /// Returns the call as an expression.
    pub fn text(&self) -> String {
        let arg = |name: &str| self.args.iter().find(|(n, _)| n == name).map_or("", |(_, text)| text.as_str());
        if self.op == "field" {
            return format!("{}.{}", arg("x"), arg("name"));
        }
        let args: Vec<String> = self.args.iter().map(|(name, text)| format!("{name}: {text}")).collect();
        format!("{}({})", self.op, args.join(", "))
    }

    /// Returns the call with an argument given, in the place of the one it had.
    pub fn with(&self, parameter: &str, text: &str) -> Call {
        let mut call = self.without(parameter);
        call.args.push((parameter.to_string(), text.to_string()));
        call
    }

    /// Returns the call without an argument.
    pub fn without(&self, parameter: &str) -> Call {
        Call { op: self.op.clone(), args: self.args.iter().filter(|(n, _)| n != parameter).cloned().collect() }
    }

    /// Returns an argument's text.
    pub fn arg(&self, parameter: &str) -> Option<&str> {
        self.args.iter().find(|(n, _)| n == parameter).map(|(_, text)| text.as_str())
    }

    /// Returns the signature.
    pub fn signature(&self) -> &'static Signature {
        &library().operations[&self.op]
    }

    /// Returns the declaration of the call under a name.
    pub fn line(&self, name: &str) -> Line {
        let keyword = match self.signature().gives {
            Kind::Dataset => "dataset",
            Kind::Model => "model",
            Kind::Stages => "stages",
            Kind::Density => "density",
            Kind::Figure => return Line { name: name.to_string(), text: format!("figure \"{name}\" = {}", self.text()) },
            _ => "analysis",
        };
        Line { name: name.to_string(), text: format!("{keyword} {name} = {}", self.text()) }
    }

    /// Returns the axes of the values that it is given, each once.
    pub fn axes_given(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (_, text) in &self.args {
            let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            for value in words.filter_map(|w| known().iter().find(|k| k.name == w)) {
                value.axes.iter().filter(|a| !out.contains(a)).cloned().collect::<Vec<_>>().into_iter().for_each(|a| out.push(a));
            }
        }
        out
    }
}

/// Returns what fits a parameter of an operation.
pub fn fitting(op: &str, parameter: &str) -> Option<&'static [&'static str]> {
    let find = |wanted: &str| FITS.iter().find(|(o, p, _)| *o == wanted && *p == parameter).map(|(_, _, texts)| *texts);
    find(op).or_else(|| find("*"))
}

/// Returns names of values of the world that a parameter takes, the most telling ones first.
pub fn inputs(kinds: &[Kind]) -> Vec<&'static str> {
    let value = |name: &&str| known().iter().find(|k: &&Known| k.name == **name);
    let fits = |k: &Known| kinds.iter().any(|wanted| k.kind.fits(wanted));
    TELLING.iter().filter(|name| value(name).is_some_and(fits)).copied().collect()
}

/// Returns texts of a setting where its type says what it may be.
pub fn settings(ty: &SettingType) -> Vec<String> {
    let texts = |list: &[&str]| list.iter().map(|t| t.to_string()).collect::<Vec<_>>();
    match ty {
        SettingType::Int => texts(&["2", "1", "3", "0", "5", "10"]),
        SettingType::Real => texts(&["0.5", "0.1", "1", "2", "0", "0.9", "10", "-1"]),
        SettingType::Sized => texts(&["dim", "2 * dim + 1"]),
        SettingType::Signed => texts(&["0", "1", "-1"]),
        SettingType::Bool => texts(&["true", "false"]),
        SettingType::Text => texts(&["\"train\""]),
        SettingType::Word => texts(&["low", "high", "hidden1"]),
        SettingType::Option(words) => words.clone(),
        SettingType::Variant(name) => library().variants.get(name).map_or(Vec::new(), |v| {
            v.constructors
                .iter()
                .map(|c| {
                    let needed = c.params.iter().filter(|p| p.default.is_none());
                    let args: Vec<String> = needed.map(|p| format!("{}: {}", p.name.name, of_param(p))).collect();
                    if c.params.is_empty() { c.name.name.clone() } else { format!("{}({})", c.name.name, args.join(", ")) }
                })
                .collect()
        }),
        SettingType::List(of) => settings(of).into_iter().map(|t| format!("[{t}]")).collect(),
        SettingType::Network => texts(&["mlp(hidden: [4])", "mlp(hidden: [5, 3])"]),
        SettingType::Recipe => texts(&["short"]),
        SettingType::Layer | SettingType::Any => Vec::new(),
        SettingType::Either(types) => types.iter().flat_map(settings).collect(),
    }
}

/// Returns the first text for a parameter of a constructor.
pub fn of_param(param: &cfx::syntax::ast::Param) -> String {
    let takes = cfx::lang::signature::takes(param).expect("a parameter of the standard library");
    if !takes.inputs.is_empty() {
        return inputs(&takes.inputs).first().copied().unwrap_or("d").to_string();
    }
    takes.setting.map(|ty| settings(&ty)).and_then(|t| t.first().cloned()).unwrap_or_else(|| "1".to_string())
}

/// Returns calls of an operation with the arguments that it needs, over values of many shapes.
pub fn bases(signature: &Signature) -> Vec<Call> {
    let mut calls = vec![Call { op: signature.name.clone(), args: Vec::new() }];
    for (param, takes) in signature.params.iter().zip(&signature.takes) {
        let name = param.name.name.as_str();
        let texts: Vec<String> = match fitting(&signature.name, name) {
            Some(texts) => texts.iter().map(|t| t.to_string()).collect(),
            None if param.default.is_some() => continue,
            None if !takes.inputs.is_empty() => inputs(&takes.inputs).into_iter().map(str::to_string).collect(),
            None => match (&takes.axis, &takes.setting) {
                (Some(_), _) => ["a", "b", "c"].map(str::to_string).to_vec(),
                (None, Some(ty)) => settings(ty),
                (None, None) => Vec::new(),
            },
        };
        assert!(
            !texts.is_empty(),
            "nothing in the world fits `{name}` of `{}`: add a line to FITS or to world.cfx",
            signature.name
        );
        // Where one text varies already, the next ones go along with it, so that not all combinations are made: `n3` with `n3` and `holes`.
        let before = calls;
        calls = Vec::new();
        for (i, call) in before.iter().enumerate() {
            match before.len() {
                1 => texts.iter().for_each(|t| calls.push(call.with(name, t))),
                _ => [2, 0].iter().for_each(|shift| calls.push(call.with(name, &texts[(i + shift) % texts.len()]))),
            }
        }
        calls.dedup();
    }
    calls.truncate(MOST);
    if signature.random {
        calls = calls.iter().map(|c| c.with("seed", "1")).collect();
    }
    calls
}

/// Returns axis words that may be given to a parameter of a call: single axes and lists.
pub fn words(call: &Call, parameter: &str) -> Vec<String> {
    let signature = call.signature();
    let at = signature.params.iter().position(|p| p.name.name == parameter).expect("a parameter of the operation");
    let takes = &signature.takes[at];
    let given = call.axes_given();
    let mut single: Vec<String> = given.clone();
    let several;
    match takes.axis {
        Some(AxisWord::Reduces) => {
            single.push("example".to_string());
            several = true;
        }
        Some(AxisWord::Splits) => {
            single = vec!["class".to_string(), "bin".to_string(), "ease".to_string()];
            single.extend(given.iter().filter(|a| !["class", "bin"].contains(&a.as_str())).cloned());
            several = takes.several;
        }
        Some(AxisWord::Pairs) => several = true,
        Some(AxisWord::Taps) => return vec!["all".to_string(), "[hidden1]".to_string()],
        Some(AxisWord::Axis) => {
            single.truncate(3);
            single.push("class".to_string());
            several = true;
        }
        None => return Vec::new(),
    }
    let mut out: Vec<String> = single.iter().take(4).cloned().collect();
    if let (true, [x, y, rest @ ..]) = (several, single.as_slice()) {
        out.push(format!("[{x}, {y}]"));
        if let Some(z) = rest.last() {
            out.push(format!("[{x}, {z}]"));
            out.push(format!("[{x}, {y}, {z}]"));
        }
    }
    out
}

/// Returns calls of an operation: with what it needs alone, and with each of its axis words.
pub fn calls(signature: &Signature) -> Vec<Call> {
    let mut out = Vec::new();
    for base in bases(signature) {
        out.push(base.clone());
        for (param, takes) in signature.params.iter().zip(&signature.takes) {
            if takes.axis.is_some() {
                let name = &param.name.name;
                out.extend(words(&base, name).into_iter().filter(|w| base.arg(name) != Some(w)).map(|w| {
                    // Pairs are made of one value: what it was to be compared with is left out.
                    let base = if takes.axis == Some(AxisWord::Pairs) { base.without("against") } else { base.clone() };
                    base.with(name, &w)
                }));
            }
        }
    }
    out.dedup();
    out
}

//! Arguments that stand in the wrong call: what they belong to.

use super::bind::SEED;
use super::checker::Checker;
use super::finding::{Finding, Findings, What};
use super::kind::Kind;
use super::scope::Program;
use super::signature::{SettingType, Signature};
use super::suggest::{elsewhere, nearest_or_list};
use crate::base::Diag;
use crate::base::text::shorten;
use crate::syntax::ast::{Arg, BinaryOp, Expr, ExprKind, Ident, ItemKind, UnaryOp};

impl<'a> Checker<'a> {
    /// Refuses arguments that are given with `==` or `<-` in place of `:`. Returns whether there is one.
    pub(super) fn wrong_marks(&mut self, module: usize, signature: &Signature, args: &[&'a Arg]) -> bool {
        let mut found = false;
        for arg in args.iter().filter(|a| a.name.is_none()) {
            let ExprKind::Binary(op, left, right) = &arg.value.kind else { continue };
            let ExprKind::Name(name) = &left.kind else { continue };
            let meant = match (op, &right.kind) {
                (BinaryOp::Eq, _) => right,
                (BinaryOp::Lt, ExprKind::Unary(UnaryOp::Neg, inner)) => inner,
                _ => continue,
            };
            // What an operation is about, its first parameter, is rarely given by name.
            let parameter = signature.params.iter().skip(1).any(|p| p.name.name == *name) || signature.random && name == "seed";
            if !parameter || self.program().find(module, name).is_some() {
                continue;
            }
            let help = format!("write `{name}: {}`", shorten(self.program().sources.text(meant.span)));
            self.say(Diag::error("cfx::syntax::foreign", arg.value.span, "an argument is given with `:`").help(help));
            found = true;
        }
        found
    }

    /// Returns findings about a call of an operation that takes no `by:` or `over:`, with what splits or reduces in its place.
    pub(super) fn without_axis_word(&self, signature: &Signature, args: &[&'a Arg], mut findings: Findings) -> Findings {
        let text = |e: &Expr| shorten(self.program().sources.text(e.span));
        let op = signature.name.as_str();
        for finding in &mut findings.0 {
            if let (What::TooMany { parameters, .. }, "where", [c, a, b]) = (&mut finding.what, op, args) {
                *parameters = format!(
                    "`where` chooses examples of a data set; a choice of values is `if {} then {} else {}`",
                    text(&c.value),
                    text(&a.value),
                    text(&b.value)
                );
            }
            let What::UnknownArgument { name, help, .. } = &mut finding.what else { continue };
            match (op, name.as_str()) {
                ("subset", "count" | "n" | "size") => {
                    *help = "a number of examples is drawn by `sample(data, count)`".to_string()
                }
                ("sample", "fraction" | "frac" | "share") => {
                    *help = "a share of the examples is drawn by `subset(data, 20%)`".to_string()
                }
                (
                    "train",
                    "validation" | "validation_data" | "valid" | "val" | "val_data" | "eval_data" | "eval_set" | "test",
                ) => {
                    *help =
                        "what is measured on other data after each epoch is recorded: `record: [accuracy(d.test)]`".to_string()
                }
                _ => {}
            }
            if let Some(words) = self.of_network(signature, args, name) {
                *help = words;
                continue;
            }
            let word = match name.as_str() {
                "by" | "groupby" | "group_by" | "per" | "under" => "by",
                "over" | "along" => "over",
                axis if self.axes().has(axis) => {
                    let given = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.name == axis));
                    if let ([Arg { name: None, value: of, .. }, ..], Some(at)) = (args, given) {
                        let (of, at) = (text(of), text(&at.value));
                        *help = format!("`{axis}` is an axis; its coordinates are selected in brackets: `{of}[{axis}: {at}]`");
                    }
                    continue;
                }
                _ => continue,
            };
            // It has such a word, under its own name.
            if signature.params.iter().any(|p| p.name.name == word) {
                continue;
            }
            let (this, others): (Vec<&Arg>, Vec<&Arg>) =
                args.iter().copied().partition(|a| a.name.as_ref().is_some_and(|n| n.name == *name));
            let axis = this.first().map_or("class".to_string(), |a| text(&a.value));
            let inner: Vec<String> = others
                .iter()
                .map(|a| a.name.as_ref().map_or(text(&a.value), |n| format!("{}: {}", n.name, text(&a.value))))
                .collect();
            let inner = inner.join(", ");
            let along = signature.params.iter().any(|p| p.name.name == "along");
            let splits = signature.params.iter().any(|p| p.name.name == "by");
            *help = match (op, word, &signature.gives) {
                (_, "over", _) if along => format!("here it is called `along`: `{op}({inner}, along: {axis})`"),
                (_, "over", _) if splits && axis == "class" => {
                    format!("classes split its examples: `{op}({inner}, by: {axis})`")
                }
                ("accuracy", "by", _) => format!("split what there is for each example: `mean(correct({inner}), by: {axis})`"),
                ("loss", "by", _) => format!("split what there is for each example: `mean(example_loss({inner}), by: {axis})`"),
                (_, _, Kind::Model) if signature.random => {
                    format!("a model is over an axis that its settings use: `seed: {axis}` trains one for each `{axis}`")
                }
                (_, "by", Kind::Number { per_example: true } | Kind::Truth { per_example: true })
                | (_, "over", Kind::Number { .. }) => {
                    format!("a reduction takes it: `mean({op}({inner}), {word}: {axis})`")
                }
                (_, "by", Kind::Figure) => {
                    let drawn = others.first().map_or("x".to_string(), |a| text(&a.value));
                    let has = |name: &str| signature.params.iter().any(|p| p.name.name == name);
                    let apart = match (has("color"), has("facet")) {
                        (true, _) => format!("`color: {axis}` gives each of its coordinates a colour, "),
                        (false, true) => format!("`facet: {axis}` draws a panel for each of its coordinates, "),
                        _ => String::new(),
                    };
                    format!("{apart}a reduction before it splits examples: `mean({drawn}, by: {axis})`")
                }
                (_, "by", _) => {
                    format!(
                        "`{op}` splits nothing: give it the data set of each group, as in `axis g = {{ a: where(…), b: where(…) }}`"
                    )
                }
                _ => continue,
            };
        }
        findings
    }

    /// Returns what to say of an argument which the network has that a call is given, rather than the call: `dropout`, `hidden`.
    fn of_network(&self, signature: &Signature, args: &[&'a Arg], name: &str) -> Option<String> {
        let at = signature.takes.iter().position(|t| t.setting == Some(SettingType::Network))?;
        let named = |a: &&&Arg| a.name.as_ref().is_some_and(|n| n.name == signature.params[at].name.name);
        let network = args.iter().find(named).or(args.get(at).filter(|a| a.name.is_none()))?;
        let given = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.name == name))?;
        let head = match &network.value.kind {
            ExprKind::Name(head) => head,
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(head) => head,
                _ => return None,
            },
            _ => return None,
        };
        let program = self.program();
        let def = program.find(program.module_at(network.value.span), head)?;
        let ItemKind::Network { params, .. } = &program.item(def).kind else { return None };
        let names: Vec<&str> = params.iter().map(|p| p.name.name.as_str()).collect();
        let text = |e: &Expr| shorten(program.sources.text(e.span));
        let dropped = matches!(name, "dropout" | "dropout_rate" | "drop_rate");
        let ours = names.iter().find(|n| **n == name).or(names.iter().find(|n| dropped && **n == "dropout"));
        match ours {
            Some(ours) => {
                let (network, value) = (text(&network.value), text(&given.value));
                let with = match network.strip_suffix(')') {
                    None if network.contains('(') => format!("{head}(…, {ours}: {value})"),
                    Some(open) if open.ends_with('(') => format!("{open}{ours}: {value})"),
                    Some(open) => format!("{open}, {ours}: {value})"),
                    None => format!("{network}({ours}: {value})"),
                };
                Some(format!("it belongs to the network: `{with}`"))
            }
            None if dropped => {
                Some(format!("dropout is a layer: write `dropout({})` in the network `{head}`", text(&given.value)))
            }
            None => None,
        }
    }
}

impl Program {
    /// Returns findings about a call with better help: an argument that it does not have may be one of a constructor that it takes.
    pub fn misplaced(&self, signature: &Signature, mut findings: Findings) -> Findings {
        for finding in &mut findings.0 {
            let What::UnknownArgument { name, help, .. } = &mut finding.what else { continue };
            if matches!(name.as_str(), "by" | "over" | "along" | "under") {
                continue;
            }
            let places = signature.params.iter().zip(&signature.takes);
            let found = places.flat_map(|(p, t)| t.setting.iter().map(move |s| (p, s))).find_map(|(param, setting)| {
                let variant = variant_of(setting)?;
                let constructors = &self.variants.get(variant)?.constructors;
                let has = |c: &&crate::syntax::ast::Constructor| {
                    let names: Vec<&str> = c.params.iter().map(|p| p.name.name.as_str()).collect();
                    names.contains(&name.as_str())
                };
                Some((param.name.name.as_str(), constructors.iter().find(has)?.name.name.as_str()))
            });
            if let Some((param, constructor)) = found {
                *help = format!("it belongs to `{param}`: `{param}: {constructor}({name}: …)`");
            } else if let Some(words) = no_argument(name, signature) {
                *help = words.to_string();
            }
        }
        findings
    }

    /// Returns the finding about a field of a recipe that training does not have, with the words that the argument of a call would get.
    pub(super) fn no_field(&self, train: &Signature, name: &Ident, names: &[&str]) -> Findings {
        let help = match (elsewhere(&name.name, names), name.name.as_str()) {
            (_, "dropout" | "dropout_rate" | "drop_rate" | "hidden") => {
                format!("it belongs to the network: `train(mlp({}: …), data, recipe)`", name.name.replace("_rate", ""))
            }
            (_, "seed") => "a recipe has no seed; each training has one: `train(network, data, recipe, seed: run)`".to_string(),
            (Some(ours), _) => format!("here it is called `{ours}`"),
            (None, _) => nearest_or_list(&name.name, names),
        };
        let what = What::UnknownArgument { callee: train.name.clone(), name: name.name.clone(), help };
        self.misplaced(train, Finding::new(name.span, what).into())
    }

    /// Returns findings about the arguments of a network with better help: one that it does not have may be one of the training.
    pub(super) fn misplaced_in_network(&self, network: &str, mut findings: Findings) -> Findings {
        let Some(train) = self.operations.get("train") else { return findings };
        for finding in &mut findings.0 {
            let What::UnknownArgument { name, help, .. } = &mut finding.what else { continue };
            let of_training = name == SEED || train.params.iter().any(|p| p.name.name == *name);
            if of_training && !help.starts_with("did you mean") {
                *help = format!("it is an argument of the training: `train({network}(…), data, {name}: …)`");
            }
        }
        findings
    }

    /// Returns findings about a constructor with better help: an argument that it does not have may be one of the call around it.
    pub fn misplaced_in_constructor(&self, variant: &str, mut findings: Findings) -> Findings {
        for finding in &mut findings.0 {
            let What::UnknownArgument { name, help, .. } = &mut finding.what else { continue };
            if help.starts_with("did you mean") || help.starts_with("here it is") {
                continue;
            }
            let takes = |s: &&Signature| s.takes.iter().any(|t| t.setting.as_ref().and_then(variant_of) == Some(variant));
            let found = self.operations.values().filter(takes).find_map(|s| {
                let names: Vec<&str> = s.params.iter().map(|p| p.name.name.as_str()).collect();
                let ours = names.iter().copied().find(|n| n == name).or_else(|| elsewhere(name, &names))?;
                Some((ours.to_string(), s.name.clone()))
            });
            if let Some((ours, op)) = found {
                *help = format!("it is an argument of `{op}` itself: `{ours}: …`");
            }
        }
        findings
    }
}

/// Returns the variant that a setting's type takes constructors of.
fn variant_of(setting: &SettingType) -> Option<&str> {
    match setting {
        SettingType::Variant(name) => Some(name),
        SettingType::List(of) => variant_of(of),
        SettingType::Either(types) => types.iter().find_map(variant_of),
        _ => None,
    }
}

/// Returns what to say of an argument that other tools have, and this language has no need of.
fn no_argument(name: &str, signature: &Signature) -> Option<&'static str> {
    let has = |name: &str| signature.params.iter().any(|p| p.name.name == name);
    Some(match name {
        "early_stopping" | "early_stop" | "patience" if has("stop") => {
            "training ends early by `stop: patience(3)`, after three epochs without a better loss, or `stop: when(90%)`, at that accuracy"
        }
        "legend" | "legend_title" | "show_legend" => {
            "it cannot be set: a figure has a legend where `color:` or several values need one"
        }
        "style" | "linestyle" | "ls" | "linetype" | "linewidth" | "lw" | "marker" | "markers" | "alpha" | "palette" | "cmap"
        | "theme" | "shape" | "size"
            if signature.gives == Kind::Figure =>
        {
            "it cannot be set: figures choose how lines and marks look; `color: axis` gives each coordinate a colour"
        }
        "yerr" | "xerr" | "error_bars" | "errorbar" | "errorbars" | "ci" | "errors" | "band" if has("show") => {
            "a mean is drawn with its spread: `show: sd`, or with its error, `show: se` or `show: ci`"
        }
        "device" | "gpu" | "gpus" | "cuda" | "accelerator" => {
            "a script does not name the device: `cfx run exp.cfx --device cuda:0`"
        }
        "num_workers" | "n_jobs" | "workers" | "threads" | "pin_memory" => {
            "a script does not set threads: `cfx run exp.cfx --threads 4`"
        }
        "verbose" | "progress" | "disp" | "silent" | "log_every" => {
            "`cfx run` shows progress; numbers for each epoch are in `history(m)`"
        }
        "na_rm" | "skipna" | "ignore_nan" | "nan_policy" | "dropna" | "skip_missing" | "skipmissing" => {
            "leave it out: absent values are always skipped"
        }
        "keepdims" | "keepdim" | "drop" | "inplace" | "copy" | "out" => {
            "leave it out: a reduction removes its axes, and every declaration is a new value"
        }
        "ddof" | "unbiased" | "correction" => "leave it out: `std` divides by n - 1",
        "shuffle" | "drop_last" => "examples are shuffled in every epoch",
        "loss" | "criterion" | "loss_fn" | "objective" => "training minimises the cross-entropy of the labels",
        "validation_data" | "validation_split" | "val_data" | "eval_set" | "val_loader" | "test_data" => {
            "measure on other data while training with `record: [accuracy(data.test)]`, or afterwards with `accuracy(m, data.test)`"
        }
        "title" | "xlabel" | "ylabel" | "figsize" | "label" => {
            "the title follows `figure`; `x_label:` and `y_label:` label the axes, otherwise the doc comments of what is drawn do"
        }
        _ => return None,
    })
}

//! `import_weights`: a model from a file of weights that another program wrote.

use super::advice::advice;
use super::names::{Mismatch, Named, begins, nearest, pairing};
use crate::base::Stream;
use crate::base::text::on_a_line;
use crate::engine::value::{Column, Model, Table, Weights};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::Net;
use crate::ops::foreign::Unreadable;
use crate::ops::foreign::tensors::{Block, Listing, list};
use crate::ops::nn::evaluate;
use crate::ops::nn::gan::seam;
use crate::ops::nn::given::failed;
use crate::ops::nn::models::of_net;
use crate::ops::nn::settings::COLUMNS;
use crate::ops::nn::spec::Parameter;
use crate::ops::nn::steps::parameters;
use crate::ops::nn::suits::Labels;
use crate::ops::nn::weights;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The kernel of `import_weights`.
pub struct ImportWeights;

settings! {
    /// The settings of `import_weights`.
    struct ImportSettings("import_weights") {
        file: String,
        rename: Vec<String>,
        fresh: Vec<String>,
        ignore: Vec<String> = Vec::new(),
        at: Option<String> = None,
        /// The network; nothing before the shape of the data is known.
        network: Option<Arc<Net>> = None,
    }
}

fn broken(path: &Path, why: Unreadable) -> Problem {
    let message = on_a_line(&format!("`{}` {}", path.display(), why.words)).into_owned();
    Problem { code: "cfx::file::broken", parameter: Some("file"), message, help: why.help }
}

/// Returns the changes of names that `rename` lists, each written `old -> new`.
fn rename(rules: &[String]) -> Result<Vec<(String, String)>, Problem> {
    rules
        .iter()
        .map(|rule| match rule.split_once("->") {
            Some((from, to)) => Ok((from.trim().to_string(), to.trim().to_string())),
            None => Err(Problem {
                code: "cfx::weights::names",
                parameter: Some("rename"),
                message: format!("`{rule}` does not change names"),
                help: Some("write the beginning of names, and its replacement: `\"backbone. -> \"`, `\"out. -> fc.\"`".into()),
            }),
        })
        .collect()
}

/// Returns the beginnings of names that are not taken from the file.
///
/// Errors: one of them begins no name of the network.
fn check_fresh(list: &[String], wanted: &[(String, Parameter)]) -> Result<(), Problem> {
    match list.iter().find(|f| !wanted.iter().any(|(name, _)| begins(name, std::slice::from_ref(*f)))) {
        None => Ok(()),
        Some(stray) => {
            let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
            let near = nearest(stray, &names).or(names.last().copied()).unwrap_or_default();
            Err(Problem {
                code: "cfx::weights::names",
                parameter: Some("fresh"),
                message: format!("no weights of the network have a name that begins with `{stray}`"),
                help: Some(format!("names are written as in `{near}`")),
            })
        }
    }
}

/// Ends of the names of tensors from which torch.nn.utils computes weights in each pass.
const PARTS: [&str; 8] = [
    "weight_g",
    "weight_v",
    "weight_orig",
    "weight_mask",
    "parametrizations.weight.original",
    "parametrizations.weight.original0",
    "parametrizations.weight.original1",
    "parametrizations.weight.0.base",
];

/// Returns what to do about a file that does not fit: what would make it fit, where something would; where its tensors were taken from; and what
/// does not fit.
fn cure(mismatch: &Mismatch, listing: &Listing, advice: Option<String>) -> String {
    let part = mismatch.unexpected.iter().map(|(name, _)| name).find(|name| PARTS.iter().any(|part| name.ends_with(part)));
    let mut out: Vec<String> = match part {
        // Without them, trained layers would start anew.
        Some(name) => vec![format!(
            "`{}` is a part from which a layer computes its weights (weight normalisation, spectral normalisation, pruning): save the weights \
             themselves, after `remove_parametrizations`, `remove_weight_norm` or `prune.remove` of torch.nn.utils",
            on_a_line(name)
        )],
        None => advice.into_iter().map(|settings| format!("it would fit with `{settings}`")).collect(),
    };
    if !listing.under.is_empty() {
        out.push(format!("its tensors are those under `{}`; `at:` names others", on_a_line(&listing.under.join("."))));
    }
    for (name, maker) in &listing.others {
        if let Some(maker) = maker.as_ref().filter(|_| mismatch.missing.iter().any(|(n, _)| n == name)) {
            out.push(format!("`{}` is made by `{}`, which is not built here", on_a_line(name), on_a_line(maker)));
        }
    }
    out.push(mismatch.lists());
    out.join("\n")
}

/// Returns the tensors of a file that are a network's weights, in the network's order, without numbers, or with them: from the file, and, for those that
/// are to start anew, initial values from the stream.
fn read(path: &Path, net: &Net, given: &ImportSettings, stream: Option<Stream>) -> Result<Weights, Problem> {
    let (rename, fresh) = (rename(&given.rename)?, &given.fresh);
    let all = parameters(net);
    check_fresh(fresh, &all)?;
    let listing = list(path, given.at.as_deref()).map_err(|e| broken(path, e))?;
    let file: Vec<Named> = listing.entries.iter().map(|e| (e.name.clone(), e.shape.clone())).collect();
    let taken = all.iter().filter(|(n, _)| !begins(n, fresh));
    let wanted: Vec<Named> = taken.map(|(n, p)| (n.clone(), p.shape.clone())).collect();
    let places = pairing(&file, &wanted, &rename, fresh, &given.ignore).map_err(|m| {
        let all: Vec<Named> = all.iter().map(|(n, p)| (n.clone(), p.shape.clone())).collect();
        Problem {
            code: "cfx::weights::names",
            parameter: Some("file"),
            message: format!(
                "`{}` does not fit the network `{}`: {}",
                on_a_line(&path.display().to_string()),
                net.name,
                m.summary()
            ),
            help: Some(cure(&m, &listing, advice(&file, &all))),
        }
    })?;
    let mut blocks: BTreeMap<u64, Block> = BTreeMap::new();
    for entry in places.iter().map(|i| &listing.entries[*i]) {
        entry.check_kind().map_err(|e| broken(path, e))?;
        blocks.extend(entry.block.map(|b| (b.at, b)));
    }
    if stream.is_some() {
        blocks.values().try_for_each(|b| b.check(path)).map_err(|e| broken(path, e))?;
    }
    let mut places = places.iter();
    let mut numbers = |name: &str, parameter: &Parameter| match (begins(name, fresh), stream) {
        (true, Some(stream)) => Ok(weights::initial(parameter, stream.named(name))),
        (true, None) => Ok(Vec::new()),
        (false, stream) => match (places.next(), stream) {
            (Some(i), Some(_)) => listing.numbers(path, &listing.entries[*i]).map_err(|e| broken(path, e)),
            _ => Ok(Vec::new()),
        },
    };
    let one = |(name, parameter): (String, Parameter)| {
        let numbers = numbers(&name, &parameter)?;
        Ok((name, parameter.shape, numbers))
    };
    all.into_iter().map(one).collect()
}

/// Most classes that a message lists.
const LISTED: usize = 6;

/// Returns what order of classes is assumed, where a program that sorts names has another one than the data set.
fn order(data: &Facts) -> Option<Problem> {
    let classes = data.classes.as_ref().filter(|_| data.natural)?;
    let mut sorted = classes.clone();
    sorted.sort();
    if sorted == *classes {
        return None;
    }
    let list = |names: &[String]| {
        let more = if names.len() > LISTED { ", ..." } else { "" };
        format!("{}{more}", names.iter().take(LISTED).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))
    };
    Some(Problem {
        code: "cfx::weights::order",
        parameter: Some("file"),
        message: format!("the outputs of the weights are taken to be the classes {}, in natural order", list(classes)),
        help: Some(format!(
            "programs that sort names (torchvision, Keras) have {}; for their weights read the images with `order: names`",
            list(&sorted)
        )),
    })
}

impl Planned for ImportWeights {
    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[("ignore", "none"), ("at", "none")]
    }

    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn part(&self, network: &Net) -> Option<Arc<Net>> {
        seam::split(network).ok().map(|(generator, _)| generator)
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let given = ImportSettings::read(settings);
        let classes = known(inputs, "data").and_then(|d| d.classes.clone());
        let mut facts = match &given.network {
            Some(net) => of_net(net, classes),
            None => Facts { classes, ..Facts::default() },
        };
        facts.columns = Some(COLUMNS.iter().map(|c| c.to_string()).collect());
        rename(&given.rename)?;
        if let Some(files) = files {
            let path = files.find(&given.file).map_err(|p| Problem { parameter: Some("file"), ..p })?;
            if let Some(net) = &given.network {
                read(&path, net, &given, None)?;
            }
            facts.files = vec![path];
            facts.warnings = known(inputs, "data").and_then(order).into_iter().collect();
        }
        Ok(facts)
    }

    fn cost(&self, settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        let bytes = ImportSettings::read(settings).network.map_or(1e6, |net| 4.0 * net.parameters() as f64);
        Cost { seconds: 0.01 + bytes / 1e9, memory: 3.0 * bytes, disk: bytes }
    }
}

impl Kernel for ImportWeights {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let given = ImportSettings::read(&job.settings);
        let net = given.network.as_ref().ok_or_else(|| Failure::new("the network is missing"))?;
        let data = job.dataset("data")?;
        // A generator makes such images, and does not take them.
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let makes = net.nodes.get(net.output).map(|n| size(&n.shape)) == Some(size(&data.source.images.shape));
        if !makes || net.input == data.source.images.shape {
            evaluate::fits(net, data, Labels::Any)?;
        }
        let path = cx.files().find(&given.file).map_err(failed)?;
        let weights = read(&path, net, &given, Some(job.stream.named("initialisation"))).map_err(failed)?;
        if let Some((name, _, _)) = weights.iter().find(|(_, _, x)| x.iter().any(|x| !x.is_finite())) {
            return Err(Failure::new(format!("`{}` holds numbers in `{name}` that are not finite", path.display())));
        }
        let columns = COLUMNS.map(|c| (c.to_string(), Column::Numbers(Vec::new())));
        Ok(Value::Model(Arc::new(Model {
            net: net.clone(),
            weights: Arc::new(weights),
            snapshots: Vec::new(),
            history: Table { columns: columns.into() },
            trained_on: Arc::new(Vec::new()),
            classes: data.classes().to_vec(),
        })))
    }
}

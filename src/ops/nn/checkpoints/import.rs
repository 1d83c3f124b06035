//! `import_weights`: a model from a file of weights that another program wrote.

use super::list;
use super::names::{Named, begins, nearest, pairing};
use crate::base::Stream;
use crate::engine::value::{Column, Model, Table, Weights};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::net::ir::Net;
use crate::lang::{Settings, Static};
use crate::ops::foreign::Unreadable;
use crate::ops::nn::evaluate;
use crate::ops::nn::layer::Parameter;
use crate::ops::nn::place::Place;
use crate::ops::nn::program::{Program, Purpose};
use crate::ops::nn::weights;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::path::Path;
use std::sync::Arc;

/// The kernel of `import_weights`.
pub struct ImportWeights;

/// Returns all parameters and running statistics of a network with their names, in its order.
fn wanted(net: &Net) -> Vec<(String, Parameter)> {
    let program = Program::new(net, Purpose::Evaluation, &[], &Place::Host);
    let mut steps: Vec<_> = program.steps.iter().collect();
    steps.sort_by_key(|s| s.owner);
    let named = |path: &str, p: &Parameter| (p.under(path), p.clone());
    steps.iter().flat_map(|s| s.parameters.iter().map(|p| named(&net.nodes[s.owner].path, p))).collect()
}

fn broken(path: &Path, why: Unreadable) -> Problem {
    let message = format!("`{}` {}", path.display(), why.words);
    Problem { code: "cfx::file::broken", parameter: Some("file"), message, help: why.help }
}

/// Returns the changes of names that `rename` lists, each written `old -> new`.
fn rename(settings: &Settings) -> Result<Vec<(String, String)>, Problem> {
    let Static::List(items) = settings.get("rename") else { return Ok(Vec::new()) };
    items
        .iter()
        .filter_map(Static::word)
        .map(|rule| match rule.split_once("->") {
            Some((from, to)) => Ok((from.trim().to_string(), to.trim().to_string())),
            None => Err(Problem {
                code: "cfx::weights::names",
                parameter: Some("rename"),
                message: format!("`{rule}` is no change of names"),
                help: Some(
                    "write what names begin with, and what stands there instead: `\"backbone. -> \"`, `\"out. -> fc.\"`".into(),
                ),
            }),
        })
        .collect()
}

/// Returns the beginnings of names that are not taken from the file.
///
/// Errors: one of them begins no name of the network.
fn fresh(settings: &Settings, wanted: &[(String, Parameter)]) -> Result<Vec<String>, Problem> {
    let Static::List(items) = settings.get("fresh") else { return Ok(Vec::new()) };
    let list: Vec<String> = items.iter().filter_map(Static::word).map(str::to_string).collect();
    match list.iter().find(|f| !wanted.iter().any(|(name, _)| begins(name, std::slice::from_ref(*f)))) {
        None => Ok(list),
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

/// Returns the tensors of a file that are a network's weights, in the network's order, without numbers, or with them: from the file, and, for those that
/// are to start anew, initial values from the stream.
fn read(path: &Path, net: &Net, settings: &Settings, stream: Option<Stream>) -> Result<Weights, Problem> {
    let rename = rename(settings)?;
    let all = wanted(net);
    let fresh = fresh(settings, &all)?;
    let listing = list(path).map_err(|e| broken(path, e))?;
    let file: Vec<Named> = listing.entries.iter().map(|e| (e.name.clone(), e.shape.clone())).collect();
    let taken = all.iter().filter(|(n, _)| !begins(n, &fresh));
    let wanted: Vec<Named> = taken.map(|(n, p)| (n.clone(), p.shape.clone())).collect();
    let places = pairing(&file, &wanted, &rename, &fresh).map_err(|m| Problem {
        code: "cfx::weights::names",
        parameter: Some("file"),
        message: format!("`{}` does not fit the network `{}`: {}", path.display(), net.name, m.summary()),
        help: Some(m.lists()),
    })?;
    let mut places = places.iter();
    let mut numbers = |name: &str, parameter: &Parameter| match (begins(name, &fresh), stream) {
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

impl Planned for ImportWeights {
    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let mut facts = Facts { classes: known(inputs, "data").and_then(|d| d.classes.clone()), ..Facts::default() };
        let net = match settings.get("network") {
            Static::Net(net) => Some(net),
            _ => None,
        };
        if let Some(net) = net {
            facts.taps = net.taps.iter().map(|(name, node)| (name.clone(), net.nodes[*node].shape.clone())).collect();
            facts.bytes = Some(4 * net.parameters() as u64);
            facts.multiply_adds = Some(net.multiply_adds() as u64);
        }
        rename(settings)?;
        if let Some(files) = files {
            let path = files.find(settings.word("file")).map_err(|p| Problem { parameter: Some("file"), ..p })?;
            if let Some(net) = net {
                read(&path, net, settings, None)?;
            }
            facts.files = vec![path];
        }
        Ok(facts)
    }

    fn cost(&self, settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        let bytes = match settings.get("network") {
            Static::Net(net) => 4.0 * net.parameters() as f64,
            _ => 1e6,
        };
        Cost { seconds: 0.01 + bytes / 1e9, memory: 3.0 * bytes, disk: bytes }
    }
}

impl Kernel for ImportWeights {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let Static::Net(net) = job.settings.get("network") else { return Err(Failure::new("the network is missing")) };
        let data = job.dataset("data")?;
        evaluate::fits(net, data, false)?;
        let failed = |p: Problem| Failure::Failed { message: p.message, help: p.help };
        let path = cx.files().find(job.settings.word("file")).map_err(failed)?;
        let weights = read(&path, net, &job.settings, Some(job.stream.named("initialisation"))).map_err(failed)?;
        if let Some((name, _, _)) = weights.iter().find(|(_, _, x)| x.iter().any(|x| !x.is_finite())) {
            return Err(Failure::new(format!("`{}` holds numbers in `{name}` that are not finite", path.display())));
        }
        let columns = ["epoch", "loss", "accuracy", "rate"].map(|c| (c.to_string(), Column::Numbers(Vec::new())));
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

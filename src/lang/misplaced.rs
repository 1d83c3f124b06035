//! Arguments that stand in the wrong call: what they belong to.

use super::finding::{Findings, What};
use super::scope::Program;
use super::signature::{SettingType, Signature};
use super::suggest::elsewhere;

impl Program {
    /// Returns findings about a call with better help: an argument that it does not have may be one of a constructor that it takes.
    pub fn misplaced(&self, signature: &Signature, mut findings: Findings) -> Findings {
        for finding in &mut findings.0 {
            let What::UnknownArgument { name, help, .. } = &mut finding.what else { continue };
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
            } else if let Some(words) = no_argument(name) {
                *help = words.to_string();
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
fn no_argument(name: &str) -> Option<&'static str> {
    Some(match name {
        "device" | "gpu" | "gpus" | "cuda" | "accelerator" => {
            "the device is no part of a script: `cfx run exp.cfx --device cuda:0`"
        }
        "num_workers" | "n_jobs" | "workers" | "threads" | "pin_memory" => {
            "threads are no part of a script: `cfx run exp.cfx --threads 4`"
        }
        "verbose" | "progress" | "disp" | "silent" | "log_every" => {
            "progress is shown by `cfx run`; numbers on the way are in `history(m)`"
        }
        "shuffle" | "drop_last" => "examples are shuffled in every epoch",
        "loss" | "criterion" | "loss_fn" | "objective" => "training minimises the cross-entropy of the labels",
        "validation_data" | "validation_split" | "val_data" | "eval_set" | "val_loader" | "test_data" => {
            "measure on other data while training with `record: [accuracy(data.test)]`, or afterwards with `accuracy(m, data.test)`"
        }
        "title" | "xlabel" | "ylabel" | "legend" | "figsize" | "label" => {
            "the title stands behind `figure`; labels are the arguments as written"
        }
        _ => return None,
    })
}

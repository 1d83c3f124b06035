//! Arguments that cannot be read, with what is meant: parameters of the script, arguments of another command, a script without a command.

use super::arguments::Arguments;
use crate::lang::suggest::nearest;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use std::path::Path;

/// Commands that take parameters of a script.
const SETTING: [&str; 8] = ["run", "serve", "check", "plan", "export", "lock", "push", "pull"];

/// Returns an error about the arguments as it is printed, and what is meant, where that is known. `given`: the arguments, without the program's name.
pub fn explained(mut error: Error, given: &[String]) -> (Error, Option<String>) {
    let text = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let command = given.iter().find(|a| !a.starts_with('-')).map_or("", String::as_str);
    let wrong =
        text(&error, ContextKind::InvalidArg).or_else(|| text(&error, ContextKind::InvalidSubcommand)).unwrap_or_default();
    let help = match error.kind() {
        ErrorKind::InvalidSubcommand if wrong.ends_with(".cfx") => Some(format!("write `cfx run {wrong}`")),
        ErrorKind::UnknownArgument => match wrong.strip_prefix("--") {
            Some(flag) => unknown(command, flag.split('=').next().unwrap_or(flag), given),
            None if wrong.contains('=') && SETTING.contains(&command) => {
                Some(format!("a parameter of the script is set by `--set {wrong}`"))
            }
            None => given
                .windows(3)
                .find(|w| w[0] == "--set" && w[2] == wrong)
                .map(|w| format!("write `--set {}={wrong}`, without a space", w[1])),
        },
        ErrorKind::ValueValidation if given.iter().any(|a| a == "--set") => {
            let spaced = given.windows(3).find(|w| w[0] == "--set" && !w[1].contains('='));
            spaced.map(|w| format!("write `--set {}={}`, without a space", w[1], w[2]))
        }
        _ => None,
    };
    if help.is_some() {
        // Of what is spelt alike nothing is meant, and no argument is a value here.
        for kind in
            [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::Suggested, ContextKind::TrailingArg]
        {
            error.remove(kind);
        }
    }
    (error, help)
}

/// Returns what is meant by a flag that a command does not have; nothing where one of its own is near.
fn unknown(command: &str, flag: &str, given: &[String]) -> Option<String> {
    let all = Arguments::command();
    let flags =
        |c: &clap::Command| -> Vec<String> { c.get_arguments().filter_map(|a| a.get_long().map(str::to_string)).collect() };
    let own = all.find_subcommand(command).map(flags)?;
    if flag == "seed" {
        return Some("the seed stands in the script: `experiment \"…\" { seed: 1 }`".to_string());
    }
    if let Some(other) = all.get_subcommands().find(|c| !c.is_hide_set() && flags(c).iter().any(|f| f == flag)) {
        return Some(format!("`--{flag}` belongs to `cfx {}`", other.get_name()));
    }
    // A word of one or two letters is near everything.
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    if !SETTING.contains(&command) || flag.len() > 2 && nearest(flag, &own).is_some() {
        return None;
    }
    let at = given.iter().position(|a| a.strip_prefix("--").is_some_and(|a| a.split('=').next() == Some(flag)))?;
    let value = match given[at].split_once('=') {
        Some((_, value)) => value.to_string(),
        None => given.get(at + 1).filter(|v| !v.starts_with("--")).cloned().unwrap_or_else(|| "VALUE".to_string()),
    };
    Some(format!("a parameter of the script is set by `--set {flag}={value}`"))
}

/// Returns the script that is meant by a path to nothing: the same with its ending.
pub fn with_ending(path: &Path) -> Option<String> {
    let ended = path.with_added_extension("cfx");
    (!path.exists() && ended.is_file()).then(|| ended.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn said(line: &str) -> (String, Option<String>) {
        let given: Vec<String> = line.split(' ').map(str::to_string).collect();
        let error = Arguments::try_parse_from(std::iter::once("cfx".to_string()).chain(given.iter().cloned())).unwrap_err();
        let (error, help) = explained(error, &given);
        (error.to_string(), help)
    }

    #[test]
    fn what_is_meant_by_unknown_arguments_is_said() {
        for (line, help) in [
            ("run r.cfx --epochs 3", "a parameter of the script is set by `--set epochs=3`"),
            ("run r.cfx --epochs=3", "a parameter of the script is set by `--set epochs=3`"),
            ("run r.cfx --p 3", "a parameter of the script is set by `--set p=3`"),
            ("run r.cfx --seed 3", "the seed stands in the script: `experiment \"…\" { seed: 1 }`"),
            ("plan r.cfx --threads 3", "`--threads` belongs to `cfx run`"),
            ("run r.cfx --set epochs 3", "write `--set epochs=3`, without a space"),
            ("run r.cfx epochs=3", "a parameter of the script is set by `--set epochs=3`"),
            ("r.cfx", "write `cfx run r.cfx`"),
        ] {
            let (words, found) = said(line);
            assert_eq!(found.as_deref(), Some(help), "{line}");
            assert!(!words.contains("tip:"), "{line}: {words}");
        }
    }

    #[test]
    fn misspelt_flags_are_left_to_the_parser() {
        let (words, help) = said("run r.cfx --thread 3");
        assert_eq!(help, None);
        assert!(words.contains("--threads"), "{words}");
    }
}

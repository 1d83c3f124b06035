//! `cfx doc`: what is said of a name, on the terminal.

use super::Exit;
use super::out::{say, tell};
use crate::editor::pages::{names, pages, topics};
use crate::lang::scope::Program;
use crate::lang::suggest;

/// Prints a built-in's documentation, a topic's list, a word's page, or the list of topics.
pub fn doc(name: Option<&str>) -> Exit {
    let (program, _) = Program::load("", "", &|_| Err(("cfx::file::missing", String::new(), String::new())));
    let Some(name) = name else {
        for (topic, list) in topics(&program) {
            say!("std.{topic}\n{}", list.iter().map(|l| format!("  {l}\n")).collect::<String>().trim_end());
        }
        return Exit::Done;
    };
    let wanted = name.strip_prefix("std.").unwrap_or(name).trim_end_matches(':');
    if let Some((_, list)) = topics(&program).into_iter().find(|(topic, _)| *topic == wanted) {
        list.iter().for_each(|l| say!("{l}"));
        return Exit::Done;
    }
    let pages = pages(&program, wanted);
    if pages.is_empty() {
        tell!("there is no `{name}`; {}", suggest::nearest_or_list(wanted, &names(&program)));
        return Exit::Usage;
    }
    say!("{}", pages.join("\n\n"));
    Exit::Done
}

//! `cfx doc`: what is said of a name, on the terminal.

use super::Exit;
use super::out::{say, tell};
use crate::editor::pages::{mentioning, names, pages, topics};
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
        let names = names(&program);
        let near = suggest::nearest(wanted, &names).map(|near| format!("did you mean `{near}`?"));
        let told: Vec<String> = mentioning(&program, wanted).iter().map(|n| format!("`{n}`")).collect();
        let told = (!told.is_empty()).then(|| format!("these speak of it: {}", suggest::at_most(&told, 14)));
        let said: Vec<String> = near.into_iter().chain(told).collect();
        match said.is_empty() {
            true => tell!("there is no `{name}`, and no page speaks of it; `cfx doc` lists all names"),
            false => tell!("there is no `{name}`; {}", said.join("; ")),
        }
        return Exit::Usage;
    }
    say!("{}", pages.join("\n\n"));
    Exit::Done
}

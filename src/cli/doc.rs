//! `cfx doc`: built-ins, networks and recipes described from the standard library itself.

use super::Exit;
use crate::lang::scope::{Program, declared};
use crate::syntax::ast::ItemKind;

/// Prints a built-in's documentation, a topic's list, or the list of topics.
pub fn doc(name: Option<&str>) -> Exit {
    let (program, _) = Program::load("", "", &|_| Err(("cfx::file::missing", String::new(), String::new())));
    let topics = program.modules.iter().filter_map(|m| m.topic.as_deref().map(|t| (t, m)));
    let Some(name) = name else {
        for (topic, module) in topics {
            println!("std.{topic}");
            for item in &module.file.items {
                if let Some(n) = declared(&item.kind) {
                    println!("  {:<26} {}", n.name, first_sentence(item.doc.as_deref()));
                }
            }
        }
        return Exit::Done;
    };
    let wanted = name.strip_prefix("std.").unwrap_or(name);
    for (topic, module) in topics {
        if topic == wanted {
            for item in &module.file.items {
                if let Some(n) = declared(&item.kind) {
                    println!("{:<26} {}", n.name, first_sentence(item.doc.as_deref()));
                }
            }
            return Exit::Done;
        }
    }
    let mut all: Vec<&str> = Vec::new();
    for module in program.modules.iter().filter(|m| m.topic.is_some()) {
        for item in &module.file.items {
            let constructors: Vec<&str> = match &item.kind {
                ItemKind::Variant { constructors, .. } => constructors.iter().map(|c| c.name.name.as_str()).collect(),
                _ => Vec::new(),
            };
            let Some(n) = declared(&item.kind) else { continue };
            if n.name == name || constructors.contains(&name) {
                println!("{}\n", program.sources.text(item.span).trim_end());
                println!("{}", item.doc.as_deref().unwrap_or("").trim());
                println!("\nstd.{}", module.topic.as_deref().unwrap_or(""));
                return Exit::Done;
            }
            all.push(&n.name);
        }
    }
    eprintln!("there is no `{name}`; {}", crate::lang::suggest::nearest_or_list(name, &all));
    Exit::Usage
}

fn first_sentence(doc: Option<&str>) -> String {
    doc.unwrap_or("").lines().next().unwrap_or("").trim().to_string()
}

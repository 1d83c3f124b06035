use super::*;
use crate::base::{Diags, SourceFile};

/// The target programs of the design, the standard library's forms, and networks.
const PROGRAMS: [(&str, &str); 7] = [
    ("target1", include_str!("../../tests/data/syntax/target1.cfx")),
    ("target2", include_str!("../../tests/data/syntax/target2.cfx")),
    ("target3", include_str!("../../tests/data/syntax/target3.cfx")),
    ("target4", include_str!("../../tests/data/syntax/target4.cfx")),
    ("target5", include_str!("../../tests/data/syntax/target5.cfx")),
    ("signatures", include_str!("../../tests/data/syntax/signatures.cfx")),
    ("networks", include_str!("../../tests/data/syntax/networks.cfx")),
];

fn source(text: &str) -> SourceFile {
    SourceFile { name: "t.cfx".into(), text: text.into(), base: 100 }
}

#[test]
fn target_programs_parse() {
    for (name, text) in PROGRAMS {
        let (file, diags) = parse(&source(text));
        if std::env::var("SHOW").is_ok() {
            println!("--- {name}\n{}", outline(&file));
        }
        assert_eq!(diags, Diags::default(), "{name}");
        assert!(file.items.len() > 5, "{name}");
    }
}

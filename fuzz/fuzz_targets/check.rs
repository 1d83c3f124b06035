//! Checks whatever bytes come: reading, checking and drawing messages must end and not panic.
#![no_main]

use cfx::api::{self, Registry, Source};
use cfx::cli::render::render;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let source = Source::text("exp.cfx", text, Path::new("fuzz/nothing"));
    let checked = api::check(&source, &Registry::standard());
    render(&checked.diags, &checked.program.sources, false);
    api::types(&checked.script);
});

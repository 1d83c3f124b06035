//! The examples of the documents: every script in them is right, those that need no files run, and their claims hold.

use crate::script::{self, Ran, files_below, repository};
use cfx::api::{self, Registry, Source};
use cfx::engine::Status;
use std::path::Path;

/// A fenced script of a document.
struct Example {
    /// Line of its first line.
    line: usize,
    /// Whether it is only checked.
    check_only: bool,
    text: String,
}

/// Returns the scripts of a document: what is fenced and begins with the edition.
fn examples(document: &str) -> Vec<Example> {
    let text = std::fs::read_to_string(repository(document)).expect("a document of the repository");
    let mut out = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((i + 2, info.trim() == "cfx check", String::new())),
            (Some(_), Some(_)) => {
                if let Some((line, check_only, text)) = open.take().filter(|(_, _, t)| t.starts_with("cfx 1\n")) {
                    out.push(Example { line, check_only, text });
                }
            }
            (None, Some((_, _, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    out
}

/// Checks the scripts of a document without a message, runs those that can run, and demands that their claims hold. Scripts that read
/// activations only run if they find a folder of files.
fn right(document: &str, at_least: usize, files: Option<&Path>) {
    let examples = examples(document);
    let folder = files.unwrap_or(Path::new("."));
    assert!(examples.len() >= at_least, "{document} has {} scripts", examples.len());
    let mut wrong = Vec::new();
    for example in examples {
        let name = format!("{document}:{}", example.line);
        let checked = api::check(&Source::text(&name, &example.text, folder), &Registry::standard());
        let mut messages: Vec<String> = checked.diags.0.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
        // Examples of data sets and settings need not use what they make.
        messages.retain(|m| !m.starts_with("cfx::name::unused"));
        let reads_files = example.text.contains("load_stages(");
        if messages.is_empty() && !example.check_only && (!reads_files || files.is_some()) {
            match script::run(Source::text(&name, &example.text, folder)) {
                Ok(ran) => messages.extend(unfulfilled(&ran)),
                Err(wrong) => messages.extend(wrong.1.0.iter().map(|d| d.message.clone())),
            }
        }
        wrong.extend(messages.into_iter().map(|m| format!("{name}: {m}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns cells that failed, and claims that do not hold.
fn unfulfilled(ran: &Ran) -> Vec<String> {
    let failed = ran.outcome.cells.iter().filter(|c| c.status == Status::Failed);
    let mut out: Vec<String> = failed.map(|c| c.message.clone().unwrap_or_default().to_string()).collect();
    let results = api::results(&ran.graph, &ran.registry, &ran.store, &ran.source, &ran.outcome);
    out.extend(api::claims(&ran.graph, &results).iter().filter(|c| !c.holds()).map(|c| c.line()));
    out
}

#[test]
fn examples_of_the_reference() {
    right("docs/language.md", 15, None);
}

#[test]
fn examples_of_the_front_page() {
    right("README.md", 2, None);
}

#[test]
fn examples_of_the_tutorial() {
    right("docs/tutorial.md", 6, None);
}

#[test]
fn recipes_by_task() {
    let folder = tempfile::tempdir().expect("a folder");
    files_of_a_reader(folder.path());
    right("docs/how_to.md", 6, Some(folder.path()));
}

/// Writes what the scripts of docs/how_to.md read: activations of three classes at two layers, their labels, a checkpoint.
fn files_of_a_reader(folder: &Path) {
    const ROWS: usize = 60;
    let mut state = 1_u64;
    let mut noise = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let write = |name: &str, kind: &str, shape: &[usize], bytes: &[u8]| {
        let shape: String = shape.iter().map(|n| format!("{n},")).collect();
        let head = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
        let head = format!("{head:<117}\n");
        let mut out = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        out.extend(head.bytes().chain(bytes.iter().copied()));
        std::fs::write(folder.join(name), out).expect(name);
    };
    std::fs::create_dir(folder.join("activations")).expect("a folder");
    for (name, units) in [("activations/layer1.npy", 6), ("activations/layer2.npy", 8)] {
        let value = |i: usize| noise() + if i % units == (i / units) % 3 { 2.0 } else { 0.0 };
        let bytes: Vec<u8> = (0..ROWS * units).map(value).flat_map(f32::to_le_bytes).collect();
        write(name, "<f4", &[ROWS, units], &bytes);
    }
    let labels: Vec<u8> = (0..ROWS as i64).flat_map(|i| (i % 3).to_le_bytes()).collect();
    write("labels.npy", "<i8", &[ROWS], &labels);
    let shapes = [("fc1.weight", vec![16, 64]), ("fc1.bias", vec![16]), ("fc2.weight", vec![10, 16]), ("fc2.bias", vec![10])];
    let weights: Vec<(&str, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let count: usize = shape.iter().product();
            (name, shape, (0..count).flat_map(|_| noise().to_le_bytes()).collect())
        })
        .collect();
    let tensors = weights.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (*name, view.expect("a tensor"))
    });
    let bytes = safetensors::serialize(tensors, None).expect("a file of weights");
    std::fs::write(folder.join("net.safetensors"), bytes).expect("net.safetensors");
}

#[test]
fn every_document_is_in_the_book() {
    let summary = std::fs::read_to_string(repository("docs/SUMMARY.md")).expect("docs/SUMMARY.md");
    let pages = links(&summary);
    let root = repository("");
    for folder in ["docs", "examples", "editors", "python"] {
        for document in files_below(&root.join(folder), ".md") {
            let path = document.strip_prefix(&root).expect("below").display().to_string().replace('\\', "/");
            let link = path.strip_prefix("docs/").map_or_else(|| format!("../{path}"), str::to_string);
            let left_out = path == "docs/SUMMARY.md" || path.contains("/node_modules/") || path.contains("/.venv/");
            assert!(left_out || pages.contains(&link), "docs/SUMMARY.md lacks {link}");
        }
    }
}

#[test]
fn the_list_of_built_ins_is_complete() {
    let text = std::fs::read_to_string(repository("docs/language.md")).expect("the reference");
    let registry = Registry::standard();
    let missing: Vec<&str> = registry.names().into_iter().filter(|name| !text.contains(&format!("- `{name}("))).collect();
    assert!(missing.is_empty(), "run `python docs/builtins.py`: {missing:?}");
}

/// Returns the second column of a document's tables, where it is one line of a script: section, line.
fn lines_of_tables(text: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut out = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_string();
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if let (true, [_, script]) = (line.starts_with("| "), cells.as_slice())
            && let Some(script) = script.strip_prefix('`').and_then(|s| s.strip_suffix('`'))
        {
            out.push((section.clone(), script.to_string()));
        }
    }
    out
}

#[test]
fn lines_for_those_who_come_from_python() {
    let document = "docs/from_python.md";
    let text = std::fs::read_to_string(repository(document)).expect("the document");
    let first = examples(document).remove(0).text;
    let lines = lines_of_tables(&text);
    assert!(lines.len() >= 60, "{} lines", lines.len());
    // Each line by itself, behind the script; those that need lines before them, behind these.
    let mut wrong = Vec::new();
    for (section, line) in &lines {
        let before: String =
            lines.iter().take_while(|(_, l)| l != line).filter(|l| l.0 == *section).map(|l| format!("{}\n", l.1)).collect();
        for (needed, script) in [(false, format!("{first}{line}\n")), (true, format!("{first}{before}{line}\n"))] {
            let checked = api::check(&Source::text(document, &script, Path::new(".")), &Registry::standard());
            let messages: Vec<String> = checked.diags.0.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
            let messages: Vec<String> = messages.into_iter().filter(|m| !m.starts_with("cfx::name::unused")).collect();
            if messages.is_empty() {
                break;
            }
            if needed {
                wrong.push(format!("{line}: {}", messages.join("; ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // All that need no files run together.
    let run: String = lines.iter().filter(|(section, _)| section != "Files").map(|(_, l)| format!("{l}\n")).collect();
    let ran = script::run(Source::text(document, &format!("{first}{run}"), Path::new("."))).map_err(|w| w.1).expect("runs");
    assert_eq!(unfulfilled(&ran), Vec::<String>::new());
}

#[test]
fn words_of_the_glossary() {
    let text = std::fs::read_to_string(repository("docs/glossary.md")).expect("the glossary");
    let words: Vec<&str> = text
        .lines()
        .skip_while(|l| !l.starts_with("| ---"))
        .skip(1)
        .filter_map(|l| l.strip_prefix("| "))
        .filter_map(|l| l.split(" | ").next())
        .collect();
    let mut sorted = words.clone();
    sorted.sort_unstable();
    assert_eq!(words, sorted, "in the order of the alphabet");
    for word in ["axis", "cell", "claim", "coordinate", "density", "key", "score", "stage", "store", "tap"] {
        assert!(words.contains(&word), "{word}");
    }
    // Every keyword that declares something is explained, by its own name or in an entry.
    for keyword in
        ["experiment", "axis", "data set", "network", "recipe", "model", "`stages`", "density", "analysis", "figure", "claim"]
    {
        assert!(words.contains(&keyword) || text.contains(&format!("keyword {keyword}")), "{keyword}");
    }
    // Links lead to headings that are there.
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let (file, heading) = link.split_once('#').expect("a heading");
        let page = std::fs::read_to_string(repository(&format!("docs/{file}"))).expect("a document");
        let anchor = |l: &str| l.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace(',', "");
        assert!(page.lines().filter(|l| l.starts_with('#')).any(|l| anchor(l) == heading), "{link}");
    }
}

/// A script that leaves every kind of file.
const EVERYTHING: &str = r#"cfx 1
experiment "Every kind of file" { seed: 1 }

use std.data { digits }

network small { hidden: flatten -> linear(8) -> relu
  linear(classes) }
axis noise = [0%, 50%]
dataset data = digits()
dataset noisy = corrupt_labels(subset(data.train, 20%), fraction: noise)
model net = train(small, noisy) { epochs: 1, batch: 64, rate: 0.1, keep: weights }
stages reps = svd(tap(net[noise: 0%], data.test, at: [hidden]), width: 3)
density p = dp_mixture(reps, by: class, sampler: gibbs(passes: 20, burn_in: 10, thin: 5, chains: 2))
analysis logp = log_density(p, reps)
analysis fits = correct(net, noisy)
analysis test = mean(correct(net, data.test), over: example)
figure "Accuracy" = curves(test, x: noise)
figure "Two of each" = images(data.test, rows: class, count: 2)
claim "Labels matter" = test[noise: 0%] > test[noise: 50%]
"#;

/// Returns what stands between backquotes at the beginning of the rows of a document's first table.
fn listed_files(text: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|l| !l.starts_with("| file |")).skip(2).take_while(|l| l.starts_with("| `"));
    rows.filter_map(|l| l.split('`').nth(1).map(str::to_string)).collect()
}

/// Returns whether a path is of the form that a document lists: capital letters stand for a name, a slash at the end for a folder.
fn is_of_form(path: &str, form: &str) -> bool {
    let (before, after) = form.split_once("NAME").or_else(|| form.split_once("TITLE")).unwrap_or((form, ""));
    let Some(rest) = path.strip_prefix(before) else { return false };
    match after.strip_suffix('/') {
        Some(folder) => rest.contains(&format!("{folder}/")),
        None if form.contains("NAME") || form.contains("TITLE") => {
            // The longest ending counts: `a.se.npy` is no `NAME.npy`.
            let own = ["se", "count", "ids", "labels"].iter().any(|w| rest.ends_with(&format!(".{w}.npy")));
            rest.ends_with(after) && !rest[..rest.len() - after.len()].contains('/') && (own == (after.matches('.').count() > 1))
        }
        None => rest.is_empty(),
    }
}

#[test]
fn every_file_of_a_run_is_described() {
    let ran = script::run(Source::text("everything.cfx", EVERYTHING, Path::new("."))).map_err(|w| w.1).expect("runs");
    let results = api::results(&ran.graph, &ran.registry, &ran.store, &ran.source, &ran.outcome);
    let out = tempfile::tempdir().expect("a folder");
    let written = api::write(&ran.source, &ran.checked, &ran.graph, &ran.outcome, &results, out.path()).expect("written");
    let paths: Vec<String> = written.iter().map(|p| p.strip_prefix(out.path()).expect("below").display().to_string()).collect();
    let text = std::fs::read_to_string(repository("docs/results.md")).expect("the document");
    let forms = listed_files(&text);
    assert!(forms.len() >= 20, "{forms:?}");
    for path in &paths {
        let of: Vec<&String> = forms.iter().filter(|f| is_of_form(path, f)).collect();
        assert_eq!(of.len(), 1, "{path} is of the forms {of:?}");
    }
    let never: Vec<&String> = forms.iter().filter(|f| !paths.iter().any(|p| is_of_form(p, f))).collect();
    assert!(never.is_empty(), "no file is of the forms {never:?}: {paths:?}");
    // The manifest lists them, and its fields are described.
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(out.path().join("manifest.json")).expect("read")).expect("JSON");
    let listed: Vec<&str> = manifest["outputs"].as_array().expect("files").iter().filter_map(|f| f["path"].as_str()).collect();
    assert_eq!(listed.len() + 2, paths.len());
    for field in manifest.as_object().expect("an object").keys().filter(|k| *k != "format") {
        assert!(text.contains(&format!("`{field}`")), "docs/results.md does not describe the manifest's `{field}`");
    }
    assert!(text.contains(manifest["format"].as_str().expect("a text")));
    // dtypes of arrays are those of the document.
    let dtype = |name: &str| {
        let bytes = std::fs::read(out.path().join("arrays").join(name)).expect(name);
        npyz::NpyFile::new(bytes.as_slice()).expect("an array").dtype().descr()
    };
    for (file, kind, word) in [
        ("test.npy", "'<f8'", "| `NAME.npy` | float64 |"),
        ("test.se.npy", "'<f8'", "| `NAME.se.npy` | float64 |"),
        ("test.count.npy", "'<i8'", "| `NAME.count.npy` | int64 |"),
        ("fits.ids.npy", "'<u4'", "| `NAME.ids.npy` | uint32 |"),
        ("fits.labels.npy", "'<i8'", "| `NAME.labels.npy` | int64 |"),
    ] {
        assert_eq!(dtype(file), kind, "{file}");
        assert!(text.contains(word), "{word}");
    }
    // Every variable of the chains is described, with its type.
    for path in paths.iter().filter(|p| p.ends_with("/.zarray")) {
        let parts: Vec<&str> = path.split('/').collect();
        let (group, variable) = (parts[2], parts[3]);
        if matches!(variable, "chain" | "draw" | "state" | "row" | "stage" | "class") {
            continue;
        }
        let about: serde_json::Value =
            serde_json::from_slice(&std::fs::read(out.path().join(path)).expect("read")).expect("JSON");
        let word = match about["dtype"].as_str() {
            Some("<f8") => "float64",
            Some("<i8") => "int64",
            Some("<i4") => "int32",
            other => panic!("{path}: {other:?}"),
        };
        let row = format!("| `{group}` | `{variable}` | {word} |");
        assert!(text.contains(&row), "docs/results.md lacks {row}");
    }
}

/// Returns the targets of a document's links and pictures that are files of the repository, fenced text left out.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut out = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ', '#']).next().unwrap_or("");
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                out.push(target.to_string());
            }
        }
    }
    out
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let root = repository("");
    let mut documents: Vec<_> =
        ["docs", "examples", "editors", "python"].iter().flat_map(|f| files_below(&root.join(f), ".md")).collect();
    documents.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].map(|f| root.join(f)));
    let (mut lost, mut count) = (Vec::new(), 0);
    for document in documents {
        let text = std::fs::read_to_string(&document).expect("a document");
        let folder = document.parent().expect("a folder");
        for link in links(&text) {
            count += 1;
            if !folder.join(&link).exists() {
                lost.push(format!("{}: {link}", document.strip_prefix(&root).unwrap_or(&document).display()));
            }
        }
    }
    assert!(count > 50, "only {count} links");
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

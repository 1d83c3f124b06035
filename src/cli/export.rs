//! `cfx export`: a script, the scripts that it uses and its results in one archive, for those who are to see or repeat them.

use super::arguments::Export;
use super::out::{drawn, say, tell};
use super::run::{results_folder, source};
use super::{Exit, locked, render};
use crate::api::{self, Registry};
use crate::base::Hash;
use crate::base::text::on_a_line;
use crate::engine::unfinished;
use crate::plan::seen;
use crate::report::earlier::is_below;
use serde_json::Value as Json;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

/// Writes the archive: the script, its lock where it has one, and the scripts that it uses as they are, and below `results/` every file that the manifest lists, each found to be the one
/// that was written.
pub fn export(arguments: &Export) -> Exit {
    let source = match source(&arguments.script) {
        Ok(source) => source,
        Err(exit) => return exit,
    };
    let checked = api::check(&source, &Registry::standard());
    if checked.diags.has_errors() {
        drawn(&render::render(&checked.diags, &checked.program.sources, io::stderr().is_terminal()));
        return Exit::Script;
    }
    let script = &arguments.script.script;
    let results = results_folder(&arguments.out, &source, script);
    let (files, data) = match listed(&results, &source.text) {
        Ok(listed) => listed,
        Err(words) => {
            tell!("{words}");
            return Exit::Usage;
        }
    };
    let stem = script.file_stem().map_or("script".into(), |s| s.to_string_lossy().into_owned());
    let archive = arguments.to.clone().unwrap_or_else(|| source.folder.join(format!("{stem}.zip")));
    if archive.exists() {
        tell!("{} is there already; remove it, or name another with `--to FILE`", archive.display());
        return Exit::Usage;
    }
    let name = script.file_name().map_or("exp.cfx".into(), |n| n.to_string_lossy().into_owned());
    let lock = match locked::text(&locked::place(script)) {
        Ok(text) => Some((format!("{name}.lock"), text)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => {
            tell!("{} cannot be read: {e}", locked::place(script).display());
            return Exit::Usage;
        }
    };
    let texts = std::iter::once((name, source.text.clone())).chain(lock).chain(api::used_texts(&checked));
    let written = write(&archive, &stem, texts, &results, &files);
    match written {
        Ok(()) => {
            say!("{}", archive.display());
            match data {
                0 => {}
                1 => say!("the file of data that the script reads is not in it; `results/manifest.json` names it with its hash"),
                n => say!(
                    "the {n} files of data that the script reads are not in it; `results/manifest.json` names them with their hashes"
                ),
            }
            Exit::Done
        }
        Err(e) => {
            tell!("{} cannot be written: {e}", archive.display());
            Exit::unwritten(&e)
        }
    }
}

/// Returns the files of a folder of results that its manifest lists, by their paths below it, and how many files of data it says were read.
///
/// Errors: a sentence: there are no results, they are of another text of the script, or a file is not the one that was written.
fn listed(results: &Path, text: &str) -> Result<(Vec<String>, usize), String> {
    let again = "run the script again, and export then";
    let there = seen::read(&results.join("manifest.json")).ok().and_then(|b| serde_json::from_slice::<Json>(&b).ok());
    let manifest = there.ok_or_else(|| format!("there are no results in {}; {again}", results.display()))?;
    if manifest["script"]["blake3"].as_str() != Some(&Hash::of(text.as_bytes()).to_string()) {
        return Err(format!("the results in {} are of another text of the script; {again}", results.display()));
    }
    let mut out = vec!["manifest.json".to_string(), "report.html".to_string()];
    for file in manifest["outputs"].as_array().into_iter().flatten() {
        let (Some(path), Some(hash)) = (file["path"].as_str(), file["blake3"].as_str()) else { continue };
        if !is_below(path) {
            return Err(format!("the manifest names `{}`, which is no file of results; {again}", on_a_line(path)));
        }
        let bytes = seen::read(&results.join(path)).map_err(|e| format!("{path} cannot be read: {e}; {again}"))?;
        if Hash::of(&bytes).to_string() != hash {
            return Err(format!("{path} is not the file that the run wrote; {again}"));
        }
        out.push(path.to_string());
    }
    let data = manifest["files"].as_array().map_or(0, Vec::len);
    Ok((out, data))
}

/// Writes the archive beside its place and renames it.
fn write(
    archive: &Path,
    stem: &str,
    texts: impl Iterator<Item = (String, String)>,
    results: &Path,
    files: &[String],
) -> io::Result<()> {
    let folder = archive.parent().filter(|p| !p.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_path_buf);
    unfinished::clear(&folder);
    let mut file = unfinished::make(&folder)?;
    let mut out = zip::ZipWriter::new(file.as_file_mut());
    // Equal results give equal archives.
    let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default()).large_file(true);
    for (name, text) in texts {
        out.start_file(format!("{stem}/{name}"), options)?;
        out.write_all(text.as_bytes())?;
    }
    for path in files {
        out.start_file(format!("{stem}/results/{path}"), options)?;
        io::copy(&mut seen::open(&results.join(path))?, &mut out)?;
    }
    out.finish()?;
    file.as_file().sync_all()?;
    file.persist_noclobber(archive).map_err(|e| e.error)?;
    Ok(())
}

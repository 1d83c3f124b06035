//! What is said of runs on clusters: plans of jobs, how they stand.

use crate::base::size::bytes;
use crate::base::text::harmless;
use crate::base::time::duration;
use crate::cluster::campaign::{Campaign, Folder};
use crate::cluster::site::Site;
use crate::cluster::status::{Survey, Where};
use crate::cluster::submit::{Jobs, Sent};
use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Returns what would be sent, as a table.
pub fn planned(jobs: &Jobs, site: &Site, free: Option<u64>) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{:<6} {:<9} {:>6} {:>7} {:>6} {:>5} {:>10} {:>9} {:>10}  after",
        "array", "runs on", "jobs", "cells", "cores", "GPUs", "memory", "at most", "expected"
    );
    for (number, batch) in jobs.batches.iter().enumerate() {
        let resources = site.of(batch.kind);
        let count = batch.tasks.1 - batch.tasks.0;
        let report = number + 1 == jobs.batches.len();
        let after = match (report, batch.after.is_empty()) {
            (true, _) => "all; it writes the report".to_string(),
            (false, true) => String::new(),
            (false, false) => batch.after.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        let line = format!(
            "{number:<6} {:<9} {count:>6} {:>7} {:>6} {:>5} {:>10} {:>9} {:>10}  {after}",
            batch.kind.word(),
            batch.cells,
            resources.cores,
            resources.gpus,
            bytes(batch.memory),
            duration(batch.seconds),
            duration(batch.expected / count.max(1) as f64),
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let (hours, gpus) = jobs.hours(site);
    let count: usize = jobs.batches.iter().map(|b| b.tasks.1 - b.tasks.0).sum();
    let (stays, peak) = jobs.missing.disk;
    let gpus = if gpus > 0.0 { format!(", {gpus:.1} GPU hours") } else { String::new() };
    let more = if peak > 1.1 * stays + 1e6 { format!(", up to {} with weights", bytes(peak)) } else { String::new() };
    let _ = writeln!(out);
    let _ = writeln!(
        out,
        "{} in {} for {}: about {hours:.1} hours of jobs{gpus}, {} on disk{more}",
        many(count, "job"),
        many(jobs.batches.len(), "array"),
        many(jobs.missing.cells.len(), "cell"),
        bytes(stays),
    );
    if let Some(free) = free.filter(|free| peak > *free as f64) {
        let _ = writeln!(out, "warning: {} are free on the disk of the store", bytes(free as f64));
    }
    let learned: Vec<String> = jobs.missing.learned.iter().map(|(op, times)| format!("{op} {times:.2}")).collect();
    if !learned.is_empty() {
        let _ = writeln!(out, "times are those of results in the store, as many times as estimated: {}", learned.join(", "));
    }
    out
}

/// Returns what was sent, in a line or two.
pub fn sent(jobs: &Jobs, sent: &Sent, site: &Site) -> String {
    let (hours, gpus) = jobs.hours(site);
    let gpus = if gpus > 0.0 { format!(", {gpus:.1} GPU hours") } else { String::new() };
    format!(
        "{} in {} for {} sent to {} ({}): about {hours:.1} hours of jobs{gpus}\n{}\n`cfx status` shows their progress; `cfx \
         attach` follows them",
        many(sent.tasks, "job"),
        many(sent.ids.len(), "array"),
        many(jobs.missing.cells.len(), "cell"),
        site.name,
        sent.ids.join(" "),
        sent.folder.path().display(),
    )
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns whether every task did all that it was to do.
pub fn all_done(survey: &Survey) -> bool {
    survey.tasks.iter().all(|t| *t == Where::Done)
}

/// Returns how a run stands in one line.
pub fn line(survey: &Survey) -> String {
    let (cells, done, failed) = survey.cells;
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    let mut out = format!("{done} of {} there{failed}; of {}", many(cells, "cell"), many(survey.tasks.len(), "job"));
    let all = [(Where::Running, "running"), (Where::Waiting, "waiting"), (Where::Done, "done"), (Where::Failed, "with failures")];
    let counts = all.into_iter().chain([(Where::Lost, "over before their end")]).map(|(at, words)| (survey.count(at), words));
    let counts: Vec<String> = counts.filter(|c| c.0 > 0).map(|(count, words)| format!("{count} {words}")).collect();
    let _ = write!(out, " {}", counts.join(", "));
    if let Some(left) = survey.left() {
        let _ = write!(out, "; those that run take about {} more", duration(left));
    }
    out
}

/// Failures that are told of at most.
const MOST: usize = 10;

/// Returns how a run stands.
pub fn status(folder: &Folder, campaign: &Campaign, survey: &Survey) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} on {}, cfx {}: {}", campaign.title, campaign.site.name, campaign.version, folder.path().display());
    let _ = writeln!(
        out,
        "{:<6} {:<9} {:>8} {:>6} {:>8} {:>8} {:>6} {:>7} {:>6}",
        "array", "runs on", "id", "jobs", "waiting", "running", "done", "failed", "lost"
    );
    let arrays = folder.jobs();
    // The last one that was sent of a batch.
    let id = |batch: usize| arrays.iter().rev().find(|a| a.batch == batch).map_or("-", |a| a.id.as_str());
    for (number, batch) in campaign.batches.iter().enumerate() {
        let own = &survey.tasks[batch.tasks.0..batch.tasks.1];
        let count = |at: Where| own.iter().filter(|t| **t == at).count();
        let _ = writeln!(
            out,
            "{number:<6} {:<9} {:>8} {:>6} {:>8} {:>8} {:>6} {:>7} {:>6}",
            batch.kind.word(),
            id(number),
            own.len(),
            count(Where::Waiting),
            count(Where::Running),
            count(Where::Done),
            count(Where::Failed),
            count(Where::Lost),
        );
    }
    let _ = writeln!(out, "{}", line(survey));
    let running = survey.tasks.iter().zip(&survey.states).enumerate().filter(|(_, (t, _))| **t == Where::Running);
    for (task, (_, state)) in running.take(MOST) {
        if let Some(state) = state.as_ref().filter(|s| !s.now.is_empty()) {
            let _ = writeln!(out, "  task {task} on {}: {}", state.node, state.now);
        }
    }
    let told = |(reason, count): (&String, &usize)| match reason.as_str() {
        "" => format!("{count} for a reason not known yet"),
        reason => format!("{count} for {reason}"),
    };
    let reasons: Vec<String> = survey.reasons.iter().map(told).collect();
    if !reasons.is_empty() {
        let _ = writeln!(out, "waiting: {}", reasons.join(", "));
    }
    for failed in survey.failed.iter().take(MOST) {
        let log = failed.log.as_ref().map(|l| format!("\n    {}", l.display())).unwrap_or_default();
        let tried = if failed.tries > 1 { format!(" (tried {} times)", failed.tries) } else { String::new() };
        let _ = writeln!(out, "failed: {}: {}{tried}{log}", failed.title, failed.message);
    }
    if survey.failed.len() > MOST {
        let _ =
            writeln!(out, "{} more failed; {} names them", survey.failed.len() - MOST, folder.path().join("failed").display());
    }
    // Where no cell says why, the log of the job does.
    let unsaid = |t: &Where| *t == Where::Lost || *t == Where::Failed && survey.failed.is_empty();
    for (task, _) in survey.tasks.iter().enumerate().filter(|(_, t)| unsaid(t)).take(SHOWN) {
        let Some(log) = campaign.log(folder, task) else { continue };
        if let Some(last) = last_line(&log) {
            let _ = writeln!(out, "job of task {task}: {}\n    {}", harmless(&last), log.display());
        }
    }
    if !survey.is_live() {
        let report = campaign.out.join("report.html");
        if written_since(&report, campaign.created) {
            let _ = writeln!(out, "{}", report.display());
        }
        match survey.tasks.last() {
            Some(Where::Done | Where::Failed) if all_done(survey) => {}
            Some(Where::Done | Where::Failed) if !folder.is_cancelled() => {
                let _ = writeln!(out, "not all results are there; the same `cfx run --on` computes what is missing");
            }
            _ if folder.is_cancelled() => {
                let _ = writeln!(out, "the run was cancelled; the same `cfx run --on` computes what is missing");
            }
            _ => {
                let _ = writeln!(out, "the run ended early; the same `cfx run --on` computes what is missing");
            }
        }
    }
    out
}

/// Logs that are quoted at most.
const SHOWN: usize = 3;
/// Bytes at the end of a log that its last line is looked for in.
const TAIL: u64 = 4096;

/// Returns the last line of a log that says something.
fn last_line(log: &Path) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).rfind(|l| !l.is_empty()).map(str::to_string)
}

/// Returns whether a file was written at or after a time, in milliseconds since 1970.
fn written_since(file: &Path, time: u64) -> bool {
    let written = std::fs::metadata(file).and_then(|m| m.modified()).ok();
    let since = written.and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    since.is_some_and(|t| t.as_millis() as u64 >= time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_end_with_what_they_say_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("0-0.log");
        assert_eq!(last_line(&log), None);
        std::fs::write(&log, "\n\n").expect("a log");
        assert_eq!(last_line(&log), None);
        std::fs::write(&log, format!("{}\nno such file \n\n", "x".repeat(10_000))).expect("a log");
        assert_eq!(last_line(&log).as_deref(), Some("no such file"));
        assert!(written_since(&log, 1) && !written_since(&log, u64::MAX) && !written_since(&folder.path().join("none"), 0));
    }
}

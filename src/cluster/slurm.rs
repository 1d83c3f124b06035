//! Slurm: batch scripts, `sbatch`, one `squeue`, `scancel`. Needs no accounting database.

#[cfg(test)]
mod tests;

use super::executor::{At, Executor, Job, Order, quoted};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Slurm's commands, as they are on the path.
#[derive(Debug, Default)]
pub struct Slurm;

/// A task whose process dies is begun again in the same job, each cell by itself, so often at most for each time that a cell is tried.
const ROUNDS: u32 = 20;

impl Executor for Slurm {
    fn script(&self, order: &Order) -> String {
        let (site, resources) = (order.site, order.site.of(order.kind));
        let mut out = String::from("#!/bin/bash\n");
        let log = order.folder.join("logs").display().to_string().replace('%', "%%");
        let throttle = if site.bounds.at_once > 0 { format!("%{}", site.bounds.at_once) } else { String::new() };
        let notice = site.bounds.notice.min(order.seconds / 4.0).max(1.0) as u64;
        let mut option = |text: String| {
            let _ = writeln!(out, "#SBATCH {text}");
        };
        option(format!("--job-name={}", quoted(&order.name)));
        option(format!("--array=0-{}{throttle}", order.count.max(1) - 1));
        option(format!("--output={}", quoted(&format!("{log}/{}-%a.log", order.first))));
        option("--open-mode=append".to_string());
        option("--nodes=1".to_string());
        option("--ntasks=1".to_string());
        option(format!("--cpus-per-task={}", resources.cores));
        option(format!("--mem={}M", (order.memory / 1048576.0).ceil()));
        if resources.gpus > 0 {
            option(format!("--gres=gpu:{}", resources.gpus));
        }
        option(format!("--time={}", (order.seconds / 60.0).ceil().max(1.0)));
        for (name, value) in [("partition", &resources.partition), ("qos", &resources.qos), ("account", &site.account)] {
            if let Some(value) = value {
                option(format!("--{name}={}", quoted(value)));
            }
        }
        option("--requeue".to_string());
        // To the script, which hands it on: the job's end is near.
        option(format!("--signal=B:USR1@{notice}"));
        resources.extra.iter().for_each(|line| option(line.clone()));
        out.push('\n');
        site.setup.iter().for_each(|line| {
            let _ = writeln!(out, "{line}");
        });
        let prefix = if site.prefix.is_empty() { String::new() } else { format!("{} ", site.prefix) };
        let (cfx, folder) = (quoted(&order.cfx.display().to_string()), quoted(&order.folder.display().to_string()));
        let rounds = site.bounds.tries.saturating_mul(ROUNDS);
        let _ = write!(
            out,
            r#"
task=$(({first} + SLURM_ARRAY_TASK_ID))
attempt="$SLURM_ARRAY_JOB_ID.${{SLURM_RESTART_COUNT:-0}}"
ending=
crashed=
child=
trap 'ending=yes; kill -USR1 "$child" 2>/dev/null' USR1
trap 'kill -TERM "$child" 2>/dev/null' TERM INT

for round in $(seq {rounds}); do
    {prefix}{cfx} work {folder} "$task" --attempt "$attempt.$round" $crashed &
    child=$!
    # A signal ends `wait` before the process has ended.
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do
        wait "$child"
        code=$?
    done
    if [ "$code" -gt 128 ]; then
        wait "$child"
        last=$?
        [ "$last" = 127 ] || code=$last
    fi
    if [ "$code" = 75 ] && [ -n "$ending" ]; then
        # It has kept a checkpoint: the job takes its place in the queue again.
        scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
        exit 75
    fi
    # Whoever was killed did not choose its end.
    [ "$code" -gt 128 ] || break
    [ -z "$ending" ] || break
    crashed="--crashed $code"
done
exit "$code"
"#,
            first = order.first,
        );
        out
    }

    fn submit(&mut self, script: &Path, after: &[String], elements: Option<&[usize]>) -> Result<String, String> {
        let mut command = Command::new("sbatch");
        command.arg("--parsable");
        if let Some(elements) = elements {
            command.arg(format!("--array={}", elements.iter().map(usize::to_string).collect::<Vec<_>>().join(",")));
        }
        if !after.is_empty() {
            command.arg(format!("--dependency=afterany:{}", after.join(":")));
        }
        let said = said(command.arg(script))?;
        // `ID` or `ID;CLUSTER`.
        match said.trim().split(';').next().filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())) {
            Some(id) => Ok(id.to_string()),
            None => Err(format!("`sbatch` gave no job id, but `{}`", said.trim())),
        }
    }

    fn jobs(&mut self) -> Result<Vec<Job>, String> {
        said(Command::new("squeue").args(["--me", "-h", "-r", "-o", "%F|%K|%T|%r|%N"])).map(|text| listed(&text))
    }

    fn cancel(&mut self, ids: &[String]) -> Result<(), String> {
        for some in ids.chunks(500) {
            // Jobs that are over are no error.
            said(Command::new("scancel").arg("--quiet").args(some))?;
        }
        Ok(())
    }
}

/// Reads what `squeue` lists; lines of other forms are passed over.
fn listed(text: &str) -> Vec<Job> {
    let job = |line: &str| {
        let mut fields = line.split('|');
        let (id, element, state) = (fields.next()?.trim(), fields.next()?.trim(), fields.next()?.trim());
        let (reason, node) = (fields.next()?.trim(), fields.next()?.trim());
        let waits = matches!(
            state,
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "CONFIGURING" | "SUSPENDED"
        );
        // Just after a job was sent, Slurm has not looked why it waits.
        let reason = if reason == "None" { "" } else { reason };
        let (at, words) = if waits { (At::Waiting, reason) } else { (At::Running, node) };
        Some(Job { id: id.to_string(), element: element.parse().ok()?, at, words: words.to_string() })
    };
    text.lines().filter_map(job).collect()
}

/// Runs a command and returns what it says. Errors: it is not there, or what it says of its failure.
fn said(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!("there is no `{name}` on this machine: it is no login node of a Slurm cluster"),
        _ => format!("`{name}` cannot be run: {e}"),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let line = words.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it said nothing");
    Err(format!("`{name}` failed: {line}"))
}

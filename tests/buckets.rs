//! Results that travel through a bucket of a real S3 server on this machine. Where Python or its packages are not to be had the tests say so and end.

use crate::cli::{code, command, folder_with, said};
use crate::script::repository;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Results with files of their own, and small ones.
const SCRIPT: &str = r#"cfx 1
experiment "Carried" { seed: 3 }
stages a = gaussian_stages(rows: 2000, units: 16)
stages b = gaussian_stages(rows: 2001, units: 16)
stages c = gaussian_stages(rows: 2002, units: 16)
stages d = gaussian_stages(rows: 2003, units: 16)
stages e = gaussian_stages(rows: 2004, units: 16)
analysis apart = mean_distance(a)
"#;

/// How many of them have files of their own.
const LARGE: usize = 5;

/// An S3 server.
struct Server {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    known: Json,
}

/// Packages are installed by one test at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

impl Server {
    /// Starts it; `None` if it is not to be had.
    fn start() -> Option<Server> {
        let made = {
            let _alone = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
            let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("s3-server");
            Command::new("sh").arg(repository("tests/data/s3/environment.sh")).arg(place).output().expect("sh")
        };
        if !made.status.success() {
            eprintln!("no S3 server can be started, and buckets are not tested: {}", String::from_utf8_lossy(&made.stderr));
            return None;
        }
        let python = String::from_utf8_lossy(&made.stdout).trim().to_string();
        let mut child = Command::new(python)
            .arg(repository("tests/data/s3/server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Server { commands: child.stdin.take(), child, answers, known: Json::Null };
        server.known = server.answer();
        Some(server)
    }

    fn answer(&mut self) -> Json {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("the server ended ({e}): {line}"))
    }

    fn ask(&mut self, words: &str) -> Json {
        let commands = self.commands.as_mut().expect("a pipe");
        writeln!(commands, "{words}").expect("a command");
        self.answer()
    }

    /// Returns the names of large results among those that the server says.
    fn large(&mut self, words: &str) -> Vec<String> {
        let names = self.ask(words);
        let names = names.as_array().expect("names").iter().map(|n| n.as_str().expect("a name").to_string());
        names.filter(|n| n.contains("/objects/")).collect()
    }

    fn word(&self, name: &str) -> &str {
        self.known[name].as_str().expect("a word")
    }

    /// Returns `cfx`, in an environment with the credentials of this server and nothing else that says where buckets are.
    fn command(&self, arguments: &[&str], script: &Path) -> Command {
        let mut command = command(arguments, script);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.env("AWS_ENDPOINT", self.word("address")).env("AWS_ALLOW_HTTP", "true").env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", self.word("id")).env("AWS_SECRET_ACCESS_KEY", self.word("secret"));
        command
    }

    fn cfx(&self, arguments: &[&str], script: &Path) -> Output {
        self.command(arguments, script).output().expect("the command runs")
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str], script: &Path) -> String {
        let output = self.cfx(arguments, script);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", said(&output));
        said(&output)
    }

    /// Begins to push, and returns when uploads are held.
    fn held(&mut self, let_through: usize, to: &str, script: &Path) -> Child {
        self.ask(&format!("stall {let_through}"));
        let pushing =
            self.command(&["push", "--to", to], script).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        assert_eq!(self.answer(), "stalled");
        pushing
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.commands.take());
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, child: &Child) {
    let _ = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).output();
}

/// Returns how many cells a run says that it computed.
fn computed(words: &str) -> &str {
    words.lines().find(|l| l.contains(" computed")).expect("a line about cells")
}

#[test]
fn results_travel_through_a_bucket_and_an_upload_that_was_killed_goes_on() {
    let Some(mut server) = Server::start() else { return };
    let (_mine, path) = folder_with(SCRIPT);
    server.ok(&["run"], &path);
    let to = "s3://results/paper-1/store";
    let none = server.cfx(&["pull", "--from", to], &path);
    assert!(code(&none) == 5 && said(&none).contains("there is no store at s3://results/paper-1/store"), "{}", said(&none));
    server.large("puts");

    // Killed when two of its results have arrived: those are not sent again.
    let mut pushing = server.held(2, to, &path);
    kill("KILL", &pushing);
    pushing.wait().expect("it ended");
    server.ask("go");
    let first = server.large("puts");
    assert_eq!(first.len(), 2, "{first:?}");
    let pushed = server.ok(&["push", "--to", to], &path);
    assert!(pushed.contains("; 0 were there already"), "{pushed}");
    let rest = server.large("puts");
    assert!(rest.len() == LARGE - 2 && !rest.iter().any(|name| first.contains(name)), "{first:?}, {rest:?}");
    let again = server.ok(&["push", "--to", to], &path);
    assert!(again.starts_with("0 results copied") && server.large("puts").is_empty(), "{again}");

    // From there to another.
    let (_theirs, other) = folder_with(SCRIPT);
    let pulled = server.ok(&["pull", "--from", to], &other);
    assert!(!pulled.contains("missing") && !pulled.starts_with("0 results"), "{pulled}");
    assert!(computed(&server.ok(&["run"], &other)).starts_with("0 computed"));

    // Stopped by Ctrl-C: says so, and goes on. Told to come again by the service: it does.
    let pushing = server.held(1, "s3://results/stopped", &path);
    kill("INT", &pushing);
    let stopped = pushing.wait_with_output().expect("it ended");
    assert!(code(&stopped) == 130 && said(&stopped).contains("the same command continues"), "{}", said(&stopped));
    server.ask("go");
    let pushing = server.held(1, "s3://results/stopped", &path);
    server.ask("go");
    let gone_on = pushing.wait_with_output().expect("it ended");
    assert_eq!(code(&gone_on), 0, "{}", said(&gone_on));

    // One that is damaged there is not taken, and computed.
    let damaged = server.large("objects").into_iter().find(|n| n.starts_with("paper-1/")).expect("a large result");
    server.ask(&format!("damage {damaged}"));
    let (_third, third) = folder_with(SCRIPT);
    let pulled = server.cfx(&["pull", "--from", to], &third);
    assert!(code(&pulled) == 1 && said(&pulled).contains("not copied, since damaged or missing"), "{}", said(&pulled));
    assert!(computed(&server.ok(&["run"], &third)).starts_with("1 computed"));
}

#[test]
fn two_push_to_one_bucket_at_once() {
    let Some(server) = Server::start() else { return };
    let one = folder_with(SCRIPT);
    let two = folder_with(&SCRIPT.replace("seed: 3", "seed: 4"));
    let to = "s3://results/shared";
    let pushing: Vec<Child> = [&one, &two]
        .into_iter()
        .map(|(_, path)| {
            server.ok(&["run"], path);
            let mut push = server.command(&["push", "--to", to], path);
            push.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs")
        })
        .collect();
    for push in pushing {
        let output = push.wait_with_output().expect("it ended");
        assert_eq!(code(&output), 0, "{}", said(&output));
    }
    for script in [SCRIPT.to_string(), SCRIPT.replace("seed: 3", "seed: 4")] {
        let (_folder, path) = folder_with(&script);
        server.ok(&["pull", "--from", to], &path);
        assert!(computed(&server.ok(&["run"], &path)).starts_with("0 computed"));
    }
}

#[test]
fn buckets_that_cannot_be_used_are_told_in_a_sentence() {
    let Some(mut server) = Server::start() else { return };
    let (_folder, path) = folder_with(SCRIPT);
    server.ok(&["run", "--only", "apart"], &path);
    server.ask("write strange/thesis.txt");
    // Nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let closed = format!("http://{closed}");
    let cases = [
        ("s3://results/x", Some(("AWS_ACCESS_KEY_ID", "nobody")), 5, "S3 refuses access to s3://results/x: InvalidAccessKeyId"),
        (
            "s3://results/x",
            Some(("AWS_SECRET_ACCESS_KEY", "guessed")),
            5,
            "S3 refuses access to s3://results/x: SignatureDoesNotMatch",
        ),
        ("s3://results/x", Some(("AWS_ENDPOINT", closed.as_str())), 5, "s3://results/x cannot be reached: Connection refused"),
        ("s3://results/x", Some(("AWS_ALLOW_HTTP", "false")), 5, "s3://results/x cannot be reached: "),
        ("s3://absent/x", None, 5, "S3 has no bucket `absent`"),
        ("s3://results/strange", None, 5, "is not a store of cfx, and has other objects"),
        ("s3://", None, 2, "names no bucket"),
    ];
    for (to, variable, expected, words) in cases {
        let mut push = server.command(&["push", "--to", to], &path);
        push.envs(variable);
        let output = push.output().expect("the command runs");
        let text = said(&output);
        assert!(code(&output) == expected && text.contains(words), "{to} {variable:?}: {text}");
        assert!(text.trim().lines().count() == 1 && !text.contains(server.word("secret")), "{text}");
    }
}

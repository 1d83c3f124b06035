//! Results that travel through a bucket of a real S3 server on this machine; of the same server as one of Google's; of an emulator of Azure's. Where these, or
//! Python and its packages, are not to be had the tests say so and end.

use crate::cli::{code, command, folder_with, said};
use crate::script::repository;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Read, Write};
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

/// A server with a bucket `results`.
struct Server {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    known: Json,
}

/// Packages are installed by one test at a time.
static INSTALLING: Mutex<()> = Mutex::new(());

impl Server {
    /// Starts one of S3; `None` if it is not to be had.
    fn start() -> Option<Server> {
        Server::of_moto(&[])
    }

    /// Starts one of Azure; `None` if it is not to be had.
    fn of_azure() -> Option<Server> {
        let python = ["python3", "python"].into_iter().find(|p| Command::new(p).arg("--version").output().is_ok())?;
        Server::told(Command::new(python).arg(repository("tests/data/azure/server.py")))
    }

    /// Starts one of S3, or with `gs` one that takes Google's requests.
    fn of_moto(arguments: &[&str]) -> Option<Server> {
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
        Server::told(Command::new(python).arg(repository("tests/data/s3/server.py")).args(arguments))
    }

    /// Starts a server by a program that says how it is reached; `None` if it ends without a word.
    fn told(program: &mut Command) -> Option<Server> {
        let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server");
        let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut errors = child.stderr.take().expect("a pipe");
        let mut line = String::new();
        answers.read_line(&mut line).expect("an answer");
        if line.is_empty() {
            let mut words = String::new();
            let _ = errors.read_to_string(&mut words);
            let _ = child.wait();
            eprintln!("no server can be started, and its buckets are not tested: {}", words.trim());
            return None;
        }
        // A log that nobody reads would hold it up.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        let known = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        Some(Server { commands: child.stdin.take(), child, answers, known })
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
        let others = ["AWS_", "GOOGLE_", "AZURE_", "AZURITE_"];
        for (name, _) in std::env::vars().filter(|(name, _)| others.iter().any(|o| name.starts_with(o))) {
            command.env_remove(name);
        }
        let own = self.known["environment"].as_object().expect("an environment");
        command.envs(own.iter().map(|(name, value)| (name, value.as_str().expect("a word"))));
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
    server.ask("text strange/thesis.txt mine");
    server.ask("text other/format cfx store 1");
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
        ("s3://results/other", None, 5, "s3://results/other is the store of another version of cfx: its form is `cfx store 1`"),
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
    // A folder that was made by hand is an empty object of its name.
    server.ask("text made/ ");
    server.ok(&["push", "--to", "s3://results/made"], &path);
    server.ask("text made/index/ ");
    assert!(server.ok(&["push", "--to", "s3://results/made"], &path).starts_with("0 results copied"));
}

/// Results travel through a bucket of a service; one that is damaged there is not taken.
fn travel_by(server: &mut Server, scheme: &str) {
    // One of them is sent in parts.
    let script = format!("{SCRIPT}stages f = gaussian_stages(rows: 80000, units: 16)\n");
    let (_mine, path) = folder_with(&script);
    server.ok(&["run"], &path);
    let (to, absent) = (format!("{scheme}://results/paper-1/store"), format!("{scheme}://absent/x"));
    let none = server.cfx(&["pull", "--from", &to], &path);
    assert!(code(&none) == 5 && said(&none).contains(&format!("there is no store at {to}")), "{}", said(&none));
    let none = server.cfx(&["push", "--to", &absent], &path);
    assert!(code(&none) == 5 && said(&none).contains("has no bucket `absent`"), "{}", said(&none));
    assert!(server.ok(&["push", "--to", &to], &path).contains("; 0 were there already"));
    assert!(server.ok(&["push", "--to", &to], &path).starts_with("0 results copied"));

    let (_theirs, other) = folder_with(&script);
    let pulled = server.ok(&["pull", "--from", &to], &other);
    assert!(!pulled.contains("missing") && !pulled.starts_with("0 results"), "{pulled}");
    assert!(computed(&server.ok(&["run"], &other)).starts_with("0 computed"));

    let damaged = server.large("objects").into_iter().next().expect("a large result");
    server.ask(&format!("damage {damaged}"));
    let (_third, third) = folder_with(&script);
    let pulled = server.cfx(&["pull", "--from", &to], &third);
    assert!(code(&pulled) == 1 && said(&pulled).contains("not copied, since damaged or missing"), "{}", said(&pulled));
    assert!(computed(&server.ok(&["run"], &third)).starts_with("1 computed"));
    server.ask("text strange/thesis.txt mine");
    let strange = server.cfx(&["push", "--to", &format!("{scheme}://results/strange")], &path);
    assert!(code(&strange) == 5 && said(&strange).contains("has other objects"), "{}", said(&strange));
}

#[test]
fn results_travel_through_a_bucket_of_google() {
    let Some(mut server) = Server::of_moto(&["gs"]) else { return };
    travel_by(&mut server, "gs");
    let (_folder, path) = folder_with(SCRIPT);
    server.ok(&["run", "--only", "apart"], &path);
    for (name, value) in
        [("GOOGLE_SERVICE_ACCOUNT", "/no/file"), ("GOOGLE_SERVICE_ACCOUNT_KEY", "\"a key that is shown to nobody\"")]
    {
        let mut push = server.command(&["push", "--to", "gs://results/x"], &path);
        let output = push.env_remove("GOOGLE_SERVICE_ACCOUNT_KEY").env(name, value).output().expect("it runs");
        let words = "credentials are read from the environment (GOOGLE_SERVICE_ACCOUNT)";
        assert!(code(&output) == 2 && said(&output).contains(words), "{}", said(&output));
        assert!(!said(&output).contains("shown to nobody"), "{}", said(&output));
    }
}

#[test]
fn results_travel_through_a_container_of_azure() {
    let Some(mut server) = Server::of_azure() else { return };
    travel_by(&mut server, "az");
    let (_folder, path) = folder_with(SCRIPT);
    server.ok(&["run", "--only", "apart"], &path);
    for (key, expected, words) in [
        ("bm90IHRoZSBrZXk=", 5, "Azure refuses access to az://results/x: AuthorizationFailure"),
        (
            "not of base 64",
            2,
            "credentials are read from the environment (AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY)",
        ),
    ] {
        let mut push = server.command(&["push", "--to", "az://results/x"], &path);
        push.env("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1").env("AZURE_STORAGE_ACCOUNT_KEY", key);
        let output = push.output().expect("the command runs");
        assert!(code(&output) == expected && said(&output).contains(words), "{}", said(&output));
        assert!(!said(&output).contains(key), "{}", said(&output));
    }
}

//! A store in a bucket: S3, Google Cloud Storage or Azure Blob Storage. The only place with asynchronous work, and with the runtime that it needs.
//!
//! Each file is an object, whole or not there. Credentials come from the environment, as the crate `object_store` reads it.

use super::mirrored::Transport;
use super::{Trouble, Watch};
use crate::plan::seen;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientConfigKey, Error, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig, WriteMultipart};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Where the store is.
#[derive(Debug)]
pub(super) struct Bucket {
    address: String,
    service: Service,
    bucket: String,
    /// What the names of the store's objects begin with.
    prefix: Key,
    /// For the first request, which finds out whether the bucket can be reached, and for all others.
    first: Arc<dyn ObjectStore>,
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

/// Whose bucket it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    S3,
    Google,
    Azure,
}

/// Objects that are carried at one time, and parts of one of them.
const AT_ONCE: (usize, usize) = (8, 3);
/// Bytes of a part of a large object, and parts of it at most.
const PART: (u64, u64) = (8 << 20, 9_000);
/// How often a request is tried again: the first one, so that a wrong address is said soon, and all others.
const TRIES: (usize, usize) = (2, 10);
/// A request is given up when nothing has come for so long, and when it has taken so long.
const PATIENCE: (&str, &str) = ("30s", "10m");
/// How often it is looked whether the command is to stop, and how long what is under way may then take.
const STOP: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl Service {
    const ALL: [Service; 3] = [Service::S3, Service::Google, Service::Azure];

    /// Returns the scheme of its addresses, its name, and which variables name its credentials.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Service::S3 => ("s3", "S3", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
            Service::Google => ("gs", "Google Cloud Storage", "GOOGLE_SERVICE_ACCOUNT"),
            Service::Azure => ("az", "Azure", "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY"),
        }
    }

    /// Returns what sends requests about a bucket, each tried again so often.
    fn open(self, bucket: &str, tries: usize) -> Result<Arc<dyn ObjectStore>, Error> {
        let url = format!("{}://{bucket}", self.words().0);
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(200), max_backoff: Duration::from_secs(15), base: 2.0 };
        let retry = RetryConfig { backoff, max_retries: tries, retry_timeout: Duration::from_secs(180) };
        macro_rules! of_environment {
            ($builder:ident, $key:ident) => {
                $builder::from_env()
                    .with_url(url)
                    .with_retry(retry)
                    .with_config($key::Client(ClientConfigKey::ReadTimeout), PATIENCE.0)
                    .with_config($key::Client(ClientConfigKey::Timeout), PATIENCE.1)
            };
        }
        Ok(match self {
            Service::S3 => {
                let builder = of_environment!(AmazonS3Builder, AmazonS3ConfigKey);
                let own = builder.get_config_value(&AmazonS3ConfigKey::Checksum).is_some();
                Arc::new(if own { builder } else { builder.with_checksum_algorithm(Checksum::SHA256) }.build()?)
            }
            Service::Google => Arc::new(of_environment!(GoogleCloudStorageBuilder, GoogleConfigKey).build()?),
            Service::Azure => Arc::new(of_environment!(MicrosoftAzureBuilder, AzureConfigKey).build()?),
        })
    }

    /// Returns whether the service compares the bytes that arrive with a hash sent with them.
    fn compares(self) -> bool {
        self == Service::S3
    }
}

impl Bucket {
    /// Returns the place of an address; `None` if it is not that of a bucket.
    ///
    /// Errors: a sentence: it names no bucket, or the environment is not such that one could be asked.
    pub fn of(address: &str) -> Result<Option<Bucket>, String> {
        let Some((scheme, rest)) = address.split_once("://") else { return Ok(None) };
        let Some(service) = Service::ALL.into_iter().find(|s| s.words().0 == scheme) else { return Ok(None) };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(format!("`{address}` names no bucket: write `{scheme}://BUCKET/FOLDER`"));
        }
        // Services and their imitations do not agree on how other letters are signed.
        if let Some(c) = prefix.chars().find(|c| !plain(*c) && *c != '/') {
            return Err(format!("`{address}` has `{c}` in its folder: letters, digits, `.`, `_`, `-` and `/` may stand there"));
        }
        if service == Service::Azure && bucket.contains(|c: char| c.is_ascii_uppercase() || "._".contains(c)) {
            return Err(format!("`{address}` names no container of Azure: their names have lower-case letters, digits and `-`"));
        }
        let prefix = Key::parse(prefix.trim_matches('/')).map_err(|e| format!("`{address}` names no folder of a bucket: {e}"))?;
        // Of several that the process could have, this is the one that is built in; where one is set already, it stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A key that is none, a file that is not there.
        let unusable = |e: Error| {
            let why = without_values(&reason(&e));
            format!("{address} cannot be used: {why}; credentials are read from the environment ({})", service.words().2)
        };
        Ok(Some(Bucket {
            address: address.to_string(),
            service,
            bucket: bucket.to_string(),
            prefix,
            first: service.open(bucket, TRIES.0).map_err(unusable)?,
            store: service.open(bucket, TRIES.1).map_err(unusable)?,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|e| format!("{address} cannot be used: {e}"))?,
        }))
    }

    /// Does asynchronous work until it is done or to stop. What is under way then may end by itself.
    fn run<T>(&self, watch: Watch, work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        self.runtime.block_on(async {
            let mut work = pin!(work);
            loop {
                if let Ok(done) = tokio::time::timeout(STOP.0, work.as_mut()).await {
                    return done;
                }
                if watch.look().is_err() {
                    return tokio::time::timeout(STOP.1, work).await.unwrap_or(Err(Trouble::Stopped));
                }
            }
        })
    }

    fn key(&self, name: &str) -> Key {
        let mut key = self.prefix.clone();
        for part in name.split('/') {
            key = key.join(part);
        }
        key
    }

    /// Says what is wrong, with no word of what a request holds.
    fn failed(&self, e: &Error) -> Trouble {
        let (_, service, variables) = self.service.words();
        Trouble::Transport(match e {
            e if asks_machine(e) => {
                format!("{} cannot be reached: there are no credentials in the environment ({variables})", self.address)
            }
            e if is_bucket_absent(e) => {
                format!(
                    "{} cannot be reached: {service} has no bucket `{}`, or another endpoint has it",
                    self.address, self.bucket
                )
            }
            e if is_refused(e) => format!(
                "{service} refuses access to {}: {}; credentials are read from the environment ({variables})",
                self.address,
                reason(e)
            ),
            e if chain(e).any(|e| e.is::<object_store::path::Error>()) => {
                format!("{} lists an object whose name is no path of a store: {}", self.address, reason(e))
            }
            e => format!("{} cannot be reached: {}", self.address, reason(e)),
        })
    }

    /// Says what is wrong with an object that was there a moment ago.
    fn lost(&self, key: &Key, e: &Error) -> Trouble {
        match e {
            Error::NotFound { .. } => Trouble::Transport(format!(
                "`{key}` was removed from {} while it was to be read; the same command reads again what is there",
                self.address
            )),
            e => self.failed(e),
        }
    }

    fn unwritten(path: &Path, e: &io::Error) -> Trouble {
        Trouble::Transport(format!("{} cannot be written: {e}", path.display()))
    }

    fn unread(path: &Path, e: &io::Error) -> Trouble {
        Trouble::Transport(format!("{} cannot be read: {e}", path.display()))
    }

    /// Reads an object of a size from its beginning to its end, and hands over its bytes until `take` wants no more.
    async fn read(&self, key: &Key, size: u64, mut take: impl FnMut(&[u8]) -> Result<bool, Trouble>) -> Result<(), Trouble> {
        let ranges = (0..size.div_ceil(PART.0)).map(|n| n * PART.0..((n + 1) * PART.0).min(size));
        let mut parts = stream::iter(ranges).map(|range| self.store.get_range(key, range)).buffered(AT_ONCE.1);
        while let Some(bytes) = parts.try_next().await.map_err(|e| self.lost(key, &e))? {
            if !take(&bytes)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns the size of an object; `None` if it is not there.
    async fn size(&self, key: &Key) -> Result<Option<u64>, Trouble> {
        match self.store.head(key).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed(&e)),
        }
    }

    /// Brings an object of a size into a file.
    async fn fetch(&self, name: &str, size: u64, into: &Path) -> Result<(), Trouble> {
        let path = into.join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| File::create(&path));
        let mut file = made.map_err(|e| Bucket::unwritten(&path, &e))?;
        let key = self.key(name);
        self.read(&key, size, |bytes| file.write_all(bytes).map(|()| true).map_err(|e| Bucket::unwritten(&path, &e))).await
    }

    /// Returns whether an object is there with the bytes of a file.
    async fn has(&self, key: &Key, path: &Path) -> Result<bool, Trouble> {
        let mut file = seen::open(path).map_err(|e| Bucket::unread(path, &e))?;
        let own = file.metadata().map_err(|e| Bucket::unread(path, &e))?.len();
        if self.size(key).await? != Some(own) {
            return Ok(false);
        }
        let mut same = true;
        self.read(key, own, |bytes| {
            let mut there = vec![0; bytes.len()];
            file.read_exact(&mut there).map_err(|e| Bucket::unread(path, &e))?;
            same &= there == bytes;
            Ok(same)
        })
        .await?;
        Ok(same)
    }

    /// Sends a file, unless it is there; then it is.
    async fn put(&self, name: &str, from: &Path, watch: Watch<'_>) -> Result<(), Trouble> {
        let (path, key) = (from.join(name), self.key(name));
        watch.look()?;
        // Only these have the name of their content: a command that was stopped has sent some of them.
        if name.starts_with("objects/") && self.has(&key, &path).await? {
            return Ok(());
        }
        let size = path.metadata().map_err(|e| Bucket::unread(&path, &e))?.len();
        if size <= PART.0 {
            let bytes = seen::read(&path).map_err(|e| Bucket::unread(&path, &e))?;
            self.store.put(&key, PutPayload::from(bytes)).await.map_err(|e| self.failed(&e))?;
        } else {
            self.put_in_parts(&key, &path, size, watch).await?;
        }
        if !self.service.compares() && !self.has(&key, &path).await? {
            return Err(Trouble::Transport(format!("`{name}` at {} is not as it was sent", self.address)));
        }
        Ok(())
    }

    /// Sends a large file in parts; the object is there when all of them have arrived.
    async fn put_in_parts(&self, key: &Key, path: &Path, size: u64, watch: Watch<'_>) -> Result<(), Trouble> {
        let mut file = seen::open(path).map_err(|e| Bucket::unread(path, &e))?;
        let part = PART.0.max(size.div_ceil(PART.1));
        let upload = self.store.put_multipart(key).await.map_err(|e| self.failed(&e))?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, part as usize);
        let mut sent = Ok(());
        for n in 0..size.div_ceil(part) {
            let mut bytes = vec![0; part.min(size - n * part) as usize];
            sent = match upload.wait_for_capacity(AT_ONCE.1 - 1).await {
                Err(e) => Err(self.failed(&e)),
                Ok(()) => watch.look().and_then(|()| file.read_exact(&mut bytes).map_err(|e| Bucket::unread(path, &e))),
            };
            if sent.is_err() {
                break;
            }
            upload.put(bytes.into());
        }
        if let Err(trouble) = sent {
            // What cannot be taken back is invisible, and goes with what the bucket does with parts that are left over.
            let _ = upload.abort().await;
            return Err(trouble);
        }
        upload.finish().await.map(|_| ()).map_err(|e| self.failed(&e))
    }
}

impl Transport for Bucket {
    fn index(&self, into: &Path, watch: Watch) -> Result<bool, Trouble> {
        self.run(watch, async {
            let prefix = Some(&self.prefix).filter(|p| !p.as_ref().is_empty());
            let there = self.first.list_with_delimiter(prefix).await.map_err(|e| self.failed(&e))?;
            let format = self.key("format");
            if !there.objects.iter().any(|o| o.location == format) {
                // With some services a folder that was made by hand is an empty object of its name.
                let objects = there.objects.iter().filter(|o| o.size > 0 || o.location != self.prefix);
                let mut names = objects.map(|o| &o.location).chain(&there.common_prefixes);
                return match names.next() {
                    None => Ok(false),
                    Some(name) => Err(Trouble::Transport(format!(
                        "{} is not a store of cfx, and has other objects (`{name}`): nothing in it is touched",
                        self.address
                    ))),
                };
            }
            let index = self.key("index");
            let listed: Vec<_> = self.store.list(Some(&index)).try_collect().await.map_err(|e| self.failed(&e))?;
            let own = listed.iter().chain(there.objects.iter().filter(|o| o.location == format));
            let named = own.filter_map(|o| {
                let parts: Vec<_> = o.location.prefix_match(&self.prefix)?.map(|p| p.as_ref().to_string()).collect();
                // Nothing lies deeper, and what has the name of a folder is none of its files.
                (parts.len() == 2 || o.location == format).then(|| (parts.join("/"), o.size))
            });
            let fetched = stream::iter(named.map(|(name, size)| async move { self.fetch(&name, size, into).await }));
            fetched.buffer_unordered(AT_ONCE.0).try_collect::<()>().await?;
            Ok(true)
        })
    }

    fn bring(&self, names: &[String], into: &Path, watch: Watch) -> Result<(), Trouble> {
        let one = |name: &String| {
            let name = name.clone();
            async move {
                watch.look()?;
                match self.size(&self.key(&name)).await? {
                    Some(size) => self.fetch(&name, size, into).await,
                    None => Ok(()),
                }
            }
        };
        self.run(watch, stream::iter(names.iter().map(one)).buffer_unordered(AT_ONCE.0).try_collect())
    }

    fn send(&self, names: &[String], from: &Path, watch: Watch) -> Result<(), Trouble> {
        // What says that it is a store comes first.
        let (mark, rest): (Vec<&String>, Vec<&String>) = names.iter().partition(|n| *n == "format");
        self.run(watch, async {
            for name in mark {
                self.put(name, from, watch).await?;
            }
            stream::iter(rest.into_iter().map(|name| self.put(name, from, watch))).buffer_unordered(AT_ONCE.0).try_collect().await
        })
    }

    fn address(&self) -> &str {
        &self.address
    }
}

/// Returns the errors that an error comes from, itself first.
fn chain(e: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(e as &(dyn std::error::Error + 'static)), |e| e.source())
}

/// Returns whether it is the bucket that is not there.
fn is_bucket_absent(e: &Error) -> bool {
    matches!(e, Error::NotFound { .. }) || ["NoSuchBucket:", "ContainerNotFound:"].iter().any(|code| reason(e).starts_with(code))
}

/// Returns whether the service knows who asks, or does not, and lets them not do it.
fn is_refused(e: &Error) -> bool {
    let text = e.to_string();
    matches!(e, Error::PermissionDenied { .. } | Error::Unauthenticated { .. })
        || ["401", "403"].iter().any(|code| text.contains(&format!("status code: {code}")))
}

/// Returns whether the machine itself was asked for credentials, as it is where the environment has none.
fn asks_machine(e: &Error) -> bool {
    let text = e.to_string();
    ["169.254.169.254", "metadata.google.internal"].iter().any(|host| text.contains(host))
}

/// Returns why a request failed, in the words of the service or of the system, on one line.
fn reason(e: &Error) -> String {
    let text = chain(e).last().map(|e| e.to_string()).unwrap_or_default();
    let tag = |name: &str| Some(text.split_once(&format!("<{name}>"))?.1.split_once("</")?.0.trim().to_string());
    let said = match (tag("Code"), tag("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        // Whatever else a body holds stays out.
        _ => match text.strip_prefix("Server returned non-2xx status code: ") {
            Some(rest) => rest.split(':').next().unwrap_or_default().to_string(),
            None => text.clone(),
        },
    };
    let line = said.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it said nothing");
    line.trim_end_matches('.').to_string()
}

/// Returns a message about a variable without what stands in quotes: that is what the variable holds, and may be a key.
fn without_values(text: &str) -> String {
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => format!("{}\"…\"{}", &text[..first], &text[last + 1..]),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_holds_is_not_shown() {
        let said = r#"invalid type: string "a \"key\" of two words", expected a boolean"#;
        assert_eq!(without_values(said), "invalid type: string \"…\", expected a boolean");
        assert_eq!(without_values("one \" alone"), "one \" alone");
    }

    #[test]
    fn addresses_of_buckets_are_told_from_others() {
        let of = |address: &str| Bucket::of(address).unwrap().map(|b| (b.service, b.bucket, b.prefix.to_string()));
        let at = |service, bucket: &str, prefix: &str| Some((service, bucket.to_string(), prefix.to_string()));
        assert_eq!(of("s3://results/paper-2/store/"), at(Service::S3, "results", "paper-2/store"));
        assert_eq!(of("s3://results"), at(Service::S3, "results", ""));
        for other in ["results", "ssh://host/x", "ftp://host/x", "host:x"] {
            assert_eq!(of(other), None, "{other}");
        }
        let wrong =
            ["s3://", "s3:///x", "s3://a b/x", "s3://results/a/../b", "s3://results/paper 2", "gs://", "az:///x", "az://a.b/x"];
        for wrong in wrong {
            assert!(Bucket::of(wrong).is_err(), "{wrong}");
        }
    }
}

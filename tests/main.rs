//! Tests of the whole: scripts checked, planned and run; messages; keys; the command; the shape of the source.

mod architecture;
mod bad;
#[cfg(all(unix, feature = "object-store"))]
mod buckets;
mod cli;
mod cluster;
mod compare;
#[cfg(unix)]
mod crash;
mod damage;
mod devices;
mod dice;
mod docs;
mod editors;
mod exchange;
mod expect;
#[cfg(target_os = "linux")]
mod full_disk;
mod generate;
mod keys;
mod laws;
mod lock;
mod lsp;
mod memory;
mod mutate;
mod oracle;
mod pages;
mod promises;
mod readers;
mod script;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod ssh;
mod stdlib;
mod suite;

#[global_allocator]
static COUNTING: memory::Counting = memory::Counting;

//! A report from a made-up run: its files, its page.

mod example;
mod page;
mod written;

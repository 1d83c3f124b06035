//! `cfx serve`: a run seen in a browser of this machine while it goes on, and its report afterwards.
//!
//! The server listens on the loopback address alone. A page of another site, and another user of the machine, cannot read it: the address holds a
//! token of 128 random bits, and requests that name another host are refused, so that a name that was made to lead here (DNS rebinding) does not help.

mod http;
mod live;
mod server;

use super::arguments::Serve;
use super::out::{say, tell};
use super::{Exit, run, stop};
use live::Live;
use server::Server;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Runs a script and shows the run and then its report, until Ctrl-C.
pub fn serve(arguments: &Serve) -> Exit {
    if arguments.run.watch || arguments.run.on.is_some() {
        tell!("`cfx serve` runs a script once and on this machine: leave out `--watch` and `--on`");
        return Exit::Usage;
    }
    let stop = stop::flag();
    let live = Arc::new(Live::new(&arguments.run.script.script.display().to_string()));
    let mut address = String::new();
    let exit = run::run_seen(&arguments.run, &mut |out| match Server::start(arguments.port, out, live.clone()) {
        Ok(server) => {
            address = server.address();
            say!("{address}");
            Ok(Box::new(live.clone()))
        }
        Err(e) => {
            tell!("port {} of this machine cannot be listened on: {e}; `--port 0` takes a free one", arguments.port);
            Err(Exit::Usage)
        }
    });
    live.end();
    if address.is_empty() || exit == Exit::Interrupted {
        return exit;
    }
    if !stop.load(Ordering::Relaxed) {
        tell!("the report stays at {address} until Ctrl-C");
    }
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    exit
}

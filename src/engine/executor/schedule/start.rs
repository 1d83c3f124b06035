//! Handing ready cells to workers: by the budget of memory, under locks, with those that share their work.

use super::workers::Workers;
use super::{Scheduler, State, TOGETHER, Working, quick, resident};
use crate::base::size::bytes;
use crate::engine::progress::Event;
use crate::engine::store::CellLock;
use crate::plan::graph::CellId;
use crate::plan::share;

/// Cells of the queue that are looked at for one that can start while the device of networks has no room for those before it.
const PASSED_OVER: usize = 64;

impl<'a> Scheduler<'a> {
    /// Returns the bytes that a cell takes of the network device's memory.
    fn on_device(&self, id: CellId) -> f64 {
        let there = self.shared.options.network_device != "cpu";
        Some(self.cell(id).on_device).filter(|m| there && *m > 0.0).map_or(0.0, |m| m.min(1e18))
    }

    /// Returns the first cell of the queue that the device of networks has room for, or that needs none of it.
    fn next(&self) -> Option<(u8, CellId)> {
        let busy = self.working.values().any(|w| w.device > 0.0);
        let room = |id: CellId| match self.on_device(id) {
            needed if needed > 0.0 => !busy || self.device + needed <= self.shared.options.device_memory,
            _ => true,
        };
        self.queue.iter().take(PASSED_OVER).find(|(_, id)| room(*id)).copied()
    }

    /// Hands ready cells to workers, as many as the budget has room for.
    pub(super) fn start_ready(&mut self, workers: &mut Workers<'_, 'a>) {
        let options = &self.shared.options;
        while let Some((rank, id)) = self.next() {
            // An estimate that is no number counts as nothing.
            let memory = Some(self.cell(id).cost.memory).filter(|m| *m > 0.0).map_or(0.0, |m| m.min(1e18));
            let too_large = memory > options.most_memory;
            let room = self.working.is_empty() || self.memory + memory <= options.memory || too_large;
            if self.working.len() >= options.threads.max(1) || !room {
                return;
            }
            self.queue.remove(&(rank, id));
            if too_large {
                let words =
                    format!("it would need about {} of memory, and there are {}", bytes(memory), bytes(options.most_memory));
                let help = "make it smaller (fewer examples, units or draws); or, if the estimate is too high, allow more \
                    with `--memory`";
                self.fail(id, words, Some(help.to_string()), false, String::new());
                self.look();
                continue;
            }
            match quick(self.cell(id)) || self.inline(id) {
                true => self.start_together(workers, id, memory),
                false => self.start(workers, id, memory),
            }
            self.look();
        }
    }

    fn start(&mut self, workers: &mut Workers<'_, 'a>, id: CellId, memory: f64) {
        let Some(lock) = self.claim(id) else { return };
        let device = self.on_device(id);
        let mut working =
            Working { cells: vec![id], work: None, locks: vec![lock], memory, device, began: resident(), peak: None };
        self.join(&mut working);
        self.give(workers, working);
    }

    /// Takes the lock of a cell that is about to run. Returns `None` if there is nothing to run: another process computes it or has left
    /// a result, or it failed.
    fn claim(&mut self, id: CellId) -> Option<CellLock> {
        let shared = self.shared;
        let key = self.nodes[id].key()?;
        let lock = match shared.store.try_lock_cell(&key) {
            Ok(lock) => lock,
            Err(e) => {
                self.fail(id, e.message, None, false, String::new());
                return None;
            }
        };
        if lock.is_none() {
            self.nodes[id].state = State::Elsewhere;
            self.elsewhere.insert(id);
            let own = self.working.values().any(|w| w.cells.iter().any(|c| self.nodes[*c].key() == Some(key)));
            if let (false, Some(holder)) = (own, shared.store.holder(&key)) {
                shared.observer.event(&Event::Waiting { cell: id, title: self.cell(id).title(), holder });
            }
            return None;
        }
        // Whoever had the lock until now may have left a result.
        shared.store.refresh();
        if self.settle_from_store(id, key) {
            return None;
        }
        shared.observer.event(&Event::Started { cell: id, title: self.cell(id).title() });
        lock
    }

    /// Adds to a cell the others in the queue that share its work, as many as the budget of memory has room for.
    fn join(&mut self, working: &mut Working) {
        let Some(first) = working.cells.first().copied() else { return };
        let Some((work, taken)) = share::group(self.cell(first)) else { return };
        if self.shared.kernels.joint(work).is_none() {
            return;
        }
        let Some(input) = taken.first() else { return };
        let others = self.consumers.ids(*input).filter(|id| *id != first && self.nodes[*id].state == State::Ready);
        let group = Some((work, taken.clone()));
        let others: Vec<CellId> = others.filter(|id| !self.inline(*id) && share::group(self.cell(*id)) == group).collect();
        for id in others {
            let more = Some(self.cell(id).cost.memory).filter(|m| *m > 0.0).unwrap_or(0.0);
            if self.memory + working.memory + more > self.shared.options.memory {
                continue;
            }
            (0..4).for_each(|rank| {
                self.queue.remove(&(rank, id));
            });
            if let Some(lock) = self.claim(id) {
                working.cells.push(id);
                working.locks.push(lock);
                working.memory += more;
                // They read one pass.
                working.device = working.device.max(self.on_device(id));
            }
        }
        working.work = (working.cells.len() > 1).then_some(work);
    }

    /// Hands a cell that is quick, or not stored, to a worker, and with it others that are as quick: handing over takes longer than most of
    /// them. Nobody is kept from computing them at the same time: both come to the same, and a lock would take longer.
    fn start_together(&mut self, workers: &mut Workers<'_, 'a>, id: CellId, memory: f64) {
        let mut cells = vec![id];
        let device = self.on_device(id);
        if quick(self.cell(id)) {
            // Weights and what takes them are quick nowhere; the first that is not quick ends the row.
            let ready: Vec<(u8, CellId)> = self
                .queue
                .iter()
                .take_while(|(_, id)| quick(self.cell(*id)) && self.on_device(*id) <= device)
                .take(TOGETHER)
                .copied()
                .collect();
            // Other workers get their share.
            let share = self.queue.len() / self.shared.options.threads.max(1);
            for (rank, other) in ready.into_iter().take(share) {
                self.queue.remove(&(rank, other));
                cells.push(other);
            }
        }
        for id in cells.iter().copied().filter(|id| !self.inline(*id)) {
            self.shared.observer.event(&Event::Started { cell: id, title: self.cell(id).title() });
        }
        self.give(workers, Working { cells, work: None, locks: Vec::new(), memory, device, began: None, peak: None });
    }
}

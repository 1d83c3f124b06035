//! Moving cells forward: looking them up, asking for their inputs, and settling, losing or skipping them.

use super::{CellOutcome, Scheduler, State};
use crate::base::Hash;
use crate::engine::executor::cell::holds_kept_weights;
use crate::engine::executor::outcome::Status;
use crate::engine::executor::same_kind;
use crate::engine::progress::Event;
use crate::engine::store::Fault;
use crate::plan::facts::Policy;
use crate::plan::graph::CellId;
use std::sync::PoisonError;

impl Scheduler<'_> {
    /// Asks for a cell: its hash, or its value too.
    pub(super) fn ask(&mut self, id: CellId, value: bool, hot: bool) {
        let node = &mut self.nodes[id];
        let news = !node.asked || value && (!node.value_asked || node.state == State::Settled) || hot && !node.hot;
        node.asked = true;
        node.value_asked |= value;
        if hot && !node.hot {
            node.hot = true;
            if node.state == State::Ready {
                (0..4).for_each(|rank| {
                    self.queue.remove(&(rank, id));
                });
                self.queue.insert((0, id));
            }
        }
        if news {
            self.work.push(id);
        }
    }

    /// Looks at cells until none can be moved further without running something.
    pub(super) fn look(&mut self) {
        let _together = self.shared.store.batch();
        while let Some(id) = self.work.pop() {
            self.looks += 1;
            self.advance(id);
        }
    }

    fn available(&self, id: CellId) -> bool {
        let node = &self.nodes[id];
        node.state == State::Settled && (node.stored || self.shared.held().has(id))
    }

    /// Moves a cell as far as it goes.
    fn advance(&mut self, id: CellId) {
        let cell = self.cell(id);
        match self.nodes[id].state {
            State::Waiting => {}
            State::Settled if self.nodes[id].value_asked && !self.available(id) => self.nodes[id].state = State::Waiting,
            _ => return,
        }
        if let Some(key) = self.shared.store.alias(&cell.key)
            && self.settle_from_store(id, key)
        {
            return;
        }
        // Hashes of the inputs.
        if !self.nodes[id].asking {
            self.nodes[id].asking = true;
            for i in 0..self.inputs.of(id).len() {
                let d = self.inputs.of(id)[i] as CellId;
                self.nodes[d].users += 1;
                self.ask(d, false, false);
            }
            if self.begun && !self.inline(id) {
                self.shared.observer.event(&Event::Needed { cell: id, seconds: cell.cost.seconds });
            }
        }
        let lost = self.inputs.ids(id).find(|d| self.nodes[*d].state == State::Lost);
        if let Some(d) = lost {
            return self.skip(id, d);
        }
        // Weights wait to be let go: whatever else their consumers need comes first.
        let ready_weights = |d: CellId| self.cell(d).policy == Policy::Transient && self.available(d);
        let hot = self.nodes[id].hot || self.inputs.ids(id).any(ready_weights);
        if self.wait(id, false, hot) {
            return;
        }
        let key = cell.hash_with(&|d| self.nodes[d].hash().unwrap_or(cell.key));
        if self.settle_from_store(id, key) {
            return;
        }
        if self.is_of_others(id) {
            return self.leave(id);
        }
        // Their values.
        if self.wait(id, true, hot) {
            return;
        }
        let node = &mut self.nodes[id];
        node.outcome.key = Some(key);
        node.state = State::Ready;
        node.hot = hot;
        // Consumers of weights first, so that the weights can go; what is not stored last, so that it does not pile up.
        let rank = if hot { 0 } else { 1 + self.inline(id) as u8 };
        self.queue.insert((rank, id));
    }

    /// Asks for the inputs of a cell whose hash is missing, or whose value is; returns whether there are any. The cell is looked at again when
    /// all of them are done with, not each time that one is: a mean of a million numbers would be looked at a million times.
    fn wait(&mut self, id: CellId, value: bool, hot: bool) -> bool {
        let mut missing = 0;
        for i in 0..self.inputs.of(id).len() {
            let d = self.inputs.of(id)[i] as CellId;
            let there = if value { self.available(d) } else { self.nodes[d].hash().is_some() };
            if !there {
                self.ask(d, value, hot);
                missing += 1;
            }
        }
        self.nodes[id].waits = missing;
        missing > 0
    }

    /// Settles a cell by what the store has under a content key, where that will do. Returns whether it did.
    pub(super) fn settle_from_store(&mut self, id: CellId, key: Hash) -> bool {
        let shared = self.shared;
        let cell = self.cell(id);
        let only = shared.options.same_kind.then_some(shared.device.as_str());
        let Some(entry) = shared.store.known(&key).filter(|e| same_kind(e, only)) else { return false };
        // Of what is not to be kept, the hash is enough where nobody asks for the value.
        let mut hash_will_do = cell.policy != Policy::Stored && !self.nodes[id].value_asked;
        let mut stored = shared.store.present(&entry);
        if entry.spot.is_some() && !stored && !hash_will_do {
            self.lose(id, key, Fault::Missing);
        }
        // What readers will want is looked at now, unless it is large: then it is when it is read. What lies beside the store is copied into it.
        let beside = entry.of > 0 && cell.policy == Policy::Stored;
        if stored && self.nodes[id].wanted && (beside || entry.bytes <= 16 << 20) {
            match shared.store.read(&entry) {
                Ok(bytes) if beside => {
                    if let Err(e) = shared.store.adopt(&key, &bytes) {
                        shared.note(e.message);
                    }
                }
                Ok(_) => {}
                Err(fault) => {
                    self.lose(id, key, fault);
                    (stored, hash_will_do) = (false, false);
                }
            }
        }
        if !stored && !hash_will_do {
            return false;
        }
        if let Err(e) = shared.store.put_alias(&cell.key, &key) {
            shared.note(e.message);
        }
        if entry.device != shared.device && self.kinds.insert(entry.device.to_string()) {
            shared.note(format!("uses results of another device kind: {}", entry.device));
        }
        if stored && holds_kept_weights(cell) {
            shared.store.keep(&key);
        }
        if stored && cell.policy == Policy::Transient {
            shared.store.use_spare(&key);
        }
        let inline = self.inline(id);
        let node = &mut self.nodes[id];
        node.stored = stored;
        if !inline {
            node.outcome = CellOutcome {
                status: if entry.absent.is_some() { Status::Absent } else { Status::Cached },
                seconds: entry.seconds,
                bytes: entry.bytes,
                peak_memory: entry.memory,
                other_kind: (entry.device != shared.device).then(|| entry.device.clone()),
                message: entry.absent.clone(),
                ..CellOutcome::default()
            };
            if self.begun {
                shared.observer.event(&Event::Cached { cell: id, title: cell.title() });
            }
        }
        self.settle(id, key, entry.hash);
        true
    }

    /// Notes that an artifact is not as it should be, and forgets where it was.
    pub(super) fn lose(&mut self, id: CellId, key: Hash, fault: Fault) {
        let words = if fault == Fault::Damaged { "damaged" } else { "missing" };
        let place = self.shared.store.among_several(&key).map(|p| format!(" in the store {}", p.display())).unwrap_or_default();
        self.shared.note(format!("the artifact of {}{place} is {words} and is computed again", self.cell(id).title()));
        if let Err(e) = self.shared.store.forget(&key) {
            self.shared.note(e.message);
        }
        self.nodes[id].stored = false;
    }

    /// Takes down that a cell's content hash is known, and looks at whoever waited for it.
    pub(super) fn settle(&mut self, id: CellId, key: Hash, hash: Hash) {
        let node = &mut self.nodes[id];
        node.state = State::Settled;
        node.outcome.key = Some(key);
        node.outcome.hash = Some(hash);
        self.shared.places.lock().unwrap_or_else(PoisonError::into_inner)[id] = Some(key);
        self.finish(id, false);
    }

    /// Does what is due when a cell is done with, one way or the other: wakes consumers, lets inputs go.
    pub(super) fn finish(&mut self, id: CellId, lost: bool) {
        // Weights wait to be let go: the first that are there have their consumer look at what else it needs.
        let weights = self.cell(id).policy == Policy::Transient && self.available(id);
        for i in 0..self.consumers.of(id).len() {
            let consumer = self.consumers.of(id)[i] as CellId;
            let node = &mut self.nodes[consumer];
            if node.waits > 0 {
                let first = weights && !node.hot;
                node.hot |= weights;
                node.waits = if lost || first { 0 } else { node.waits - 1 };
                if node.waits == 0 {
                    self.work.push(consumer);
                }
            }
        }
        if !std::mem::take(&mut self.nodes[id].asking) {
            return;
        }
        for i in 0..self.inputs.of(id).len() {
            let d = self.inputs.of(id)[i] as CellId;
            let node = &mut self.nodes[d];
            node.users -= 1;
            node.user_lost |= lost;
            if node.users > 0 {
                continue;
            }
            if !(node.wanted && self.inline(d)) {
                self.shared.drop_value(d);
            }
            self.retire(d);
        }
    }

    /// Lets weights go whose consumers are all done; they stay for later runs while there is room.
    fn retire(&mut self, id: CellId) {
        let node = &self.nodes[id];
        if self.cell(id).policy != Policy::Transient || !node.stored || node.user_lost || !self.served(id) {
            return;
        }
        if let Some(key) = node.key().filter(|k| !self.needed_elsewhere(id, k) && !self.shared.store.is_kept(k)) {
            if let Err(e) = self.shared.store.spare(&key, self.shared.options.keep_under) {
                self.shared.note(e.message);
            }
            self.nodes[id].stored = self.shared.store.known(&key).is_some_and(|k| self.shared.store.present(&k));
        }
    }

    /// Returns whether another cell that came to the same content key still has use for the artifact.
    pub(super) fn needed_elsewhere(&self, id: CellId, key: &Hash) -> bool {
        self.fleeting.iter().any(|other| {
            let node = &self.nodes[*other];
            *other != id && node.key() == Some(*key) && (node.users > 0 || self.cell(*other).policy == Policy::Stored)
        })
    }

    pub(super) fn skip(&mut self, id: CellId, because: CellId) {
        let culprit = match &self.nodes[because].outcome {
            CellOutcome { status: Status::Skipped, message: Some(m), .. } => m.clone(),
            _ => format!("skipped because {} failed", self.cell(because).title()).into(),
        };
        if !self.inline(id) {
            let title = self.cell(id).title();
            self.shared.observer.event(&Event::Skipped { cell: id, title, because: culprit.to_string() });
        }
        let node = &mut self.nodes[id];
        node.outcome.status = Status::Skipped;
        node.outcome.message = Some(culprit);
        node.state = State::Lost;
        self.finish(id, true);
    }
}

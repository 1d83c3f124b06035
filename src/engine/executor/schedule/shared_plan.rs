//! What is different where several processes share a plan: cells of others are not computed here, and weights stay for those who are to come.

use super::{Scheduler, State};
use crate::base::Name;
use crate::engine::executor::outcome::{CellOutcome, Status};
use crate::engine::executor::part::Told;
use crate::engine::progress::Event;
use crate::plan::graph::CellId;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Scheduler<'_> {
    /// Returns whether a cell is left to others.
    pub(super) fn is_of_others(&self, id: CellId) -> bool {
        let part = self.shared.options.part.as_ref();
        part.is_some_and(|p| !p.own.get(id).copied().unwrap_or(false)) && !self.inline(id)
    }

    /// Gives up a cell that others were to compute and that is not in the store: it failed there, or they did not come to it.
    pub(super) fn leave(&mut self, id: CellId) {
        let title = self.cell(id).title();
        let told = self.shared.options.part.as_ref().and_then(|p| p.failed.get(&id)).cloned();
        self.failed = true;
        let outcome = match told {
            Some(Told { message, help, log }) => {
                let event = Event::Failed { cell: id, title, message: message.clone(), help: help.clone(), log: log.clone() };
                self.shared.observer.event(&event);
                CellOutcome {
                    status: Status::Failed,
                    message: Some(message.into()),
                    help: help.map(Name::from),
                    log: log.map(Arc::from),
                    ..CellOutcome::default()
                }
            }
            None => {
                let words = format!("{title} was not computed by the task before that was to do it");
                self.shared.observer.event(&Event::Skipped { cell: id, title, because: words.clone() });
                CellOutcome { status: Status::Skipped, message: Some(words.into()), ..CellOutcome::default() }
            }
        };
        let node = &mut self.nodes[id];
        node.state = State::Lost;
        node.outcome = outcome;
        self.finish(id, true);
    }

    /// Returns whether all cells of the plan that are to be computed and that take a cell are done, here or elsewhere.
    pub(super) fn served(&self, id: CellId) -> bool {
        let Some(part) = self.shared.options.part.as_ref() else { return true };
        if !part.fence.holds() {
            return false;
        }
        let mut looked: BTreeSet<CellId> = BTreeSet::new();
        let mut open = vec![id];
        let mut read = false;
        while let Some(next) = open.pop() {
            for consumer in self.consumers.ids(next) {
                if self.inline(consumer) {
                    // What is not stored is made again wherever it is needed, and takes its inputs then.
                    if looked.insert(consumer) {
                        open.push(consumer);
                    }
                } else if part.due.get(consumer).copied().unwrap_or(false) && self.nodes[consumer].state != State::Settled {
                    if !std::mem::replace(&mut read, true) {
                        self.shared.store.refresh();
                    }
                    let key = self.shared.store.alias(&self.cell(consumer).key);
                    if key.and_then(|k| self.shared.store.known(&k)).is_none() {
                        return false;
                    }
                }
            }
        }
        true
    }
}

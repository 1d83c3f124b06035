//! How a run on a cluster stands: from the files of its tasks and one question to the batch system.

use super::campaign::{Campaign, Failed, Folder, Stage, State};
use super::executor::{At, Job};
use std::collections::BTreeMap;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    /// In the queue.
    Waiting,
    /// On a node.
    Running,
    /// All its cells are there.
    Done,
    /// Some of its cells failed.
    Failed,
    /// It is over and did not get done: out of time, killed, or it could not begin.
    Lost,
}

/// How a run stands.
#[derive(Debug)]
pub struct Survey {
    /// Where each task is.
    pub tasks: Vec<Where>,
    /// What each said last.
    pub states: Vec<Option<State>>,
    /// Cells that are to be computed, that are there, and that failed.
    pub cells: (usize, usize, usize),
    /// Why jobs wait, in the system's words, with their numbers.
    pub reasons: BTreeMap<String, usize>,
    /// Cells that failed for good.
    pub failed: Vec<Failed>,
}

impl Survey {
    /// Puts together what the jobs in the queue and the files of the tasks say. The queue is asked before the files are read: what ends between is done.
    pub fn of(campaign: &Campaign, folder: &Folder, queue: &[Job]) -> Survey {
        let arrays = folder.jobs();
        let mut live: BTreeMap<usize, &Job> = BTreeMap::new();
        for job in queue {
            let batch = arrays.iter().find(|a| a.id == job.id).and_then(|a| campaign.batches.get(a.batch));
            if let Some(batch) = batch {
                live.insert(batch.tasks.0 + job.element, job);
            }
        }
        let states: Vec<Option<State>> = (0..campaign.tasks).map(|t| folder.state(t)).collect();
        let mut cells = (campaign.batches.iter().map(|b| b.cells).sum(), 0, 0);
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        let mut tasks = Vec::with_capacity(campaign.tasks);
        for (task, state) in states.iter().enumerate() {
            if let Some(state) = state {
                cells.1 += state.done;
                cells.2 += state.failed;
            }
            let stage = state.as_ref().map(|s| s.stage);
            tasks.push(match (stage, live.get(&task)) {
                (Some(Stage::Done), _) => Where::Done,
                (Some(Stage::Failed), _) => Where::Failed,
                (_, Some(job)) if job.at == At::Running => Where::Running,
                (_, Some(job)) => {
                    *reasons.entry(job.words.clone()).or_insert(0) += 1;
                    Where::Waiting
                }
                (_, None) => Where::Lost,
            });
        }
        Survey { tasks, states, cells, reasons, failed: folder.failed().into_values().collect() }
    }

    /// Returns the number of tasks at a place.
    pub fn count(&self, at: Where) -> usize {
        self.tasks.iter().filter(|t| **t == at).count()
    }

    /// Returns whether any task is in the queue or on a node.
    pub fn is_live(&self) -> bool {
        self.tasks.iter().any(|t| matches!(t, Where::Waiting | Where::Running))
    }

    /// Returns whether nothing more comes of the run: its last task came to an end, or no task is in the queue or on a node. Where the last one was
    /// taken out by hand, others may be at work.
    pub fn is_over(&self) -> bool {
        matches!(self.tasks.last(), Some(Where::Done | Where::Failed)) || !self.is_live()
    }

    /// Returns the seconds that the slowest of the running tasks expects to take still.
    pub fn left(&self) -> Option<f64> {
        let running = self.tasks.iter().zip(&self.states).filter(|(t, _)| **t == Where::Running);
        running.filter_map(|(_, s)| s.as_ref()?.left).reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_over_when_its_last_task_is_or_nothing_is_at_work() {
        let over = |tasks: &[Where]| {
            let survey = Survey {
                tasks: tasks.to_vec(),
                states: vec![None; tasks.len()],
                cells: (0, 0, 0),
                reasons: BTreeMap::new(),
                failed: Vec::new(),
            };
            survey.is_over()
        };
        // The last one was taken out of the queue by hand.
        assert!(!over(&[Where::Running, Where::Lost]));
        assert!(!over(&[Where::Lost, Where::Waiting]));
        assert!(over(&[Where::Done, Where::Lost]));
        assert!(over(&[Where::Lost, Where::Failed]));
        // An answer of the queue may be older than the file of the last task.
        assert!(over(&[Where::Running, Where::Done]));
    }
}

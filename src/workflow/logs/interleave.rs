//! Logs that end, merged by time: of each, no more than a few lines are held.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use jiff::Timestamp;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};

use super::batch::Batch;
use super::pump::{Arrived, End};
use crate::event::{ContainerLine, LogEvent};
use crate::model::log::LogLine;

/// The lines of one container, in the engine's order.
pub(super) struct Source {
    container: usize,
    lines: Receiver<Arrived>,
    held: VecDeque<LogLine>,
    /// The time of its last line, as it counts here.
    reached: Timestamp,
}

impl Source {
    pub fn new(container: usize, lines: Receiver<Arrived>) -> Source {
        Source { container, lines, held: VecDeque::new(), reached: Timestamp::MIN }
    }

    /// The time of its next line. A line that is a little older than the one before it counts as just as old: the order of
    /// one container's lines is never changed.
    fn next(&mut self) -> Option<Timestamp> {
        self.reached = self.held.front()?.at.max(self.reached);
        Some(self.reached)
    }
}

/// Sends all lines in the order of time.
///
/// # Errors
/// [`End::Unwanted`].
pub(super) async fn interleave(mut sources: Vec<Source>, out: &Sender<LogEvent>) -> Result<(), End> {
    let mut batch = Batch::new(out);
    let mut heap = BinaryHeap::new();
    let mut empty: Vec<usize> = (0..sources.len()).collect();
    loop {
        for index in empty.drain(..) {
            let source = &mut sources[index];
            while source.held.is_empty() {
                let some = match source.lines.try_recv() {
                    Ok(some) => Some(some),
                    Err(TryRecvError::Disconnected) => None,
                    Err(TryRecvError::Empty) => {
                        // A reader need not wait for what is there already.
                        batch.send().await?;
                        source.lines.recv().await
                    }
                };
                match some {
                    Some(some) => source.held.extend(some.lines),
                    None => break,
                }
            }
            heap.extend(source.next().map(|at| Reverse((at, index))));
        }
        let Some(Reverse((_, index))) = heap.pop() else { break };
        let source = &mut sources[index];
        if let Some(line) = source.held.pop_front() {
            batch.push(ContainerLine { container: source.container, line }).await?;
        }
        match source.next() {
            Some(at) => heap.push(Reverse((at, index))),
            None => empty.push(index),
        }
    }
    batch.send().await
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn lines_come_in_the_order_of_time_and_each_container_keeps_its_own() {
        let line = |at: i64| LogLine { at: Timestamp::from_second(at).unwrap(), text: at.to_string().into_bytes() };
        let logs: [&[&[i64]]; 3] = [&[&[1, 4], &[7, 6, 9]], &[], &[&[2], &[3, 3, 8]]];
        let mut sources = Vec::new();
        for (container, batches) in logs.into_iter().enumerate() {
            let (sender, receiver) = mpsc::channel(1);
            sources.push(Source::new(container, receiver));
            tokio::spawn(async move {
                for batch in batches {
                    let lines = batch.iter().map(|at| line(*at)).collect();
                    assert!(sender.send(Arrived { container, lines }).await.is_ok());
                    tokio::task::yield_now().await;
                }
            });
        }
        let (out, mut events) = mpsc::channel(16);
        interleave(sources, &out).await.unwrap();
        drop(out);
        let mut found = Vec::new();
        while let Some(LogEvent::Lines(lines)) = events.recv().await {
            found.extend(lines.iter().map(|l| (l.container, l.line.at.as_second())));
        }
        assert_eq!(found, [(0, 1), (2, 2), (2, 3), (2, 3), (0, 4), (0, 7), (0, 6), (2, 8), (0, 9)]);
    }
}

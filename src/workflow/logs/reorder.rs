//! Lines as they come, put into the order of time as far as a moment of patience allows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant, sleep_until};

use super::batch::Batch;
use super::pump::{Arrived, End};
use crate::event::{ContainerLine, LogEvent};
use crate::model::log::LogLine;

/// For how long a line waits for older ones of other containers: longer than the ways to two nodes differ, shorter than
/// anybody notices.
const PATIENCE: Duration = Duration::from_millis(150);
/// How many lines and how many bytes wait at most; when more come, the oldest go on at once.
const MOST_LINES: usize = 20_000;
const MOST_BYTES: usize = 16 << 20;

/// Lines that wait.
#[derive(Default)]
struct Waiting {
    /// By time, and by arrival where that is the same.
    lines: BinaryHeap<Reverse<(Timestamp, u64, usize)>>,
    texts: BTreeMap<u64, LogLine>,
    /// When lines came, and the time of the latest of them.
    arrivals: VecDeque<(Instant, Timestamp)>,
    count: u64,
    bytes: usize,
    /// The time of the last line of each container, as it counts here.
    reached: BTreeMap<usize, Timestamp>,
}

impl Waiting {
    fn add(&mut self, arrived: Arrived, now: Instant) {
        let reached = self.reached.entry(arrived.container).or_insert(Timestamp::MIN);
        for line in arrived.lines {
            // The order of one container's lines is never changed.
            *reached = line.at.max(*reached);
            self.bytes += line.text.len();
            self.lines.push(Reverse((*reached, self.count, arrived.container)));
            self.texts.insert(self.count, line);
            self.count += 1;
        }
        self.arrivals.push_back((now, *reached));
    }

    /// Sends the lines that have waited long enough, with all that are older than those.
    async fn send_due(&mut self, now: Instant, batch: &mut Batch<'_>) -> Result<(), End> {
        let mut until = None;
        while self.next_due().is_some_and(|due| due <= now) {
            until = until.max(self.arrivals.pop_front().map(|(_, latest)| latest));
        }
        while let Some(Reverse((at, _, _))) = self.lines.peek() {
            let is_due = until.is_some_and(|until| *at <= until);
            if !is_due && self.lines.len() <= MOST_LINES && self.bytes <= MOST_BYTES {
                break;
            }
            if let Some(line) = self.pop() {
                batch.push(line).await?;
            }
        }
        batch.send().await
    }

    fn pop(&mut self) -> Option<ContainerLine> {
        let Reverse((_, number, container)) = self.lines.pop()?;
        let line = self.texts.remove(&number).expect("each line that waits has a text");
        self.bytes -= line.text.len();
        Some(ContainerLine { container, line })
    }

    /// When something is due next.
    fn next_due(&self) -> Option<Instant> {
        self.arrivals.front().map(|(came, _)| *came + PATIENCE)
    }
}

/// Passes lines on until none come any more.
///
/// # Errors
/// [`End::Unwanted`].
pub(super) async fn reorder(mut arrivals: Receiver<Arrived>, out: &Sender<LogEvent>) -> Result<(), End> {
    let mut waiting = Waiting::default();
    let mut batch = Batch::new(out);
    loop {
        let next = waiting.next_due();
        let arrived = tokio::select! {
            arrived = arrivals.recv() => match arrived {
                Some(arrived) => Some(arrived),
                None => break,
            },
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => None,
        };
        let now = Instant::now();
        arrived.into_iter().for_each(|arrived| waiting.add(arrived, now));
        waiting.send_due(now, &mut batch).await?;
    }
    while let Some(line) = waiting.pop() {
        batch.push(line).await?;
    }
    batch.send().await
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    fn line(at: i64) -> LogLine {
        LogLine { at: Timestamp::from_millisecond(at).unwrap(), text: b"x".to_vec() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_waits_for_older_ones_and_not_for_long() {
        let (sender, arrivals) = mpsc::channel(4);
        let (out, mut events) = mpsc::channel(16);
        tokio::spawn(async move { reorder(arrivals, &out).await });
        let begun = Instant::now();
        for (container, lines) in [(0, vec![line(5), line(4)]), (1, vec![line(1)]), (1, vec![line(9)])] {
            sender.send(Arrived { container, lines }).await.unwrap();
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
        let mut found = Vec::new();
        let mut next = async || match events.recv().await {
            Some(LogEvent::Lines(lines)) => {
                lines.into_iter().for_each(|l| found.push((l.container, l.line.at.as_millisecond())));
            }
            other => panic!("{other:?}"),
        };
        next().await;
        assert!(begun.elapsed() < PATIENCE + Duration::from_millis(40), "{:?}", begun.elapsed());
        next().await;
        assert_eq!(found, [(1, 1), (0, 5), (0, 4), (1, 9)]);
    }

    #[tokio::test(start_paused = true)]
    async fn not_more_wait_than_there_is_room_for() {
        let mut waiting = Waiting::default();
        let lines = (0..MOST_LINES + 3).map(|at| line(at as i64)).collect();
        waiting.add(Arrived { container: 0, lines }, Instant::now());
        let (out, mut events) = mpsc::channel(1);
        waiting.send_due(Instant::now(), &mut Batch::new(&out)).await.unwrap();
        let Some(LogEvent::Lines(lines)) = events.recv().await else { panic!("there are some") };
        assert_eq!(lines.len(), 3);
    }
}

//! The moments inside a request that the next one may build on: a container is on its network, a process has died.
//! Reads the engine's events; reports when one was seen, and keeps the requests that go on after theirs.
//! Never delays anything: where no event comes, the request's own end counts.
//!
//! Engine 20.10 spends most of a start in creating the process, after the network's allocations (which must not
//! overlap) are done, and most of a stop in taking the network apart, after the process is dead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, StreamExt};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio::task::JoinHandle;

use super::json_lines::json_lines;
use super::query::encoded;
use crate::target::TargetError;

/// How many requests may go on after theirs.
const MOST_GOING_ON: usize = 6;

/// How many containers leave their networks at a time, one after the other's death. Engine 20.10 counts a network's
/// endpoints in an object that its threads share, and one thread's second try overwrites what another has just counted
/// (libnetwork's endpointCnt): the count stays too high, and the network can then not be removed.
const MOST_LEAVING: u32 = 2;

/// A process that takes longer to end does not delay the signals to the others.
const PATIENCE: Duration = Duration::from_millis(600);
/// The same, once so many were waited for.
const LITTLE_PATIENCE: Duration = Duration::from_millis(120);
const WAITED_FOR: usize = 10;

/// The right to make a container leave its networks.
pub(super) struct Leave {
    /// Given back when the process is dead: deaths one after the other keep the counting apart.
    pub(super) dying: OwnedMutexGuard<()>,
    /// Given back when the networks are left.
    pub(super) leaving: Option<OwnedSemaphorePermit>,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The container is on one network; its addresses and host ports are allocated.
    Connected,
    /// The container's process has ended.
    Died,
}

#[derive(Debug, Clone)]
struct Moment {
    container: String,
    kind: Kind,
    /// Engine time, nanoseconds since 1970.
    at: u128,
}

/// A request that several may wait for.
type GoingOn = Shared<BoxFuture<'static, ()>>;

/// Shared by all clones of a connection.
#[derive(Clone)]
pub(super) struct Moments {
    /// Starts that must not overlap hold it.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    dying: Arc<tokio::sync::Mutex<()>>,
    leaving: Arc<Semaphore>,
    slow: Arc<AtomicUsize>,
    seen: Arc<Mutex<Option<broadcast::Sender<Moment>>>>,
    going_on: Arc<Mutex<HashMap<String, GoingOn>>>,
}

/// The moments of one container from a point in time on.
pub(super) struct Watch {
    seen: broadcast::Receiver<Moment>,
    from: u128,
}

impl Default for Moments {
    fn default() -> Self {
        let leaving = Arc::new(Semaphore::new(MOST_LEAVING as usize));
        Self {
            turn: Arc::default(),
            dying: Arc::default(),
            leaving,
            slow: Arc::default(),
            seen: Arc::default(),
            going_on: Arc::default(),
        }
    }
}

impl Moments {
    /// Waits for the right to leave so many networks: who leaves one may do so while the next one dies, who leaves
    /// several takes longer and does it alone.
    pub(super) async fn leave(&self, networks: usize) -> Leave {
        let dying = self.dying.clone().lock_owned().await;
        let share = if networks > 1 { MOST_LEAVING } else { 1 };
        // Nobody closes the semaphore.
        Leave { dying, leaving: self.leaving.clone().acquire_many_owned(share).await.ok() }
    }

    /// How long a process may take to end before others get their signals.
    pub(super) fn patience(&self) -> Duration {
        if self.slow.load(Ordering::Relaxed) < WAITED_FOR { PATIENCE } else { LITTLE_PATIENCE }
    }

    /// A process took longer.
    pub(super) fn was_slow(&self) {
        self.slow.fetch_add(1, Ordering::Relaxed);
    }

    /// Subscribes to events; `begin` opens the engine's event stream once for all subscribers.
    pub(super) fn watch<F, B>(&self, begin: F) -> Watch
    where
        F: FnOnce(String) -> B + Send + 'static,
        B: Future<Output = Result<Incoming, TargetError>> + Send,
    {
        let from = nanoseconds();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = seen.get_or_insert_with(|| open(begin, from));
        Watch { seen: sender.subscribe(), from }
    }

    /// Lets a request go on whose essential part is done, unless too many do: then it is waited for.
    pub(super) async fn let_go_on(&self, container: &str, request: JoinHandle<()>) {
        let request: GoingOn = request.map(drop).boxed().shared();
        let many = {
            let mut going_on = self.going_on.lock().unwrap_or_else(PoisonError::into_inner);
            going_on.retain(|_, request| request.peek().is_none());
            going_on.insert(container.to_owned(), request.clone());
            going_on.len() > MOST_GOING_ON
        };
        if many {
            request.await;
        }
    }

    /// Waits until nothing of the container goes on any more.
    pub(super) async fn settled(&self, container: &str) {
        let request = self.going_on.lock().unwrap_or_else(PoisonError::into_inner).get(container).cloned();
        if let Some(request) = request {
            request.await;
        }
    }

    /// Waits until nothing goes on any more.
    pub(super) async fn all_settled(&self) {
        let requests: Vec<GoingOn> =
            self.going_on.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        futures_util::future::join_all(requests).await;
    }
}

impl Watch {
    /// Ends when the container was seen so many times; never, where no events come.
    pub(super) async fn seen(mut self, container: &str, kind: Kind, times: usize) {
        let mut left = times;
        while left > 0 {
            match self.seen.recv().await {
                Ok(moment) if moment.kind == kind && moment.container == container && moment.at >= self.from => {
                    left -= 1;
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

fn open<F, B>(begin: F, from: u128) -> broadcast::Sender<Moment>
where
    F: FnOnce(String) -> B + Send + 'static,
    B: Future<Output = Result<Incoming, TargetError>> + Send,
{
    let sender = broadcast::channel(1024).0;
    let told = sender.clone();
    tokio::spawn(async move {
        let filters = json!({ "type": ["container", "network"], "event": ["die", "connect"] }).to_string();
        // `since` covers the gap until the engine has taken the request.
        let since = format!("{}.{:09}", from / 1_000_000_000, from % 1_000_000_000);
        let path = format!("/events?since={since}&filters={}", encoded(&filters));
        let Ok(body) = begin(path).await else { return };
        let mut events = json_lines(body, "watching");
        while let Some(Ok(event)) = events.next().await {
            if let Some(moment) = moment(&event) {
                // Nobody is waiting right now.
                let _ = told.send(moment);
            }
        }
    });
    sender
}

fn moment(event: &Value) -> Option<Moment> {
    let (kind, container) = match (event["Type"].as_str()?, event["Action"].as_str()?) {
        ("network", "connect") => (Kind::Connected, &event["Actor"]["Attributes"]["container"]),
        ("container", "die") => (Kind::Died, &event["Actor"]["ID"]),
        _ => return None,
    };
    let at = u128::from(event["timeNano"].as_u64()?);
    Some(Moment { container: container.as_str()?.to_owned(), kind, at })
}

fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_event_names_the_container_that_was_connected() {
        let event = json!({ "Type": "network", "Action": "connect", "timeNano": 7,
            "Actor": { "ID": "net", "Attributes": { "container": "c1", "name": "p_default" } } });
        let found = moment(&event).unwrap();
        assert_eq!((found.container.as_str(), found.kind, found.at), ("c1", Kind::Connected, 7));
        assert!(moment(&json!({ "Type": "network", "Action": "disconnect", "timeNano": 7 })).is_none());
    }

    #[tokio::test]
    async fn an_event_from_before_does_not_count() {
        let (sender, seen) = broadcast::channel(8);
        let send = |at| sender.send(Moment { container: "c1".to_owned(), kind: Kind::Died, at }).unwrap();
        send(99);
        let waiting = tokio::spawn(Watch { seen, from: 100 }.seen("c1", Kind::Died, 1));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        send(100);
        waiting.await.unwrap();
    }
}

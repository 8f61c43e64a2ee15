//! Reading logs.

use aictl::event::Channel;
use aictl::target::LogArgs;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::contract;
use super::lab::Lab;

contract!(logs_come_as_lines_with_times_and_channels,);

async fn logs_come_as_lines_with_times_and_channels(lab: &Lab) {
    let script = "echo one; echo two >&2; printf last";
    let id = lab.run(lab.spec("a", 1, json!({"command": ["sh", "-c", script], "network_mode": "none"}))).await;
    lab.target.wait_exit(&id).await.unwrap();
    let container = lab.target.observe_instance(&id).await.unwrap();
    let lines: Vec<_> = lab.target.logs(&container, &LogArgs::default()).await.unwrap().try_collect().await.unwrap();
    let mut shown: Vec<_> = lines.iter().map(|l| (l.channel, l.message.as_str(), l.source.as_str())).collect();
    shown.sort_by_key(|line| line.1);
    let expected = [(Channel::Stdout, "last", "a-1"), (Channel::Stdout, "one", "a-1"), (Channel::Stderr, "two", "a-1")];
    assert_eq!(shown, expected);
    assert!(lines.iter().all(|line| line.time.as_deref().is_some_and(|time| time.ends_with('Z'))));
    let tail = LogArgs { tail: Some(1), ..LogArgs::default() };
    assert_eq!(lab.target.logs(&container, &tail).await.unwrap().count().await, 1);
}

//! The processes inside containers.

use serde_json::json;

use super::contract;
use super::lab::Lab;

contract!(the_processes_of_a_container_are_listed);

async fn the_processes_of_a_container_are_listed(lab: &Lab) {
    let id = lab.run(lab.spec("a", 1, json!({"command": ["sleep", "1000"], "network_mode": "none"}))).await;
    let (titles, rows) = lab.target.need_processes().unwrap().observe_processes(&id).await.unwrap();
    assert!(titles.iter().any(|title| title == "PID"), "{titles:?}");
    assert!(rows.iter().flatten().any(|cell| cell.contains("sleep 1000")), "{rows:?}");
    assert!(rows.iter().all(|row| row.len() == titles.len()), "{rows:?}");
}

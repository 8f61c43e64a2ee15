//! Files in and out of containers.

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::contract;
use super::lab::Lab;

contract!(a_copied_archive_comes_back,);

fn sleeper() -> serde_json::Value {
    json!({"command": ["sleep", "1000"], "network_mode": "none", "stop_grace_period": "1s"})
}

async fn a_copied_archive_comes_back(lab: &Lab) {
    let id = lab.create(lab.spec("a", 1, sleeper())).await;
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o640);
    builder.append_data(&mut header, "note.txt", &b"hello"[..]).unwrap();
    let bytes = bytes::Bytes::from(builder.into_inner().unwrap());
    let stream = futures_util::stream::iter([Ok(bytes)]).boxed();
    lab.target.copy_in(&id, "/tmp", stream).await.unwrap();
    assert_eq!(lab.target.observe_path(&id, "/tmp/note.txt").await, Ok(Some(false)));
    assert_eq!(lab.target.observe_path(&id, "/tmp").await, Ok(Some(true)));
    assert_eq!(lab.target.observe_path(&id, "/tmp/other").await, Ok(None));
    let chunks: Vec<_> = lab.target.copy_out(&id, "/tmp/note.txt").await.unwrap().try_collect().await.unwrap();
    let bytes = chunks.concat();
    let mut archive = tar::Archive::new(&bytes[..]);
    let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
    assert_eq!((text.as_str(), entry.header().mode().unwrap() & 0o777), ("hello", 0o640));
}

//! The maintenance page: clients get it, probes of a deploy do not, and it stays until it is turned off.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::real::Shop;
use crate::support::project::{docker, eventually};

/// The whole answer to a request; empty while nothing listens.
fn answer(port: u16, method: &str) -> String {
    let mut answer = String::new();
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return answer };
    let request = format!("{method} /any HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
    let _ = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer).map(drop));
    answer
}

fn is_page(answer: &str) -> bool {
    let parts = ["HTTP/1.1 503 ", "Retry-After: 60\r\n", "text/html", "<h1>Down for maintenance</h1>"];
    parts.iter().all(|part| answer.contains(part))
}

#[test]
fn clients_get_the_page_until_it_is_turned_off_and_a_deploy_goes_on_behind_it() {
    let Some(shop) = Shop::new("deploy-maintenance") else { return };
    shop.deploy("0", 0);
    let maintenance =
        |state: &str| shop.project.command(&["deploy", "--maintenance", state]).env("ROUND", "0").output().unwrap();
    let said = |state| String::from_utf8(maintenance(state).stdout).unwrap();
    let dry = shop.project.command(&["deploy", "--maintenance", "on", "--dry-run"]).env("ROUND", "0").output().unwrap();
    assert!(String::from_utf8_lossy(&dry.stdout).contains("enable maintenance page"), "{dry:?}");
    assert!(answer(shop.port, "GET").starts_with("HTTP/1.1 200 "));
    assert!(said("on").contains("is on"));
    assert!(said("on").contains("is already on"));
    for method in ["GET", "POST", "HEAD"] {
        let found = answer(shop.port, method);
        assert!(is_page(&found) || method == "HEAD" && found.starts_with("HTTP/1.1 503 "), "{method}: {found}");
    }
    let status = shop.project.aictl(&["status"]).ended(0).stderr;
    assert!(status.contains("the maintenance page is on"), "{status}");
    let deployed = shop.deploy("1", 0);
    assert!(deployed.contains("the maintenance page is on") && deployed.contains("Switched traffic"), "{deployed}");
    docker(&["restart", "-t", "1", &format!("{}-nginx-1", shop.project.name())]);
    eventually("the page comes back", Duration::from_secs(10), || is_page(&answer(shop.port, "GET")));
    assert!(said("off").contains("is off"));
    assert!(answer(shop.port, "POST").contains("round 1 2"));
    let history = shop.project.aictl(&["history"]).ended(0).stdout;
    assert!(history.contains("deploy maintenance"), "{history}");
}

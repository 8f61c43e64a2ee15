//! What `notify` in aictl.yaml and the channels of the command line may not be.

use std::time::Duration;

use super::{Folder, SLACK, TOKEN};
use crate::support::http_server::HttpServer;
use crate::support::project::eventually;

#[test]
fn channels_that_are_not_there_are_refused_by_name() {
    let folder = Folder::new("slack: '${SLACK}', webhook: '${HOOK}'", "http://a/b", "http://a/c");
    let outcome = folder.aictl(&["notify", "test", "slak"]).ended(10);
    assert!(outcome.stderr.contains("aictl.yaml has no channel `slak` (did you mean `slack`?)"), "{}", outcome.stderr);
    let outcome = folder.aictl(&["notify", "test", "email"]).ended(10);
    assert!(outcome.stderr.contains("known: slack, webhook"), "{}", outcome.stderr);
    let outcome = Folder::new("", "", "").aictl(&["notify", "test"]).ended(78);
    assert!(outcome.stderr.contains("no channels are configured"), "{}", outcome.stderr);
}

#[test]
fn settings_that_cannot_be_right_are_refused_without_being_quoted() {
    for (notify, said) in [
        ("slak: x", "notify.slak: unknown key; did you mean `slack`?"),
        ("webhook: { url: 'http://a', heders: {} }", "notify.webhook.heders: unknown key; did you mean `headers`?"),
        ("email: { smpt: x }", "notify.email.smpt: unknown key; did you mean `smtp`?"),
        ("slack: 'hooks/canary0slack0webhook'", "notify.slack: must start with `http://` or `https://`"),
        ("telegram: '123456:canary0telegram0token'", "notify.telegram: takes a mapping, found a single value"),
        (
            "email: { smtp: 'smtp://u:canary0mail0password0!@h', from: a@b, to: a@b }",
            "notify.email.smtp: must be `smtp://HOST:PORT`",
        ),
        ("on: failure", "notify.on: needs one of `slack`, `telegram`, `webhook`, `email`"),
        ("on: failed, slack: 'http://a'", "did you mean `failure`?"),
    ] {
        let outcome = Folder::new(notify, "", "").aictl(&["notify", "test"]).ended(78);
        assert!(outcome.stderr.contains(said), "{notify}: {}", outcome.stderr);
    }
    for (notify, said) in [
        ("slack: '${SLAK}'", "slack: not sent: notify.slack: the variable SLAK is not set"),
        ("slack: '${SLACK:?set it}'", "required variable SLACK is missing a value: set it"),
        ("slack: 'ftp://a/${TOKEN}'", "slack: not sent: notify.slack: must start with `http://` or `https://`"),
        ("telegram: { token: 'a/${TOKEN}', chat: 1 }", "telegram: not sent: notify.telegram.token: is not a bot token"),
        (
            "webhook: { url: 'http://a', headers: { 'a b': '${TOKEN}' } }",
            "webhook: not sent: notify.webhook.headers.a b: is not the name of a header",
        ),
        (
            "email: { smtp: 'smtp://h', from: 'a@', to: a@b }",
            "email: not sent: notify.email.from: is not an e-mail address",
        ),
    ] {
        let outcome = Folder::new(notify, "", "").aictl(&["notify", "test"]).ended(1);
        assert!(outcome.stdout.contains(said), "{notify}: {}", outcome.stdout);
    }
}

/// The verbs that read the project know the secrets, wherever they turn up.
#[test]
fn a_secret_of_a_channel_is_redacted_elsewhere() {
    let folder = Folder::new("telegram: { token: '${TOKEN}', chat: 1 }", "", "");
    let compose = format!("services: {{ web: {{ image: x, ports: ['{TOKEN}'] }} }}\n");
    std::fs::write(folder.file("compose.yaml"), compose).unwrap();
    let mut command = folder.command(&["config", "--quiet"]);
    command.env("TOKEN", TOKEN);
    super::quiet(command).ended(78);
}

#[test]
fn ctrl_c_ends_the_wait_for_a_silent_server() {
    let server = HttpServer::open(&[None]);
    let folder = Folder::new("slack: '${SLACK}'", &server.url(SLACK), "");
    let mut running = folder.command(&["notify", "test"]).spawn().unwrap();
    eventually("the request came", Duration::from_secs(20), || !server.requests().is_empty());
    let process = rustix::process::Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(130));
}

//! What the schema says against what the loader does, by a validator that is not ours.
//! Each document stands here once, with what both must say of it.
//! What has to look at two places is for the loader alone and not among them.

use boon::{Compiler, Schemas};
use serde_json::Value;

use super::schema;
use crate::project::parse_project;

/// Documents that are project files.
const RIGHT: &[&str] = &[
    "",
    "checks:\ntasks:\nvalues:\nquickstart:\nsecrets:\nenvironments:\nbackup:\nwatch:\nnotify:\nregistry:\n",
    "environments:\n  dev:\n",
    "environments: { dev: { deploy: , values: , checks: , profiles: , requirements: , proxy: , target: , chart: } }",
    "environments: { dev: { requirements: { minimum: , recommended: } } }",
    "environments: { dev: { proxy: { managed: true } }, prod: { proxy: { managed: false, service: n } } }",
    "environments: { dev: { target: { docker: } } }",
    "environments: { dev: { target: { docker: { context: c } } } }",
    "environments: { dev: { target: { docker: { host: 'h:2376', tls: certs } } } }",
    "environments: { dev: { target: { docker: { host: 'tcp://h', tls: {} } } } }",
    "environments: { dev: { target: { docker: { host: 'https://h', tls: { ca: c, cert: d, key: e, verify: true } } } } }",
    "environments: { dev: { compose: 1.10, env_file: [.env, 5], profiles: [1, true] }, stage-2.a_b: {} }",
    "secrets:\n  DB_PASSWORD:\n",
    "secrets: { _x: { description: 5 } }",
    "name: 5",
    "name: shop-2_a",
    "quickstart: { tasks: }",
    "tasks: { t: { service: a, command: [1, true], user: 1000, timeout: 365d } }",
    "tasks: { t: { service: a, command: 5 } }",
    "tasks: { t: { service: a, command: 'sh -c \"echo a\"' } }",
    "checks: [ { name: 5, exec: { service: a, command: x }, expect: { equals: 5, contains: true, exit_code: 255 } } ]",
    "checks: [ { name: a, http: 'http://a:8000/x?y', expect: { headers: { X: 5 }, json: }, timeout: 1h 30m } ]",
    "checks: [ { name: a, http: 'https://[::1]:8443/', tcp: , retries: 4294967295, expect: } ]",
    "checks: [ { name: a, tcp: 'a:1' }, { name: b, tls: { address: 'a:443', days: 0 } } ]",
    "checks: [ { name: a, redis: { service: a } }, { name: b, redis: { service: a, command: [] } } ]",
    "checks: [ { name: a, sql: { service: a, query: 1 } }, { name: b, log: { service: a, present: 1, absent: } } ]",
    "checks: [ { name: a, prometheus: { rules: loaded } }, { name: b, prometheus: { rules: [A, 5] } } ]",
    "environments: { a: { requirements: { minimum: { cpus: 0.5, memory: 8GiB, disk: 1.5k } } } }",
    "environments: { a: { requirements: { minimum: { cpus: 0, memory: 1024, disk: ' 20 gb ' } } } }",
    "registry: { url: registry.example.com, mirrors: }",
    "registry: { url: 'localhost:5000/team/a', mirrors: ['mirror.local:5000', '[::1]:5000'] }",
    "backup: { repository: 5, password: { env: A, file: }, keep: { last: 1 }, include: { db: }, exclude: , schedule: '@daily' }",
    "backup: { repository: /b, password: { command: x }, keep: }",
    "watch: { interval: 30s, restart: { attempts: 3, within: 1.5h } }",
    "notify: { slack: '${URL}', telegram: { token: '1:a', chat: -100 }, webhook: 'http://a/b', email: }",
    "notify: { on: failure, webhook: { url: 'https://a', headers: { X: 5 }, secret: s } }",
    "notify: { email: { smtp: 'smtps://mail:465', from: a@b, to: [a@b, c@d], user: u, password: '$P' } }",
    "notify: { email: { smtp: 'smtp://mail', from: 'A <a@b>', to: '${TO}' } }",
];

/// Documents that are none.
const WRONG: &[&str] = &[
    "[]",
    "5",
    "names: x",
    "name: X Y",
    "name: ''",
    "name: -a",
    "name: -5",
    "environments: { '': {} }",
    "environments: { A B: {} }",
    "environments: { a: { compose: } }",
    "environments: { a: { deploy: { backup: } } }",
    "environments: { a: { deploy: { keep_releases: 0 } } }",
    "environments: { a: { target: {} } }",
    "environments: { a: { chart: { path: a }, target: { kubernetes: } } }",
    "environments: { a: { chart: { path: a }, target: { kubernetes: [] } } }",
    "environments: { a: { target: { docker: { host: a, context: b } } } }",
    "environments: { a: { target: { docker: { host: '' } } } }",
    "environments: { a: { target: { docker: { context: ' ' } } } }",
    "environments: { a: { target: { docker: { tls: certs } } } }",
    "environments: { a: { target: { docker: { context: c, tls: {} } } } }",
    "environments: { a: { target: { docker: { host: 'ssh://h', tls: certs } } } }",
    "environments: { a: { target: { docker: { host: 'unix:///x', tls: { verify: false } } } } }",
    "environments: { a: { target: { docker: { host: 'tcp://h', tls: '' } } } }",
    "environments: { a: { target: { docker: { host: 'tcp://h', tls: { ca: '' } } } } }",
    "environments: { a: { target: { docker: { host: 'tcp://h', tls: { cert: c } } } } }",
    "environments: { a: { target: { docker: { host: 'tcp://h', tls: { key: k } } } } }",
    "environments: { a: { target: { docker: { host: 'tcp://h', tls: { ca: c, verify: false } } } } }",
    "environments: { a: { proxy: { service: n, tls: {} } } }",
    "environments: { a: { proxy: {} } }",
    "environments: { a: { proxy: { managed: false } } }",
    "environments: { a: { proxy: { service: ' ' } } }",
    "environments: { a: { proxy: { service: n, managed: true } } }",
    "environments: { a: { proxy: { managed: true, tls: { letsencrypt: { email: x } } } } }",
    "environments: { a: { proxy: { service: n, routes: [ { path: /, service: a, port: 65536 } ] } } }",
    "environments: { a: { requirements: { minimum: { cpus: -1 } } } }",
    "environments: { a: { requirements: { minimum: { memory: -1 } } } }",
    "environments: { a: { requirements: { minimum: { memory: 8 gigs } } } }",
    "environments: { a: { requirements: { on_shortfall: } } }",
    "secrets: { 1X: {} }",
    "secrets: { A-B: {} }",
    "secrets: { A: { min_length: 5000000000 } }",
    "secrets: { A: { required: 1 } }",
    "tasks: { t: }",
    "tasks: { t: { service: a } }",
    "tasks: { t: { service: a, command: } }",
    "tasks: { t: { service: a, command: '' } }",
    "tasks: { t: { service: a, command: [] } }",
    "tasks: { t: { service: a, command: x, timeout: 30 } }",
    "tasks: { t: { service: a, command: x, timeout: soon } }",
    "checks: [ { name: a } ]",
    "checks: [ { name: a, tcp: , http: } ]",
    "checks: [ { name: a, tcp: 'a:1', http: 'http://a/' } ]",
    "checks: [ { name: ' ', tcp: 'a:1' } ]",
    "checks: [ { tcp: 'a:1' } ]",
    "checks: [ { name: a, tcp: 'a:0' } ]",
    "checks: [ { name: a, tcp: 5 } ]",
    "checks: [ { name: a, tls: { address: 'a:0' } } ]",
    "checks: [ { name: a, http: 'http://a:0/' } ]",
    "checks: [ { name: a, http: 'ftp://a/' } ]",
    "checks: [ { name: a, http: 'http://me@a/' } ]",
    "checks: [ { name: a, exec: { service: a, command: [] } } ]",
    "checks: [ { name: a, sql: { service: a, query: ' ' } } ]",
    "checks: [ { name: a, redis: { service: a, command: } } ]",
    "checks: [ { name: a, log: { service: a } } ]",
    "checks: [ { name: a, prometheus: { service: a } } ]",
    "checks: [ { name: a, prometheus: { rules: loud } } ]",
    "checks: [ { name: a, tcp: 'a:1', retries: 5000000000 } ]",
    "checks: [ { name: a, tcp: 'a:1', retries: -1 } ]",
    "checks: [ { name: a, exec: { service: a, command: x }, expect: { exit_code: 300 } } ]",
    "checks: [ { name: a, http: 'http://a/', expect: { status: 99 } } ]",
    "registry: { url: '' }",
    "registry: { url: 'http://x' }",
    "registry: { url: 'x:port' }",
    "registry: { url: 'a b' }",
    "registry: { url: 'a/' }",
    "registry: { url: a, mirrors: ['https://b'] }",
    "backup: { repository: /b, password: {} }",
    "backup: { repository: /b, password: }",
    "backup: { repository: /b, password: { env: A, file: b } }",
    "watch: { restart: { attempts: 0, within: 1m } }",
    "notify: { slak: 'http://a' }",
    "notify: { slack: hooks.slack.com }",
    "notify: { on: sometimes, slack: 'http://a' }",
    "notify: { on: failure }",
    "notify: { webhook: 'ftp://a' }",
    "notify: { webhook: { headers: {} } }",
    "notify: { webhook: { url: a } }",
    "notify: { telegram: { token: a } }",
    "notify: { telegram: { token: ' ', chat: 1 } }",
    "notify: { telegram: { token: a, chat: 1, server: a } }",
    "notify: { email: { smtp: 'mail:25', from: a@b, to: a@b } }",
    "notify: { email: { smtp: 'smtp://u:p@mail', from: a@b, to: a@b } }",
    "notify: { email: { smtp: 'smtp://mail', from: a, to: a@b } }",
    "notify: { email: { smtp: 'smtp://mail', from: a@b, to: a@b, user: u } }",
    "notify: { email: { smtp: 'smtp://mail', from: a@b, to: a@b, password: p } }",
];

fn said_by_schema(schemas: &Schemas, index: boon::SchemaIndex, text: &str) -> Result<(), String> {
    let instance: Value = serde_yaml_ng::from_str(text).unwrap();
    schemas.validate(&instance, index).map_err(|error| error.to_string())
}

#[test]
fn the_schema_and_the_loader_say_the_same() {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("file:///aictl.json", schema().clone()).unwrap();
    let index = compiler.compile("file:///aictl.json", &mut schemas).unwrap();
    let mut apart = Vec::new();
    let documents = RIGHT.iter().map(|text| (text, true)).chain(WRONG.iter().map(|text| (text, false)));
    for (text, right) in documents {
        let schema = said_by_schema(&schemas, index, text);
        let loader = parse_project(text);
        if schema.is_ok() != right {
            apart.push(format!("schema: {text}\n  {}", schema.err().unwrap_or("takes it".to_owned())));
        }
        if loader.is_ok() != right {
            apart.push(format!("loader: {text}\n  {}", loader.err().map_or("takes it".to_owned(), |e| e.to_string())));
        }
    }
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

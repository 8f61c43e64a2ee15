//! Whether a service may be a one-shot, so that a container that exited with 0 counts as completed.

use super::Kind;
use crate::compose::model::Service;

/// Programs that one-shots with the image of a server run instead of the server.
const CLIENTS: [&str; 16] = [
    "sh",
    "bash",
    "ash",
    "psql",
    "pg_dump",
    "pg_restore",
    "createdb",
    "createuser",
    "mysql",
    "mariadb",
    "mongosh",
    "mongorestore",
    "redis-cli",
    "valkey-cli",
    "curl",
    "promtool",
];

/// False if the service has a health check, a restart policy, ports, or the image of a known server that it runs.
pub fn may_complete(service: &Service, image: &str) -> bool {
    service.may_complete() && (Kind::of(image).is_none() || runs_client(service))
}

fn runs_client(service: &Service) -> bool {
    let first = [&service.entrypoint, &service.command].into_iter().find_map(|words| words.as_slice()?.first());
    let program = first.map(|word| word.rsplit('/').next().unwrap_or(word));
    program.is_some_and(|program| CLIENTS.contains(&program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_exit_with_0_have_not_completed() {
        for (service, expected) in [
            ("{ image: me/seed }", true),
            ("{ image: me/api, ports: [{ target: 80 }] }", false),
            ("{ image: me/api, expose: ['80'] }", false),
            ("{ image: me/api, restart: always }", false),
            ("{ image: me/api, healthcheck: { test: [CMD, 'true'] } }", false),
            ("{ image: 'postgres:15' }", false),
            ("{ image: 'postgres:15', command: [postgres, -c, max_connections=9] }", false),
            ("{ image: prom/prometheus, command: [--config.file=/p.yml] }", false),
            ("{ image: 'postgres:15', command: [psql, -f, /seed.sql] }", true),
            ("{ image: 'redis:7', entrypoint: [/bin/sh, -c, redis-cli ping] }", true),
        ] {
            let service: Service = serde_yaml_ng::from_str(service).unwrap();
            assert_eq!(may_complete(&service, &service.image), expected, "{}", service.image);
        }
    }
}

//! The keys of aictl.yaml, each with two files and a command that shows what lies between them.

use super::key::{Row, key, named};
use super::sign::Sign::*;

/// One line a key where it fits.
pub const ROWS: &[Row] = &[
    key("name", "<<name: sought>>", "COMPOSE_PROJECT_NAME= config", Says("name: sought")),
    key(
        "default_environment",
        "<<default_environment: b>>\nenvironments: { a: { compose: compose.yaml }, b: { compose: other.yaml } }",
        "config --services",
        Says("elsewhere"),
    ),
    key(
        "values",
        "values: { tag: <<sought|other>> }\nenvironments: { dev: { compose: t.yaml.tera } }",
        "config",
        Says("x:sought"),
    ),
    key(
        "environments.*.values",
        "environments: { dev: { compose: t.yaml.tera, values: { tag: <<sought|other>> } } }",
        "config",
        Says("x:sought"),
    ),
    key(
        "environments.*.compose",
        "environments: { dev: { compose: <<other.yaml|compose.yaml>> } }",
        "config --services",
        Says("elsewhere"),
    ),
    key("environments.*.profiles", "@<<profiles: [extra]>>", "config --services", Says("extra")),
    key("environments.*.env_file", "@<<env_file: prod.env>>", "config", Says("tool:sought")),
    // Where the engine is.
    key(
        "environments.*.target.docker.host",
        "@target: { docker: { host: 'tcp://127.0.0.1:<<1|2>>' } }",
        "ls",
        Says("tcp://127.0.0.1:1:"),
    ),
    key(
        "environments.*.target.docker.context",
        "@target: { docker: { context: <<away|near>> } }",
        "DOCKER_CONFIG=docker ls",
        Says("tcp://127.0.0.1:1:"),
    ),
    key(
        "environments.*.target.docker.tls",
        "@target: { docker: { host: 'tcp://127.0.0.1:1'<<, tls: certs>> } }",
        "ls",
        Says("certs/ca.pem does not exist"),
    ),
    key(
        "environments.*.target.docker.tls.ca",
        "@target: { docker: { host: 'tcp://127.0.0.1:1', tls: { <<ca: sought.pem>> } } }",
        "ls",
        Says("sought.pem does not exist"),
    ),
    key(
        "environments.*.target.docker.tls.cert",
        "@target: { docker: { host: 'tcp://127.0.0.1:1', tls: { cert: <<sought.pem|bad.pem>>, key: bad.pem } } }",
        "ls",
        Says("sought.pem does not exist"),
    ),
    key(
        "environments.*.target.docker.tls.key",
        "@target: { docker: { host: 'tcp://127.0.0.1:1', tls: { cert: bad.pem, key: <<sought.pem|bad.pem>> } } }",
        "ls",
        Says("sought.pem does not exist"),
    ),
    key(
        "environments.*.target.docker.tls.verify",
        "@target: { docker: { host: 'tcp://127.0.0.1:{tls}', tls: { verify: <<false|true>> } } }",
        "ls",
        Hides("not trusted here"),
    ),
    // What the machine must have.
    key(
        "environments.*.requirements.minimum.cpus",
        "@requirements: { minimum: { <<cpus: 9999>> } }",
        "doctor",
        Says("9999 at least"),
    ),
    key(
        "environments.*.requirements.minimum.memory",
        "@requirements: { minimum: { <<memory: 9999GiB>> } }",
        "doctor",
        Says("9.8 TiB at least"),
    ),
    key(
        "environments.*.requirements.minimum.disk",
        "@requirements: { minimum: { <<disk: 99TiB>> } }",
        "doctor",
        Says("99 TiB at least"),
    ),
    key(
        "environments.*.requirements.recommended.cpus",
        "@requirements: { recommended: { <<cpus: 9999>> } }",
        "doctor",
        Says("9999 recommended"),
    ),
    key(
        "environments.*.requirements.recommended.memory",
        "@requirements: { recommended: { <<memory: 9999GiB>> } }",
        "doctor",
        Says("9.8 TiB recommended"),
    ),
    key(
        "environments.*.requirements.recommended.disk",
        "@requirements: { recommended: { <<disk: 99TiB>> } }",
        "doctor",
        Says("99 TiB recommended"),
    ),
    key(
        "environments.*.requirements.on_shortfall",
        "@requirements: { minimum: { cpus: 9999 }, on_shortfall: <<refuse|warn>> }",
        "doctor",
        Says("failed  cpus"),
    ),
    // Checks.
    key(
        "environments.*.checks",
        "@<<checks: [{ name: sought, tcp: 'web:8000' }]>>",
        "health --dry-run",
        Says("sought"),
    ),
    key("checks[].name", "checks: [{ name: <<sought|other>>, tcp: 'web:8000' }]", "health --dry-run", Says("sought")),
    key(
        "checks[].http",
        "checks: [{ name: probe, http: 'http://web:8000/<<sought|other>>' }]",
        "health --check probe",
        Says("/sought"),
    ),
    key(
        "checks[].expect.status",
        "checks: [{ name: probe, http: 'http://web:8000/'<<, expect: { status: 418 }>> }]",
        "health --check probe",
        Says("418"),
    ),
    key(
        "checks[].expect.equals",
        "checks: [{ name: probe, http: 'http://web:8000/'<<, expect: { equals: sought }>> }]",
        "health --check probe",
        Says("sought"),
    ),
    key(
        "checks[].expect.contains",
        "checks: [{ name: probe, http: 'http://web:8000/'<<, expect: { contains: sought }>> }]",
        "health --check probe",
        Says("sought"),
    ),
    key(
        "checks[].expect.matches",
        "checks: [{ name: probe, http: 'http://web:8000/'<<, expect: { matches: sought }>> }]",
        "health --check probe",
        Says("sought"),
    ),
    key(
        "checks[].expect.json",
        "checks: [{ name: probe, http: 'http://web:8000/'<<, expect: { json: { /sought: 1 } }>> }]",
        "health --check probe",
        Ends(4),
    ),
    key(
        "checks[].expect.headers",
        "checks: [{ name: probe, http: 'http://web:8000/'<<, expect: { headers: { X-Sought: here } }>> }]",
        "health --check probe",
        Says("X-Sought"),
    ),
    key(
        "checks[].expect.exit_code",
        "checks: [{ name: probe, exec: { service: web, command: ['true'] }<<, expect: { exit_code: 7 }>> }]",
        "health --check probe",
        Says("7 was expected"),
    ),
    key("checks[].tcp", "checks: [{ name: probe, tcp: 'web:<<7999|8000>>' }]", "health --check probe", Says("7999")),
    key(
        "checks[].tls.address",
        "checks: [{ name: probe, tls: { address: 'web:<<7999|8000>>' } }]",
        "health --check probe",
        Says("7999"),
    ),
    key(
        "checks[].tls.server_name",
        "checks: [{ name: probe, tls: { address: '127.0.0.1:{tls}'<<, server_name: sought.example>> } }]",
        "health --check probe",
        Says("sought.example"),
    ),
    key(
        "checks[].tls.days",
        "checks: [{ name: probe, tls: { address: '127.0.0.1:{tls}'<<, days: 9999999>> } }]",
        "health --check probe",
        Ends(4),
    ),
    key(
        "checks[].tls.verify",
        "checks: [{ name: probe, tls: { address: '127.0.0.1:{tls}'<<, verify: true>> } }]",
        "health --check probe",
        Ends(4),
    ),
    key(
        "checks[].exec.service",
        "checks: [{ name: probe, exec: { service: <<frontend|web>>, command: ['false'] } }]",
        "health --check probe",
        Says("in frontend"),
    ),
    key(
        "checks[].exec.command",
        "checks: [{ name: probe, exec: { service: web, command: [echo, <<sought|other>>] } }]",
        "health --check probe",
        Asks("\"sought\""),
    ),
    key(
        "checks[].sql.service",
        "checks: [{ name: probe, sql: { service: <<frontend|web>>, query: SELECT 77 } }]",
        "health --check probe",
        Says("frontend"),
    ),
    key(
        "checks[].sql.database",
        "checks: [{ name: probe, sql: { service: web, query: SELECT 77<<, database: sought>> } }]",
        "health --check probe",
        Asks("sought"),
    ),
    key(
        "checks[].sql.query",
        "checks: [{ name: probe, sql: { service: web, query: SELECT <<77|78>> } }]",
        "health --check probe",
        Asks("SELECT 77"),
    ),
    key(
        "checks[].redis.service",
        "checks: [{ name: probe, redis: { service: <<frontend|web>>, command: [PING] } }]",
        "health --check probe",
        Says("frontend"),
    ),
    key(
        "checks[].redis.command",
        "checks: [{ name: probe, redis: { service: web, command: [GET, <<sought|other>>] } }]",
        "health --check probe",
        Asks("\"sought\""),
    ),
    key(
        "checks[].prometheus.service",
        "checks: [{ name: probe, prometheus: { service: <<prom|web>>, metric: up } }]",
        "health --check probe",
        Says("http://prom:9090"),
    ),
    key(
        "checks[].prometheus.targets",
        "checks: [{ name: probe, prometheus: { service: prom, <<targets: up|metric: x>> } }]",
        "health --check probe",
        Says("/api/v1/targets"),
    ),
    key(
        "checks[].prometheus.rules",
        "checks: [{ name: probe, prometheus: { service: prom, <<rules: [Sought]|metric: x>> } }]",
        "health --check probe",
        Says("/api/v1/rules"),
    ),
    key(
        "checks[].prometheus.metric",
        "checks: [{ name: probe, prometheus: { service: prom, metric: <<sought|other>> } }]",
        "health --check probe",
        Says("sought"),
    ),
    key(
        "checks[].prometheus.query",
        "checks: [{ name: probe, prometheus: { service: prom, query: <<sought|other>> } }]",
        "health --check probe",
        Says("sought"),
    ),
    key(
        "checks[].state.service",
        "checks: [{ name: probe, state: { service: <<frontend|web>>, is: completed } }]",
        "health --check probe",
        Says("frontend-1 is running"),
    ),
    key(
        "checks[].state.is",
        "checks: [{ name: probe, state: { service: web<<, is: completed>> } }]",
        "health --check probe",
        Says("not completed"),
    ),
    key(
        "checks[].log.service",
        "checks: [{ name: probe, log: { service: <<frontend|web>>, present: nosuch } }]",
        "health --check probe",
        Says("frontend's log"),
    ),
    key(
        "checks[].log.present",
        "checks: [{ name: probe, log: { service: web, present: <<sought|ready>> } }]",
        "health --check probe",
        Says("`sought`"),
    ),
    key(
        "checks[].log.absent",
        "checks: [{ name: probe, log: { service: web, absent: <<ready|sought>> } }]",
        "health --check probe",
        Ends(4),
    ),
    key(
        "checks[].timeout",
        "checks: [{ name: probe, exec: { service: web, command: [sleep, '30'] }, timeout: <<1s|2s>> }]",
        "health --check probe",
        Says("timed out after 1.0s"),
    ),
    key(
        "checks[].retries",
        "checks: [{ name: probe, exec: { service: web, command: ['false'] }, retries: <<0|1>> }]",
        "smoke-test --check probe",
        Hides("attempts"),
    ),
    // Images, tasks, secrets.
    key(
        "environments.*.proxy.service",
        "@<<proxy: { service: web }>>",
        "--output json open --print",
        Says("\"service\": \"web\""),
    ),
    key(
        "environments.*.proxy.managed",
        "environments: { dev: { compose: routable.yaml, proxy: { <<managed: true|service: web>> } } }",
        "config --services",
        Says("aictl-proxy"),
    ),
    key(
        "registry.mirrors",
        "registry: { url: r<<, mirrors: ['127.0.0.1:1']>> }",
        "pull extra",
        Says("mirror 127.0.0.1:1/"),
    ),
    key("bundle", "<<bundle: prod.env>>", "pull --dry-run", Says("is not an aictl bundle")),
    key(
        "secrets.*.generate",
        "secrets: { SOUGHT_SECRET: { <<generate: hex>> } }",
        "--dry-run secrets generate",
        Says("SOUGHT_SECRET would be generated"),
    ),
    key(
        "secrets.*.bytes",
        "secrets: { SHORT_SECRET: { generate: hex, min_length: 40, bytes: <<8|32>> } }",
        "secrets check",
        Says("at least 40 are required"),
    )
    .after("--yes secrets generate --replace SHORT_SECRET"),
    key(
        "secrets.*.required",
        "secrets: { SOUGHT_SECRET: { <<required: true>> } }",
        "secrets check",
        Says("SOUGHT_SECRET missing"),
    ),
    key(
        "secrets.*.min_length",
        "secrets: { SOUGHT_SECRET: { required: true<<, min_length: 50>> } }",
        "SOUGHT_SECRET=kd8fj3hf73hfk3jf84jf9 secrets check",
        Says("at least 50 are required"),
    ),
    key(
        "secrets.*.description",
        "secrets: { SOUGHT_SECRET: { required: true<<, description: sought words>> } }",
        "secrets check",
        Says("sought words"),
    ),
    key(
        "tasks.*.service",
        "tasks: { t: { service: <<frontend|web>>, command: 'true' } }",
        "--dry-run run t",
        Says("a container of frontend"),
    ),
    key("tasks.*.command", "tasks: { t: { service: web, command: echo <<sought|other>> } }", "run t", Says("sought")),
    key(
        "tasks.*.user",
        "tasks: { t: { service: web, command: 'true'<<, user: '1234'>> } }",
        "run t",
        Asks("\"User\":\"1234\""),
    ),
    key(
        "tasks.*.working_dir",
        "tasks: { t: { service: web, command: pwd<<, working_dir: /dev>> } }",
        "run t",
        Says("/dev"),
    ),
    key(
        "tasks.*.database",
        "tasks: { sought: { service: web, command: 'true'<<, database: absent>> } }\nenvironments: { dev: { compose: shop.yaml, deploy: { migrate: [sought] } } }",
        "-p {}-d deploy --dry-run",
        Ends(78),
    ),
    key(
        "tasks.*.timeout",
        "tasks: { t: { service: web, command: sleep 30, timeout: <<1s|2s>> } }",
        "run t",
        Says("timed out after 1s"),
    ),
    key(
        "tasks.*.description",
        "quickstart: { tasks: [<<told|quiet>>] }\n\
         tasks: { told: { service: web, command: 'true', description: sought words }, quiet: { service: web, command: 'true' } }",
        "--yes --output json quickstart",
        Says("sought words"),
    ),
    key(
        "quickstart.environment",
        "<<quickstart: { environment: b }>>\ndefault_environment: a\n\
         environments: { a: { compose: compose.yaml }, b: { compose: compose.yaml } }",
        "--yes --dry-run --output json quickstart",
        Says("\"environment\": \"b\""),
    ),
    key(
        "quickstart.tasks",
        "quickstart: { tasks: [<<sought>>] }\ntasks: { sought: { service: web, command: 'true' } }",
        "--yes --output json quickstart",
        Says("\"step\": \"sought\""),
    ),
    // Deploys.
    key(
        "environments.*.proxy.routes[].path",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: <</sought/|/other/>>, service: web, port: 8000 }] } } }",
        "-p {}-d deploy --dry-run",
        Says("at /sought/"),
    ),
    key(
        "environments.*.proxy.routes[].service",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: <<frontend|web>>, port: 8000 }] } } }",
        "-p {}-d deploy --dry-run",
        Says("frontend: blue-green"),
    ),
    key(
        "environments.*.proxy.routes[].port",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: web, port: <<7999|8000>> }] } } }",
        "-p {}-d deploy",
        Ends(1),
    )
    .after("-p {}-d stop --remove -v"),
    key(
        "environments.*.proxy.routes[].strategy",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: web, port: 8000<<, strategy: recreate>> }] } } }",
        "-p {}-d deploy --dry-run",
        Says("web: recreate"),
    ),
    key(
        "environments.*.proxy.tls.files.certificate",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: web, port: 8000 }], tls: { files: { certificate: <</sought.pem|/other.pem>>, key: /key.pem } } } } }",
        "-p {}-d deploy",
        Asks("/sought.pem"),
    )
    .after("-p {}-d stop --remove -v"),
    key(
        "environments.*.proxy.tls.files.key",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: web, port: 8000 }], tls: { files: { certificate: /other.pem, key: <</sought.pem|/key.pem>> } } } } }",
        "-p {}-d deploy",
        Asks("/sought.pem"),
    )
    .after("-p {}-d stop --remove -v"),
    key(
        "environments.*.deploy.migrate",
        "tasks: { sought: { service: web, command: 'true' } }\nenvironments: { dev: { compose: shop.yaml, deploy: { <<migrate: [sought]>> } } }",
        "-p {}-d deploy --dry-run",
        Says("run task sought"),
    ),
    key(
        "environments.*.deploy.backup",
        "environments: { dev: { compose: shop.yaml, deploy: { <<backup: true>> } } }",
        "-p {}-d deploy --dry-run",
        Says("aictl.yaml has no `backup`"),
    ),
    key(
        "environments.*.deploy.lock_timeout",
        "tasks: { sought: { service: web, command: 'true' } }\nenvironments: { dev: { compose: shop.yaml, deploy: { migrate: [sought], lock_timeout: <<7s|0s>> } } }",
        "-p {}-d deploy",
        Asks("PGOPTIONS=-c lock_timeout=7000 -c statement_timeout=1800000"),
    )
    .after("-p {}-d stop --remove -v"),
    key(
        "environments.*.deploy.confirm",
        "environments: { dev: { compose: shop.yaml, deploy: { <<confirm: true>> } } }",
        "-p {}-d deploy",
        Ends(5),
    )
    .after("-p {}-d stop --remove -v"),
    key(
        "environments.*.deploy.timeout",
        "environments: { dev: { compose: shop.yaml, profiles: [slow], deploy: { timeout: <<1s|2s>> } } }",
        "-p {}-d deploy",
        Says("within 1s"),
    )
    .after("-p {}-d stop --remove -v"),
    key(
        "environments.*.deploy.keep_releases",
        "environments: { dev: { compose: shop.yaml, deploy: { keep_releases: <<2|3>> } } }",
        "-p {}-d rollback --dry-run --to 1",
        Says("its configuration was removed"),
    )
    .after("-p {}-d stop --remove -v; ROUND=1 -p {}-d deploy; ROUND=2 -p {}-d deploy; ROUND=3 -p {}-d deploy"),
    key(
        "environments.*.deploy.drain",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: web, port: 8000 }] }, deploy: { drain: <<0s|20s>> } } }",
        "ROUND=2 -p {}-d --progress json deploy",
        Spares("/proc/net/tcp"),
    )
    .after("-p {}-d stop --remove -v; ROUND=1 -p {}-d deploy"),
    key(
        "environments.*.deploy.bake",
        "environments: { dev: { compose: shop.yaml, proxy: { service: nginx, routes: [{ path: /, service: web, port: 8000 }] }, deploy: { drain: 0s, bake: <<1s|0s>> } } }",
        "ROUND=2 -p {}-d deploy",
        Says("the bake time is inconclusive"),
    )
    .after("-p {}-d stop --remove -v; ROUND=1 -p {}-d deploy"),
    // Where results are sent; tests/suite/notify sends them.
    key("notify.on", "notify: { slack: 'http://a/b'<<, on: failure>> }", "--dry-run notify test", Says("results are sent on: failure")),
    key("notify.slack", "<<notify: { slack: 'http://sought/b' }>>", "--dry-run notify test", Says("post to http://sought")),
    key(
        "notify.telegram.token",
        "notify: { telegram: { token: '<<1:a|/>>', chat: 5 } }",
        "--dry-run notify test",
        Says("send to chat 5 through https://api.telegram.org"),
    ),
    key(
        "notify.telegram.chat",
        "notify: { telegram: { token: '1:a', chat: <<5|6>> } }",
        "--dry-run notify test",
        Says("send to chat 5 through"),
    ),
    key(
        "notify.telegram.server",
        "notify: { telegram: { token: '1:a', chat: 5<<, server: 'http://sought'>> } }",
        "--dry-run notify test",
        Says("send to chat 5 through http://sought"),
    ),
    key(
        "notify.webhook.url",
        "notify: { webhook: { url: 'http://<<sought|other>>/b' } }",
        "--dry-run notify test",
        Says("post to http://sought"),
    ),
    key(
        "notify.webhook.headers",
        "notify: { webhook: { url: 'http://a/b'<<, headers: { X-Team: blue }>> } }",
        "--dry-run notify test",
        Says("with header x-team"),
    ),
    key(
        "notify.webhook.secret",
        "notify: { webhook: { url: 'http://a/b'<<, secret: s>> } }",
        "--dry-run notify test",
        Says(", signed"),
    ),
    key(
        "notify.email.smtp",
        "notify: { email: { smtp: 'smtp://<<sought|other>>', from: a@b, to: c@d } }",
        "--dry-run notify test",
        Says("through smtp://sought:587"),
    ),
    key(
        "notify.email.from",
        "notify: { email: { smtp: 'smtp://m', from: '<<sought|other>>@b', to: c@d } }",
        "--dry-run notify test",
        Says("send from sought@b to c@d"),
    ),
    key(
        "notify.email.to",
        "notify: { email: { smtp: 'smtp://m', from: a@b, to: '<<sought|other>>@d' } }",
        "--dry-run notify test",
        Says("send from a@b to sought@d"),
    ),
    key(
        "notify.email.user",
        "notify: { email: { smtp: 'smtp://m', from: a@b, to: c@d, user: <<ann|bob>>, password: p } }",
        "--dry-run notify test",
        Says("as user ann"),
    ),
    key(
        "notify.email.password",
        "notify: { email: { smtp: 'smtp://m', from: a@b, to: c@d, user: ann<<, password: p>> } }",
        "--dry-run notify test",
        Says("as user ann"),
    ),
    // Backups.
    key("backup.repository", "backup: { repository: <<sought|other>>, password: { env: HOME } }", "backup list", Says("/sought")),
    key("backup.password.env", "backup: { repository: r, password: { env: <<SOUGHT|HOME>> } }", "backup list", Says("SOUGHT")),
    key(
        "backup.password.file",
        "backup: { repository: r, password: { <<file: sought.txt|env: HOME>> } }",
        "backup list",
        Says("sought.txt"),
    ),
    key(
        "backup.password.command",
        "backup: { repository: r, password: { <<command: [/bin/false]|env: HOME>> } }",
        "backup list",
        Says("the command failed"),
    ),
    key(
        "backup.include.*.kind",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: <<redis|volume>> } } }",
        "backup create --dry-run",
        Says("redis database of web"),
    ),
    key(
        "backup.include.*.stop",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: volume<<, stop: true>> } } }",
        "backup create --dry-run",
        Says("stop container"),
    ),
    // Without the database there is nothing to see of it; where there is one, `backup` shows that no other is dumped.
    key(
        "backup.include.*.databases",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: volume<<, databases: [a]>> } } }",
        "backup create --dry-run",
        Says("databases has no effect"),
    ),
    key(
        "backup.include.*.user",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: volume<<, user: a>> } } }",
        "backup create --dry-run",
        Says("user has no effect"),
    ),
    key(
        "backup.include.*.collections",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: volume<<, collections: [a]>> } } }",
        "backup create --dry-run",
        Says("collections has no effect"),
    ),
    // With a server it takes base backups: `backup::point_in_time` shows that.
    key(
        "backup.include.*.physical",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: volume<<, physical: true>> } } }",
        "backup create --dry-run",
        Says("physical has no effect"),
    ),
    key(
        "backup.exclude",
        "backup: { repository: r, password: { env: HOME }, include: { web: { kind: volume } }, exclude: [<<web>>] }",
        "backup create --dry-run",
        Hides("volumes of web"),
    ),
    key(
        "backup.keep.last",
        "backup: { repository: r, password: { env: HOME }, keep: { <<last: 1>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.keep.hourly",
        "backup: { repository: r, password: { env: HOME }, keep: { <<hourly: 1>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.keep.daily",
        "backup: { repository: r, password: { env: HOME }, keep: { <<daily: 1>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.keep.weekly",
        "backup: { repository: r, password: { env: HOME }, keep: { <<weekly: 1>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.keep.monthly",
        "backup: { repository: r, password: { env: HOME }, keep: { <<monthly: 1>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.keep.yearly",
        "backup: { repository: r, password: { env: HOME }, keep: { <<yearly: 1>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.keep.within",
        "backup: { repository: r, password: { env: HOME }, keep: { <<within: 1h>> } }",
        "backup prune",
        Hides("backup.keep is empty"),
    ),
    key(
        "backup.local",
        "environments: { dev: { compose: compose.yaml, target: { docker: { host: 'tcp://127.0.0.1:1' } } } }\nbackup: { repository: r, password: { env: HOME }<<, local: true>> }",
        "backup create --dry-run",
        Hides("is a local directory"),
    ),
    named(
        "backup.schedule",
        "<<backup: { repository: /b, password: { env: A }, keep: { last: 1 }, schedule: '0 3 * * *' }>>",
        "aictl.yaml: backup.schedule has no effect yet",
    ),
    // What has no effect yet.
    named("registry.url", "<<registry: { url: r }>>", "aictl.yaml: registry.url has no effect yet"),
    named("watch", "<<watch: { interval: 30s }>>", "aictl.yaml: watch has no effect yet"),
    named(
        "environments.*.deploy.rehearse",
        "@<<deploy: { rehearse: required }>>",
        "environments.dev.deploy.rehearse has no effect yet",
    ),
    named(
        "environments.*.proxy.tls.letsencrypt",
        "@<<proxy: { service: web, tls: { letsencrypt: { email: x } } }>>",
        "environments.dev.proxy.tls.letsencrypt has no effect yet",
    ),
    // What they do is tested on clusters: tests/suite/cluster.
    key(
        "environments.*.target.kubernetes",
        "@<<target: { kubernetes: [{ context: eu }] }, chart: { path: c }>>",
        "HOME=/nowhere KUBECONFIG= status",
        Says("environments.dev.target.kubernetes: kubeconfig /nowhere/.kube/config"),
    )
    .whole(),
    key(
        "environments.*.namespace",
        "@<<namespace: n>>",
        "config --quiet",
        Says("environments.dev.namespace: needs a Kubernetes `target`"),
    ),
    key(
        "environments.*.chart",
        "@target: { kubernetes: [{ context: eu }] }, chart: { path: c<<, values: [sought.yaml]>> }",
        "render",
        Says("sought.yaml"),
    )
    .whole(),
];

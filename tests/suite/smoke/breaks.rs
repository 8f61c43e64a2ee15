//! What is broken, how it is mended, and which checks must be red in between.
//! Each harm is done to one part; what else turns red depends on that part.
use super::shop::{PAGE, RULES, Shop};

pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) harm: fn(&Shop),
    pub(super) mend: fn(&Shop),
    pub(super) red: &'static [&'static str],
}

fn page(shop: &Shop, text: &str) {
    shop.stage.write("web/answer.conf", text);
    shop.signal("web");
}

fn rules(shop: &Shop, text: &str) {
    shop.stage.write("rules/shop.yml", text);
    shop.signal("prometheus");
}

const METRICS: &str = "echo 'shop_orders_total 3' >/dev/shm/www/metrics";

pub(super) const CASES: &[Case] = &[
    Case {
        what: "the api says that it is not well",
        harm: |shop| shop.inside("api", "echo '{\"status\":\"bad\"}' >/dev/shm/www/health"),
        mend: |shop| {
            shop.inside("api", "echo '{\"status\":\"ok\",\"parts\":{\"database\":true}}' >/dev/shm/www/health")
        },
        red: &["api is well"],
    },
    Case {
        what: "the api measures something else",
        harm: |shop| shop.inside("api", "echo 'shop_visits_total 3' >/dev/shm/www/metrics"),
        mend: |shop| shop.inside("api", METRICS),
        red: &["api counts orders", "order metrics are scraped"],
    },
    Case {
        what: "the api has no metrics",
        harm: |shop| shop.inside("api", "rm /dev/shm/www/metrics"),
        mend: |shop| shop.inside("api", METRICS),
        red: &["api counts orders", "order metrics are scraped", "prometheus targets are up"],
    },
    Case {
        what: "the api ends",
        harm: |shop| shop.docker("stop", "api"),
        mend: |shop| shop.docker("start", "api"),
        red: &[
            "api runs",
            "api is well",
            "api counts orders",
            "order metrics are scraped",
            "prometheus targets are up",
        ],
    },
    Case {
        what: "the page says something else",
        harm: |shop| page(shop, &PAGE.replace("welcome", "closed")),
        mend: |shop| page(shop, PAGE),
        red: &["page greets"],
    },
    Case {
        what: "a header is gone",
        harm: |shop| page(shop, &PAGE.replace("X-Frame-Options", "X-Other")),
        mend: |shop| page(shop, PAGE),
        red: &["page is not framed"],
    },
    Case {
        what: "the web server has nobody behind it",
        harm: |shop| page(shop, "location / { return 502 none; }"),
        mend: |shop| page(shop, PAGE),
        red: &["web answers", "page greets", "page is not framed"],
    },
    Case {
        what: "the certificate was not renewed",
        harm: |shop| {
            shop.certificate(5);
            shop.signal("web");
        },
        mend: |shop| {
            shop.certificate(30);
            shop.signal("web");
        },
        red: &["certificate lasts"],
    },
    Case {
        what: "the web server ends",
        harm: |shop| shop.docker("stop", "web"),
        mend: |shop| shop.docker("start", "web"),
        red: &["web runs", "web answers", "page greets", "page is not framed", "certificate lasts"],
    },
    Case {
        what: "the worker listens no more",
        harm: |shop| shop.inside("worker", "kill $(cat /dev/shm/pid)"),
        mend: |shop| shop.docker("restart", "worker"),
        red: &["worker listens"],
    },
    Case {
        what: "the queue is gone",
        harm: |shop| shop.inside("worker", "rm /dev/shm/queue"),
        mend: |shop| shop.inside("worker", "touch /dev/shm/queue"),
        red: &["queue is there"],
    },
    Case {
        what: "the worker is unhealthy",
        harm: |shop| shop.inside("worker", "touch /dev/shm/sick"),
        mend: |shop| shop.inside("worker", "rm /dev/shm/sick"),
        red: &["worker runs"],
    },
    Case {
        what: "the worker panics in its log",
        harm: |shop| shop.inside("worker", "echo 'Panic: no order' >/proc/1/fd/2"),
        // The next run is a new log.
        mend: |shop| shop.docker("restart", "worker"),
        red: &["worker does not panic"],
    },
    Case {
        what: "the worker begins without a word",
        harm: |shop| {
            shop.inside("worker", "touch /state/mute");
            shop.docker("restart", "worker");
        },
        mend: |shop| {
            shop.inside("worker", "rm /state/mute");
            shop.docker("restart", "worker");
        },
        red: &["worker began"],
    },
    Case {
        what: "the one-shot fails",
        harm: |shop| {
            shop.inside("worker", "echo 3 >/state/code");
            shop.docker("start", "seed");
        },
        mend: |shop| {
            shop.inside("worker", "rm /state/code");
            shop.docker("start", "seed");
        },
        red: &["seed has completed"],
    },
    Case {
        what: "the orders are lost",
        harm: |shop| shop.sql("DELETE FROM orders"),
        mend: |shop| shop.sql("INSERT INTO orders VALUES (1), (2), (3)"),
        red: &["orders are there"],
    },
    Case {
        what: "the database refuses its own machine",
        harm: |shop| {
            shop.inside("postgres", "sed -i '1i host all all 127.0.0.1/32 reject' $PGDATA/pg_hba.conf && kill -HUP 1")
        },
        mend: |shop| shop.inside("postgres", "sed -i 1d $PGDATA/pg_hba.conf && kill -HUP 1"),
        red: &["postgres answers a query over TCP", "orders are there"],
    },
    Case {
        what: "the exporter may not log in to the database",
        harm: |shop| {
            shop.sql("ALTER ROLE monitor NOLOGIN");
            shop.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'monitor'");
        },
        mend: |shop| shop.sql("ALTER ROLE monitor LOGIN"),
        red: &["postgres-exporter reaches its database", "database metrics say up"],
    },
    Case {
        what: "the database's exporter ends",
        harm: |shop| shop.docker("stop", "postgres-exporter"),
        mend: |shop| shop.docker("start", "postgres-exporter"),
        red: &[
            "postgres-exporter runs",
            "postgres-exporter reaches its database",
            "database metrics say up",
            "prometheus targets are up",
        ],
    },
    Case {
        // Alone its exporter would look for a name that is gone, for as long as a name server elsewhere takes.
        what: "the database and its exporter end",
        harm: |shop| ["postgres-exporter", "postgres"].into_iter().for_each(|service| shop.docker("stop", service)),
        mend: |shop| ["postgres", "postgres-exporter"].into_iter().for_each(|service| shop.docker("start", service)),
        red: &[
            "prometheus targets are up",
            "postgres-exporter runs",
            "postgres runs",
            "postgres answers a query over TCP",
            "orders are there",
            "postgres-exporter reaches its database",
            "database metrics say up",
        ],
    },
    Case {
        what: "the cache lost its mark",
        harm: |shop| shop.redis(&["DEL", "mark"]),
        mend: |shop| shop.redis(&["SET", "mark", "here"]),
        red: &["cache has its mark"],
    },
    Case {
        what: "the cache does not answer PING",
        harm: |shop| shop.redis(&["ACL", "SETUSER", "default", "-ping"]),
        mend: |shop| shop.redis(&["ACL", "SETUSER", "default", "+ping"]),
        red: &["redis answers PING"],
    },
    Case {
        what: "the exporter may not ask the cache",
        harm: |shop| shop.redis(&["ACL", "SETUSER", "default", "-info"]),
        mend: |shop| shop.redis(&["ACL", "SETUSER", "default", "+info"]),
        red: &["redis-exporter reaches its Redis", "cache metrics say up"],
    },
    Case {
        what: "the cache's exporter ends",
        harm: |shop| shop.docker("stop", "redis-exporter"),
        mend: |shop| shop.docker("start", "redis-exporter"),
        red: &[
            "redis-exporter runs",
            "redis-exporter reaches its Redis",
            "cache metrics say up",
            "prometheus targets are up",
        ],
    },
    Case {
        what: "the cache was removed",
        harm: |shop| {
            let container = shop.container("redis");
            crate::support::project::docker(&["rm", "-f", "-v", &container]);
        },
        mend: |shop| {
            shop.stage.aictl(&["start", "redis"]).ended(0);
            shop.redis(&["SET", "mark", "here"]);
        },
        red: &[
            "redis runs",
            "redis answers PING",
            "cache has its mark",
            "redis-exporter reaches its Redis",
            "cache metrics say up",
        ],
    },
    Case {
        what: "another alert is loaded",
        harm: |shop| rules(shop, &RULES.replace("OrdersLost", "OrdersFound")),
        mend: |shop| rules(shop, RULES),
        red: &["alert for lost orders is loaded"],
    },
    Case {
        what: "no rule is loaded",
        harm: |shop| rules(shop, "groups: []"),
        mend: |shop| rules(shop, RULES),
        red: &["prometheus rules are loaded", "alert for lost orders is loaded"],
    },
    Case {
        what: "the machine is not measured",
        harm: |shop| shop.docker("stop", "node-exporter"),
        mend: |shop| shop.docker("start", "node-exporter"),
        red: &["node-exporter runs", "node-exporter measures", "prometheus targets are up"],
    },
    Case {
        what: "nobody takes alerts",
        harm: |shop| shop.docker("stop", "alertmanager"),
        mend: |shop| shop.docker("start", "alertmanager"),
        red: &["alertmanager runs", "alertmanager is ready", "prometheus targets are up"],
    },
    Case {
        what: "nobody watches",
        harm: |shop| shop.docker("stop", "prometheus"),
        mend: |shop| shop.docker("start", "prometheus"),
        red: &[
            "prometheus runs",
            "prometheus is ready",
            "prometheus targets are up",
            "prometheus rules are loaded",
            "alert for lost orders is loaded",
            "order metrics are scraped",
            "database metrics say up",
            "cache metrics say up",
        ],
    },
];

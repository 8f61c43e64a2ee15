//! The kind of a service by the name of its image.
//! Reads an image reference; returns the kind when the last part of its repository says it.
//! Never takes a companion for the service itself: an exporter, an admin page, a backup job, a Model Context Protocol server.

/// A service this project knows by its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// Redis or Valkey.
    Redis,
    /// Qdrant.
    Qdrant,
    /// Elasticsearch.
    Elasticsearch,
    /// Prometheus.
    Prometheus,
    /// Alertmanager.
    Alertmanager,
    /// Grafana.
    Grafana,
    /// nginx.
    Nginx,
    /// Prometheus' exporter for PostgreSQL.
    PostgresExporter,
    /// Prometheus' exporter for Redis.
    RedisExporter,
    /// Prometheus' exporter for machines.
    NodeExporter,
    /// cAdvisor.
    Cadvisor,
    /// Kibana.
    Kibana,
    /// Logstash.
    Logstash,
    /// Ollama.
    Ollama,
    /// A registry of images.
    Registry,
}

const NAMES: [(&[&str], Kind); 13] = [
    (&["postgres", "postgresql", "postgis", "pgvector", "timescaledb"], Kind::Postgres),
    (&["redis", "valkey", "keydb"], Kind::Redis),
    (&["qdrant"], Kind::Qdrant),
    (&["elasticsearch"], Kind::Elasticsearch),
    (&["prometheus"], Kind::Prometheus),
    (&["alertmanager"], Kind::Alertmanager),
    (&["grafana"], Kind::Grafana),
    (&["nginx"], Kind::Nginx),
    (&["cadvisor"], Kind::Cadvisor),
    (&["kibana"], Kind::Kibana),
    (&["logstash"], Kind::Logstash),
    (&["ollama"], Kind::Ollama),
    (&["registry"], Kind::Registry),
];

const EXPORTERS: [(&str, Kind); 3] =
    [("postgres", Kind::PostgresExporter), ("redis", Kind::RedisExporter), ("node", Kind::NodeExporter)];

/// Words that say an image only works for such a service.
const COMPANIONS: [&str; 16] = [
    "exporter",
    "backup",
    "operator",
    "commander",
    "insight",
    "sentinel",
    "admin",
    "bouncer",
    "ui",
    "gateway",
    "renderer",
    "adapter",
    "reloader",
    "webui",
    "proxy",
    "controller",
];

impl Kind {
    /// The kind behind an image reference.
    pub fn of(image: &str) -> Option<Self> {
        let repository = image.split('@').next().unwrap_or(image);
        let last = repository.rsplit('/').next().unwrap_or(repository);
        let name = last.split(':').next().unwrap_or(last).to_ascii_lowercase();
        let words: Vec<&str> = name.split(['-', '_', '.']).collect();
        if words.contains(&"exporter") {
            return EXPORTERS.iter().find(|(word, _)| words.contains(word)).map(|(_, kind)| *kind);
        }
        // Docker's catalogue names such servers after the service they talk to.
        let is_mcp = words.contains(&"mcp") || repository.rsplit('/').nth(1) == Some("mcp");
        if is_mcp || words.iter().any(|word| COMPANIONS.contains(word)) {
            return None;
        }
        NAMES.iter().find(|(names, _)| words.iter().any(|word| names.contains(word))).map(|(_, kind)| *kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_the_last_part_of_their_name() {
        for (image, kind) in [
            ("postgres:15", Some(Kind::Postgres)),
            ("aictl/postgres:15", Some(Kind::Postgres)),
            ("registry:5000/library/postgres@sha256:0", Some(Kind::Postgres)),
            ("pgvector/pgvector:pg16", Some(Kind::Postgres)),
            ("redis:7-alpine", Some(Kind::Redis)),
            ("qdrant/qdrant:v1.7.0", Some(Kind::Qdrant)),
            ("aictl/qdrant-standin:1", Some(Kind::Qdrant)),
            ("docker.elastic.co/elasticsearch/elasticsearch:8.11.0", Some(Kind::Elasticsearch)),
            ("docker.elastic.co/kibana/kibana:8.11.0", Some(Kind::Kibana)),
            ("prom/prometheus:v2.48.0", Some(Kind::Prometheus)),
            ("prom/alertmanager", Some(Kind::Alertmanager)),
            ("grafana/grafana:10.2.0", Some(Kind::Grafana)),
            ("aictl/grafana-standin:1", Some(Kind::Grafana)),
            ("nginxinc/nginx-unprivileged", Some(Kind::Nginx)),
            ("quay.io/prometheuscommunity/postgres-exporter", Some(Kind::PostgresExporter)),
            ("oliver006/redis_exporter", Some(Kind::RedisExporter)),
            ("prom/node-exporter", Some(Kind::NodeExporter)),
            ("gcr.io/cadvisor/cadvisor:v0.47.0", Some(Kind::Cadvisor)),
            ("ollama/ollama", Some(Kind::Ollama)),
            ("open-webui/open-webui", None),
            ("postgrest/postgrest", None),
            ("prodrigestivill/postgres-backup-local", None),
            ("nginx/nginx-prometheus-exporter", None),
            ("redis-commander", None),
            ("mcp/redis", None),
            ("docker.io/mcp/postgres:latest", None),
            ("postgres-mcp", None),
            ("me/api", None),
        ] {
            assert_eq!(Kind::of(image), kind, "{image}");
        }
    }
}

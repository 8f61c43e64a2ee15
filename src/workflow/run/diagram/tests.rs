//! Drawings of one small stack as snapshots, and of stacks nobody would write: whatever a name holds, the drawing stands.
use proptest::prelude::*;

use super::graph::{Edge, Graph, NetworkNode, Node, State};
use super::*;
use crate::compose::model::Condition;

fn service(name: &str, state: State, ports: &[&str], networks: &[&str]) -> Node {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Node { name: name.into(), state, ports: owned(ports), networks: owned(networks), depends_on: Vec::new() }
}

fn waiting(node: Node, needs: &[(&str, Condition)]) -> Node {
    let edge = |(service, condition): &(&str, Condition)| Edge { service: (*service).into(), condition: *condition };
    Node { depends_on: needs.iter().map(edge).collect(), ..node }
}

fn network(name: &str, internal: bool) -> NetworkNode {
    NetworkNode { name: name.into(), internal, external: false }
}

fn shop() -> Graph {
    use Condition::{ServiceCompletedSuccessfully, ServiceHealthy, ServiceStarted};
    let api = service("1c-api", State::Unhealthy, &["127.0.0.1:8000->8000", "any->9000/udp"], &["back", "edge"]);
    let needs = [("cache", ServiceStarted), ("db", ServiceHealthy), ("migrate", ServiceCompletedSuccessfully)];
    Graph {
        project: "shop".into(),
        services: vec![
            waiting(api, &needs),
            service("cache", State::Running, &[], &["back"]),
            service("db", State::Healthy, &[], &["back"]),
            waiting(service("migrate", State::Ended, &[], &["back"]), &[("db", ServiceHealthy)]),
            waiting(service("web", State::Missing, &["80->8080"], &["edge"]), &[("1c-api", ServiceHealthy)]),
        ],
        networks: vec![network("back", true), network("edge", false)],
        state_unknown: None,
    }
}

fn lines(graph: &Graph) -> String {
    let line = |block: &Block| match block {
        Block::Line(cells) => cells.iter().map(|cell| cell.text.as_str()).collect::<String>(),
        _ => String::new(),
    };
    text::blocks(graph).iter().map(|block| line(block).trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn text_is_a_tree_of_what_is_waited_for() {
    insta::assert_snapshot!(lines(&shop()), @r"
    shop: 5 services, 2 networks
    networks: 1 back (internal), 2 edge

    SERVICE                 STATE      PORTS                 NETWORKS
    web                     missing    80->8080              2
    └══ 1c-api              unhealthy  127.0.0.1:8000->8000  1 2
        │                              any->9000/udp
        ├── cache           running                          1
        ├══ db              healthy                          1
        └┄┄ migrate         ended                            1
            └══ db (above)

    ── waits until it is started   ══ waits until it is healthy
    ┄┄ waits until it has completed successfully
    ");
}

#[test]
fn mermaid_names_nothing_but_in_labels() {
    let drawn = mermaid::draw(&shop());
    let shapes: Vec<&str> = drawn.lines().filter(|line| !line.contains("classDef")).collect();
    insta::assert_snapshot!(shapes.join("\n"), @r#"
    flowchart TD
        s0["1c-api<br/>unhealthy<br/>127.0.0.1:8000-#62;8000<br/>any-#62;9000/udp"]:::unhealthy
        s1["cache<br/>running"]:::running
        s2["db<br/>healthy"]:::healthy
        s3["migrate<br/>ended"]:::ended
        s4["web<br/>missing<br/>80-#62;8080"]:::missing
        n0(["back (internal)"]):::network
        n1(["edge"]):::network
        s0 --> s1
        s0 -->|healthy| s2
        s0 -->|ended| s3
        s3 -->|healthy| s2
        s4 -->|healthy| s0
        s0 -.- n0
        s0 -.- n1
        s1 -.- n0
        s2 -.- n0
        s3 -.- n0
        s4 -.- n1
    "#);
}

#[test]
fn svg_is_one_document_with_a_box_per_service() {
    let drawn = svg::draw(&shop());
    insta::assert_snapshot!(drawn.lines().take(9).collect::<Vec<_>>().join("\n"), @r##"
    <svg xmlns="http://www.w3.org/2000/svg" width="504" height="586" viewBox="0 0 504 586" role="img" font-family="sans-serif" font-size="12">
    <title>shop</title>
    <rect width="100%" height="100%" fill="#ffffff"/>
    <text x="24" y="24" font-size="16" font-weight="bold">shop</text>
    <rect x="24" y="40" width="10" height="10" fill="#1f5fa8"/>
    <text x="40" y="49">back (internal)</text>
    <rect x="24" y="56" width="10" height="10" fill="#b26a00"/>
    <text x="40" y="65">edge</text>
    <g><title>waits until it is started</title><path d="M252 298 C252 333 129 333 129 368" fill="none" stroke="#555555"/><circle cx="129" cy="368" r="3" fill="#555555"/></g>
    "##);
    assert_eq!(texts(&drawn).iter().filter(|text| *text == "1c-api").count(), 2, "its title and its line");
}

#[test]
fn an_engine_that_does_not_answer_is_said_and_nothing_fails() {
    let stack = crate::compose::model::Stack::default();
    let graph = Graph::new(&stack, Err("cannot connect to the engine at unix:///x: refused".to_owned()));
    assert!(lines(&graph).contains("state unknown: cannot connect to the engine at unix:///x: refused"));
    assert!(mermaid::draw(&graph).contains("%% state unknown: cannot connect to the engine"));
    assert!(texts(&svg::draw(&graph)).iter().any(|text| text.starts_with("state unknown: cannot connect")));
}

#[test]
fn rows_stand_below_all_that_wait_for_them() {
    assert_eq!(layers::rows(&shop()), [vec![4], vec![0], vec![1, 3], vec![2]]);
}

/// What an XML reader finds between the tags; the test ends where it finds no document.
fn texts(document: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(document);
    let (mut found, mut open) = (vec![String::new()], 0);
    loop {
        match reader.read_event().unwrap_or_else(|e| panic!("{e} in {document}")) {
            Event::Eof => break,
            Event::Start(tag) => {
                assert!(tag.attributes().all(|attribute| attribute.is_ok()), "{document}");
                open += 1;
                found.push(String::new());
            }
            Event::End(_) => open -= 1,
            Event::Text(text) => found.last_mut().unwrap().push_str(&text.decode().unwrap()),
            Event::GeneralRef(name) => {
                let character = match &*name.decode().unwrap() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    other => panic!("{other}"),
                };
                found.last_mut().unwrap().push(character);
            }
            _ => {}
        }
    }
    assert_eq!(open, 0, "{document}");
    found
}

fn odd_name() -> impl Strategy<Value = String> {
    let awkward = proptest::sample::select(vec![
        "",
        "1c",
        "a-b.c_d",
        "end",
        "subgraph",
        "\"]; click s0",
        "<script>",
        "]]>",
        "a&b;",
        "#quot;",
        "`",
        "%%",
        "\n",
        "\0",
        "\u{202e}",
        "日本",
        "--",
        "{}",
        "\\",
        "😀",
    ]);
    proptest::collection::vec(prop_oneof![awkward.prop_map(str::to_owned), "\\PC{0,12}", "[a-z]{1,40}"], 1..4)
        .prop_map(|parts| parts.concat())
}

fn odd_graph() -> impl Strategy<Value = Graph> {
    let names = proptest::collection::btree_set(odd_name(), 1..25);
    let edges = proptest::collection::vec((0..25usize, 0..25usize, 0..3u8), 0..60);
    (names, edges, proptest::collection::btree_set(odd_name(), 0..12), proptest::option::of(odd_name())).prop_map(
        |(names, edges, networks, state_unknown)| {
            let networks: Vec<String> = networks.into_iter().collect();
            let names: Vec<String> = names.into_iter().collect();
            let node = |(place, name): (usize, &String)| Node {
                name: name.clone(),
                ports: networks.iter().take(place % 4).cloned().collect(),
                networks: networks.iter().skip(place % 3).cloned().collect(),
                depends_on: edges.iter().filter(|(from, ..)| *from == place).map(|edge| needs(edge, &names)).collect(),
                ..Node::default()
            };
            Graph {
                project: names[0].clone(),
                services: names.iter().enumerate().map(node).collect(),
                networks: networks.iter().map(|name| network(name, name.len() % 2 == 0)).collect(),
                state_unknown,
            }
        },
    )
}

fn needs((_, to, kind): &(usize, usize, u8), names: &[String]) -> Edge {
    let condition = match kind {
        0 => Condition::ServiceStarted,
        1 => Condition::ServiceHealthy,
        _ => Condition::ServiceCompletedSuccessfully,
    };
    // Some wait for a service that is not drawn.
    Edge { service: names.get(*to).cloned().unwrap_or_default(), condition }
}

proptest! {
    #[test]
    fn no_line_is_wider_than_a_terminal_and_every_service_has_one(graph in odd_graph()) {
        let text = lines(&graph);
        let header = text.lines().position(|line| line.starts_with("SERVICE ")).unwrap();
        for line in text.lines() {
            prop_assert!(line.chars().count() <= 80, "{} in\n{text}", line.chars().count());
        }
        let states = text.lines().skip(header + 1).filter(|line| format!("{line}  ").contains("  unknown  ")).count();
        prop_assert!(states >= graph.services.len(), "{text}");
    }

    #[test]
    fn whatever_a_name_holds_the_picture_is_well_formed(graph in odd_graph()) {
        let drawn = svg::draw(&graph);
        let titles = texts(&drawn);
        for service in &graph.services {
            prop_assert!(titles.contains(&escape::one_line(&service.name)), "{:?} in {drawn}", service.name);
        }
    }

    #[test]
    fn whatever_a_name_holds_mermaid_sees_only_safe_ids(graph in odd_graph()) {
        let label = regex::Regex::new(r#""[^"`;#\\<>&]*(?:(?:#\d+;|<br/>)[^"`;#\\<>&]*)*""#).unwrap();
        let safe = regex::Regex::new(concat!(
            r"^(flowchart TD|    %% state unknown: [^{}]*|    classDef \w+ [\w#:,]+",
            r"|    s\d+\[L\]:::\w+|    n\d+\(\[L\]\):::network",
            r"|    s\d+ -->(\|\w+\|)? s\d+|    s\d+ -\.- n\d+)$",
        ))
        .unwrap();
        for line in mermaid::draw(&graph).lines() {
            let bare = if line.starts_with("    %%") { line.into() } else { label.replace_all(line, "L") };
            prop_assert!(safe.is_match(&bare), "{line}");
        }
    }

    #[test]
    fn every_service_stands_in_exactly_one_row(graph in odd_graph()) {
        let mut all: Vec<usize> = layers::rows(&graph).concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..graph.services.len()).collect::<Vec<_>>());
    }
}

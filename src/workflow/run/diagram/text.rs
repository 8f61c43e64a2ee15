//! The graph as a tree of at most 80 columns: each service above what it waits for, with state, ports and networks.
//! Reads the graph; returns lines.
//! Never draws a service in full twice: where it comes again, it is said to stand above.

use super::escape::cut;
use super::graph::{Graph, NetworkNode, Node, State};
use crate::compose::model::Condition;
use crate::session::report::{Block, Cell, Tone};
use crate::session::verdict_lines::wrapped;

const WIDTH: usize = 80;
const GAP: usize = 2;
/// What a tree may take of a line before its left is cut.
const DEEPEST: usize = 32;
const PORTS: usize = 26;
const NETWORKS: usize = 10;

/// The lines.
pub(super) fn blocks(graph: &Graph) -> Vec<Block> {
    let line = |text: String, tone: Tone| Block::Line(vec![Cell::new(text, tone)]);
    let mut blocks = vec![line(cut(&title(graph), WIDTH), Tone::Strong)];
    if !graph.networks.is_empty() {
        let label =
            |(number, network): (usize, &NetworkNode)| format!("`{} {}`", number + 1, cut(&network.label(), WIDTH / 2));
        let list: Vec<String> = graph.networks.iter().enumerate().map(label).collect();
        // Backquotes keep a number and its name on one line.
        let text = format!("networks: {}", list.join(", "));
        blocks.extend(wrapped(&text, WIDTH).into_iter().map(|part| line(part.replace('`', ""), Tone::Plain)));
    }
    blocks.push(Block::Gap);
    blocks.extend(tree(graph));
    let legend = legend(graph);
    if !legend.is_empty() || graph.state_unknown.is_some() {
        blocks.push(Block::Gap);
    }
    blocks.extend(legend.into_iter().map(|text| line(text, Tone::Dim)));
    if let Some(why) = &graph.state_unknown {
        let why = super::escape::one_line(why);
        let parts = wrapped(&format!("state unknown: {why}"), WIDTH);
        blocks.extend(parts.into_iter().map(|part| line(part, Tone::Warn)));
    }
    blocks
}

fn title(graph: &Graph) -> String {
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (services, networks) = (graph.services.len(), graph.networks.len());
    format!("{}: {}, {}", graph.project, count(services, "service"), count(networks, "network"))
}

/// How a line to a service is drawn, and what it means.
const fn stroke(condition: Condition) -> (&'static str, &'static str) {
    match condition {
        Condition::ServiceStarted => ("──", "waits until it is started"),
        Condition::ServiceHealthy => ("══", "waits until it is healthy"),
        Condition::ServiceCompletedSuccessfully => ("┄┄", "waits until it has completed successfully"),
    }
}

fn legend(graph: &Graph) -> Vec<String> {
    use Condition::{ServiceCompletedSuccessfully, ServiceHealthy, ServiceStarted};
    let edges = || graph.services.iter().flat_map(|service| &service.depends_on);
    let used = |condition: &Condition| edges().any(|edge| edge.condition == *condition);
    let all = [ServiceStarted, ServiceHealthy, ServiceCompletedSuccessfully].into_iter().filter(used);
    let words: Vec<String> = all.map(stroke).map(|(stroke, meaning)| format!("{stroke} {meaning}")).collect();
    // All three are longer than a line.
    words.chunks(2).map(|some| some.join("   ")).collect()
}

/// One line of the tree before its columns are aligned.
struct Row {
    /// Branches and name.
    label: String,
    /// State of the service, where the line is its first.
    state: Option<State>,
    port: String,
    networks: String,
}

fn tree(graph: &Graph) -> Vec<Block> {
    let mut walk = TreePrinter { graph, drawn: vec![false; graph.services.len()], rows: Vec::new() };
    let needed: Vec<usize> = (0..graph.services.len()).flat_map(|s| graph.waits_for(s)).map(|(n, _)| n).collect();
    for root in (0..graph.services.len()).filter(|service| !needed.contains(service)) {
        walk.visit(root, "", "");
    }
    // Services that only wait for each other have no root.
    for service in 0..graph.services.len() {
        if !walk.drawn[service] {
            walk.visit(service, "", "");
        }
    }
    let rows = walk.rows;
    let widest = |of: fn(&Row) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let ports = widest(|row| &row.port).min(PORTS).max("PORTS".len());
    let networks = widest(|row| &row.networks).min(NETWORKS).max("NETWORKS".len());
    let states = "unhealthy".len();
    let room = WIDTH - states - ports - networks - 3 * GAP;
    let columns = Columns { label: widest(|row| &row.label).min(room).max("SERVICE".len()), states, ports, networks };
    let header = columns.line("SERVICE", Cell::new("STATE", Tone::Dim), ("PORTS", "NETWORKS"));
    let mut blocks = vec![Block::Line(header.into_iter().map(|cell| Cell { tone: Tone::Dim, ..cell }).collect())];
    blocks.extend(rows.iter().map(|row| {
        let state = row.state.map(|state| Cell::new(state.word(), state.tone())).unwrap_or_default();
        Block::Line(columns.line(&row.label, state, (&row.port, &row.networks)))
    }));
    blocks
}

struct Columns {
    label: usize,
    states: usize,
    ports: usize,
    networks: usize,
}

impl Columns {
    fn line(&self, label: &str, state: Cell, (port, networks): (&str, &str)) -> Vec<Cell> {
        let padded = |text: &str, room: usize| format!("{:<width$}", cut(text, room), width = room + GAP);
        vec![
            padded(label, self.label).into(),
            Cell::new(padded(&state.text, self.states), state.tone),
            padded(port, self.ports).into(),
            cut(networks, self.networks).into(),
        ]
    }
}

struct TreePrinter<'g> {
    graph: &'g Graph,
    drawn: Vec<bool>,
    rows: Vec<Row>,
}

impl TreePrinter<'_> {
    /// `branch` leads to the name, `below` stands before what follows under it.
    fn visit(&mut self, service: usize, branch: &str, below: &str) {
        let node = &self.graph.services[service];
        let needed = self.graph.waits_for(service);
        let label = format!("{}{}", left(branch), node.name);
        if std::mem::replace(&mut self.drawn[service], true) {
            let label = format!("{label} (above)");
            self.rows.push(Row { label, state: None, port: String::new(), networks: String::new() });
            return;
        }
        let mut ports = node.ports.iter().cloned();
        let port = ports.next().unwrap_or_default();
        self.rows.push(Row { label, state: Some(node.state), port, networks: self.networks(node) });
        let bar = if needed.is_empty() { "" } else { "│" };
        self.rows.extend(ports.map(|port| {
            let label = left(&format!("{below}{bar}"));
            Row { label, state: None, port, networks: String::new() }
        }));
        for (place, (next, condition)) in needed.iter().enumerate() {
            let last = place + 1 == needed.len();
            let (corner, bar) = if last { ("└", " ") } else { ("├", "│") };
            let branch = format!("{below}{corner}{} ", stroke(*condition).0);
            self.visit(*next, &branch, &format!("{below}{bar}   "));
        }
    }

    fn networks(&self, node: &Node) -> String {
        let all = self.graph.networks.iter().enumerate().filter(|(_, network)| node.networks.contains(&network.name));
        all.map(|(number, _)| (number + 1).to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// The right end of branches that became too long for a line.
fn left(branch: &str) -> String {
    let length = branch.chars().count();
    if length <= DEEPEST {
        return branch.to_owned();
    }
    let kept: String = branch.chars().skip(length - DEEPEST + 1).collect();
    format!("…{kept}")
}

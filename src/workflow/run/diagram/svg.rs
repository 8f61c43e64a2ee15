//! The graph as an SVG picture: boxes in rows, curves to what is waited for, a square per network.
//! Reads the graph and its rows; returns one well-formed document that needs nothing from elsewhere.
//! Never says by colour alone what it does not say in words.

use super::escape::{cut, xml};
use super::graph::{Graph, Node};
use super::layers::rows;
use crate::compose::model::Condition;
use crate::session::report::Tone;

const BOX: (usize, usize) = (210, 62);
const LINE: usize = 16;
const SPACE: (usize, usize) = (36, 70);
const MARGIN: usize = 24;
/// Characters of a line in a box.
const FITS: usize = 27;
/// Told apart in print and by most eyes; more networks than these begin again, and have their names.
const COLORS: [&str; 8] = ["#1f5fa8", "#b26a00", "#2e7d32", "#8e24aa", "#00796b", "#b3261e", "#5d4037", "#455a64"];

/// Upper left corner and size of a box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct BoxPosition {
    x: usize,
    y: usize,
    height: usize,
}

/// The document.
pub(super) fn draw(graph: &Graph) -> String {
    let top = MARGIN + LINE * (2 + graph.networks.len() + usize::from(graph.state_unknown.is_some()));
    let (places, width, height) = places(graph, top);
    let mut parts = vec![format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">"
    )];
    parts.push(format!("<title>{}</title>", xml(&graph.project)));
    parts.push("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>".to_owned());
    parts.extend(head(graph));
    for (service, place) in places.iter().enumerate() {
        let needed = graph.waits_for(service);
        parts.extend(needed.iter().map(|(needed, condition)| curve(*place, places[*needed], *condition)));
    }
    parts.extend(graph.services.iter().zip(&places).map(|(node, place)| figure(graph, node, *place)));
    parts.push("</svg>\n".to_owned());
    parts.join("\n")
}

/// The project, its networks, and why nothing is known of states.
fn head(graph: &Graph) -> Vec<String> {
    let at = |line: usize| MARGIN + LINE * line;
    let mut parts = vec![format!(
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"16\" font-weight=\"bold\">{}</text>",
        at(0),
        xml(&cut(&graph.project, 60))
    )];
    for (number, network) in graph.networks.iter().enumerate() {
        let y = at(number + 1);
        parts.push(format!("<rect x=\"{MARGIN}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{}\"/>", y, color(number)));
        let label = xml(&cut(&network.label(), 60));
        parts.push(format!("<text x=\"{}\" y=\"{}\">{label}</text>", MARGIN + 16, y + 9));
    }
    if let Some(why) = &graph.state_unknown {
        let y = at(graph.networks.len() + 1) + 9;
        parts.push(format!("<text x=\"{MARGIN}\" y=\"{y}\">state unknown: {}</text>", xml(&cut(why, 100))));
    }
    parts
}

fn color(network: usize) -> &'static str {
    COLORS[network % COLORS.len()]
}

/// Boxes row by row, each row centred; and the size of the whole.
fn places(graph: &Graph, top: usize) -> (Vec<BoxPosition>, usize, usize) {
    let rows = rows(graph);
    let wide = |count: usize| (count * (BOX.0 + SPACE.0)).saturating_sub(SPACE.0);
    let widest = rows.iter().map(|row| wide(row.len())).max().unwrap_or(0).max(2 * BOX.0);
    let mut places = vec![BoxPosition::default(); graph.services.len()];
    let mut y = top;
    for row in &rows {
        let height = row.iter().map(|service| height(&graph.services[*service])).max().unwrap_or(BOX.1);
        let left = MARGIN + (widest - wide(row.len())) / 2;
        for (place, service) in row.iter().enumerate() {
            let own = self::height(&graph.services[*service]);
            places[*service] = BoxPosition { x: left + place * (BOX.0 + SPACE.0), y, height: own };
        }
        y += height + SPACE.1;
    }
    (places, widest + 2 * MARGIN, y.saturating_sub(SPACE.1) + MARGIN)
}

fn height(node: &Node) -> usize {
    BOX.1 + LINE * node.ports.len().saturating_sub(1)
}

/// From the foot of the box that waits to the head of the one waited for.
fn curve(from: BoxPosition, to: BoxPosition, condition: Condition) -> String {
    let (x1, y1) = (from.x + BOX.0 / 2, from.y + from.height);
    let (x2, y2) = (to.x + BOX.0 / 2, to.y);
    let (dashes, meaning) = match condition {
        Condition::ServiceStarted => ("", "waits until it is started"),
        Condition::ServiceHealthy => (" stroke-width=\"2\"", "waits until it is healthy"),
        Condition::ServiceCompletedSuccessfully => {
            (" stroke-dasharray=\"5 4\"", "waits until it has completed successfully")
        }
    };
    let (c1, c2) = (y1 + SPACE.1 / 2, y2.saturating_sub(SPACE.1 / 2));
    let path = format!("M{x1} {y1} C{x1} {c1} {x2} {c2} {x2} {y2}");
    let dot = format!("<circle cx=\"{x2}\" cy=\"{y2}\" r=\"3\" fill=\"#555555\"/>");
    format!("<g><title>{meaning}</title><path d=\"{path}\" fill=\"none\" stroke=\"#555555\"{dashes}/>{dot}</g>")
}

fn figure(graph: &Graph, node: &Node, place: BoxPosition) -> String {
    let (fill, stroke) = match node.state.tone() {
        Tone::Good => ("#e3f4e5", "#2e7d32"),
        Tone::Warn => ("#fff4d6", "#b26a00"),
        Tone::Bad => ("#fde3e1", "#b3261e"),
        _ => ("#f3f3f3", "#757575"),
    };
    let BoxPosition { x, y, height } = place;
    let (name, width) = (xml(&node.name), BOX.0);
    let mut parts = vec![
        format!("<g><title>{name}</title>"),
        format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"{fill}\" stroke=\"{stroke}\"/>"
        ),
        text(place, 20, &node.name, " font-weight=\"bold\""),
        text(place, 37, node.state.word(), ""),
    ];
    parts.extend(node.ports.iter().enumerate().map(|(line, port)| text(place, 54 + LINE * line, port, "")));
    let joined = graph.networks.iter().enumerate().filter(|(_, network)| node.networks.contains(&network.name));
    parts.extend(joined.enumerate().map(|(place, (number, network))| {
        let (right, label) = ((x + width).saturating_sub(14 * (place + 1)), xml(&network.name));
        let square = format!("x=\"{right}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{}\"", y + 28, color(number));
        format!("<rect {square}><title>{label}</title></rect>")
    }));
    parts.push("</g>".to_owned());
    parts.concat()
}

fn text(place: BoxPosition, below: usize, words: &str, style: &str) -> String {
    let (x, y) = (place.x + 10, place.y + below);
    format!("<text x=\"{x}\" y=\"{y}\"{style}>{}</text>", xml(&cut(words, FITS)))
}

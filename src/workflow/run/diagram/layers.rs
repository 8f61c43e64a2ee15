//! Where each service stands in a picture: its row below everything that waits for it, its place within the row.
//! Reads the graph; returns rows of services.
//! Pure, and the same graph always gives the same rows.

use super::graph::Graph;

/// Rows from top to bottom, each from left to right; every service is in exactly one.
pub(super) fn rows(graph: &Graph) -> Vec<Vec<usize>> {
    let depths = depths(graph);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depths.iter().max().map_or(0, |deepest| deepest + 1)];
    for (service, depth) in depths.iter().enumerate() {
        rows[*depth].push(service);
    }
    for below in 1..rows.len() {
        let (above, rest) = rows.split_at_mut(below);
        let centers: Vec<f64> = rest[0].iter().map(|service| center(graph, *service, above)).collect();
        let mut order: Vec<(f64, usize)> = centers.into_iter().zip(rest[0].iter().copied()).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        rest[0] = order.into_iter().map(|(_, service)| service).collect();
    }
    rows
}

/// The longest path to each service from one without dependents.
fn depths(graph: &Graph) -> Vec<usize> {
    let count = graph.services.len();
    let mut depths = vec![0; count];
    // Services that wait for each other are refused when the files are read; a bound keeps a mistake from hanging.
    for _ in 0..count {
        let mut settled = true;
        for service in 0..count {
            for (needed, _) in graph.waits_for(service) {
                if needed != service && depths[needed] <= depths[service] && depths[service] + 1 < count {
                    depths[needed] = depths[service] + 1;
                    settled = false;
                }
            }
        }
        if settled {
            break;
        }
    }
    compact(depths)
}

/// Without empty rows, which only circles leave.
fn compact(mut depths: Vec<usize>) -> Vec<usize> {
    let mut used = depths.clone();
    used.sort_unstable();
    used.dedup();
    for depth in &mut depths {
        *depth = used.binary_search(depth).unwrap_or_default();
    }
    depths
}

/// The middle of those above that wait for a service, as a share of their rows.
fn center(graph: &Graph, service: usize, above: &[Vec<usize>]) -> f64 {
    let mut places = Vec::new();
    for row in above {
        for (place, waiting) in row.iter().enumerate() {
            if graph.waits_for(*waiting).iter().any(|(needed, _)| *needed == service) {
                places.push((place as f64 + 0.5) / row.len() as f64);
            }
        }
    }
    if places.is_empty() { 0.5 } else { places.iter().sum::<f64>() / places.len() as f64 }
}

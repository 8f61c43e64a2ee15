//! `aictl images summary`: how much disk images take, by where they came from.
//! Reads what `images ls` lists; returns sums.
//! Never counts an image with two names twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::listing::{ListArgs, ListedImage, Origin, list};
use crate::error::Result;
use crate::event::human;
use crate::session::Context;
use crate::session::report::{Block, Cell, Report, Tone, to_json};

/// Sums over images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Sum {
    images: usize,
    /// Bytes, each image counted whole.
    size: u64,
    /// Of these, bytes that other images have too.
    shared: u64,
    /// Bytes not shared with others: what removing them frees at least.
    unique: u64,
}

#[derive(Debug, Serialize)]
pub struct SummaryReport {
    by_source: BTreeMap<Origin, Sum>,
    total: Sum,
}

/// Sums up.
pub(super) async fn run(context: &Context, args: ListArgs) -> Result<SummaryReport> {
    Ok(summary(&list(context, &args).await?))
}

fn summary(images: &[ListedImage]) -> SummaryReport {
    let mut report = SummaryReport { by_source: BTreeMap::new(), total: Sum::default() };
    let mut seen = BTreeSet::new();
    for image in images.iter().filter(|image| image.id.is_some() && seen.insert(image.id.clone())) {
        for sum in [report.by_source.entry(image.origin).or_default(), &mut report.total] {
            sum.images += 1;
            sum.size += image.size;
            sum.shared += image.shared;
            sum.unique += image.size.saturating_sub(image.shared);
        }
    }
    report
}

impl Report for SummaryReport {
    fn blocks(&self) -> Vec<Block> {
        let header = ["SOURCE", "IMAGES", "SIZE", "SHARED", "UNIQUE"].map(str::to_owned).to_vec();
        let row = |name: Cell, sum: &Sum| {
            let sizes = [sum.size, sum.shared, sum.unique].map(|bytes| Cell::from(human::bytes(bytes)));
            [name, sum.images.to_string().into()].into_iter().chain(sizes).collect::<Vec<_>>()
        };
        let mut rows: Vec<Vec<Cell>> =
            self.by_source.iter().map(|(origin, sum)| row(origin.word().into(), sum)).collect();
        rows.push(row(Cell::new("total", Tone::Strong), &self.total));
        vec![Block::Table { header, rows }]
    }

    fn json(&self) -> serde_json::Value {
        to_json(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_with_two_names_counts_once() {
        let image = |name: &str, id: &str, size, shared, origin| ListedImage {
            reference: name.to_owned(),
            id: Some(id.to_owned()),
            digest: None,
            size,
            shared,
            origin,
            architecture: String::new(),
            created_at: String::new(),
            containers: 0,
        };
        let report = summary(&[
            image("a:1", "1", 100, 40, Origin::Recipe),
            image("a:2", "1", 100, 40, Origin::Recipe),
            image("b:1", "2", 50, 40, Origin::Build),
        ]);
        assert_eq!(report.total, Sum { images: 2, size: 150, shared: 80, unique: 70 });
        assert_eq!(report.by_source[&Origin::Recipe], Sum { images: 1, size: 100, shared: 40, unique: 60 });
    }
}

//! Draws a report as text or JSON.
//! Reads the report's blocks or value and the look that is wanted; returns the bytes for stdout as one string.
//! Never writes, and never touches raw data.

use super::OutputFormat;
use super::printable::printable;
use super::style::Paint;
use super::table;
use crate::secret::Redactor;
use crate::session::report::{Block, Cell, Report};

/// How a report is to look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Text or JSON.
    pub format: OutputFormat,
    /// Columns there are; `None` cuts nothing.
    pub width: Option<usize>,
    /// Whether colour is welcome.
    pub color: bool,
}

/// The whole report. Raw blocks are the user's own configuration and pass byte for byte; all else passes the redactor.
pub fn draw(report: &dyn Report, look: &Look, redactor: &Redactor) -> String {
    let blocks = report.blocks();
    if look.format == OutputFormat::Text {
        return blocks.iter().map(|block| text(block, look, redactor)).collect();
    }
    let raw = !blocks.is_empty() && blocks.iter().all(|block| matches!(block, Block::Raw(_)));
    let value = report.json();
    if value.is_null() {
        // The answer was streamed already.
        return String::new();
    }
    let value = if raw { value } else { redactor.redact_json(&value) };
    format!("{value:#}\n")
}

fn text(block: &Block, look: &Look, redactor: &Redactor) -> String {
    let paint = Paint::new(look.color);
    match block {
        Block::Raw(data) => data.clone(),
        Block::Gap => "\n".to_owned(),
        Block::Line(cells) => {
            let shown = |cell: &Cell| paint.tone(&printable(&redactor.redact(&cell.text)), cell.tone);
            let line: String = cells.iter().map(shown).collect();
            format!("{}\n", line.trim_end())
        }
        Block::Table { header, rows } => {
            let mut rows = rows.clone();
            for cell in rows.iter_mut().flatten() {
                cell.text = printable(&redactor.redact(&cell.text)).into_owned();
            }
            let lines = table::lines(header, &rows, look.width, paint);
            lines.iter().map(|line| format!("{line}\n")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::session::report::{Cell, Tone};

    struct Sample {
        blocks: Vec<Block>,
    }

    impl Report for Sample {
        fn blocks(&self) -> Vec<Block> {
            self.blocks.clone()
        }

        fn json(&self) -> serde_json::Value {
            serde_json::json!({ "url": "redis://:s3cr3t-word@redis", "services": ["api"] })
        }
    }

    fn redactor() -> Redactor {
        Redactor::new(&[Secret::new("s3cr3t-word")])
    }

    #[test]
    fn blocks_follow_each_other_as_text() {
        let report = Sample {
            blocks: vec![
                Block::Line(vec![Cell::new("ready", Tone::Good), Cell::new(" in 3.1s", Tone::Dim)]),
                Block::Gap,
                Block::Table {
                    header: vec!["NAME".into(), "URL".into()],
                    rows: vec![vec!["redis".into(), "redis://:s3cr3t-word@redis".into()]],
                },
                Block::Raw("A=s3cr3t-word\r\n".into()),
            ],
        };
        assert_eq!(
            draw(&report, &Look::default(), &redactor()),
            "ready in 3.1s\n\nNAME    URL\nredis   redis://:[redacted]@redis\nA=s3cr3t-word\r\n"
        );
    }

    #[test]
    fn json_is_pretty_ends_in_one_line_end_and_holds_no_secret() {
        let look = Look { format: OutputFormat::Json, ..Look::default() };
        let report = Sample { blocks: vec![Block::Gap] };
        insta::assert_snapshot!(draw(&report, &look, &redactor()), @r#"
        {
          "url": "redis://:[redacted]@redis",
          "services": [
            "api"
          ]
        }
        "#);
    }

    #[test]
    fn json_of_raw_data_is_the_data() {
        let look = Look { format: OutputFormat::Json, ..Look::default() };
        let report = Sample { blocks: vec![Block::Raw("x".into())] };
        assert!(draw(&report, &look, &redactor()).contains("redis://:s3cr3t-word@redis"));
    }
}

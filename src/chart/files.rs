//! A file of a chart.

use std::sync::Arc;

/// A file by its path in the chart, with `/` between folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartFile {
    pub name: String,
    pub data: Arc<[u8]>,
}

impl ChartFile {
    /// A file; a byte order mark is dropped.
    pub fn new(name: &str, data: &[u8]) -> Self {
        let data = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
        Self { name: name.to_owned(), data: data.into() }
    }

    /// The content as text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }
}

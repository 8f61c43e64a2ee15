//! Chart archives (`.tgz`): their files, without the folder that holds them all.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use tar::EntryType;

use super::error::ChartError;
use super::files::ChartFile;

/// Bytes that a chart's files may have together; Helm's number.
pub const MOST_BYTES: u64 = 100 * 1024 * 1024;

/// Files that an archive may have.
const MOST_FILES: usize = 20_000;

/// The files of an archive. Paths that leave the chart are refused; links and devices too.
pub fn unpacked(name: &str, bytes: &[u8]) -> Result<Vec<ChartFile>, ChartError> {
    read(bytes).map_err(|message| ChartError::Archive { file: name.to_owned(), message })
}

fn read(bytes: &[u8]) -> Result<Vec<ChartFile>, String> {
    let mut left = MOST_BYTES;
    let mut files = Vec::new();
    let bounded = MultiGzDecoder::new(bytes).take(MOST_BYTES + 16 * 1024 * 1024);
    let mut archive = tar::Archive::new(bounded);
    for entry in archive.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let kind = entry.header().entry_type();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        match kind {
            EntryType::Directory | EntryType::XGlobalHeader | EntryType::XHeader => continue,
            _ if path.ends_with('/') => continue,
            EntryType::Regular | EntryType::Continuous => {}
            _ => return Err(format!("`{path}` is not a regular file")),
        }
        let mut data = Vec::new();
        entry.by_ref().take(left + 1).read_to_end(&mut data).map_err(|error| error.to_string())?;
        left = left
            .checked_sub(data.len() as u64)
            .ok_or_else(|| format!("larger than {} MiB unpacked", MOST_BYTES / 1024 / 1024))?;
        files.push(ChartFile::new(&inner_name(&path)?, &data));
        if files.len() > MOST_FILES {
            return Err(format!("more than {MOST_FILES} files"));
        }
    }
    if files.is_empty() { Err("no files in it".to_owned()) } else { Ok(files) }
}

/// The path below the outermost folder.
fn inner_name(path: &str) -> Result<String, String> {
    let normal = path.replace('\\', "/");
    if normal == "Chart.yaml" {
        return Err("Chart.yaml is not in a folder".to_owned());
    }
    let rest = normal.split_once('/').map(|(_, rest)| rest).unwrap_or_default();
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(format!("`{path}` lies outside the chart")),
            part => parts.push(part),
        }
    }
    if rest.starts_with('/') || parts.is_empty() || is_drive(rest) {
        return Err(format!("`{path}` lies outside the chart"));
    }
    Ok(parts.join("/"))
}

fn is_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

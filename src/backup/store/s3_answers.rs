//! What an S3 server answers: lists of objects and errors, in XML.

use std::io;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Entry;

/// A page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Keys and folders.
    pub(super) entries: Vec<Entry>,
    /// What the next page is asked for with.
    pub(super) next: Option<String>,
}

fn unreadable(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the S3 server returned invalid XML: {error}"))
}

/// Calls with the names of the open elements and each text in them, entities left out: no name of a repository has one.
fn texts(xml: &[u8], mut take: impl FnMut(&[String], &str)) -> io::Result<()> {
    let mut reader = Reader::from_reader(xml);
    let (mut open, mut text) = (Vec::new(), String::new());
    loop {
        match reader.read_event().map_err(unreadable)? {
            Event::Start(start) => {
                open.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(unreadable)?),
            Event::End(_) => {
                take(&open, &text);
                open.pop();
                text.clear();
            }
            Event::Eof if open.is_empty() => return Ok(()),
            Event::Eof => return Err(unreadable("it is cut")),
            _ => {}
        }
    }
}

/// Reads a page of ListObjectsV2. Names are those after the last slash.
pub(super) fn page(xml: &[u8]) -> io::Result<Page> {
    let (mut page, mut key, mut size) = (Page::default(), String::new(), 0);
    let mut wrong = None;
    texts(xml, |open, text| {
        let names: Vec<&str> = open.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["ListBucketResult", "Contents", "Key"] => key = last(text),
            ["ListBucketResult", "Contents", "Size"] => match text.parse() {
                Ok(read) => size = read,
                Err(_) => wrong = Some(unreadable("invalid size")),
            },
            ["ListBucketResult", "Contents"] => {
                page.entries.push(Entry { name: std::mem::take(&mut key), size: Some(size) });
            }
            ["ListBucketResult", "CommonPrefixes", "Prefix"] => {
                page.entries.push(Entry { name: last(text.trim_end_matches('/')), size: None });
            }
            ["ListBucketResult", "NextContinuationToken"] => page.next = Some(text.to_owned()),
            _ => {}
        }
    })?;
    wrong.map_or(Ok(page), Err)
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Code and message of an error; empty where the body has none.
pub(super) fn error(xml: &[u8]) -> (String, String) {
    let (mut code, mut message) = (String::new(), String::new());
    // An error without a readable body is told by its status.
    let _ = texts(xml, |open, text| match open.last().map(String::as_str) {
        Some("Code") => text.clone_into(&mut code),
        Some("Message") => text.clone_into(&mut message),
        _ => {}
    });
    (code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_names_sizes_folders_and_the_next_page() {
        let xml = b"<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><Prefix>a/</Prefix><IsTruncated>true</IsTruncated>\
            <Contents><Key>a/keys/12</Key><Size>7</Size></Contents><CommonPrefixes><Prefix>a/data/</Prefix></CommonPrefixes>\
            <NextContinuationToken>t=</NextContinuationToken></ListBucketResult>";
        let entry = |name: &str, size| Entry { name: name.to_owned(), size };
        let expected = Page { entries: vec![entry("12", Some(7)), entry("data", None)], next: Some("t=".to_owned()) };
        assert_eq!(page(xml).unwrap(), expected);
        assert!(page(&xml[..xml.len() - 5]).is_err() && page(&xml[..90]).is_err());
        let xml = b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>";
        assert_eq!(error(xml), ("NoSuchBucket".to_owned(), "no".to_owned()));
        assert_eq!(error(b"gone"), (String::new(), String::new()));
    }
}

//! Decides how a value is written into an env file so that Compose's parser and ours give it back exactly.
//! Reads names, values and the text of a file; returns the new text, every other byte of it unchanged.
//! Never opens a file, and never drops or reorders what a person wrote.

use std::collections::BTreeMap;

pub use super::dotenv::{Entry, EnvFileError};

/// What the statements of a text say, in order. `outside` gives values the text refers to and does not hold.
pub fn entries(text: &str, outside: &BTreeMap<String, String>) -> Result<Vec<Entry>, EnvFileError> {
    super::dotenv::entries(text, &|name| outside.get(name).cloned())
}

/// A value that no env file can hold: a variable ends at a zero byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value contains a NUL byte")]
pub struct ZeroByte;

/// The value as it must be written after `KEY=`.
///
/// Plain where nothing in it means anything; in single quotes, where nothing is expanded; in double quotes with escapes
/// where it holds a single quote, a backslash (which would escape a closing quote) or a carriage return.
pub fn quoted(value: &str) -> Result<String, ZeroByte> {
    if value.contains('\0') {
        return Err(ZeroByte);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=~".contains(c);
    if value.chars().all(plain) {
        return Ok(value.to_owned());
    }
    if !value.contains(['\'', '\\', '\r']) {
        return Ok(format!("'{value}'"));
    }
    let mut out = String::with_capacity(value.len() + 8);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' | '$' => out.extend(['\\', c]),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out.push('"');
    Ok(out)
}

/// The text with one statement more at its end; a comment stands on lines of its own before it.
pub fn append(text: &mut String, key: &str, value: &str, comment: Option<&str>) -> Result<(), ZeroByte> {
    let value = quoted(value)?;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in comment.into_iter().flat_map(str::lines) {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    text.push_str(&format!("{key}={value}\n"));
    Ok(())
}

/// The text with the value of a statement replaced; what stands around it stays, but a comment behind an unquoted value.
pub fn replace(text: &mut String, entry: &Entry, value: &str) -> Result<(), ZeroByte> {
    let mut value = quoted(value)?;
    if !entry.signed {
        value.insert(0, '=');
    }
    let written = text.get(entry.span.clone()).unwrap_or_default();
    if !written.starts_with(['"', '\''])
        && let Some((_, comment)) = written.split_once(" #")
    {
        value.push_str(&format!(" #{comment}"));
    }
    text.replace_range(entry.span.clone(), &value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let entries = entries(text, &BTreeMap::new()).unwrap();
        entries.into_iter().map(|entry| (entry.key, entry.value.unwrap_or_default())).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn values_are_written_no_stranger_than_they_must_be() {
        for (value, written) in [
            ("", ""),
            ("plain-1.2", "plain-1.2"),
            ("postgresql://u:p@h:5432/d", "postgresql://u:p@h:5432/d"),
            ("a b", "'a b'"),
            ("$HOME", "'$HOME'"),
            ("#no comment", "'#no comment'"),
            ("it's", "\"it's\""),
            ("a\\", "\"a\\\\\""),
            ("'$\"", "\"'\\$\\\"\""),
            ("two\nlines", "'two\nlines'"),
        ] {
            assert_eq!(quoted(value).unwrap(), written, "{value:?}");
        }
        assert_eq!(quoted("a\0b"), Err(ZeroByte));
    }

    #[test]
    fn appended_statements_stand_on_lines_of_their_own() {
        let mut text = "A=1".to_owned();
        append(&mut text, "B", "x y", Some("why\nand how")).unwrap();
        assert_eq!(text, "A=1\n# why\n# and how\nB='x y'\n");
    }

    #[test]
    fn a_replaced_value_leaves_every_other_byte() {
        let before = "# head\r\nexport A = old # note\nB='two\nlines'\nC\nD=\"x\"   \nE=";
        let windows = "A=old\r\nB=old # note\r\nC=\r\nD\r\nE=  \r\nexport F \r\nG='x'\r\nH: old\r\n";
        let cases = [
            (before, "A", "# head\r\nexport A = 'n w' # note\nB='two\nlines'\nC\nD=\"x\"   \nE="),
            (before, "B", "# head\r\nexport A = old # note\nB='n w'\nC\nD=\"x\"   \nE="),
            (before, "C", "# head\r\nexport A = old # note\nB='two\nlines'\nC='n w'\nD=\"x\"   \nE="),
            (before, "D", "# head\r\nexport A = old # note\nB='two\nlines'\nC\nD='n w'   \nE="),
            (before, "E", "# head\r\nexport A = old # note\nB='two\nlines'\nC\nD=\"x\"   \nE='n w'"),
            ("\u{feff}export C\nN=5\n", "C", "\u{feff}export C='n w'\nN=5\n"),
            (windows, "A", &windows.replacen("A=old", "A='n w'", 1)),
            (windows, "B", &windows.replacen("B=old", "B='n w'", 1)),
            (windows, "C", &windows.replacen("C=", "C='n w'", 1)),
            (windows, "D", &windows.replacen("D\r", "D='n w'\r", 1)),
            (windows, "E", &windows.replacen("E=  ", "E=  'n w'", 1)),
            (windows, "F", &windows.replacen("F ", "F='n w' ", 1)),
            (windows, "G", &windows.replacen("'x'", "'n w'", 1)),
            (windows, "H", &windows.replacen("H: old", "H: 'n w'", 1)),
        ];
        for (before, key, after) in cases {
            let names = |text: &str| read(text).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
            let entry = entries(before, &BTreeMap::new()).unwrap().into_iter().find(|entry| entry.key == key).unwrap();
            let mut text = before.to_owned();
            replace(&mut text, &entry, "n w").unwrap();
            assert_eq!(text, after, "{key}");
            assert!(read(&text).contains(&pair(key, "n w")), "{key}");
            assert_eq!(names(&text), names(before), "{key}");
        }
    }

    #[test]
    fn entries_say_their_lines() {
        let text = "\n# c\nA=1\n\nB='x\ny'\nC=3\n";
        let lines: Vec<(String, u32)> =
            entries(text, &BTreeMap::new()).unwrap().into_iter().map(|entry| (entry.key, entry.line)).collect();
        assert_eq!(lines, [("A".to_owned(), 3), ("B".to_owned(), 5), ("C".to_owned(), 7)]);
    }

    #[test]
    fn entries_say_what_they_refer_to_in_vain() {
        let text = "A=Zzz$NONE\nB='a$b'\nC=${A}\nD=\"x${LOST}y$A\"\nE=${F:-$G}${H:-d}\nI=5$\nJ=a\\$b\n";
        let unset: Vec<(String, Vec<String>)> =
            entries(text, &BTreeMap::new()).unwrap().into_iter().map(|entry| (entry.key, entry.unset)).collect();
        let expected =
            [("A", &["NONE"][..]), ("B", &[]), ("C", &[]), ("D", &["LOST"]), ("E", &["G"]), ("I", &[]), ("J", &["b"])];
        let expected = expected.map(|(key, names)| (key.to_owned(), names.iter().map(|n| (*n).to_owned()).collect()));
        assert_eq!(unset, expected);
    }

    /// Mostly what env files trip over, the rest anything.
    fn value() -> impl Strategy<Value = String> {
        let awkward = proptest::sample::select(
            "$$$'''\"\"\"\\\\\\ \t\n\r##=:{}()`!&|<>%;~*?[]abnrt0x\u{a0}\u{85}\u{2028}\u{feff}\u{e9}\u{1f511}"
                .chars()
                .collect::<Vec<_>>(),
        );
        let any = proptest::char::any().prop_filter("no variable holds a zero byte", |c| *c != '\0');
        proptest::collection::vec(prop_oneof![4 => awkward, 1 => any], 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn a_thousand_values_come_back_exactly(first in value(), second in value(), third in value()) {
            let mut text = String::new();
            append(&mut text, "FIRST", &first, None).unwrap();
            append(&mut text, "SECOND", &second, Some("about it")).unwrap();
            prop_assert_eq!(read(&text), vec![pair("FIRST", &first), pair("SECOND", &second)]);
            let entry = entries(&text, &BTreeMap::new()).unwrap().remove(0);
            replace(&mut text, &entry, &third).unwrap();
            prop_assert_eq!(read(&text), vec![pair("FIRST", &third), pair("SECOND", &second)]);
        }
    }
}

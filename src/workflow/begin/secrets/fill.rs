//! Decides the text of an env file: from the template when there is none, else what is missing appended to what is there.
//! Reads texts and wishes; returns the new text and what was added, without a value.
//! Never changes a value that is there unless its name was given and it was asked for, and never opens a file.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::compose::env_file::{Entry, ZeroByte, append, entries, replace};
use crate::secret::{Form, Secret, SecretKind, is_url_name, jwt, secret_kind, url_password};
use crate::session::env_files::{EnvFile, EnvVariable, Origin, is_stand_in};

/// The result for one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The name.
    pub key: String,
    /// What was done.
    pub action: Action,
    /// What it is for, when the project file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What was done about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// A new random value was written.
    Generated,
    /// The template's token was signed with the new secret.
    Signed,
    /// A value that was there was replaced by a new random one.
    Replaced,
    /// The template's value was taken.
    Copied,
    /// The name was written without a value: the operator gives it.
    LeftEmpty,
}

/// What is to be filled.
pub(super) struct Fill<'a> {
    /// The file as it is; none when there is none.
    pub(super) existing: Option<&'a EnvFile>,
    pub(super) template: Option<&'a EnvFile>,
    pub(super) wanted: &'a [EnvVariable],
    /// Names that have a value elsewhere: in another env file of the environment.
    pub(super) elsewhere: &'a BTreeSet<String>,
    /// Only these names; all when empty.
    pub(super) only: &'a [String],
    /// Replace the values of the names in `only`.
    pub(super) replace: bool,
}

/// The new text and how it came to be.
pub(super) struct Filled {
    pub(super) text: String,
    pub(super) changes: Vec<Change>,
    /// The new values, for the redactor.
    pub(super) secrets: Vec<Secret>,
}

/// Where new values come from.
pub(super) type Generate<'a> = &'a mut dyn FnMut(&Form) -> std::io::Result<Secret>;

/// Why a file could not be filled.
#[derive(Debug, thiserror::Error)]
pub(super) enum FillError {
    #[error("no random data: {0}")]
    Random(#[from] std::io::Error),
    #[error("{0}")]
    Value(#[from] ZeroByte),
    #[error("line {line}: {message}")]
    Text { line: u32, message: String },
}

impl Fill<'_> {
    /// The text with everything that was missing.
    pub(super) fn fill(&self, generate: Generate<'_>) -> Result<Filled, FillError> {
        let fresh = self.existing.is_none() && self.only.is_empty();
        let start = self.existing.or(self.template.filter(|_| fresh));
        let mut filled = Filled {
            text: start.map(|file| file.text.clone()).unwrap_or_default(),
            changes: Vec::new(),
            secrets: Vec::new(),
        };
        let asked = |wanted: &&EnvVariable| match self.only {
            [] => !wanted.on_request,
            only => only.contains(&wanted.key),
        };
        // Signing secrets come before the tokens they sign.
        let signs = |wanted: &&EnvVariable| !matches!(wanted.origin, Origin::Signed(_));
        let (first, then): (Vec<_>, Vec<_>) = self.wanted.iter().filter(asked).partition(signs);
        for wanted in first.into_iter().chain(then) {
            self.one(wanted, fresh, &mut filled, generate)?;
        }
        self.follow_in_urls(fresh, &mut filled)?;
        Ok(filled)
    }

    fn one(
        &self,
        wanted: &EnvVariable,
        fresh: bool,
        filled: &mut Filled,
        generate: Generate<'_>,
    ) -> Result<(), FillError> {
        let entry = last_entry(&filled.text, &wanted.key)?;
        let empty = entry.as_ref().is_none_or(is_empty);
        let named = self.replace && self.only.contains(&wanted.key);
        if self.elsewhere.contains(&wanted.key) && !named && (entry.is_none() || !empty) {
            return Ok(());
        }
        let (action, value) = match (&wanted.origin, &entry) {
            (Origin::Signed(by), _) if empty || named || fresh => {
                let Some(secret) = self.signed(wanted, by, &filled.text)? else { return Ok(()) };
                (if empty || fresh { Action::Signed } else { Action::Replaced }, secret)
            }
            (Origin::Generated(form), _) if empty || named || fresh => {
                let secret = generate(form)?;
                let action = if empty || fresh { Action::Generated } else { Action::Replaced };
                (action, secret)
            }
            // A stand-in or a published secret is worse than nothing: it looks like a value.
            (Origin::Required | Origin::Optional, Some(_)) if fresh && self.is_stand_in(wanted) => {
                (Action::LeftEmpty, Secret::default())
            }
            (Origin::Required, None) => (Action::LeftEmpty, Secret::default()),
            (Origin::Copied, None) => return self.copy(wanted, filled),
            _ => return Ok(()),
        };
        filled.secrets.push(value.clone());
        match entry {
            Some(entry) => replace(&mut filled.text, &entry, value.expose())?,
            None => append(&mut filled.text, &wanted.key, value.expose(), Some(&comment(wanted, action)))?,
        }
        filled.changes.push(Change::new(wanted, action));
        Ok(())
    }

    /// The template's token, signed with the current secret.
    fn signed(&self, wanted: &EnvVariable, by: &str, text: &str) -> Result<Option<Secret>, FillError> {
        let token = self.template.and_then(|file| file.entry(&wanted.key)?.value.clone());
        let secret = last_entry(text, by)?.and_then(|entry| entry.value).filter(|value| !value.is_empty());
        Ok(token.zip(secret).and_then(|(token, secret)| jwt::signed(&token, &Secret::new(secret))))
    }

    fn is_stand_in(&self, wanted: &EnvVariable) -> bool {
        let found = self.template.and_then(|file| Some(file.written(file.entry(&wanted.key)?)));
        found.is_some_and(|written| is_stand_in(secret_kind(&wanted.key, &written), &written))
    }

    /// The template's statement as it is written there, so that what it refers to is referred to here.
    fn copy(&self, wanted: &EnvVariable, filled: &mut Filled) -> Result<(), FillError> {
        let Some((template, entry)) = self.template.and_then(|file| Some((file, file.entry(&wanted.key)?))) else {
            return Ok(());
        };
        append(&mut filled.text, &wanted.key, "", Some(&comment(wanted, Action::Copied)))?;
        filled.text.truncate(filled.text.trim_end_matches('\n').len());
        filled.text.push_str(&template.text[entry.span.clone()]);
        filled.text.push('\n');
        filled.changes.push(Change::new(wanted, Action::Copied));
        Ok(())
    }

    /// `DATABASE_URL=postgresql://app:changeme@db/app` of the template follows the `POSTGRES_PASSWORD=changeme` before it.
    fn follow_in_urls(&self, fresh: bool, filled: &mut Filled) -> Result<(), FillError> {
        let Some(template) = self.template else { return Ok(()) };
        let copied = |key: &str| filled.changes.iter().any(|c| c.key == key && c.action == Action::Copied);
        let urls: Vec<&Entry> =
            template.entries.iter().filter(|entry| is_url_name(&entry.key) && (fresh || copied(&entry.key))).collect();
        for url in urls {
            let password = url.value.as_deref().and_then(|value| url_password(value).into_iter().next());
            let Some(password) = password else { continue };
            let before = template.entries.iter().take_while(|entry| entry.key != url.key);
            let mut same = before.filter(|entry| entry.value.as_deref() == Some(password.expose()));
            let is_secret = |entry: &&Entry| secret_kind(&entry.key, &template.written(entry)) != SecretKind::None;
            let Some(source) = same.find(is_secret) else { continue };
            let Some(entry) = last_entry(&filled.text, &url.key)? else { continue };
            let known = last_entry(&filled.text, &source.key)?.is_some_and(|source| source.line < entry.line);
            let written = &filled.text[entry.span.clone()];
            // Inside single quotes nothing is expanded.
            if !known || written.starts_with('\'') {
                continue;
            }
            let following = format!(":${{{}}}@", source.key);
            let following = written.replacen(&format!(":{}@", password.expose()), &following, 1);
            filled.text.replace_range(entry.span, &following);
        }
        Ok(())
    }
}

impl Change {
    fn new(wanted: &EnvVariable, action: Action) -> Self {
        Self { key: wanted.key.clone(), action, description: wanted.description.clone() }
    }
}

fn comment(wanted: &EnvVariable, action: Action) -> String {
    let by = match action {
        Action::Generated | Action::Replaced => "generated by aictl secrets generate",
        Action::Signed => "signed by aictl secrets generate",
        Action::Copied => "added from the template by aictl secrets generate",
        Action::LeftEmpty => "set a value",
    };
    match &wanted.description {
        Some(description) => format!("{description} ({by})"),
        None => by.to_owned(),
    }
}

/// Whether there is no value. A reference counts as a value, even if its variable is not set here.
fn is_empty(entry: &Entry) -> bool {
    entry.value.as_deref().unwrap_or_default().is_empty() && entry.unset.is_empty()
}

fn last_entry(text: &str, key: &str) -> Result<Option<Entry>, FillError> {
    let entries = entries(text, &std::collections::BTreeMap::new())
        .map_err(|error| FillError::Text { line: error.line, message: error.message })?;
    Ok(entries.into_iter().rev().find(|entry| entry.key == key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> EnvFile {
        let entries = entries(text, &Default::default()).unwrap();
        EnvFile { text: text.to_owned(), entries, ..EnvFile::default() }
    }

    fn generated(key: &str) -> EnvVariable {
        let origin = Origin::Generated(Form::default());
        let kind = SecretKind::Own;
        let key = key.to_owned();
        EnvVariable { key, origin, kind, is_declared: false, on_request: false, min_length: None, description: None }
    }

    fn other(key: &str, origin: Origin) -> EnvVariable {
        EnvVariable { origin, ..generated(key) }
    }

    fn filled(
        existing: Option<&str>,
        template: Option<&str>,
        wanted: &[EnvVariable],
        only: &[&str],
    ) -> (String, Vec<(String, Action)>) {
        let (existing, template) = (existing.map(file), template.map(file));
        let only: Vec<String> = only.iter().map(|key| (*key).to_owned()).collect();
        let fill = Fill {
            existing: existing.as_ref(),
            template: template.as_ref(),
            wanted,
            elsewhere: &BTreeSet::from(["ELSEWHERE".to_owned()]),
            only: &only,
            replace: !only.is_empty(),
        };
        let mut count = 0;
        let filled = fill
            .fill(&mut |_| {
                count += 1;
                Ok(Secret::new(format!("new-{count}")))
            })
            .unwrap();
        (filled.text, filled.changes.into_iter().map(|change| (change.key, change.action)).collect())
    }

    #[test]
    fn a_new_file_is_the_template_with_its_stand_ins_replaced() {
        let template = "# Settings\nPORT=8000 # http\nDB_PASSWORD=changeme\nDATABASE_URL=postgresql://u:changeme@db/x\nAPI_KEY='your-key-here'\n";
        let wanted = [
            generated("DB_PASSWORD"),
            other("PORT", Origin::Copied),
            other("API_KEY", Origin::Optional),
            generated("SESSION_SECRET"),
            other("ELSEWHERE", Origin::Required),
            other("TOKEN", Origin::Required),
        ];
        let (text, changes) = filled(None, Some(template), &wanted, &[]);
        insta::assert_snapshot!(text, @r"
        # Settings
        PORT=8000 # http
        DB_PASSWORD=new-1
        DATABASE_URL=postgresql://u:${DB_PASSWORD}@db/x
        API_KEY=
        # generated by aictl secrets generate
        SESSION_SECRET=new-2
        # set a value
        TOKEN=
        ");
        let expected = [
            ("DB_PASSWORD", Action::Generated),
            ("API_KEY", Action::LeftEmpty),
            ("SESSION_SECRET", Action::Generated),
            ("TOKEN", Action::LeftEmpty),
        ];
        assert_eq!(changes, expected.map(|(key, action)| (key.to_owned(), action)));
        assert_eq!(
            filled(Some(&text), Some(template), &wanted, &[]),
            (text, Vec::new()),
            "a second run changes nothing"
        );
    }

    #[test]
    fn what_is_there_stays_byte_for_byte_and_what_is_missing_is_appended() {
        let existing = "  export A='o l d'\t\r\n\n#B=1\nDB_PASSWORD=changeme # mine\nEMPTY_SECRET=";
        let template = "PORT='80 80'\nDB_PASSWORD=x\n";
        let wanted =
            [generated("DB_PASSWORD"), generated("EMPTY_SECRET"), generated("B"), other("PORT", Origin::Copied)];
        let (text, changes) = filled(Some(existing), Some(template), &wanted, &[]);
        assert_eq!(
            text,
            format!(
                "{existing}new-1\n# generated by aictl secrets generate\nB=new-2\n\
                 # added from the template by aictl secrets generate\nPORT='80 80'\n"
            )
        );
        assert_eq!(changes.len(), 3);
    }

    #[test]
    fn a_named_value_is_replaced_where_it_stands_and_nothing_else() {
        let existing = "A_SECRET=old # note\nB_SECRET=\n";
        let wanted = [generated("A_SECRET"), generated("B_SECRET")];
        let (text, changes) = filled(Some(existing), None, &wanted, &["A_SECRET"]);
        assert_eq!(text, "A_SECRET=new-1 # note\nB_SECRET=\n");
        assert_eq!(changes, [("A_SECRET".to_owned(), Action::Replaced)]);
    }
    #[test]
    fn a_reference_is_not_taken_for_nothing() {
        let existing = "DB_PASSWORD=$OF_THE_PROCESS\n";
        let kept = filled(Some(existing), None, &[generated("DB_PASSWORD")], &[]);
        assert_eq!(kept, (existing.to_owned(), Vec::new()));
    }

    #[test]
    fn a_name_alone_and_an_empty_value_are_filled_in_their_own_line() {
        for (existing, expected) in [
            ("DB_PASSWORD\nNEXT=5\nOTHER=6\n", "DB_PASSWORD=new-1\nNEXT=5\nOTHER=6\n"),
            ("DB_PASSWORD=\r\nNEXT=5\r\n", "DB_PASSWORD=new-1\r\nNEXT=5\r\n"),
            ("DB_PASSWORD\r\nNEXT=5\r\n", "DB_PASSWORD=new-1\r\nNEXT=5\r\n"),
        ] {
            let wanted = [generated("DB_PASSWORD")];
            let (text, _) = filled(Some(existing), None, &wanted, &[]);
            assert_eq!(text, expected);
            assert_eq!(filled(Some(&text), None, &wanted, &[]), (text, Vec::new()), "a second run changes nothing");
        }
    }
}

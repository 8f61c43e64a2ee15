//! Where the values of secrets stand in the configuration of a release, so that they can be exchanged: texts of the stack
//! and contents of files, each with marks in place of the values. Stored with the configuration, never shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compose::model::Stack;
use crate::plan::content::ServiceContent;
use crate::plan::difference::differences;
use crate::secret::{Secret, exposed};

/// A value and its number.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionedSecret {
    /// The first is 1.
    pub version: u32,
    /// The value.
    #[serde(with = "exposed")]
    pub value: Secret,
}

/// The secrets of a configuration.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SecretPlaces {
    /// By the name of their variable.
    pub values: BTreeMap<String, VersionedSecret>,
    /// Whether they were looked for and told.
    known: bool,
    texts: Vec<MarkedText>,
    files: Vec<MarkedFile>,
}

/// A text of the stack.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct MarkedText {
    /// Keys and indexes from the root.
    path: Vec<String>,
    /// The text with marks.
    text: String,
}

/// A file that is copied into the containers of a service.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct MarkedFile {
    service: String,
    index: usize,
    /// The content with marks.
    text: String,
}

/// A place in a service.
pub(super) struct ValuePlace<'s> {
    /// Keys and indexes from the service.
    path: &'s [String],
    /// The index of the file; none in the service itself.
    pub(super) file: Option<usize>,
    /// The text with marks.
    pub(super) text: &'s str,
}

impl ValuePlace<'_> {
    /// Whether it is one of these variables.
    pub(super) fn is_variable(&self, names: &[&str]) -> bool {
        matches!(self.path, [section, name] if section == "environment" && names.contains(&name.as_str()))
    }

    /// Whether it is in the command.
    pub(super) fn is_command(&self) -> bool {
        self.path.first().is_some_and(|section| section == "command" || section == "entrypoint")
    }
}

/// A stack as it was loaded, with the contents of its services.
#[derive(Clone, Copy)]
pub(super) struct StackContents<'a> {
    /// The stack.
    pub(super) stack: &'a Stack,
    /// The contents.
    pub(super) contents: &'a BTreeMap<String, ServiceContent>,
}

/// A stack with the contents of its services.
pub(super) type Filled = (Stack, BTreeMap<String, ServiceContent>);

/// What stands in place of a value while places are looked for.
pub(super) fn mark(name: &str) -> String {
    format!("__aictl_value_of_{name}_here__")
}

impl SecretPlaces {
    /// The places, by comparing what was loaded with the values and with their marks. None where something else differs, or
    /// where filling the marks in would not give the same.
    pub(super) fn between(
        values: BTreeMap<String, Secret>,
        plain: StackContents<'_>,
        marked: StackContents<'_>,
    ) -> Option<Self> {
        let mut texts = Vec::new();
        for difference in differences(&document(plain.stack)?, &document(marked.stack)?) {
            let Some(Value::String(text)) = difference.after else { return None };
            texts.push(MarkedText { path: difference.path, text });
        }
        let mut files = Vec::new();
        for (service, content) in plain.contents {
            let other = marked.contents.get(service)?;
            for (index, (file, other)) in content.files.iter().zip(&other.files).enumerate() {
                if file.content != other.content {
                    let text = String::from_utf8(other.content.clone()).ok()?;
                    files.push(MarkedFile { service: service.clone(), index, text });
                }
            }
        }
        let version = |(name, value)| (name, VersionedSecret { version: 1, value });
        let values = values.into_iter().map(version).collect();
        let mut places = Self { values, known: true, texts, files };
        let (stack, contents) = places.fill(plain.stack, plain.contents)?;
        let same = document(&stack)? == document(plain.stack)?
            && contents
                .iter()
                .all(|(name, content)| plain.contents.get(name).is_some_and(|c| c.files == content.files));
        let used: Vec<bool> = places.values.keys().map(|name| places.is_used(name)).collect();
        let mut used = used.into_iter();
        places.values.retain(|_, _| used.next().unwrap_or(false));
        same.then_some(places)
    }

    /// Those of a stack that has none.
    pub(super) fn none() -> Self {
        Self { known: true, ..Self::default() }
    }

    /// Whether it is known where all secrets stand.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    fn is_used(&self, name: &str) -> bool {
        let texts = self.texts.iter().map(|place| &place.text).chain(self.files.iter().map(|place| &place.text));
        texts.into_iter().any(|text| text.contains(&mark(name)))
    }

    /// The stack and its contents with the values of this. None where it does not fit them.
    pub(super) fn fill(&self, stack: &Stack, contents: &BTreeMap<String, ServiceContent>) -> Option<Filled> {
        let mut whole = document(stack)?;
        for place in &self.texts {
            *place.path.iter().try_fold(&mut whole, |at, part| below(at, part))? =
                Value::String(self.filled(&place.text));
        }
        let environment = stack.environment.clone();
        let stack = Stack { environment, ..serde_json::from_value(whole).ok()? };
        let mut contents = contents.clone();
        for place in &self.files {
            let content = contents.remove(&place.service)?;
            let bytes = self.filled(&place.text).into_bytes();
            contents.insert(place.service.clone(), content.with_file(place.index, bytes)?);
        }
        Some((stack, contents))
    }

    /// Services whose configuration or files hold the value of a secret.
    pub(super) fn services(&self, name: &str) -> Vec<&str> {
        let mark = mark(name);
        let of_stack = self.texts.iter().filter(|place| place.text.contains(&mark));
        let of_stack = of_stack.filter(|place| place.path.first().is_some_and(|part| part == "services"));
        let of_files = self.files.iter().filter(|place| place.text.contains(&mark));
        let mut services: Vec<&str> = of_stack.filter_map(|place| place.path.get(1)).map(String::as_str).collect();
        services.extend(of_files.map(|place| place.service.as_str()));
        services.sort_unstable();
        services.dedup();
        services
    }

    /// The texts with the mark of a secret.
    pub(super) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let mark = mark(name);
        let texts = self.texts.iter().map(|place| &place.text).chain(self.files.iter().map(|place| &place.text));
        texts.filter(move |text| text.contains(&mark)).map(String::as_str)
    }

    /// Where a service has the value of a secret.
    pub(super) fn places<'s>(&'s self, service: &str, name: &str) -> impl Iterator<Item = ValuePlace<'s>> {
        let mark = mark(name);
        let is_of =
            |place: &&MarkedText| matches!(&place.path[..], [root, of, ..] if root == "services" && of == service);
        let texts = self.texts.iter().filter(is_of).map(|place| ValuePlace {
            path: &place.path[2..],
            file: None,
            text: &place.text,
        });
        let files = self.files.iter().filter(|place| place.service == service);
        let files = files.map(|place| ValuePlace { path: &[], file: Some(place.index), text: &place.text });
        let found: Vec<ValuePlace<'s>> = texts.chain(files).filter(|place| place.text.contains(&mark)).collect();
        found.into_iter()
    }

    /// Services whose files hold the value of a secret.
    pub(super) fn services_with_files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|place| place.service.as_str())
    }

    fn filled(&self, text: &str) -> String {
        let fill = |text: String, (name, secret): (&String, &VersionedSecret)| {
            text.replace(&mark(name), secret.value.expose())
        };
        self.values.iter().fold(text.to_owned(), fill)
    }
}

fn document(stack: &Stack) -> Option<Value> {
    serde_json::to_value(Stack { environment: Default::default(), ..stack.clone() }).ok()
}

fn below<'v>(value: &'v mut Value, part: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(part),
        Value::Array(items) => items.get_mut(part.strip_prefix('[')?.strip_suffix(']')?.parse::<usize>().ok()?),
        _ => None,
    }
}

//! A JSON object under construction that leaves out what is empty, as the Docker CLI's own requests do.
//! Reads single values; returns the object.
//! Never knows what a key means.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// An object of a request.
#[derive(Debug, Default)]
pub(super) struct Body(Map<String, Value>);

impl Body {
    pub(super) fn value(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.value(key, text);
        }
    }

    pub(super) fn number(&mut self, key: &str, number: i64) {
        if number != 0 {
            self.value(key, number);
        }
    }

    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        if flag {
            self.value(key, true);
        }
    }

    pub(super) fn list(&mut self, key: &str, list: &[String]) {
        if !list.is_empty() {
            self.value(key, list);
        }
    }

    pub(super) fn values(&mut self, key: &str, list: Vec<Value>) {
        if !list.is_empty() {
            self.value(key, list);
        }
    }

    pub(super) fn map(&mut self, key: &str, map: &BTreeMap<String, String>) {
        if !map.is_empty() {
            self.value(key, json!(map));
        }
    }

    pub(super) fn finish(self) -> Value {
        Value::Object(self.0)
    }
}

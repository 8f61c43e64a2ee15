//! Values with a unit or a form of their own: byte sizes, durations, file modes, commands, host lists.
//! Reads their Go text forms, writes them as Compose does.
//! Never rounds.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::define::Field;
use crate::compose::go::{duration, float};
use crate::compose::value::Value;

/// A number of bytes; written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct ByteSize(pub i64);

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl Field for ByteSize {
    fn json_empty(&self) -> bool {
        self.0 == 0
    }

    fn to_yaml(&self) -> Value {
        Value::Str(self.0.to_string())
    }
}

/// A duration in nanoseconds; written as Go does: `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct GoDuration(pub i64);

impl GoDuration {
    /// The same duration for the standard library; a negative one is zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl std::fmt::Display for GoDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&duration::format(self.0))
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Field for GoDuration {
    fn json_empty(&self) -> bool {
        self.0 == 0
    }

    fn to_yaml(&self) -> Value {
        Value::Str(self.to_string())
    }
}

/// A single-precision number, written as Go writes its `float32`.
#[derive(Debug, Clone, Copy, PartialEq, Default, PartialOrd)]
pub struct Float32(pub f32);

impl Float32 {
    /// The same number in double precision, through its shortest text: 0.1 stays 0.1.
    fn widened(self) -> f64 {
        float::shortest(self.0).parse().unwrap_or_default()
    }
}

impl Serialize for Float32 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.widened())
    }
}

impl<'de> Deserialize<'de> for Float32 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f32::deserialize(deserializer).map(Self)
    }
}

impl Field for Float32 {
    fn json_empty(&self) -> bool {
        self.0 == 0.0
    }

    fn to_yaml(&self) -> Value {
        Value::Float(self.widened())
    }
}

/// A boolean whose default is true and is then not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OptOut(pub bool);

impl Default for OptOut {
    fn default() -> Self {
        Self(true)
    }
}

impl Field for OptOut {
    fn json_empty(&self) -> bool {
        self.0
    }

    fn to_yaml(&self) -> Value {
        Value::Bool(self.0)
    }
}

/// A number of devices; -1 is all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceCount(pub i64);

impl Field for DeviceCount {
    fn json_empty(&self) -> bool {
        self.0 == 0
    }

    fn to_yaml(&self) -> Value {
        Value::Int(self.0)
    }
}

/// The mode of a file; written in octal with a leading zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FileMode(pub i64);

impl std::fmt::Display for FileMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 < 0 { write!(f, "0-{:o}", self.0.unsigned_abs()) } else { write!(f, "0{:o}", self.0) }
    }
}

impl Serialize for FileMode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        i64::from_str_radix(&text, 8).map(Self).map_err(D::Error::custom)
    }
}

impl Field for FileMode {
    fn json_empty(&self) -> bool {
        false
    }

    fn to_yaml(&self) -> Value {
        Value::Str(self.to_string())
    }
}

/// A command: unset (`null`), or a list that an empty one clears.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShellCommand(pub Option<Vec<String>>);

impl ShellCommand {
    /// The words, when the command is set.
    pub fn as_slice(&self) -> Option<&[String]> {
        self.0.as_deref()
    }
}

impl Field for ShellCommand {
    fn json_empty(&self) -> bool {
        self.0.is_none()
    }

    fn to_yaml(&self) -> Value {
        self.0.to_yaml()
    }
}

/// The test of a health check; one text became `CMD-SHELL` and it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HealthTest(pub Vec<String>);

impl Deref for HealthTest {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Field for HealthTest {
    fn json_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn to_yaml(&self) -> Value {
        self.0.to_yaml()
    }
}

/// Additional hosts: name to addresses; written as a sorted list of `name=address`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostList(pub BTreeMap<String, Vec<String>>);

impl HostList {
    /// The entries as `name` + separator + `address`, sorted. The engine wants `:`, files have `=`.
    pub fn entries(&self, separator: &str) -> Vec<String> {
        let pairs = self.0.iter().flat_map(|(name, ips)| ips.iter().map(move |ip| (name, ip)));
        let mut list: Vec<_> = pairs.map(|(name, ip)| format!("{name}{separator}{ip}")).collect();
        list.sort();
        list
    }
}

impl Serialize for HostList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries("="))
    }
}

impl<'de> Deserialize<'de> for HostList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut list = BTreeMap::<String, Vec<String>>::new();
        for entry in Vec::<String>::deserialize(deserializer)? {
            let (name, ip) = entry.split_once('=').ok_or_else(|| D::Error::custom("expected name=address"))?;
            list.entry(name.to_owned()).or_default().push(ip.to_owned());
        }
        Ok(Self(list))
    }
}

impl Field for HostList {
    fn json_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn to_yaml(&self) -> Value {
        self.entries("=").to_yaml()
    }
}

/// An SSH agent or key of a build; written `id` or `id: path`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshKey {
    /// Its id; `default` is the agent.
    pub id: String,
    /// Path of the key or socket.
    pub path: String,
}

impl SshKey {
    fn written(&self) -> String {
        if self.path.is_empty() { self.id.clone() } else { format!("{}: {}", self.id, self.path) }
    }
}

impl Serialize for SshKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

impl<'de> Deserialize<'de> for SshKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (id, path) = text.split_once(": ").unwrap_or((&text, ""));
        Ok(Self { id: id.to_owned(), path: path.to_owned() })
    }
}

impl Field for SshKey {
    fn json_empty(&self) -> bool {
        false
    }

    fn to_yaml(&self) -> Value {
        Value::Str(self.written())
    }
}

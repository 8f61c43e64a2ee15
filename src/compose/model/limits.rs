//! Small parts of a container: logging, devices, limits, env files, dependencies.
//! Reads nothing; plain data, with the forms Compose writes where they differ from the fields.
//! Never checks that a device or a file exists.

use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};

use super::define::{Field, append_extensions, model};
use super::{ByteSize, Extensions, Mapping, OptOut};
use crate::compose::decode::{Context, Decode};
use crate::compose::value::{Map, Node, Value};

model! {
    /// Logging of a container.
    pub struct Logging {
        /// Driver.
        driver: String,
        /// Options of the driver.
        options: Mapping,
    } ext
}

model! {
    /// Block I/O limits.
    pub struct BlkioConfig {
        /// Relative weight.
        weight: u16,
        /// Weight per device.
        weight_device: Vec<WeightDevice>,
        /// Read bytes per second.
        device_read_bps: Vec<ThrottleDevice>,
        /// Read operations per second.
        device_read_iops: Vec<ThrottleDevice>,
        /// Written bytes per second.
        device_write_bps: Vec<ThrottleDevice>,
        /// Write operations per second.
        device_write_iops: Vec<ThrottleDevice>,
    } ext
}

/// Declares a device and its value; JSON has the keys with capitals because compose-go gives them no tag.
macro_rules! device_value {
    ($(#[$meta:meta])* $name:ident, $field:ident: $ty:ty, $json:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
        #[serde(default)]
        pub struct $name {
            /// Path of the device.
            #[serde(rename = "Path")]
            pub path: String,
            /// The value.
            #[serde(rename = $json)]
            pub $field: $ty,
            /// The `x-` keys.
            #[serde(skip)]
            pub extensions: Extensions,
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("Path", &self.path)?;
                map.serialize_entry($json, &self.$field)?;
                map.end()
            }
        }

        impl Decode for $name {
            fn decode(node: &Node, context: &mut Context) -> Self {
                let mut value = Self::default();
                for (key, child) in context.entries(node) {
                    match key.as_str() {
                        "path" => value.path = context.within(key, |context| Decode::decode(child, context)),
                        stringify!($field) => value.$field = context.within(key, |context| Decode::decode(child, context)),
                        key if key.starts_with("x-") => {
                            value.extensions.insert(key.to_owned(), child.clone());
                        }
                        _ => {}
                    }
                }
                value
            }
        }

        impl Field for $name {
            fn json_empty(&self) -> bool {
                false
            }

            fn to_yaml(&self) -> Value {
                let mut map = Map::new();
                map.insert("path".to_owned(), Node::from(self.path.to_yaml()));
                map.insert(stringify!($field).to_owned(), Node::from(self.$field.to_yaml()));
                append_extensions(&mut map, &self.extensions);
                Value::Map(map)
            }
        }
    };
}
device_value!(
    /// The weight of a device.
    WeightDevice, weight: u16, "Weight"
);
device_value!(
    /// The rate of a device.
    ThrottleDevice, rate: ByteSize, "Rate"
);

model! {
    /// A device mapped into the container.
    pub struct DeviceMapping {
        /// Path on the host.
        source: String,
        /// Path in the container.
        target: String,
        /// `r`, `w`, `m`.
        permissions: String,
    } ext
}

model! {
    /// Windows credential spec.
    pub struct CredentialSpec {
        /// A config.
        config: String,
        /// A file.
        file: String,
        /// A registry key.
        registry: String,
    } ext
}

model! {
    /// A file the environment is completed from.
    pub struct EnvFile {
        /// Its path.
        path: String,
        /// Whether it must exist.
        required: OptOut,
        /// `raw`: values are taken as they are.
        format: String,
    }
}

model! {
    /// A service another one waits for.
    pub struct Dependency {
        /// What it waits for.
        condition: Condition,
        /// Restarted when the dependency is.
        restart: bool,
        /// Whether its absence is an error.
        @keep required: bool,
    } ext
}

/// What a dependent waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The container was started.
    #[default]
    ServiceStarted,
    /// The container is healthy.
    ServiceHealthy,
    /// The container ended with exit code 0.
    ServiceCompletedSuccessfully,
}

impl Condition {
    /// The word a compose file uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceStarted => "service_started",
            Self::ServiceHealthy => "service_healthy",
            Self::ServiceCompletedSuccessfully => "service_completed_successfully",
        }
    }
}

impl Field for Condition {
    fn json_empty(&self) -> bool {
        false
    }

    fn to_yaml(&self) -> Value {
        self.as_str().into()
    }
}

/// A resource limit: one value for both bounds, or a soft and a hard one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ulimit {
    /// One value for both; 0 when the bounds are given.
    pub single: i64,
    /// Soft limit.
    pub soft: i64,
    /// Hard limit.
    pub hard: i64,
}

impl Ulimit {
    /// The soft and the hard limit.
    pub const fn bounds(&self) -> (i64, i64) {
        if self.single != 0 { (self.single, self.single) } else { (self.soft, self.hard) }
    }
}

impl Serialize for Ulimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.single != 0 {
            return serializer.serialize_i64(self.single);
        }
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in [("soft", self.soft), ("hard", self.hard)] {
            if value != 0 {
                map.serialize_entry(key, &value)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Ulimit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Single(i64),
            Bounds {
                #[serde(default)]
                soft: i64,
                #[serde(default)]
                hard: i64,
            },
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Single(single) => Self { single, ..Self::default() },
            Written::Bounds { soft, hard } => Self { single: 0, soft, hard },
        })
    }
}

impl Field for Ulimit {
    fn json_empty(&self) -> bool {
        false
    }

    fn to_yaml(&self) -> Value {
        if self.single != 0 {
            return Value::Int(self.single);
        }
        let bounds = [("soft", self.soft), ("hard", self.hard)];
        Value::Map(bounds.into_iter().map(|(key, value)| (key.to_owned(), Node::from(value))).collect())
    }
}

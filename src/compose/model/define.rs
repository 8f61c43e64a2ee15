//! How a field of the model is written, left out and read: one trait and the macro that declares structs with it.
//! Reads nodes of the canonical tree, returns typed values; writes JSON and YAML trees in the declared field order.
//! Never knows which compose key means what.

use std::collections::BTreeMap;

use crate::compose::order::natural;
use crate::compose::value::{Map, Node, Value};

/// A type that can stand in a field of the model.
pub trait Field: Sized {
    /// Whether the JSON writer leaves the field out.
    fn json_empty(&self) -> bool;

    /// Whether the YAML writer leaves the field out; differs from JSON for structs.
    fn yaml_empty(&self) -> bool {
        self.json_empty()
    }

    /// The value as the YAML writer prints it.
    fn to_yaml(&self) -> Value;
}

impl Field for String {
    fn json_empty(&self) -> bool {
        self.is_empty()
    }

    fn to_yaml(&self) -> Value {
        Value::Str(self.clone())
    }
}

impl Field for bool {
    fn json_empty(&self) -> bool {
        !*self
    }

    fn to_yaml(&self) -> Value {
        Value::Bool(*self)
    }
}

macro_rules! integer_fields {
    ($($int:ty),*) => { $(
        impl Field for $int {
            fn json_empty(&self) -> bool {
                *self == 0
            }

            fn to_yaml(&self) -> Value {
                i64::try_from(*self).map_or_else(|_| Value::Str(self.to_string()), Value::Int)
            }
        }
    )* };
}
integer_fields!(i64, u16, u32, u64);

impl<T: Field> Field for Option<T> {
    fn json_empty(&self) -> bool {
        self.is_none()
    }

    fn to_yaml(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_yaml)
    }
}

impl<T: Field> Field for Box<T> {
    fn json_empty(&self) -> bool {
        (**self).json_empty()
    }

    fn yaml_empty(&self) -> bool {
        (**self).yaml_empty()
    }

    fn to_yaml(&self) -> Value {
        (**self).to_yaml()
    }
}

impl<T: Field> Field for Vec<T> {
    fn json_empty(&self) -> bool {
        self.is_empty()
    }

    fn to_yaml(&self) -> Value {
        Value::List(self.iter().map(|item| Node::from(item.to_yaml())).collect())
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn json_empty(&self) -> bool {
        self.is_empty()
    }

    fn to_yaml(&self) -> Value {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by(|a, b| natural(a.0, b.0));
        Value::Map(entries.into_iter().map(|(key, item)| (key.clone(), Node::from(item.to_yaml()))).collect())
    }
}

impl Field for Node {
    fn json_empty(&self) -> bool {
        self.is_null()
    }

    fn to_yaml(&self) -> Value {
        sorted(&self.value)
    }
}

/// A copy with every mapping in the order the YAML writer uses.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| natural(a.0, b.0));
            Value::Map(entries.into_iter().map(|(key, node)| (key.clone(), Node::from(sorted(&node.value)))).collect())
        }
        Value::List(list) => Value::List(list.iter().map(|node| Node::from(sorted(&node.value))).collect()),
        other => other.clone(),
    }
}

/// Adds the `x-` keys of a struct at its end, in the writer's order.
pub(crate) fn append_extensions(map: &mut Map, extensions: &super::Extensions) {
    if let Value::Map(sorted) = extensions.to_yaml() {
        map.extend(sorted);
    }
}

/// The key of a field: its Rust name, without the mark of a raw identifier.
pub(crate) fn key_of(name: &'static str) -> &'static str {
    name.strip_prefix("r#").unwrap_or(name)
}

/// Declares structs of the model: fields in the order they are written, each left out when empty unless marked `@keep`
/// (always written) or `@json` (always written in JSON only). `ext` gives the struct its `x-` keys.
macro_rules! model {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $(@$flag:ident)? $field:ident : $ty:ty),* $(,)? } ext) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: $ty,)*
            /// The `x-` keys.
            #[serde(skip)]
            pub extensions: $crate::compose::model::Extensions,
        }
        impl $crate::compose::decode::Decode for $name {
            fn decode(node: &$crate::compose::value::Node, context: &mut $crate::compose::decode::Context) -> Self {
                let mut value = Self::default();
                for (key, child) in context.entries(node) {
                    $(if key == $crate::compose::model::define::key_of(stringify!($field)) {
                        value.$field = context.within(key, |context| $crate::compose::decode::Decode::decode(child, context));
                        continue;
                    })*
                    if key.starts_with("x-") {
                        value.extensions.insert(key.clone(), child.clone());
                    }
                }
                value
            }
        }
        model!(@json $name { $($(@$flag)? $field,)* });
        impl $crate::compose::model::define::Field for $name {
            fn json_empty(&self) -> bool {
                false
            }

            fn yaml_empty(&self) -> bool {
                self.extensions.is_empty() $(&& $crate::compose::model::define::Field::yaml_empty(&self.$field))*
            }

            fn to_yaml(&self) -> $crate::compose::value::Value {
                let mut map = $crate::compose::value::Map::new();
                $(model!(@yaml [$($flag)?] map, self.$field, stringify!($field));)*
                $crate::compose::model::define::append_extensions(&mut map, &self.extensions);
                $crate::compose::value::Value::Map(map)
            }
        }
    };
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$fmeta:meta])* $(@$flag:ident)? $field:ident : $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$fmeta])* pub $field: $ty,)*
        }
        impl $crate::compose::decode::Decode for $name {
            fn decode(node: &$crate::compose::value::Node, context: &mut $crate::compose::decode::Context) -> Self {
                let mut value = Self::default();
                for (key, child) in context.entries(node) {
                    $(if key == $crate::compose::model::define::key_of(stringify!($field)) {
                        value.$field = context.within(key, |context| $crate::compose::decode::Decode::decode(child, context));
                        continue;
                    })*
                }
                value
            }
        }
        model!(@json $name { $($(@$flag)? $field,)* });
        impl $crate::compose::model::define::Field for $name {
            fn json_empty(&self) -> bool {
                false
            }

            fn yaml_empty(&self) -> bool {
                true $(&& $crate::compose::model::define::Field::yaml_empty(&self.$field))*
            }

            fn to_yaml(&self) -> $crate::compose::value::Value {
                let mut map = $crate::compose::value::Map::new();
                $(model!(@yaml [$($flag)?] map, self.$field, stringify!($field));)*
                $crate::compose::value::Value::Map(map)
            }
        }
    };
    (@json $name:ident { $($(@$flag:ident)? $field:ident,)* }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $(model!(@entry [$($flag)?] map, self.$field, stringify!($field));)*
                map.end()
            }
        }
    };
    (@entry [] $map:ident, $value:expr, $name:expr) => {
        if !$crate::compose::model::define::Field::json_empty(&$value) {
            $map.serialize_entry($crate::compose::model::define::key_of($name), &$value)?;
        }
    };
    (@entry [$flag:ident] $map:ident, $value:expr, $name:expr) => {
        $map.serialize_entry($crate::compose::model::define::key_of($name), &$value)?;
    };
    (@yaml [keep] $map:ident, $value:expr, $name:expr) => {
        $map.insert(
            $crate::compose::model::define::key_of($name).to_owned(),
            $crate::compose::value::Node::from($crate::compose::model::define::Field::to_yaml(&$value)),
        );
    };
    (@yaml [$(json)?] $map:ident, $value:expr, $name:expr) => {
        if !$crate::compose::model::define::Field::yaml_empty(&$value) {
            $map.insert(
                $crate::compose::model::define::key_of($name).to_owned(),
                $crate::compose::value::Node::from($crate::compose::model::define::Field::to_yaml(&$value)),
            );
        }
    };
}
pub(crate) use model;

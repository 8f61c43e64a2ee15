//! Whether the stack is well, and how it is carried elsewhere.
//! One verb, one file or folder.
//! Shared machinery is in `session`.

pub mod backup;
pub mod bundle;
pub mod health;
pub mod notify;
pub mod smoke_test;

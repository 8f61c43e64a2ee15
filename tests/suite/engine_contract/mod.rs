//! The contract of `target`, a file for each capability: what every engine must do, run over the real engine and the one
//! in memory.
//! Each test says one promise; both engines run the same function.
//! Never leaves a container, network or volume behind.

mod capabilities;
mod copy;
mod dial;
mod exec;
mod images;
mod journal;
pub mod lab;
mod leases;
mod logs;
mod observe;
mod perform;
mod processes;
mod project_state;

/// Declares the same tests for every engine.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&crate::engine_contract::lab::Lab::memory(stringify!($name))).await;
                }
            )*
        }

        mod on_docker {
            $(
                #[tokio::test]
                async fn $name() {
                    let Some(lab) = crate::engine_contract::lab::Lab::docker(stringify!($name)).await else { return };
                    super::$name(&lab).await;
                    lab.clean().await;
                }
            )*
        }
    };
}
pub(crate) use contract;

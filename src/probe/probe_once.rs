//! One look of a check, by whichever way it looks.
//! Reads a planned check and the context; returns what was seen or why it is not as it should be.
//! Never looks twice: `run` does.

use super::seen::Seen;
use super::{Planned, ProbeContext, ProbeError, backup, exec, http, log, prometheus, state, tls};

/// Looks once. The caller bounds the time.
pub(super) async fn look(context: &ProbeContext<'_>, plan: &Planned) -> Result<Seen, ProbeError> {
    let check = &plan.check;
    if let Some(http) = &check.http {
        return http::look(context, plan, http).await;
    }
    if let Some(tcp) = &check.tcp {
        return http::connects(context, tcp).await;
    }
    if let Some(tls) = &check.tls {
        return tls::look(context, tls).await;
    }
    if let Some(exec) = &check.exec {
        return exec::command(context, plan, exec).await;
    }
    if let Some(sql) = &check.sql {
        return exec::sql(context, plan, sql).await;
    }
    if let Some(redis) = &check.redis {
        return exec::redis(context, plan, redis).await;
    }
    if let Some(asked) = &check.prometheus {
        return prometheus::look(context, plan, asked).await;
    }
    if let Some(state) = &check.state {
        return state::look(context, state, plan.may_complete).await;
    }
    if let Some(log) = &check.log {
        return log::look(context, log).await;
    }
    match &check.backup {
        Some(backup) => backup::look(context, backup).await,
        None => {
            Err(ProbeError::Wrong { what: "the check defines no probe".into(), details: Vec::new(), for_good: true })
        }
    }
}

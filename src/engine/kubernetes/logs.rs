//! The log of a pod's main container as lines with their times.

use futures_util::io::AsyncBufReadExt as _;
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;

use super::KubernetesCluster;
use super::error_mapping::map;
use super::pods::main_container;
use crate::event::{Channel, LogLine};
use crate::plan::ObservedInstance;
use crate::target::{LogArgs, LogStream, TargetError};

impl KubernetesCluster {
    pub(super) async fn read_log(&self, instance: &ObservedInstance, args: &LogArgs) -> Result<LogStream, TargetError> {
        let doing = format!("reading the log of {}", instance.name);
        let pods = self.here::<Pod>();
        let pod = pods.get(&instance.name).await.map_err(|error| map(&self.address, &doing, error))?;
        let since_time = args.since.as_deref().map(|since| time_of(since, &doing)).transpose()?;
        let until = args.until.as_deref().map(|until| time_of(until, &doing)).transpose()?;
        let params = LogParams {
            container: main_container(&pod),
            follow: args.follow,
            since_time,
            tail_lines: args.tail.map(|lines| i64::try_from(lines).unwrap_or(i64::MAX)),
            timestamps: true,
            ..Default::default()
        };
        let stream = pods.log_stream(&instance.name, &params).await;
        let stream = stream.map_err(|error| map(&self.address, &doing, error))?;
        let (source, service) = (instance.name.clone(), instance.service.clone());
        let lines = stream
            .lines()
            .map_err(move |error| TargetError::Broken { operation: doing.clone(), message: error.to_string() });
        let lines = lines.map_ok(move |line| log_line(&line, source.clone(), service.clone()));
        let before = move |line: &Result<LogLine, TargetError>| {
            let time = line.as_ref().ok().and_then(|line| line.time.as_ref()?.parse::<Timestamp>().ok());
            let early = until.zip(time).is_none_or(|(until, time)| time <= until);
            std::future::ready(early)
        };
        Ok(lines.take_while(before).boxed())
    }
}

/// Unix seconds with a fraction.
fn time_of(text: &str, doing: &str) -> Result<Timestamp, TargetError> {
    let broken = |message: String| TargetError::Broken { operation: doing.to_owned(), message };
    let seconds: f64 = text.parse().map_err(|error| broken(format!("time `{text}`: {error}")))?;
    #[expect(clippy::cast_possible_truncation, reason = "microseconds since 1970 fit for 290,000 years")]
    Timestamp::from_microsecond((seconds * 1e6) as i64).map_err(|error| broken(error.to_string()))
}

/// A pod has one log for both channels.
fn log_line(line: &str, source: String, service: String) -> LogLine {
    let (time, message) = match line.split_once(' ') {
        Some((time, message)) if time.parse::<Timestamp>().is_ok() => (Some(time.to_owned()), message),
        _ => (None, line),
    };
    LogLine { source, service, channel: Channel::Stdout, time, message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_cut_off_where_there_is_one() {
        let line = log_line("2026-01-02T03:04:05.678901234Z GET / 200", "p".into(), "s".into());
        assert_eq!(
            (line.time.as_deref(), line.message.as_str()),
            (Some("2026-01-02T03:04:05.678901234Z"), "GET / 200")
        );
        let line = log_line("no time", "p".into(), "s".into());
        assert_eq!((line.time, line.message.as_str()), (None, "no time"));
    }
}

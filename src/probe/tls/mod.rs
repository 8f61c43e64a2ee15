//! Certificates: how long they are valid, for which names, and whether their chain ends in a known authority.
//! Reads the certificates of a handshake; a self-signed one is reported and accepted unless that is forbidden.
//! Never reads a clock: the time is the context's.

mod verifier;

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::seen::Seen;
use super::{ProbeContext, ProbeError, listeners, public};
use crate::project::{TlsCheck, host_and_port, is_public};
use crate::target::BoxDuplex;

/// How many days a certificate must still be valid unless the check says otherwise: a renewal has been failing then.
const DAYS: u32 = 14;
const DAY: i64 = 24 * 60 * 60;

/// A handshake that takes only what the authorities of this machine vouch for.
pub(super) async fn trusting_handshake(stream: BoxDuplex, host: &str) -> std::io::Result<TlsStream<BoxDuplex>> {
    shaken(stream, host, trusting()).await
}

fn trusting() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots()).with_no_client_auth())
}

fn roots() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}

/// A handshake that takes any certificate: inside a stack they are self-signed, and `tls` checks judge them.
pub(super) async fn handshake(stream: BoxDuplex, host: &str) -> std::io::Result<TlsStream<BoxDuplex>> {
    shaken(stream, host, verifier::unverified()).await
}

async fn shaken(
    stream: BoxDuplex,
    host: &str,
    config: Result<ClientConfig, rustls::Error>,
) -> std::io::Result<TlsStream<BoxDuplex>> {
    let config = config.map_err(std::io::Error::other)?;
    let name =
        verifier::server_name(host).ok_or_else(|| std::io::Error::other(format!("invalid server name `{host}`")))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

pub(super) async fn look(context: &ProbeContext<'_>, check: &TlsCheck) -> Result<Seen, ProbeError> {
    let Some((host, port)) = host_and_port(&check.address) else {
        return Err(ProbeError::wrong(format!("`{}` is not `SERVICE:PORT`", check.address)));
    };
    if is_public(host) && context.containers(host).await?.is_empty() {
        return judged(public::connect(host, port).await?, host, (check, context.now)).await;
    }
    let mut seen = Seen::default();
    for container in context.running(host).await? {
        let stream = listeners::dial(context, &container, port).await?;
        seen = judged(stream, host, (check, context.now)).await?;
    }
    Ok(seen)
}

async fn judged(stream: BoxDuplex, host: &str, (check, now): (&TlsCheck, i64)) -> Result<Seen, ProbeError> {
    let broken = |reason: String| ProbeError::Broken { what: format!("TLS with {}", check.address), reason };
    let name = check.server_name.as_deref().unwrap_or(host);
    let stream = handshake(stream, name).await.map_err(|error| broken(error.to_string()))?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    judge(chain, check, now).map(|words| Seen::new(words, None)).map_err(ProbeError::wrong)
}

/// What a chain is worth at a time: words, or the fault.
fn judge(chain: &[CertificateDer<'_>], check: &TlsCheck, now: i64) -> Result<String, String> {
    let [first, ..] = chain else { return Err(format!("{} showed no certificate", check.address)) };
    let unreadable = |_| format!("cannot parse the certificate of {}", check.address);
    let (_, certificate) = X509Certificate::from_der(first).map_err(unreadable)?;
    let validity = certificate.validity();
    let left = (validity.not_after.timestamp() - now).div_euclid(DAY);
    let needed = i64::from(check.days.unwrap_or(DAYS));
    if validity.not_before.timestamp() > now {
        return Err(format!("the certificate of {} is not valid yet", check.address));
    }
    if validity.not_after.timestamp() <= now {
        return Err(format!("the certificate of {} expired {} ago", check.address, days(-left)));
    }
    if left < needed {
        return Err(format!(
            "the certificate of {} expires in {}, at least {} required",
            check.address,
            days(left),
            days(needed)
        ));
    }
    if let Some(name) = &check.server_name
        && !names(&certificate).iter().any(|pattern| covers(pattern, name))
    {
        let all = names(&certificate).join(", ");
        return Err(format!("the certificate of {} is for {all}, not for {name}", check.address));
    }
    let authority = match verifier::verify(chain, check.server_name.as_deref(), roots(), time(now)) {
        Ok(()) => "chain known here".to_owned(),
        Err(fault) if check.verify => return Err(format!("the chain of {} is not trusted: {fault}", check.address)),
        Err(_) if certificate.issuer() == certificate.subject() => "self-signed".to_owned(),
        Err(_) => format!("issued by {}, not trusted here", certificate.issuer()),
    };
    Ok(format!("valid for {}, {authority}", days(left)))
}

fn time(now: i64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(now).unwrap_or_default()))
}

fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// The names a certificate is for.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match *bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            bytes => <[u8; 16]>::try_from(bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
        },
        _ => None,
    };
    alternative.into_iter().flat_map(|extension| &extension.value.general_names).filter_map(name).collect()
}

/// Whether a name of a certificate covers a host: `*.example.com` covers one label.
fn covers(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    /// Noon of the first day of 2026.
    const NOW: i64 = 1_767_268_800;

    fn certificate(names: &[&str], (from, to): (i64, i64)) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.not_before = OffsetDateTime::from_unix_timestamp(NOW + from * DAY).unwrap();
        parameters.not_after = OffsetDateTime::from_unix_timestamp(NOW + to * DAY).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().clone()
    }

    fn said(shown: CertificateDer<'static>, check: &str) -> String {
        let check: TlsCheck = serde_yaml_ng::from_str(check).unwrap();
        judge(&[shown], &check, NOW).unwrap_or_else(|fault| fault)
    }

    #[test]
    fn the_days_left_decide() {
        for (from, to, check, expected) in [
            (-1, 90, "{ address: 'nginx:443' }", "valid for 90 days, self-signed"),
            (-1, 14, "{ address: 'nginx:443' }", "valid for 14 days, self-signed"),
            (
                -1,
                13,
                "{ address: 'nginx:443' }",
                "the certificate of nginx:443 expires in 13 days, at least 14 days required",
            ),
            (-1, 13, "{ address: 'nginx:443', days: 1 }", "valid for 13 days, self-signed"),
            (-9, -2, "{ address: 'nginx:443' }", "the certificate of nginx:443 expired 2 days ago"),
            (2, 90, "{ address: 'nginx:443' }", "the certificate of nginx:443 is not valid yet"),
        ] {
            assert_eq!(said(certificate(&["example.com"], (from, to)), check), expected);
        }
    }

    #[test]
    fn the_name_must_be_the_one_that_is_asked_for() {
        let shown = || certificate(&["example.com", "*.example.org", "192.0.2.1"], (-1, 90));
        for (name, fits) in [
            ("example.com", true),
            ("EXAMPLE.com", true),
            ("api.example.org", true),
            ("a.api.example.org", false),
            ("example.org", false),
            ("192.0.2.1", true),
        ] {
            let said = said(shown(), &format!("{{ address: 'nginx:443', server_name: '{name}' }}"));
            assert_eq!(said.starts_with("valid"), fits, "{name}: {said}");
        }
    }

    #[test]
    fn a_chain_nobody_knows_is_refused_only_on_demand() {
        let said = said(certificate(&["example.com"], (-1, 90)), "{ address: 'nginx:443', verify: true }");
        assert!(said.starts_with("the chain of nginx:443 is not trusted: "), "{said}");
        assert_eq!(judge(&[], &TlsCheck::default(), NOW).unwrap_err(), " showed no certificate");
    }
}

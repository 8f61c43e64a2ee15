//! Checksums; certificates and keys, which the world makes.

use std::rc::Rc;

use sha2::{Digest as _, Sha256, Sha512};

use crate::error::Failure;
use crate::format;
use crate::funcs::encoding::bytes_of;
use crate::funcs::numbers::to_int;
use crate::funcs::strings::strings_of;
use crate::signature::{Answer, Call, Function, Param, fixed, unsupported};
use crate::value::{Map, Object, Value};
use crate::world::{Certificate, CertificateRequest};

const S: Param = Param::Str;
const ANY: Param = Param::Any;

pub const TABLE: &[Function] = &[
    fixed("sha256sum", &[S], |_, v| Ok(Value::str(hex(&Sha256::digest(bytes_of(&v[0])))))),
    fixed("sha512sum", &[S], |_, v| Ok(Value::str(hex(&Sha512::digest(bytes_of(&v[0])))))),
    fixed("sha1sum", &[S], |_, v| Ok(Value::str(hex(&sha1(&bytes_of(&v[0])))))),
    fixed("adler32sum", &[S], |_, v| Ok(Value::str(adler32(&bytes_of(&v[0])).to_string()))),
    fixed("genPrivateKey", &[S], |call, v| Ok(Value::str(call.world.private_key(&format::print(&v[0]))?))),
    fixed("genCA", &[S, Param::Int], |call, v| {
        made(call, CertificateRequest { authority: true, ..wanted(&v[0], &v[1]) })
    }),
    fixed("genCAWithKey", &[S, Param::Int, S], |call, v| {
        made(call, CertificateRequest { authority: true, key: Some(format::print(&v[2])), ..wanted(&v[0], &v[1]) })
    }),
    fixed("genSelfSignedCert", &[S, ANY, ANY, Param::Int], |call, v| made(call, named(v))),
    fixed("genSelfSignedCertWithKey", &[S, ANY, ANY, Param::Int, S], |call, v| {
        made(call, CertificateRequest { key: Some(format::print(&v[4])), ..named(v) })
    }),
    fixed("genSignedCert", &[S, ANY, ANY, Param::Int, Param::Certificate], |call, v| {
        made(call, CertificateRequest { signer: Some(pair(&v[4])?), ..named(v) })
    }),
    fixed("genSignedCertWithKey", &[S, ANY, ANY, Param::Int, Param::Certificate, S], |call, v| {
        made(call, CertificateRequest { signer: Some(pair(&v[4])?), key: Some(format::print(&v[5])), ..named(v) })
    }),
    fixed("buildCustomCert", &[S, S], custom),
    fixed("bcrypt", &[S], |_, _| unsupported("bcrypt")),
    fixed("htpasswd", &[S, S], |_, _| unsupported("htpasswd")),
    fixed("derivePassword", &[ANY, S, S, S, S], |_, _| unsupported("derivePassword")),
    fixed("encryptAES", &[S, S], |_, _| unsupported("encryptAES")),
    fixed("decryptAES", &[S, S], |_, _| unsupported("decryptAES")),
];

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wanted(name: &Value, days: &Value) -> CertificateRequest {
    CertificateRequest {
        common_name: format::print(name),
        ips: Vec::new(),
        names: Vec::new(),
        days: to_int(days),
        signer: None,
        key: None,
        authority: false,
    }
}

fn named(values: &[Value]) -> CertificateRequest {
    CertificateRequest { ips: strings_of(&values[1]), names: strings_of(&values[2]), ..wanted(&values[0], &values[3]) }
}

fn made(call: &Call, wanted: CertificateRequest) -> Answer {
    let made = call.world.certificate(&wanted)?;
    Ok(Value::Object(Rc::new(made)))
}

fn pair(value: &Value) -> Result<Certificate, Failure> {
    let Value::Object(object) = value else { return Err("a certificate is needed".into()) };
    let part = |name: &str| object.field(name).map(|value| format::print(&value)).unwrap_or_default();
    Ok(Certificate { certificate: part("Cert"), key: part("Key") })
}

fn custom(_: &Call, values: &[Value]) -> Answer {
    use base64::Engine as _;
    let decoded = |value: &Value| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(format::print(value)).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok())
    };
    let certificate = decoded(&values[0]).ok_or("unable to decode base64 certificate")?;
    let key = decoded(&values[1]).ok_or("unable to decode base64 private key")?;
    Ok(Value::Object(Rc::new(Certificate { certificate, key })))
}

impl Object for Certificate {
    fn type_name(&self) -> &str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::str(self.certificate.as_str())),
            "Key" => Some(Value::str(self.key.as_str())),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.certificate, self.key)
    }

    fn plain(&self) -> Value {
        let map = Map::new();
        map.set("Cert", Value::str(self.certificate.as_str()));
        map.set("Key", Value::str(self.key.as_str()));
        Value::Map(map)
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65521;
        (a, (b + a) % 65521)
    });
    b << 16 | a
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64) + if padded.len() % 64 > 56 { 64 } else { 0 }, 0);
    let end = padded.len() - 8;
    padded[end..].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        sha1_block(&mut state, block);
    }
    let mut out = [0; 20];
    for (place, word) in out.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    out
}

fn sha1_block(state: &mut [u32; 5], block: &[u8]) {
    let mut words = [0_u32; 80];
    for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    for at in 16..80 {
        words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
    }
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for (at, word) in words.iter().enumerate() {
        let (f, k) = match at / 20 {
            0 => (b & c | !b & d, 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let next = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
    }
    for (held, new) in state.iter_mut().zip([a, b, c, d, e]) {
        *held = held.wrapping_add(new);
    }
}

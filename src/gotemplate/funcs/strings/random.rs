//! Random strings, from the bytes that the world gives.

use crate::error::Failure;
use crate::format;
use crate::funcs::numbers::to_int;
use crate::signature::{Answer, Call};
use crate::value::Value;

pub const DIGITS: &str = "0123456789";
pub const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Characters of an alphabet, each as likely.
pub fn text(call: &Call, count: &Value, alphabet: &str) -> Answer {
    let alphabet = alphabet.as_bytes();
    let count = usize::try_from(to_int(count)).unwrap_or(0);
    call.budget.bytes(count as u64)?;
    let most = 256 - 256 % alphabet.len();
    let mut out = String::with_capacity(count);
    while out.len() < count {
        let mut bytes = [0; 64];
        call.world.random(&mut bytes)?;
        let fit = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < most);
        out.extend(fit.take(count - out.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    Ok(Value::str(out))
}

/// `randAscii`.
pub fn ascii(call: &Call, values: &[Value]) -> Answer {
    let printable: String = (b' '..=b'~').map(char::from).collect();
    text(call, &values[0], &printable)
}

/// `randBytes`: base64 of random bytes.
pub fn bytes(call: &Call, values: &[Value]) -> Answer {
    use base64::Engine as _;
    let count = usize::try_from(to_int(&values[0])).unwrap_or(0);
    call.budget.bytes(count as u64)?;
    let mut bytes = vec![0; count];
    call.world.random(&mut bytes)?;
    Ok(Value::str(base64::engine::general_purpose::STANDARD.encode(bytes)))
}

/// `shuffle`.
pub fn shuffle(call: &Call, values: &[Value]) -> Answer {
    let mut characters: Vec<char> = format::print(&values[0]).chars().collect();
    for at in (1..characters.len()).rev() {
        let mut bytes = [0; 8];
        call.world.random(&mut bytes)?;
        let other = u64::from_le_bytes(bytes) % (at as u64 + 1);
        characters.swap(at, usize::try_from(other).unwrap_or(0));
    }
    Ok(Value::str(characters.into_iter().collect::<String>()))
}

/// `uuidv4`.
pub fn uuid(call: &Call) -> Result<Value, Failure> {
    let mut bytes = [0; 16];
    call.world.random(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Value::str(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])))
}

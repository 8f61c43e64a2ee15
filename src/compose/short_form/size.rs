//! Sizes: `512m`, `1.5gb`, `64k`, a number.
//! Reads a text, returns bytes; units are powers of 1024.
//! Never accepts a negative size with a unit.

/// Bytes of a size; the error says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    if let Ok(bytes) = text.parse::<i64>() {
        return Ok(bytes);
    }
    let invalid = || format!("invalid size: '{text}'");
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').ok_or_else(invalid)?;
    let (number, suffix) =
        if text.as_bytes()[last] == b' ' { (&text[..last], &text[last + 1..]) } else { text.split_at(last + 1) };
    let size: f64 = number.parse().map_err(|_| invalid())?;
    if size < 0.0 {
        return Err(invalid());
    }
    let factor = factor(&suffix.to_lowercase())
        .ok_or_else(|| format!("invalid size '{text}': unknown unit '{suffix}', use b, k, m, g, t or p"))?;
    #[expect(clippy::cast_possible_truncation, reason = "Go truncates towards zero here")]
    Ok((size * factor) as i64)
}

fn factor(suffix: &str) -> Option<f64> {
    if matches!(suffix, "" | "b") {
        return Some(1.0);
    }
    let mut rest = suffix.chars();
    let power = "kmgtp".find(rest.next()?)?;
    matches!(rest.as_str(), "" | "b" | "ib").then(|| 1024_f64.powi(i32::try_from(power).unwrap_or(0) + 1))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_bytes_with_binary_units() {
        let cases = [
            ("1", 1),
            ("1k", 1024),
            ("1KiB", 1024),
            ("1.5g", 1_610_612_736),
            ("10 mb", 10_485_760),
            ("-1", -1),
            ("5b", 5),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "1x", "1kbx", "-1k"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

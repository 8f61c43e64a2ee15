//! Numbers as Go prints them.
//! Reads a float, returns the text of `strconv.FormatFloat(v, 'g', -1, bits)` or of `fmt.Sprint`.
//! Never loses the shortest form that reads back the same.

/// From this power of ten on, Go's shortest form has an exponent.
const EXPONENT_FROM: i32 = 6;

/// The shortest decimal text of a single-precision number.
pub(crate) fn shortest(value: f32) -> String {
    format!("{value}")
}

/// `%v` of a float64: the shortest form, with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn sprint(value: f64) -> String {
    format_g(value)
}

/// The YAML writer's form: like `%v`.
pub(crate) fn yaml(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    format_g(value)
}

/// The JSON writer's form: no exponent between 1e-6 and 1e21.
pub(crate) fn json(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    if text.contains("e-") { text } else { text.replace('e', "e+") }
}

fn format_g(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    if !(-4..EXPONENT_FROM).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", power.abs());
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::sprint;

    #[test]
    fn floats_print_as_go_prints_them() {
        let cases = [
            (1.0, "1"),
            (0.5, "0.5"),
            (123_456.0, "123456"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (12_345_678.5, "1.23456785e+07"),
            (1e20, "1e+20"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
        ];
        for (value, text) in cases {
            assert_eq!(sprint(value), text);
        }
    }
}

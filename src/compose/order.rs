//! The order in which Compose's YAML writer prints the keys of a mapping: letters by code point, digits as numbers.
//! Reads two keys, returns their order; the rule is the one of the go-yaml encoder.
//! Never used for JSON, which sorts by bytes.

use std::cmp::Ordering;

/// Compares two keys the way the YAML writer does: `a2` before `a10`, and symbols before letters.
pub fn natural(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() && !a.bytes().chain(b.bytes()).any(|c| c.is_ascii_digit()) {
        return plain(a, b);
    }
    let left: Vec<char> = a.chars().collect();
    let right: Vec<char> = b.chars().collect();
    let Some(at) = left.iter().zip(&right).position(|(x, y)| x != y) else {
        return left.len().cmp(&right.len());
    };
    let after_digit = at > 0 && left[at - 1].is_numeric();
    differing(&left, &right, at, after_digit)
}

/// The same comparison for keys without digits, where one differing character decides.
fn plain(a: &str, b: &str) -> Ordering {
    let Some((x, y)) = a.bytes().zip(b.bytes()).find(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    match (x.is_ascii_alphabetic(), y.is_ascii_alphabetic()) {
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => x.cmp(&y),
    }
}

fn differing(left: &[char], right: &[char], at: usize, after_digit: bool) -> Ordering {
    let (x, y) = (left[at], right[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        // After a digit a letter ends the number and so comes first; elsewhere symbols come before letters.
        (true, false) => return if after_digit { Ordering::Less } else { Ordering::Greater },
        (false, true) => return if after_digit { Ordering::Greater } else { Ordering::Less },
        (false, false) => {}
    }
    let seed = u64::from((x == '0' || y == '0') && led_by_nonzero_digit(left, at));
    let (a_number, a_end) = number(left, at, seed);
    let (b_number, b_end) = number(right, at, seed);
    a_number.cmp(&b_number).then(a_end.cmp(&b_end)).then(x.cmp(&y))
}

fn led_by_nonzero_digit(text: &[char], at: usize) -> bool {
    text[..at].iter().rev().take_while(|c| c.is_numeric()).any(|c| *c != '0')
}

fn number(text: &[char], at: usize, seed: u64) -> (u64, usize) {
    let mut value = seed;
    let mut end = at;
    while let Some(digit) = text.get(end).and_then(|c| c.to_digit(10)) {
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        end += 1;
    }
    (value, end)
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn keys_sort_with_numbers_by_value_and_symbols_before_letters() {
        let mut keys = vec!["b10", "b2", "b", "a_b", "ab", "a1b", "a01", "B", "x-y", "xy", "1", "10", "9"];
        keys.sort_by(|a, b| natural(a, b));
        assert_eq!(keys, ["1", "9", "10", "B", "a_b", "a1b", "a01", "ab", "b", "b2", "b10", "x-y", "xy"]);
    }
}

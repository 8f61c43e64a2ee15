//! Upper and lower case, and the cases of identifiers as xstrings makes them.

/// Go's strings.Title.
pub fn title(text: &str) -> String {
    let mut previous = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let separated = !(previous.is_alphanumeric() || previous == '_' || previous == '\'' || is_mark(previous));
        if separated {
            out.extend(c.to_uppercase())
        } else {
            out.push(c)
        }
        previous = c;
    }
    out
}

/// Go takes ASCII punctuation as a separator, other characters only when they are spaces.
fn is_mark(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace()
}

/// The first letter in lower case.
pub fn untitle(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// Upper to lower and lower to upper; a lower letter at the beginning of a word becomes a title letter.
pub fn swapped(text: &str) -> String {
    let swap = |c: char| -> Vec<char> {
        if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
    };
    text.chars().flat_map(swap).collect()
}

/// The first letters of all words.
pub fn initials(text: &str) -> String {
    text.split_whitespace().filter_map(|word| word.chars().next()).collect()
}

/// xstrings.ToPascalCase.
pub fn pascal(text: &str) -> String {
    let is_connector = |c: char| c == '-' || c == '_' || c.is_whitespace();
    let mut out = String::with_capacity(text.len());
    let start = text.trim_start_matches(is_connector);
    out.push_str(&text[..text.len() - start.len()]);
    let mut upper = true;
    let mut pending = String::new();
    for c in start.chars() {
        if is_connector(c) {
            upper = true;
            pending.push(c);
            continue;
        }
        pending.clear();
        if upper {
            out.extend(c.to_uppercase())
        } else {
            out.push(c)
        }
        upper = false;
    }
    out.push_str(&pending);
    out
}

/// What a character is to a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Connector,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '-' | '_' => Class::Connector,
        c if c.is_whitespace() => Class::Connector,
        c if c.is_uppercase() => Class::Upper,
        c if c.is_lowercase() || c.is_alphabetic() => Class::Lower,
        c if c.is_numeric() => Class::Digit,
        _ => Class::Other,
    }
}

/// xstrings.ToSnakeCase and ToKebabCase: words in lower case, joined.
pub fn joined(text: &str, connector: char) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    for (at, c) in characters.iter().enumerate() {
        let now = class(*c);
        if now == Class::Connector {
            out.push(connector);
            continue;
        }
        let before = at.checked_sub(1).map(|at| class(characters[at]));
        let after = characters.get(at + 1).map(|c| class(*c));
        let begins = match (before, now) {
            (None | Some(Class::Connector | Class::Other), _) | (_, Class::Other) => false,
            (Some(Class::Lower), Class::Upper) => true,
            (Some(Class::Digit), Class::Upper) => true,
            // The last capital of an acronym begins the next word.
            (Some(Class::Upper), Class::Upper) => after == Some(Class::Lower),
            (Some(Class::Lower | Class::Upper), Class::Digit) => false,
            (Some(Class::Digit), Class::Lower) => false,
            _ => false,
        };
        if begins {
            out.push(connector);
        }
        out.extend(c.to_lowercase());
    }
    out
}

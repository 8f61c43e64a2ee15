//! The short form of a mount: `[SOURCE:]TARGET[:OPTIONS]`.
//! Reads a text, returns its parts and which kind of mount it is.
//! Never looks at the file system.

/// The parts of a short mount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeSpec {
    pub source: String,
    pub target: String,
    pub read_only: bool,
    pub nocopy: bool,
    pub propagation: String,
    pub selinux: String,
    /// The source is a path.
    pub bind: bool,
    /// The text had one or two characters: Compose gives such a mount no options section.
    pub bare: bool,
    /// A bind option was given.
    pub bind_options: bool,
}

/// Reads a short mount; the error says what is wrong.
pub fn parse(text: &str) -> Result<VolumeSpec, String> {
    let mut spec = VolumeSpec::default();
    match text.len() {
        0 => return Err("invalid empty volume spec".to_owned()),
        1 | 2 => {
            text.clone_into(&mut spec.target);
            spec.bare = true;
            return Ok(spec);
        }
        _ => {}
    }
    let sections = sections(text);
    let count = sections.len();
    for (number, section) in sections.into_iter().enumerate() {
        let last = number + 1 == count;
        spec.take(section, last).map_err(|reason| format!("invalid spec: {text}: {reason}"))?;
    }
    spec.bind = is_path(&spec.source);
    Ok(spec)
}

/// The text cut at colons, except after a drive letter and inside `${…}`.
fn sections(text: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let mut start = 0;
    let mut open = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '$' if matches!(characters.peek(), Some((_, '{'))) => open += 1,
            '}' if open > 0 => open -= 1,
            ':' if open == 0 && !is_drive(&text[start..at]) => {
                sections.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    sections.push(&text[start..]);
    sections
}

fn is_drive(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(char::is_alphabetic) && characters.next().is_none()
}

impl VolumeSpec {
    fn take(&mut self, section: &str, last: bool) -> Result<(), &'static str> {
        if section.is_empty() {
            return Err("empty section between colons");
        }
        if self.source.is_empty() && !last {
            section.clone_into(&mut self.source);
        } else if self.target.is_empty() {
            section.clone_into(&mut self.target);
        } else if last {
            section.split(',').for_each(|option| self.option(option));
        } else {
            return Err("too many colons");
        }
        Ok(())
    }

    fn option(&mut self, option: &str) {
        match option {
            "ro" => self.read_only = true,
            "rw" => self.read_only = false,
            "nocopy" => self.nocopy = true,
            "rprivate" | "private" | "rshared" | "shared" | "rslave" | "slave" => {
                option.clone_into(&mut self.propagation);
                self.bind_options = true;
            }
            "z" | "Z" => {
                option.clone_into(&mut self.selinux);
                self.bind_options = true;
            }
            _ => {}
        }
    }
}

fn is_path(source: &str) -> bool {
    if source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") {
        return true;
    }
    source.split_once(':').is_some_and(|(drive, _)| is_drive(drive))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_parts_of_a_mount_are_told_apart() {
        let cases = [
            ("/data", "", "/data", false, false),
            ("./x:/y", "./x", "/y", true, false),
            ("db:/var/lib:ro", "db", "/var/lib", false, true),
            ("~/x:/y", "~/x", "/y", true, false),
            ("c:\\x:/y", "c:\\x", "/y", true, false),
            ("${A:-x}:/y", "${A:-x}", "/y", false, false),
        ];
        for (text, source, target, bind, read_only) in cases {
            let spec = parse(text).unwrap();
            assert_eq!((spec.source.as_str(), spec.target.as_str()), (source, target), "{text}");
            assert_eq!((spec.bind, spec.read_only), (bind, read_only), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(parse("").is_err());
        assert!(parse("db::b").unwrap_err().contains("empty section"));
        assert!(parse("db:/b:ro:z").unwrap_err().contains("too many colons"));
    }
}

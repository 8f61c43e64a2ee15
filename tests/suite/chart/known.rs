//! Where Helm 3 and 4 differ from each other, aictl following 4, and what aictl refuses by name.

/// Major version of Helm, chart, arguments, and what differs.
const KNOWN: &[(u8, &str, &str, &str)] = &[
    (3, "00-functions-4", "", "functions that Helm 3 does not have"),
    (3, "00-block-end", "", "blank lines at the end of a document are cut"),
    (3, "00-webhook-order", "", "webhook configurations are not in the order of kinds"),
    (3, "05-null-defaults", "", "nulls of the chart's own values.yaml stay"),
    (3, "05-null-defaults", "--set m.b=1", "nulls of the chart's own values.yaml stay"),
    (3, "14-yaml", "", "nulls of the chart's own values.yaml stay"),
    (3, "48-zones", "", "aictl refuses time zones other than UTC"),
    (4, "48-zones", "", "aictl refuses time zones other than UTC"),
    (3, "53-capabilities", "--kube-version v1.33.4-gke.1245000", "the suffix of the version is dropped"),
];

/// A difference: major version, chart, arguments, what was seen.
pub type Found = (u8, String, String, String);

pub fn is_known(major: u8, name: &str, line: &str) -> bool {
    KNOWN.iter().any(|(known, chart, args, _)| (*known, *chart, *args) == (major, name, line))
}

/// Entries that no run needed.
pub fn stale(found: &[Found]) -> Vec<&'static str> {
    let seen = |entry: &&(u8, &str, &str, &str)| {
        found.iter().any(|(major, name, line, _)| (*major, name.as_str(), line.as_str()) == (entry.0, entry.1, entry.2))
    };
    KNOWN.iter().filter(|entry| !seen(entry)).map(|entry| entry.1).collect()
}

//! Which Helm is followed, and where the other one renders differently.

/// The version that is followed.
pub const FOLLOWED: &str = "v4.3.1";

/// What differs between Helm v3.22.0 and the version that is followed.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    pub what: &'static str,
    pub v3: &'static str,
    pub v4: &'static str,
}

/// Every known difference.
pub const DIFFERENCES: &[Difference] = &[
    Difference { what: "null in the chart's own values.yaml", v3: "kept as null", v4: "the key is removed" },
    Difference { what: "several documents in a values file", v3: "only the first is read", v4: "merged" },
    Difference { what: "--set-json with an object", v3: "an error", v4: "merged" },
    Difference {
        what: ".Chart",
        v3: "a struct: an unknown field is an error",
        v4: "a map: an unknown field is nothing",
    },
    Difference { what: "typeOf .Values", v3: "chartutil.Values", v4: "common.Values" },
    Difference {
        what: "default Kubernetes version",
        v3: "v1.20.0 without version flags at build time",
        v4: "that of client-go",
    },
    Difference {
        what: "webhook configurations among the kinds",
        v3: "last, as kinds that Helm does not know",
        v4: "before kinds that Helm does not know",
    },
    Difference {
        what: "blank lines at the end of a document, which count in a block scalar with `|+`",
        v3: "cut",
        v4: "kept",
    },
    Difference { what: ".Capabilities.HelmVersion", v3: "no KubeClientVersion", v4: "with KubeClientVersion" },
];

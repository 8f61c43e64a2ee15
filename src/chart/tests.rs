//! Charts in memory, and archives that no chart should be.

use aictl_gotemplate::{Certificate, CertificateRequest, Lookup, Map, Value as Templated, World, to_json};
use time::OffsetDateTime;

use super::*;

struct Still;

impl World for Still {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), String> {
        bytes.fill(7);
        Ok(())
    }

    fn lookup(&self, wanted: &Lookup) -> Result<Option<Templated>, String> {
        match wanted.name.as_str() {
            "forbidden" => Err("secrets is forbidden".into()),
            "there" => Ok(Some(Templated::Map(Map::of([("kind".into(), Templated::str("Secret"))].into())))),
            _ => Ok(None),
        }
    }

    fn certificate(&self, _: &CertificateRequest) -> Result<Certificate, String> {
        Err("none".into())
    }

    fn private_key(&self, _: &str) -> Result<String, String> {
        Err("none".into())
    }
}

fn chart(files: &[(&str, &str)]) -> Vec<ChartFile> {
    let own = ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n");
    let given = files.iter().any(|(name, _)| *name == own.0);
    let all = (!given).then_some(own).into_iter().chain(files.iter().copied());
    all.map(|(name, text)| ChartFile::new(name, text.as_bytes())).collect()
}

fn rendered(files: &[(&str, &str)], given: &UserValues) -> Result<Manifests, ChartError> {
    let chart = load(&chart(files))?;
    let values = user_values(given, &|path| Err(format!("{path}: not found")))?;
    let release = Release { name: "r".into(), namespace: "n".into(), revision: 1, is_upgrade: false };
    let capabilities = Capabilities::default();
    let request = Request {
        chart: &chart,
        values: &values,
        release: &release,
        capabilities: &capabilities,
        skip_schema_validation: false,
    };
    render(&request, &Still)
}

fn said(files: &[(&str, &str)]) -> String {
    rendered(files, &UserValues::default()).unwrap_err().to_string()
}

#[test]
fn errors_name_the_file_and_the_line() {
    for (files, expected) in [
        ([("templates/a.yaml", "a: 1\nb: {{ .x.y }}")], "c/templates/a.yaml:2:8: executing"),
        ([("templates/a.yaml", "a: 1\n{{ nope }}")], "c/templates/a.yaml:2: function \"nope\" not defined"),
        ([("templates/a.yaml", "a: 1\nb: [")], "c/templates/a.yaml: the rendered text is not valid YAML"),
        ([("templates/a.yaml", "\n{{ fail \"say so\" }}")], "c/templates/a.yaml:2:3: say so"),
        ([("values.yaml", "a: 1\n---\nb: 1\nc: [")], "values.yaml:4: "),
        ([("charts/s/Chart.yaml", "name: s")], "charts/s/Chart.yaml: `version` is missing"),
        ([("Chart.yaml", "name: c\nversion: x")], "Chart.yaml: invalid version `x`"),
    ] {
        let said = said(&files);
        assert!(said.starts_with(expected), "{files:?}\n{said}");
    }
}

#[test]
fn live_objects_come_from_the_world_and_their_errors_end_the_rendering() {
    let look = |name: &str| format!("a: {{{{ (lookup \"v1\" \"Secret\" \"n\" \"{name}\") | toJson }}}}");
    let (there, none, forbidden) = (look("there"), look("none"), look("forbidden"));
    let text = |template: &str| {
        rendered(&[("templates/a.yaml", template)], &UserValues::default()).map(|found| found.resources[0].text.clone())
    };
    assert_eq!(text(&there).unwrap(), "a: {\"kind\":\"Secret\"}");
    assert_eq!(text(&none).unwrap(), "a: {}");
    assert!(text(&forbidden).unwrap_err().to_string().contains("secrets is forbidden"));
}

#[test]
fn hooks_have_events_weights_and_policies() {
    let hook = "kind: Job\nmetadata:\n  name: h\n  namespace: x\n  annotations:\n    helm.sh/hook: pre-install, Post-Upgrade\n    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: hook-succeeded,hook-failed\n";
    let found = rendered(&[("templates/a.yaml", hook)], &UserValues::default()).unwrap();
    let manifest = &found.hooks[0];
    assert_eq!((manifest.kind.as_str(), manifest.namespace.as_deref()), ("Job", Some("x")));
    let wanted = Hook {
        events: vec!["pre-install".into(), "post-upgrade".into()],
        weight: -5,
        delete_policies: vec!["hook-succeeded".into(), "hook-failed".into()],
        log_policies: Vec::new(),
    };
    assert_eq!(manifest.hook.as_ref(), Some(&wanted));
    assert!(found.resources.is_empty());
}

#[test]
fn values_are_read_as_strvals_reads_them() {
    let read = |given: UserValues| {
        user_values(&given, &|path| Ok(format!("content of {path}").into_bytes()))
            .map(|values| to_json(&Templated::Map(values)))
            .map_err(|error| error.to_string())
    };
    let set = |text: &str| read(UserValues { set: vec![text.into()], ..Default::default() });
    for (text, expected) in [
        ("a=1,b=x,c=true,d=null,e=", r#"{"a":1,"b":"x","c":true,"d":null,"e":""}"#),
        (r"a=x\,y,b\.c=1", r#"{"a":"x,y","b.c":1}"#),
        ("a={1,x},b[2]=z,c[0].d=1", r#"{"a":[1,"x"],"b":[null,null,"z"],"c":[{"d":1}]}"#),
        ("a=0,b=010,c=-1,d=1.5", r#"{"a":0,"b":"010","c":-1,"d":"1.5"}"#),
    ] {
        assert_eq!(set(text).as_deref(), Ok(expected), "{text}");
    }
    let file = UserValues { set_file: vec!["a=x.txt".into()], ..Default::default() };
    assert_eq!(read(file).unwrap(), r#"{"a":"content of x.txt"}"#);
    let literal = UserValues { set_literal: vec![r"a=b,c\{d}".into()], ..Default::default() };
    assert_eq!(read(literal).unwrap(), r#"{"a":"b,c\\{d}"}"#);
    // The value may be a secret.
    let error = set("password={hunter2").unwrap_err();
    assert!(error.contains("--set password") && !error.contains("hunter2"), "{error}");
    assert!(set("a[70000]=1").is_err() && set("a[-1]=1").is_err() && set("a=1,a.b=2").is_err());
}

#[test]
fn archives_that_leave_the_chart_are_refused() {
    let packed = |path: &str, kind: tar::EntryType| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(if kind.is_file() { 1 } else { 0 });
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        builder.append(&header, &b"x"[..usize::from(kind.is_file())]).unwrap();
        builder.into_inner().unwrap().finish().unwrap()
    };
    let file = tar::EntryType::Regular;
    let names = |bytes: &[u8]| unpacked("c.tgz", bytes).map(|files| files[0].name.clone());
    assert_eq!(names(&packed("c/templates/./a.yaml", file)).unwrap(), "templates/a.yaml");
    for path in ["c/../../etc/passwd", "c//etc/passwd", "Chart.yaml", "c/c:/x", "file"] {
        assert!(names(&packed(path, file)).is_err(), "{path}");
    }
    assert!(names(&packed("c/link", tar::EntryType::Symlink)).is_err());
    assert!(unpacked("c.tgz", b"not an archive").is_err());
}

#[test]
fn a_chart_that_never_ends_is_ended() {
    for template in ["{{ range until 999999999 }}x{{ end }}", "{{ repeat 999999999999 \"abc\" }}"] {
        assert!(said(&[("templates/a.yaml", template)]).contains("the templates"), "{template}");
    }
}

#[test]
fn what_helm_leaves_out_is_left_out() {
    let rules = IgnoreRules::parse(b"# x\n*.bak\n/rooted\nfolder/\nsub/x\n").unwrap();
    for (path, is_folder, expected) in [
        ("a.bak", false, true),
        ("sub/a.bak", false, true),
        ("rooted", false, true),
        ("sub/rooted", false, false),
        ("folder", true, true),
        ("folder", false, false),
        ("sub/x", false, true),
        ("templates/.hidden", false, true),
        ("templates/a.yaml", false, false),
    ] {
        assert_eq!(rules.ignores(path, is_folder), expected, "{path}");
    }
    assert!(IgnoreRules::parse(b"a\nb/**/c").unwrap_err().to_string().starts_with(".helmignore:2: "));
}

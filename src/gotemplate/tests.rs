//! Behaviour that charts rely on, each line a template and what Go prints.

use time::OffsetDateTime;

use crate::*;

pub struct Fixed;

impl World for Fixed {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), String> {
        bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = u8::try_from(at * 7 % 256).unwrap());
        Ok(())
    }

    fn lookup(&self, _: &Lookup) -> Result<Option<Value>, String> {
        Ok(None)
    }

    fn certificate(&self, _: &CertificateRequest) -> Result<Certificate, String> {
        Ok(Certificate { certificate: "cert".into(), key: "key".into() })
    }

    fn private_key(&self, _: &str) -> Result<String, String> {
        Ok("key".into())
    }
}

fn run(text: &str, values: &str) -> Result<String, String> {
    let mut templates = Templates::default();
    templates.add("t", text).map_err(|error| error.to_string())?;
    let budget = Budget::new(Limits { steps: 1_000_000, bytes: 4 << 20, depth: 50 });
    let data = from_yaml(values).unwrap();
    Executor::new(&templates, &Fixed, &budget).execute("t", &data).map_err(|error| error.to_string())
}

#[track_caller]
fn gives(values: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(run(text, values).as_deref(), Ok(*expected), "{text}");
    }
}

#[track_caller]
fn fails(values: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let error = run(text, values).unwrap_err();
        assert!(error.contains(expected), "{text}\n{error}");
    }
}

#[test]
fn numbers_of_values_are_floats() {
    gives(
        "{'n': 1000000, m: 3, f: 1.5, big: 123456}",
        &[
            ("{{ .n }} {{ .m }} {{ .f }} {{ .big }}", "1e+06 3 1.5 123456"),
            ("{{ toYaml .n }} {{ .n | quote }} {{ .n | int }}", "1000000 \"1e+06\" 1000000"),
            ("{{ printf \"%d\" .m }} {{ printf \"%.2f|%5d|%-4s|\" .f 7 \"a\" }}", "%!d(float64=3) 1.50|    7|a   |"),
            ("{{ add .m 1 }} {{ div 7 2 }} {{ mod 7 4 }} {{ mul 2 3 4 }}", "4 3 3 24"),
            ("{{ add1f 0.1 }} {{ addf 0.1 0.2 }} {{ round 3.14159 2 }} {{ floor 2.9 }}", "1.1 0.3 3.14 2"),
            ("{{ \"08\" | int }} {{ true | int }} {{ \"1e3\" | int }} {{ \"7\" | atoi }}", "0 1 0 7"),
        ],
    );
    fails(
        "{'n': 1}",
        &[
            ("{{ eq .n 1 }}", "incompatible types for comparison"),
            ("{{ upper .n }}", "wrong type for value; expected string; got float64"),
            ("{{ upper .x }}", "wrong type for value; expected string; got interface {}"),
            ("{{ .x | upper }}", "invalid value; expected string"),
            ("{{ upper nil }}", "cannot assign nil to string"),
            ("{{ div 1 0 }}", "divide by zero"),
        ],
    );
}

#[test]
fn nil_is_nothing_once_and_an_error_twice() {
    gives(
        "{a: {b: null}}",
        &[
            (
                "[{{ .x }}][{{ .a.b }}][{{ (.x).y }}][{{ ((.x).y).z }}]",
                "[<no value>][<no value>][<no value>][<no value>]",
            ),
            ("{{ with .x }}a{{ else with .a }}b{{ else }}c{{ end }}", "b"),
            ("{{ $v := .x }}{{ $v.y.z }}", "<no value>"),
        ],
    );
    fails(
        "{a: {b: null}}",
        &[
            ("{{ .x.y }}", "t:1:5: executing \"t\" at <.x.y>: nil pointer evaluating interface {}.y"),
            ("{{ nil }}", "nil is not a command"),
            ("{{ .a.b.c }}", "nil pointer evaluating interface {}.c"),
        ],
    );
}

#[test]
fn maps_are_shared() {
    gives(
        "{a: {x: 1}, b: {x: 0, 'y': {z: false}}}",
        &[
            (
                "{{ $_ := set .a \"k\" \"v\" }}{{ .a.k }}{{ $m := .a }}{{ $_ := unset $m \"x\" }}{{ .a | toJson }}",
                "v{\"k\":\"v\"}",
            ),
            (
                "{{ $_ := merge .b (dict \"x\" 5 \"y\" (dict \"z\" true)) }}{{ .b | toJson }}",
                "{\"x\":5,\"y\":{\"z\":true}}",
            ),
            ("{{ $_ := mergeOverwrite .a (dict \"x\" 0 \"n\" 2) }}{{ .a | toJson }}", "{\"n\":2,\"x\":0}"),
            ("{{ $c := deepCopy .a }}{{ $_ := set $c \"x\" 9 }}{{ .a.x }}", "1"),
            ("{{ dict \"a\" 1 \"b\" | toJson }}{{ get (dict) \"x\" }}", "{\"a\":1,\"b\":\"\"}"),
        ],
    );
}

#[test]
fn loops_and_variables() {
    gives(
        "{m: {b: 2, a: 1}, l: [x, 'y', z]}",
        &[
            ("{{ range $k, $v := .m }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
            ("{{ range .l }}{{ if eq . \"y\" }}{{ continue }}{{ end }}{{ . }}{{ end }}", "xz"),
            ("{{ range $i, $e := .l }}{{ if eq $i 1 }}{{ break }}{{ end }}{{ $e }}{{ else }}none{{ end }}", "x"),
            ("{{ range 3 }}{{ . }}{{ end }}{{ range .none }}{{ else }}none{{ end }}", "012none"),
            (
                "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ if true }}{{ $x := 3 }}{{ $x }}{{ end }}{{ $x }}",
                "32",
            ),
            ("{{ $p := \"\" }}{{ range .l }}{{ $p = printf \"%s%s\" $p . }}{{ end }}{{ $p }}", "xyz"),
        ],
    );
}

#[test]
fn trimming_and_comments() {
    gives(
        "{}",
        &[
            ("a \n {{- /* x */ -}} \n b", "ab"),
            ("a {{- 1 -}} b {{ -1 }}", "a1b -1"),
            ("{{/* a */}}x{{ \"{{\" }}{{ `a\nb` }}{{ 'a' }}{{ 0x10 }}{{ 1_000 }}", "x{{a\nb97161000"),
        ],
    );
    fails(
        "{}",
        &[
            ("{{ foo }}", "t:1: function \"foo\" not defined"),
            ("{{ $x }}", "undefined variable"),
            ("{{ if }}{{ end }}", "missing value for if"),
            ("{{ if true }}", "unexpected EOF"),
            ("{{ end }}", "unexpected {{end}}"),
        ],
    );
}

#[test]
fn templates_include_each_other() {
    gives(
        "{a: 1}",
        &[
            ("{{ define \"x\" }}[{{ . }}]{{ end }}{{ include \"x\" .a | quote }}{{ template \"x\" 5 }}", "\"[1]\"[5]"),
            ("{{ tpl \"{{ .a }}{{ .none }}\" . }}", "1"),
            ("{{ tpl \"{{ define \\\"y\\\" }}y{{ end }}{{ include \\\"y\\\" . }}\" . }}", "y"),
            ("{{ define \"m\" }}k: v{{ end }}{{ (include \"m\" . | fromYaml).k }}", "v"),
        ],
    );
    fails(
        "{}",
        &[
            (
                "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
                "exceeded maximum template depth",
            ),
            ("{{ include \"none\" . }}", "no template \"none\""),
            ("{{ required \"say so\" .x }}", "say so"),
            ("{{ fail \"stop\" }}", "stop"),
        ],
    );
}

#[test]
fn bounds_hold() {
    fails(
        "{}",
        &[
            ("{{ until 1000000000 }}", "steps"),
            ("{{ range 2000000 }}{{ end }}", "steps"),
            ("{{ $x := \"a\" }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}", "MiB of text"),
            ("{{ repeat 2000000000 \"abc\" }}", "MiB of text"),
            ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ toYaml $d }}", "nested too deeply"),
        ],
    );
}

#[test]
fn yaml_is_written_as_go_writes_it() {
    gives(
        "{a: {l: [1, {x: 'y', z: []}], s: 'yes', 'n': '1e3', t: \"a\\nb\\n\", e: '', c: 'a: b', h: '# x', u: 1.5, k10: 1, k9: 2, d: '2020-01-01', q: \"it's\", tr: 'x ', o: null, st: '*a'}}",
        &[(
            "{{ toYaml .a }}",
            "c: 'a: b'\nd: \"2020-01-01\"\ne: \"\"\nh: '# x'\nk9: 2\nk10: 1\nl:\n- 1\n- x: \"y\"\n  z: []\n\"n\": \"1e3\"\no: null\nq: it's\ns: \"yes\"\nst: '*a'\nt: |\n  a\n  b\ntr: 'x '\nu: 1.5",
        )],
    );
    // Real helm gives the same: a plain `n` is false, as a key too.
    gives("{n: 1, v: y}", &[("{{ toJson . }}", "{\"false\":1,\"v\":true}")]);
    gives(
        "{a: yes, b: 0644, c: 1_000, d: ~, e: 2001-12-14, f: 0x1F, g: \"on\", h: 12e03, i: !!str 5}",
        &[(
            "{{ toJson . }}",
            "{\"a\":true,\"b\":420,\"c\":1000,\"d\":null,\"e\":\"2001-12-14\",\"f\":31,\"g\":\"on\",\"h\":12000,\"i\":\"5\"}",
        )],
    );
}

#[test]
fn strings_and_lists() {
    gives(
        "{l: [c, a, b, a], s: 'Hello World'}",
        &[
            (
                "{{ trunc 3 .s }} {{ trunc -3 .s }} {{ substr 1 3 .s }} {{ .s | replace \"l\" \"L\" }}",
                "Hel rld el HeLLo WorLd",
            ),
            (
                "{{ snakecase \"HTTPServerName\" }} {{ camelcase \"a_bc\" }} {{ kebabcase \"aB\" }} {{ title \"a b\" }}",
                "http_server_name ABc a-b A B",
            ),
            (
                "{{ sortAlpha .l }} {{ uniq .l }} {{ has \"a\" .l }} {{ without .l \"a\" }} {{ first .l }} {{ rest .l }}",
                "[a a b c] [c a b] true [c b] c [a b a]",
            ),
            (
                "{{ join \",\" .l }} {{ (split \",\" \"x,y\")._1 }} {{ splitList \"-\" \"a-b\" }} {{ until 3 }} {{ seq 1 2 5 }}",
                "c,a,b,a y [a b] [0 1 2] 1 3 5",
            ),
            (
                "{{ quote \"a\\\"b\" nil 1 }} {{ squote \"x\" }} {{ cat \"a\" 1 }} {{ indent 2 \"a\\nb\" }}",
                "\"a\\\"b\" \"1\" 'x' a 1   a\n  b",
            ),
            (
                "{{ has 1 (list 1.0) }} {{ list 1 2 | has 1 }} {{ ternary 1 2 false }} {{ default 5 0 }} {{ coalesce 0 \"\" 3 }}",
                "false true 2 5 3",
            ),
            (
                "{{ regexReplaceAll \"(a+)b\" \"aab\" \"${1}c\" }} {{ regexFindAll \"[a-z]\" \"a1b\" -1 }} {{ regexSplit \",\" \"a,b,c\" 2 }} {{ regexMatch \"^[[:alpha:]]+$\" \"ab\" }}",
                "aac [a b] [a b,c] true",
            ),
            (
                "{{ semverCompare \">=1.2\" \"1.3.0-beta\" }} {{ semverCompare \"^1.2 || >=3-0\" \"3.1.0-x\" }} {{ (semver \"v1.2.3\").Minor }}",
                "false true 2",
            ),
            (
                "{{ \"abc\" | b64enc | b64dec }} {{ b64dec \"*\" }} {{ sha1sum \"abc\" }} {{ adler32sum \"abc\" }} {{ b32enc \"ab\" | b32dec }}",
                "abc illegal base64 data at input byte 0 a9993e364706816aba3e25717850c26c9cd0d89d 38600999 ab",
            ),
            (
                "{{ now | date \"2006-01-02 15:04\" }} {{ duration \"95\" }} {{ durationRound \"2h10m5s\" }} {{ toDate \"2006-01-02\" \"2017-12-31\" | date \"02/01/2006\" }}",
                "2023-11-14 22:13 1m35s 2h 31/12/2017",
            ),
            (
                "{{ dig \"a\" \"b\" \"d\" (dict \"a\" (dict \"b\" 1)) }} {{ len \"é\" }} {{ index .l 1 }} {{ kindOf 1.5 }} {{ typeOf .l }}",
                "1 2 a float64 []interface {}",
            ),
            (
                "{{ list 1 2 3 | toJson }} {{ concat (list) (list) | toJson }} {{ rest (list) | toJson }} {{ \"<a>\" | toJson }}",
                "[1,2,3] null null \"\\u003ca\\u003e\"",
            ),
        ],
    );
}

#[test]
fn long_lines_are_folded_as_libyaml_folds_them() {
    let word = "a".repeat(30);
    let long = format!("{word} {word} {word}  {word} {word}");
    let folded = format!("k: {word} {word} {word}  {word}\n  {word}");
    let values = format!("{{s: {{k: \"{long}\"}}, q: {{k: \"- {long}\"}}, d: {{k: \"\\t{long}\"}}}}");
    gives(
        &values,
        &[
            ("{{ toYaml .s }}", &folded),
            ("{{ toYaml .q }}", &format!("k: '- {word} {word} {word}  {word}\n  {word}'")),
            ("{{ toYaml .d }}", &format!("k: \"\\t{word} {word} {word}\n  \\ {word} {word}\"")),
        ],
    );
    gives(
        "{}",
        &[
            ("{{ abbrevboth 5 10 \"1234 678901234 67\" }} {{ abbrevboth 0 8 \"abcdefghijk\" }}", "...6789... abcde..."),
            ("{{ js \"a'b<c>\\n=\" }}", "a\\'b\\u003Cc\\u003E\\u000A\\u003D"),
            ("{{ semverCompare \"1.x.x\" \"1.9.0\" }} {{ (semver \"1.2.3-rc\").IncPatch }}", "true 1.2.3"),
        ],
    );
    fails("{}", &[("{{ semverCompare \">=x.y.z\" \"1.0.0\" }}", "improper constraint")]);
}

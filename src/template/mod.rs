//! Renders templates: files that end in `.tera` with the values of an environment, and nothing ambient.
//! Reads sources and a scope given to it; returns the rendered files in order, or every fault with line and caret.
//! Never reads a file, a clock or the environment, so that the same input gives the same bytes.

mod diagnosis;
mod filters;
mod scope;
pub mod stacks;

pub use diagnosis::{Diagnosis, TemplateError};
pub use scope::{Scope, TemplateFile};

/// What marks a template; the rendered file goes without it.
pub const SUFFIX: &str = ".tera";

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The source's name without `.tera`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Renders every source that ends in `.tera`; others pass as they are. A base name that begins with `_` is only included.
pub fn render(sources: &[TemplateFile], scope: &Scope<'_>) -> Result<Vec<Rendered>, TemplateError> {
    let templates = sources.iter().filter(|source| source.name.ends_with(SUFFIX));
    let tera = prepare(templates.map(|source| (source.name.as_str(), source.text.as_str())))
        .map_err(|error| TemplateError::Invalid(diagnosis::diagnose(&error, sources, scope)))?;
    let context = context(scope);
    let mut rendered = Vec::new();
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !is_partial(&source.name)) {
        let Some(name) = source.name.strip_suffix(SUFFIX) else {
            rendered.push(Rendered { name: source.name.clone(), text: source.text.clone() });
            continue;
        };
        let mut text = Bounded::default();
        match tera.render_to(&source.name, &context, &mut text) {
            Ok(()) => rendered.push(Rendered { name: name.to_owned(), text: text.text() }),
            Err(_) if text.full => return Err(TemplateError::TooLarge { file: source.name.clone() }),
            Err(error) => faults.extend(diagnosis::diagnose(&error, sources, scope)),
        }
    }
    // A fault in a shared file would be reported once for each file that includes it.
    let mut seen = Vec::new();
    faults.retain(|fault| {
        !seen.contains(fault) && {
            seen.push(fault.clone());
            true
        }
    });
    if faults.is_empty() { Ok(rendered) } else { Err(TemplateError::Invalid(faults)) }
}

/// Bytes one template may make.
const LARGEST: usize = 16 * 1024 * 1024;

/// What a template makes, up to a size.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl Bounded {
    fn text(self) -> String {
        String::from_utf8(self.bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.full |= self.bytes.len() + bytes.len() > LARGEST;
        if self.full {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn prepare<'s>(templates: impl Iterator<Item = (&'s str, &'s str)>) -> tera::TeraResult<tera::Tera> {
    let mut tera = tera::Tera::default();
    tera.autoescape_on([".html", ".htm", ".html.tera", ".htm.tera"]);
    filters::register(&mut tera);
    tera.add_raw_templates(templates)?;
    Ok(tera)
}

fn context(scope: &Scope<'_>) -> tera::Context {
    let mut context = tera::Context::new();
    context.insert("values", scope.values);
    context.insert("environment", scope.environment);
    context.insert("project", scope.project);
    context
}

fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sources(files: &[(&str, &str)]) -> Vec<TemplateFile> {
        files.iter().map(|(name, text)| TemplateFile { name: (*name).to_owned(), text: (*text).to_owned() }).collect()
    }

    fn try_render(files: &[(&str, &str)]) -> Result<Vec<Rendered>, TemplateError> {
        let values = json!({
            "domain": "localhost", "api": { "port": 8000, "replicas": 2 }, "list": ["a", "yes", "1:30"],
            "odd": "a \"b\" $c\nd", "empty": {}, "html": "<b>", "nothing": null,
        });
        let scope = Scope { values: values.as_object().unwrap(), environment: "prod", project: "demo" };
        render(&sources(files), &scope)
    }

    fn one(text: &str) -> String {
        try_render(&[("x.tera", text)]).unwrap().remove(0).text
    }

    fn fault(text: &str) -> String {
        try_render(&[("compose.yaml.tera", text)]).unwrap_err().to_string()
    }

    #[test]
    fn values_environment_and_project_are_all_there_is() {
        assert_eq!(one("{{ project }}/{{ environment }}: {{ values.api.port }}"), "demo/prod: 8000");
        assert!(fault("{{ env }}").contains("variable `env` is not defined"));
        assert!(fault("{{ get_env(name=\"HOME\") }}").contains("get_env"));
    }

    #[test]
    fn the_suffix_goes_and_other_files_pass_untouched() {
        let rendered =
            try_render(&[("a/compose.yaml.tera", "p: {{ values.api.port }}\n"), ("nginx.conf", "{{ raw }}\n")])
                .unwrap();
        let files: Vec<(&str, &str)> = rendered.iter().map(|file| (file.name.as_str(), file.text.as_str())).collect();
        assert_eq!(files, [("a/compose.yaml", "p: 8000\n"), ("nginx.conf", "{{ raw }}\n")]);
    }

    #[test]
    fn files_include_and_extend_each_other_and_partials_are_not_written() {
        let rendered = try_render(&[
            ("_part.tera", "port {{ values.api.port }}"),
            ("base.tera", "<{% block body %}base{% endblock %}>"),
            ("page.tera", "{% extends \"base.tera\" %}{% block body %}{% include \"_part.tera\" %}{% endblock %}"),
        ])
        .unwrap();
        let names: Vec<&str> = rendered.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["base", "page"]);
        assert_eq!(rendered[1].text, "<port 8000>");
    }

    #[test]
    fn what_a_template_makes_ends_at_a_bound() {
        let text = "{% for a in range(end=10000) %}{% for b in range(end=10000) %}0123456789{% endfor %}{% endfor %}";
        assert_eq!(fault(text), "compose.yaml.tera: the rendered file is larger than 16 MiB");
    }

    #[test]
    fn only_html_is_escaped() {
        let rendered =
            try_render(&[("a.html.tera", "{{ values.html }}"), ("a.xml.tera", "{{ values.html }}")]).unwrap();
        assert_eq!((rendered[0].text.as_str(), rendered[1].text.as_str()), ("&lt;b&gt;", "<b>"));
    }

    #[test]
    fn filters_write_yaml_json_and_shell_words() {
        assert_eq!(one("{{ values.list | to_yaml }}"), "- a\n- \"yes\"\n- \"1:30\"");
        assert_eq!(one("{{ values.api | to_json }}"), r#"{"port":8000,"replicas":2}"#);
        assert_eq!(one("{{ values.odd | quote }}"), r#""a \"b\" $c\nd""#);
        assert_eq!(one("{{ values.api.port | quote }}"), "\"8000\"");
        assert_eq!(one("{{ values.odd | shell_quote }}"), "'a \"b\" $c\nd'");
        assert_eq!(one("{{ values.domain | b64encode }}"), "bG9jYWxob3N0");
        assert_eq!(one("x:{{ values.api | to_yaml | nindent(width=2) }}"), "x:\n  port: 8000\n  replicas: 2");
        assert_eq!(one("{{ \"a\nb\" | indent(width=2) }}"), "a\n  b");
        assert_eq!(one("{{ values.empty | to_yaml }}"), "{}");
    }

    #[test]
    fn default_and_required_decide_about_what_is_missing() {
        assert_eq!(one("{{ values.api.workers | default(value=4) }}"), "4");
        assert_eq!(one("{{ values.domain | required(message=\"say it\") }}"), "localhost");
        let text = fault("{{ values.api.key | required(message=\"set api.key\") }}");
        assert!(text.contains("compose.yaml.tera:1:"), "{text}");
        assert!(text.contains("set api.key"), "{text}");
    }

    #[test]
    fn an_undefined_value_is_shown_with_a_caret_and_the_nearest_name() {
        insta::assert_snapshot!(fault("services:\n  api:\n    port: {{ values.api.prot }}\n"), @r"
        compose.yaml.tera:3:25: field `prot` is not defined; did you mean `port`?
          3 |     port: {{ values.api.prot }}
            |                         ^^^^
        ");
        insta::assert_snapshot!(fault("{{ valeus.api.port }}"), @r"
        compose.yaml.tera:1:4: variable `valeus` is not defined; did you mean `values`?
          1 | {{ valeus.api.port }}
            |    ^^^^^^
        ");
        insta::assert_snapshot!(fault("{{ values.apy.port }}"), @r"
        compose.yaml.tera:1:11: field `apy` is not defined; did you mean `api`?
          1 | {{ values.apy.port }}
            |           ^^^
        ");
    }

    #[test]
    fn a_syntax_error_is_shown_with_its_line() {
        insta::assert_snapshot!(fault("a: 1\nb: {{ values.x\nc: 2\n"), @r"
        compose.yaml.tera:3:1: found identifier but expected }}
          3 | c: 2
            | ^
        ");
        insta::assert_snapshot!(fault("{% if values.a %}x"), @r"
        compose.yaml.tera:1:19: unexpected end of input
          1 | {% if values.a %}x
            |                   ^
        ");
        insta::assert_snapshot!(fault("{{ values.domain | to_yml }}"), @r"
        compose.yaml.tera:1:20: unknown filter `to_yml`; did you mean `to_yaml`?
          1 | {{ values.domain | to_yml }}
            |                    ^^^^^^
        ");
    }

    #[test]
    fn faults_of_several_files_are_told_together_and_a_shared_one_once() {
        let error = try_render(&[
            ("_part.tera", "{{ values.missing }}"),
            ("a.tera", "{% include \"_part.tera\" %}"),
            ("b.tera", "{% include \"_part.tera\" %}"),
            ("c.tera", "{{ values.other }}"),
        ]);
        let TemplateError::Invalid(faults) = error.unwrap_err() else { panic!() };
        let files: Vec<&str> = faults.iter().map(|fault| fault.file.as_str()).collect();
        assert_eq!(files, ["_part.tera", "c.tera"]);
    }

    #[test]
    fn rendering_twice_gives_the_same_bytes() {
        let text = "{% for key, value in values.api %}{{ key }}={{ value }},{% endfor %}{{ values | to_json }}";
        assert_eq!(one(text), one(text));
        assert!(one(text).starts_with("port=8000,replicas=2,"));
    }
}

//! `.helmignore`: which files of a folder do not belong to the chart. Helm's rules, which are not git's.

use regex::Regex;

use super::error::ChartError;
use super::glob::path_pattern;

/// The rules of a `.helmignore` and Helm's own.
#[derive(Debug)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    /// Compared with the file's name alone.
    name_only: bool,
    negated: bool,
    folders_only: bool,
}

impl IgnoreRules {
    /// Reads the rules; without a file only Helm's own hold.
    pub fn parse(text: &[u8]) -> Result<Self, ChartError> {
        let text = String::from_utf8_lossy(text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)).into_owned();
        let mut rules = Vec::new();
        for (at, line) in text.lines().chain(["templates/.?*"]).enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |message: String| ChartError::Yaml { file: ".helmignore".to_owned(), line: at + 1, message };
            if line.contains("**") {
                return Err(wrong("`**` is not supported".to_owned()));
            }
            rules.push(rule(line).ok_or_else(|| wrong(format!("invalid pattern `{line}`")))?);
        }
        Ok(Self { rules })
    }

    /// Whether a file or folder is left out. What lies in a folder that is left out has to be left out by the caller.
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        for rule in &self.rules {
            let matches = rule.pattern.is_match(if rule.name_only { name } else { path });
            if rule.negated {
                // Helm leaves out whatever a negated rule does not name.
                if !matches || (rule.folders_only && !is_folder) {
                    return true;
                }
            } else if matches && (is_folder || !rule.folders_only) {
                return true;
            }
        }
        false
    }
}

fn rule(line: &str) -> Option<Rule> {
    let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (folders_only, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
    let (rooted, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
    Some(Rule { pattern: path_pattern(rest)?, name_only: !rooted && !rest.contains('/'), negated, folders_only })
}

//! Charts as one file each: lines with arguments, then `-- path --` before the content of each file.
//! `args:` begins the line of a rendering, `fails:` that of one which has to fail.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

/// A chart on disk and what it is rendered with.
pub struct Trap {
    pub name: String,
    pub cases: Vec<Case>,
    pub folder: TempDir,
}

/// One rendering.
pub struct Case {
    pub line: String,
    pub words: Vec<String>,
    pub fails: bool,
}

impl Case {
    pub fn new(line: &str, fails: bool) -> Self {
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if !words.iter().any(|word| word == "--kube-version") {
            words.extend(["--kube-version".to_owned(), super::KUBERNETES.to_owned()]);
        }
        Self { line: line.trim().to_owned(), words, fails }
    }
}

const CHART: &str = "apiVersion: v2\nname: trap\nversion: 0.1.0\n";

/// Every chart of tests/fixtures/charts.
pub fn load() -> Vec<Trap> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/charts");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| unpacked(path)).collect()
}

fn unpacked(path: &Path) -> Trap {
    let text = fs::read_to_string(path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Chart.yaml"), CHART).unwrap();
    let (mut cases, mut file) = (Vec::new(), None);
    let mut content = String::new();
    let finish = |file: &mut Option<String>, content: &mut String| {
        if let Some(name) = file.take() {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, std::mem::take(content)).unwrap();
        }
    };
    for line in text.split_inclusive('\n') {
        let header = line.strip_prefix("-- ").and_then(|rest| rest.trim_end().strip_suffix(" --"));
        if let Some(name) = header {
            finish(&mut file, &mut content);
            file = Some(name.to_owned());
        } else if file.is_some() {
            content.push_str(line);
        } else if let Some(words) = line.strip_prefix("args:") {
            cases.push(Case::new(words, false));
        } else if let Some(words) = line.strip_prefix("fails:") {
            cases.push(Case::new(words, true));
        } else {
            panic!("{}: unexpected line {line:?}", path.display());
        }
    }
    finish(&mut file, &mut content);
    assert!(!cases.is_empty(), "{} renders nothing", path.display());
    Trap { name: path.file_stem().unwrap().to_string_lossy().into_owned(), cases, folder }
}

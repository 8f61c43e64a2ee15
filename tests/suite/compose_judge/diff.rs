//! Decides how a difference is shown: the lines that are only on one side, few of them.
//! Reads two texts; returns lines marked `-` (Compose) and `+` (aictl).
//! Never shows more than a screen.

const CONTEXT: usize = 2;
const LINES: usize = 14;

/// The first differing stretch of two texts.
pub fn of(wanted: &str, got: &str) -> String {
    let wanted: Vec<&str> = wanted.lines().collect();
    let got: Vec<&str> = got.lines().collect();
    let head = wanted.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let tail = wanted[head..].iter().rev().zip(got[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let mut text = String::new();
    for line in &wanted[head.saturating_sub(CONTEXT)..head] {
        text.push_str(&format!("      {line}\n"));
    }
    side(&mut text, '-', &wanted[head..wanted.len() - tail]);
    side(&mut text, '+', &got[head..got.len() - tail]);
    if text.is_empty() {
        text.push_str("    (they differ in line ends only)\n");
    }
    text
}

fn side(text: &mut String, mark: char, lines: &[&str]) {
    for line in lines.iter().take(LINES) {
        text.push_str(&format!("    {mark} {line}\n"));
    }
    if lines.len() > LINES {
        text.push_str(&format!("    {mark} … {} lines more\n", lines.len() - LINES));
    }
}

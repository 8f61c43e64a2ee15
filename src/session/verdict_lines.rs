//! How a verdict and its explanation read: the word right-aligned, the text beside it, wrapped, the rest below.
//! Reads words; returns lines of at most 80 columns.
//! Never carries a verdict by colour alone.

use crate::session::report::{Block, Cell, Tone};

/// Columns a line may take.
const WIDTH: usize = 80;
/// Columns of the verdict, right-aligned.
const VERDICT: usize = 11;
/// Columns of the text: two stand between.
const ROOM: usize = WIDTH - VERDICT - 2;

/// The verdict and its text.
pub fn verdict_lines(verdict: Cell, text: &str) -> Vec<Block> {
    let mut lines = wrapped(text, ROOM).into_iter();
    let first = lines.next().unwrap_or_default();
    let word = Cell::new(format!("{:>VERDICT$}", verdict.text), verdict.tone);
    let first = Block::Line(vec![word, format!("  {first}").into()]);
    std::iter::once(first).chain(lines.map(|line| below(&line, Tone::Plain))).collect()
}

/// More text, below that of a verdict.
pub fn lines_below(text: &str, tone: Tone) -> Vec<Block> {
    wrapped(text, ROOM).iter().map(|line| below(line, tone)).collect()
}

fn below(line: &str, tone: Tone) -> Block {
    Block::Line(vec![Cell::new(format!("{:VERDICT$}  {line}", ""), tone)])
}

/// Lines of at most `room` characters, broken at spaces outside commands where that is possible.
pub fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in pieces(text) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().flat_map(|line| cut(&line, room)).collect()
}

/// Words; a command in backquotes is one, so that it can be copied.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut in_command = false;
    for (at, c) in text.char_indices() {
        match c {
            '`' => in_command = !in_command,
            ' ' if !in_command => {
                pieces.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&text[from..]);
    pieces.into_iter().filter(|piece| !piece.is_empty()).collect()
}

/// A piece longer than a line, cut where it must be.
fn cut(line: &str, room: usize) -> Vec<String> {
    let characters: Vec<char> = line.chars().collect();
    characters.chunks(room).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_longer_than_a_line_is_cut_and_not_lost() {
        let long = "x".repeat(200);
        let lines = wrapped(&long, 67);
        assert_eq!(lines.concat(), long);
        assert!(lines.iter().all(|line| line.len() <= 67));
    }
}

//! Decides how wide each column of a table is and where its cells are cut.
//! Reads header, rows and the room there is; returns lines.
//! Never wraps, and cuts nothing where the width is open.

use super::style::Paint;
use crate::session::report::{Cell, Tone};

/// Between two columns.
const GAP: usize = 3;
/// A column gives way down to this many characters.
const NARROWEST: usize = 6;

/// The lines of a table; widths are those of the terminal's characters, not of bytes.
pub(super) fn lines(header: &[String], rows: &[Vec<Cell>], width: Option<usize>, paint: Paint) -> Vec<String> {
    let mut widths = natural(header, rows);
    if let Some(width) = width {
        let is_whole = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|cell| cell.whole));
        let whole: Vec<bool> = (0..widths.len()).map(is_whole).collect();
        shrink(&mut widths, &whole, width);
    }
    let mut lines = Vec::with_capacity(rows.len() + 1);
    if !header.is_empty() {
        let cells: Vec<Cell> = header.iter().map(|title| Cell::new(title.as_str(), Tone::Strong)).collect();
        lines.push(line(&cells, &widths, paint));
    }
    lines.extend(rows.iter().map(|row| line(row, &widths, paint)));
    lines
}

fn natural(header: &[String], rows: &[Vec<Cell>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(header.len());
    let mut widths = vec![0; columns];
    for (column, title) in header.iter().enumerate() {
        widths[column] = console::measure_text_width(title);
    }
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(console::measure_text_width(&one_line(&cell.text)));
        }
    }
    widths
}

/// Takes from the widest column, one character at a time, until the table fits or nothing can give way. Columns that are
/// to stay whole give nothing.
fn shrink(widths: &mut [usize], whole: &[bool], room: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > room {
        // The last of equals gives way first: the first column is what the row is about.
        let shrinkable = widths.iter_mut().enumerate().filter(|(column, _)| !whole[*column]);
        let widest = shrinkable.max_by_key(|(column, width)| (**width, *column));
        match widest {
            Some((_, width)) if *width > NARROWEST => *width -= 1,
            _ => return,
        }
    }
}

fn line(cells: &[Cell], widths: &[usize], paint: Paint) -> String {
    let mut out = String::new();
    let mut owed = 0;
    for (cell, width) in cells.iter().zip(widths) {
        let text = one_line(&cell.text);
        let text = console::truncate_str(&text, *width, "…");
        if !text.is_empty() {
            out.push_str(&" ".repeat(owed));
            out.push_str(&paint.tone(&text, cell.tone));
            owed = 0;
        }
        owed += width.saturating_sub(console::measure_text_width(&text)) + GAP;
    }
    out
}

/// A cell is one line, whatever a container's command holds.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Vec<String> {
        ["SERVICE", "STATE", "IMAGE", "PORTS"].map(str::to_owned).to_vec()
    }

    fn rows() -> Vec<Vec<Cell>> {
        vec![
            vec![
                "api".into(),
                Cell::new("healthy", Tone::Good),
                "registry.example.com/team/assistant-api:2024.11.1".into(),
                "0.0.0.0:8000->8000/tcp".into(),
            ],
            vec!["db".into(), Cell::new("exited (1)", Tone::Bad), "postgres:15".into(), "".into()],
        ]
    }

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        insta::assert_snapshot!(lines(&header(), &rows(), None, Paint::new(false)).join("\n"), @r"
        SERVICE   STATE        IMAGE                                               PORTS
        api       healthy      registry.example.com/team/assistant-api:2024.11.1   0.0.0.0:8000->8000/tcp
        db        exited (1)   postgres:15
        ");
    }

    #[test]
    fn the_widest_column_gives_way_at_the_edge() {
        let drawn = lines(&header(), &rows(), Some(80), Paint::new(false));
        assert!(drawn.iter().all(|line| console::measure_text_width(line) <= 80));
        insta::assert_snapshot!(drawn.join("\n"), @r"
        SERVICE   STATE        IMAGE                              PORTS
        api       healthy      registry.example.com/team/assis…   0.0.0.0:8000->8000/tcp
        db        exited (1)   postgres:15
        ");
    }

    #[test]
    fn a_terminal_too_narrow_for_anything_still_gets_every_column() {
        let drawn = lines(&header(), &rows(), Some(20), Paint::new(false));
        assert_eq!(drawn[1], "api      healt…   regis…   0.0.0…");
    }

    #[test]
    fn colour_wraps_the_text_and_not_the_padding() {
        let drawn = lines(&[], &rows(), None, Paint::new(true));
        assert!(drawn[0].starts_with("api   \x1b[32mhealthy\x1b[0m      registry"), "{:?}", drawn[0]);
        assert_eq!(drawn[1], "db    \x1b[31mexited (1)\x1b[0m   postgres:15");
    }

    #[test]
    fn a_cell_with_a_line_end_stays_one_line() {
        let rows = [vec![Cell::from("sh -c 'a\nb'"), "größe".into()], vec!["x".into(), "y".into()]];
        assert_eq!(lines(&[], &rows, None, Paint::new(false)), ["sh -c 'a b'   größe", "x             y"]);
    }
}

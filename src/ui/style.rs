//! Turns the meaning of a piece of text into colour, or leaves it alone.
//! Reads text and its tone; returns text with or without escape codes.
//! Never the only carrier: the words say the same without colour.

use console::{Color, Style};

use crate::session::report::Tone;

/// Colour switched on or off once, for one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    on: bool,
}

/// Colours that can be told apart on light and dark ground; red is left to failures.
const SOURCES: [Color; 10] = [
    Color::Cyan,
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Blue,
    Color::Color256(208),
    Color::Color256(141),
    Color::Color256(37),
    Color::Color256(175),
    Color::Color256(106),
];

impl Paint {
    pub(super) const fn new(on: bool) -> Self {
        Self { on }
    }

    /// Text in a tone.
    pub(super) fn tone(self, text: &str, tone: Tone) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => Style::new().green(),
            Tone::Warn => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Dim => Style::new().dim(),
            Tone::Strong => Style::new().bold(),
        };
        self.apply(style, text)
    }

    /// A tone in bold: the verb column and the first word of errors.
    pub(super) fn strong(self, text: &str, tone: Tone) -> String {
        let style = match tone {
            Tone::Good => Style::new().green(),
            Tone::Warn => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Dim => Style::new().cyan(),
            Tone::Plain | Tone::Strong => Style::new(),
        };
        self.apply(style.bold(), text)
    }

    /// A source of log lines: the same name has the same colour in every run.
    pub(super) fn source(self, text: &str, name: &str) -> String {
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // These bits tell the usual names of services apart; the lowest ones do not.
        let color = SOURCES[((hash >> 23) % SOURCES.len() as u64) as usize];
        self.apply(Style::new().fg(color), text)
    }

    fn apply(self, style: Style, text: &str) -> String {
        if self.on { style.force_styling(true).apply_to(text).to_string() } else { text.to_owned() }
    }
}

//! Strikes known values from bytes that come in pieces, wherever the pieces end.
//! Reads the pieces of one stream; returns what may be written, and holds back the few bytes a value may begin with.
//! Never holds back longer than the stream lasts: `finish` gives the rest.

use std::sync::Arc;

use super::Redactor;
use super::credential_position::CONTEXT;

/// One stream on its way out.
pub struct RedactedStream {
    redactor: Arc<Redactor>,
    /// The end of what was written, for what it says about the rest, and the rest.
    held: Vec<u8>,
    /// How much of it was written.
    written: usize,
}

impl RedactedStream {
    /// A stream nothing has come on yet.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self { redactor, held: Vec::new(), written: 0 }
    }

    /// Takes a piece; returns what can be written now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        self.pass(false)
    }

    /// The stream ended; returns what was held back.
    pub fn finish(&mut self) -> Vec<u8> {
        self.pass(true)
    }

    fn pass(&mut self, last: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len());
        self.written = self.redactor.redact_piece((&self.held, self.written), last, &mut out);
        let told = self.written.saturating_sub(CONTEXT);
        self.held.drain(..told);
        self.written -= told;
        out
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;
    use crate::secret::{REDACTED, Secret};

    fn redactor(values: &[&str]) -> Arc<Redactor> {
        let secrets: Vec<Secret> = values.iter().map(|value| Secret::new(*value)).collect();
        Arc::new(Redactor::new(&secrets))
    }

    fn streamed(redactor: &Arc<Redactor>, pieces: &[&[u8]]) -> String {
        let mut stream = RedactedStream::new(redactor.clone());
        let mut out: Vec<u8> = pieces.iter().flat_map(|piece| stream.push(piece)).collect();
        out.extend(stream.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_value_cut_anywhere_is_struck_in_every_encoding() {
        let value = "k3y/with+odd&\"bytes\"";
        let redactor = redactor(&[value]);
        let inside = STANDARD.encode(format!("user:{value}"));
        for shape in [
            value.to_owned(),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            "k3y%2Fwith%2Bodd%26%22bytes%22".to_owned(),
            "k3y%2fwith%2bodd%26%22bytes%22".to_owned(),
            r#"k3y/with+odd\u0026\"bytes\""#.to_owned(),
        ] {
            let text = format!("before {shape} after");
            for cut in 0..text.len() {
                let (head, tail) = text.as_bytes().split_at(cut);
                assert_eq!(
                    streamed(&redactor, &[head, tail]),
                    format!("before {REDACTED} after"),
                    "{shape} cut at {cut}"
                );
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(streamed(&redactor, &bytes), format!("before {REDACTED} after"), "{shape} byte by byte");
        }
        for cut in 0..inside.len() {
            let (head, tail) = inside.as_bytes().split_at(cut);
            let shown = streamed(&redactor, &[head, tail]);
            assert!(shown.contains(REDACTED), "{inside} cut at {cut}: {shown}");
        }
    }

    #[test]
    fn a_longer_value_is_awaited_where_a_shorter_one_would_match() {
        let redactor = redactor(&["abcd-1", "abcd-1-and-more"]);
        assert_eq!(streamed(&redactor, &[b"x abcd-1", b"-and-more y"]), "x [redacted] y");
        assert_eq!(streamed(&redactor, &[b"x abcd-1", b" y"]), "x [redacted] y");
    }

    #[test]
    fn text_that_holds_nothing_passes_at_once_byte_for_byte() {
        let redactor = redactor(&["s3cr3t-value"]);
        let mut stream = RedactedStream::new(redactor);
        let bytes: Vec<u8> = (0..=255).filter(|byte| *byte != b's' && *byte != b'%' && *byte != b'\\').collect();
        assert_eq!(stream.push(&bytes), bytes);
        assert_eq!(stream.push(b"... s3cr"), b"... ");
        assert_eq!(stream.finish(), b"s3cr");
    }

    #[test]
    fn what_was_written_tells_whether_a_public_name_is_a_password() {
        let redactor = redactor(&["shop", "data"]);
        redactor.publish(["shop", "pgdata"].map(str::to_owned));
        let text = "shop-1 | PASSWORD=shop postgresql://shop:shop@db/pgdata shop data";
        let shown = "shop-1 | PASSWORD=[redacted] postgresql://shop:[redacted]@db/pgdata shop [redacted]";
        assert_eq!(redactor.redact(text), shown);
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(streamed(&redactor, &bytes), shown);
    }

    proptest! {
        #[test]
        fn no_value_survives_any_cutting(
            value in "[ -~]{8,24}",
            around in "[a-z ]{0,12}",
            offset in 0..3usize,
            cuts in proptest::collection::vec(0..200usize, 0..6),
        ) {
            let redactor = redactor(&[&value]);
            let encoded = STANDARD.encode(format!("{}{value}", "u".repeat(offset)));
            let plain = format!("{around}{value}{around}");
            for text in [plain.clone(), encoded.clone()] {
                let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
                ends.sort_unstable();
                ends.push(text.len());
                let mut from = 0;
                let mut pieces = Vec::new();
                for end in ends {
                    pieces.push(&text.as_bytes()[from..end]);
                    from = end;
                }
                let shown = streamed(&redactor, &pieces);
                prop_assert_eq!(&shown, &redactor.redact(&text));
                let telling = value.trim().len() >= 6 && value.trim().bytes().any(|byte| !byte.is_ascii_digit());
                prop_assert!(!telling || shown.contains(REDACTED), "{:?} came out as {:?}", text, shown);
            }
        }
    }
}

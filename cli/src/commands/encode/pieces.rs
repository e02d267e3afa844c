//! A text of JSON in pieces: the values that stand one after the other, and the members of lists of them. Only one is
//! held at a time, and nothing is said about what stands in it.

use std::io::{self, BufRead};

/// One value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) column: usize,
    /// Bytes before it.
    pub(super) offset: usize,
}

/// Why there is no next piece.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It cannot be read.
    Read(io::Error),
    /// Something else was expected here.
    Expected {
        what: &'static str,
        line: usize,
        column: usize,
    },
    /// A value that begins here is longer than the limit.
    TooLong { line: usize, column: usize },
}

/// Values out of a reader.
pub(super) struct Pieces<R> {
    reader: R,
    longest: usize,
    list: List,
    line: usize,
    column: usize,
    offset: usize,
}

/// Where a list of values stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Outside,
    /// A value or the end may come.
    Begun,
    /// A comma or the end has to come.
    BehindValue,
    /// A value has to come.
    BehindComma,
}

/// The longest number or word there is any sense in; what is wrong with a longer one shows before.
const LONGEST_WORD: usize = 1000;

impl<R: BufRead> Pieces<R> {
    /// Values of up to `longest` bytes.
    pub(super) const fn new(reader: R, longest: usize) -> Self {
        Self {
            reader,
            longest,
            list: List::Outside,
            line: 1,
            column: 1,
            offset: 0,
        }
    }

    /// The next value, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Trouble> {
        self.skip_mark()?;
        loop {
            let Some(byte) = self.peek()? else {
                return match self.list {
                    List::Outside => Ok(None),
                    _ => Err(self.expected("the end of the list")),
                };
            };
            match (byte, self.list) {
                (b' ' | b'\t' | b'\r' | b'\n', _) => self.step(byte),
                (b'[', List::Outside) => {
                    self.step(byte);
                    self.list = List::Begun;
                }
                (b']', List::Begun | List::BehindValue) => {
                    self.step(byte);
                    self.list = List::Outside;
                }
                (b',', List::BehindValue) => {
                    self.step(byte);
                    self.list = List::BehindComma;
                }
                (_, List::BehindValue) => return Err(self.expected("`,` or `]`")),
                (b',' | b':' | b']' | b'}', _) => return Err(self.expected("a value")),
                _ => break,
            }
        }
        if self.list != List::Outside {
            self.list = List::BehindValue;
        }
        self.value().map(Some)
    }

    /// Reads to the end of the value that begins here, or of the text.
    fn value(&mut self) -> Result<Piece, Trouble> {
        let (line, column, offset) = (self.line, self.column, self.offset);
        let mut bytes = Vec::new();
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        while let Some(byte) = self.peek()? {
            let is_word = depth == 0 && !in_string;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' if is_word && !bytes.is_empty() => break,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' if is_word && !bytes.is_empty() => break,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b']' | b'}' if is_word => break,
                _ => {}
            }
            if bytes.len() == self.longest {
                return Err(Trouble::TooLong { line, column });
            }
            if bytes.len() == bytes.capacity() {
                // Not twice as much: a long piece would take three times its size.
                bytes.reserve_exact(bytes.len().clamp(256, 1 << 20));
            }
            bytes.push(byte);
            self.step(byte);
            let over = depth == 0 && !in_string && matches!(byte, b'}' | b']' | b'"');
            if over || is_word && depth == 0 && !in_string && bytes.len() > LONGEST_WORD {
                break;
            }
        }
        Ok(Piece {
            bytes,
            line,
            column,
            offset,
        })
    }

    /// Some editors put a byte order mark in front.
    fn skip_mark(&mut self) -> Result<(), Trouble> {
        if self.offset == 0 && self.peek()? == Some(0xEF) {
            for byte in *b"\xEF\xBB\xBF" {
                if self.peek()? != Some(byte) {
                    break;
                }
                self.step(byte);
            }
            self.column = 1;
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>, Trouble> {
        loop {
            match self.reader.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Trouble::Read(e)),
            }
        }
    }

    /// Takes the byte that was looked at. Columns are characters.
    fn step(&mut self, byte: u8) {
        self.reader.consume(1);
        self.offset += 1;
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0xC0 != 0x80 {
            self.column += 1;
        }
    }

    fn expected(&self, what: &'static str) -> Trouble {
        Trouble::Expected {
            what,
            line: self.line,
            column: self.column,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<String> {
        let mut pieces = Pieces::new(text.as_bytes(), 100);
        let mut all = Vec::new();
        loop {
            match pieces.next() {
                Ok(None) => return all,
                Ok(Some(piece)) => {
                    let value = String::from_utf8_lossy(&piece.bytes).into_owned();
                    let at = &text.as_bytes()[piece.offset..];
                    assert!(at.starts_with(&piece.bytes));
                    all.push(format!("{}:{} {value}", piece.line, piece.column));
                }
                Err(trouble) => {
                    all.push(format!("{trouble:?}"));
                    return all;
                }
            }
        }
    }

    #[test]
    fn values_come_one_after_the_other_and_out_of_lists() {
        assert_eq!(
            pieces(" {} \n{\"a\":[1,{}]}7"),
            ["1:2 {}", "2:1 {\"a\":[1,{}]}", "2:13 7"]
        );
        assert_eq!(
            pieces("[{}, 8,\n \"]\" ] []"),
            ["1:2 {}", "1:6 8", "2:2 \"]\""]
        );
        assert_eq!(pieces("\u{feff}{\"\\\"}é\":1}"), ["1:1 {\"\\\"}é\":1}"]);
        assert_eq!(pieces("{}{}"), ["1:1 {}", "1:3 {}"]);
        assert_eq!(pieces("{\"a\""), ["1:1 {\"a\""]);
    }

    #[test]
    fn what_is_no_list_is_said_with_its_place() {
        let expected =
            |what, line, column| format!("{:?}", Trouble::Expected { what, line, column });
        assert_eq!(pieces("[{}\n7]")[1], expected("`,` or `]`", 2, 1));
        assert_eq!(pieces("[,"), [expected("a value", 1, 2)]);
        assert_eq!(pieces("[1,]")[1], expected("a value", 1, 4));
        assert_eq!(pieces("[1")[1], expected("the end of the list", 1, 3));
        assert_eq!(pieces("}"), [expected("a value", 1, 1)]);
        let long = format!("7 {{{}}}", " ".repeat(100));
        assert_eq!(pieces(&long)[1], "TooLong { line: 1, column: 3 }");
    }
}

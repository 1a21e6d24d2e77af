//! Reading of one line.

use std::str::FromStr;

/// The part of a line that is still to be read. Every method skips white space first; errors say what was expected.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Steps over `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.0.trim_start().strip_prefix(text) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.eat(text) { Ok(()) } else { Err(format!("expected {text}, got {}", self.excerpt())) }
    }

    /// Everything up to the next white space.
    pub(super) fn token(&mut self) -> Result<&'a str, String> {
        let text = self.0.trim_start();
        let (token, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
        if token.is_empty() {
            return Err("unexpected end of line".into());
        }
        self.0 = rest;
        Ok(token)
    }

    /// Everything up to `end`, which is stepped over.
    pub(super) fn until(&mut self, end: char) -> Result<&'a str, String> {
        let (text, rest) =
            self.0.trim_start().split_once(end).ok_or_else(|| format!("expected {end} after {}", self.excerpt()))?;
        self.0 = rest;
        Ok(text)
    }

    /// A number in decimal digits, with an optional sign.
    pub(super) fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let text = self.0.trim_start();
        let digit = |(i, c): (usize, char)| !(c.is_ascii_digit() || (i == 0 && c == '-'));
        let end = text.char_indices().find(|c| digit(*c)).map_or(text.len(), |(i, _)| i);
        let (number, rest) = text.split_at(end);
        let value = number.parse().map_err(|_| format!("expected a number, got {}", self.excerpt()))?;
        self.0 = rest;
        Ok(value)
    }

    /// `open`, numbers separated by commas, `close`.
    pub(super) fn list<T>(&mut self, open: &str, close: char, read: fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
        self.expect(open)?;
        let text = self.until(close)?;
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        text.split(',').map(|v| read(v.trim()).ok_or_else(|| format!("expected a number, got {v}"))).collect()
    }

    /// `key=[..]`
    pub(super) fn field<T: FromStr>(&mut self, key: &str) -> Result<Vec<T>, String> {
        self.expect(key)?;
        self.list("=[", ']', |v| v.parse().ok())
    }

    /// `"..."` as [`quoted`] writes it.
    pub(super) fn quoted(&mut self) -> Result<String, String> {
        self.expect("\"")?;
        let mut out = String::new();
        let mut chars = self.0.chars();
        loop {
            match chars.next() {
                Some('"') => break,
                Some('\\') => match chars.next() {
                    Some('n') => out.push('\n'),
                    Some('x') => {
                        let code = chars.as_str().split_once(';').and_then(|(hex, rest)| {
                            chars = rest.chars();
                            char::from_u32(u32::from_str_radix(hex, 16).ok()?)
                        });
                        out.push(code.ok_or("expected a character code")?);
                    }
                    Some(c @ ('"' | '\\')) => out.push(c),
                    _ => return Err("unknown escape in a name".into()),
                },
                Some(c) => out.push(c),
                None => return Err("a name does not end".into()),
            }
        }
        self.0 = chars.as_str();
        Ok(out)
    }

    /// Fails unless nothing is left.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.0.trim().is_empty() { Ok(()) } else { Err(format!("unexpected {}", self.excerpt())) }
    }

    fn excerpt(&self) -> String {
        let text = self.0.trim();
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None if text.is_empty() => "the end of the line".into(),
            None => text.to_string(),
        }
    }
}

/// `text` between quotation marks, on one line: quotation marks, backslashes and control characters are escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push_str(&format!("\\x{:x};", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The line before and after the ` : ` that introduces the fact; quoted parts are passed over.
pub(super) fn split_at_fact(line: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (i, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ':' if !quoted => return Some((&line[..i], &line[i + 1..])),
            _ => {}
        }
    }
    None
}

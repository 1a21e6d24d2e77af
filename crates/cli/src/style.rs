//! Colours on terminals.

use std::fmt::Display;
use std::io::IsTerminal;

/// Colours text, if that is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    /// Colours if the standard output is a terminal and `NO_COLOR` is not set.
    pub(crate) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Self { colours: std::io::stdout().is_terminal() && !refused && !dumb }
    }

    fn with(self, code: u8, text: impl Display) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with(1, text)
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with(2, text)
    }

    pub(crate) fn green(self, text: impl Display) -> String {
        self.with(32, text)
    }

    pub(crate) fn red(self, text: impl Display) -> String {
        self.with(31, text)
    }

    pub(crate) fn cyan(self, text: impl Display) -> String {
        self.with(36, text)
    }
}

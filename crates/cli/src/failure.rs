//! Failures and exit codes.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use plonnx::{Class, Error};

use crate::forecast::Refusal;

/// Shown below the help of every command.
pub(crate) const CODES: &str = "Exit codes:
   0  success
   1  the proof was rejected, or constraints are violated
   2  usage: an option is missing or does not fit the model
   3  the model or the data are invalid
   4  the model uses something unsupported
   5  the model, a value or the memory needed is beyond a limit
  70  a defect of plonnx";

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    Library(Error),
    /// More memory than allowed is forecast.
    Memory(Box<Refusal>),
    /// Options that do not fit each other or the model.
    Usage(String),
    /// The proof, or a witness, was rejected.
    Rejected(String),
    /// The system refused, or a helper process failed.
    System(String),
    /// What a process of this command has reported.
    Reported {
        message: String,
        code: u8,
    },
    /// A panic.
    Bug(String),
}

impl Failure {
    /// A library error about this file.
    pub(crate) fn at(path: &Path) -> impl Fn(Error) -> Self + '_ {
        move |error| Self::Library(error.at(path))
    }

    /// The failure, which happened with this file.
    pub(crate) fn about(self, path: &Path) -> Self {
        match self {
            Self::Library(error) => Self::Library(error.at(path)),
            failure => failure,
        }
    }

    /// The exit code; see [`CODES`].
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Library(error) => match error.class() {
                Class::Rejected => 1,
                Class::Usage => 2,
                Class::Invalid => 3,
                Class::Unsupported => 4,
                Class::Limit => 5,
                Class::Bug => 70,
            },
            Self::Memory(_) => 5,
            Self::Rejected(_) => 1,
            Self::Usage(_) => 2,
            Self::System(_) => 3,
            Self::Reported { code, .. } => *code,
            Self::Bug(_) => 70,
        }
    }

    /// Tells the user, and gives the exit code.
    pub(crate) fn report(self, json: bool) -> ExitCode {
        let code = self.code();
        let mut message = self.to_string();
        if code == 70 {
            message += "\nthis is a defect of plonnx: please report it with the command, the model and this message";
        }
        // Nothing can be done about a closed pipe.
        if json {
            let object = serde_json::json!({ "error": message, "code": code });
            let _ = writeln!(std::io::stdout(), "{object}");
        } else {
            let _ = writeln!(std::io::stderr(), "plonnx: {message}");
        }
        ExitCode::from(code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Library(error) => {
                error.fmt(f)?;
                if matches!(error.root(), Error::Uncalibrated) {
                    f.write_str(": --calibrate inputs.npz, or --range -1,1")?;
                }
                Ok(())
            }
            Self::Usage(message) | Self::Rejected(message) | Self::System(message) => f.write_str(message),
            Self::Memory(refusal) => refusal.fmt(f),
            Self::Reported { message, .. } => f.write_str(message),
            Self::Bug(message) => write!(f, "panic: {message}"),
        }
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Library(error.into())
    }
}

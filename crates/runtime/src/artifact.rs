//! The container of all files.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | magic, which names the kind |
//! | 4 | format version, little-endian |
//! | 8 | length of the body, little-endian |
//! | .. | body, a protobuf message |
//! | 32 | BLAKE3 of all bytes before |
//!
//! The checksum finds accidents; that a proof is valid for a key is for [`crate::verify`] to say. Sizes are compared with
//! the limit of the kind before anything is allocated. Files appear whole or not at all.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::error::RuntimeError;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Model,
    VerifyingKey,
    Proof,
    /// Holds secrets: what opens commitments.
    Openings,
}

const MAGIC: usize = 8;
const HEADER: usize = MAGIC + 4 + 8;
const CHECKSUM: usize = 32;

impl Kind {
    const ALL: [Kind; 4] = [Kind::Model, Kind::VerifyingKey, Kind::Proof, Kind::Openings];

    /// First bytes of the file.
    fn magic(self) -> &'static [u8; MAGIC] {
        match self {
            Kind::Model => b"PLONNX\0M",
            Kind::VerifyingKey => b"PLONNX\0K",
            Kind::Proof => b"PLONNX\0P",
            Kind::Openings => b"PLONNX\0O",
        }
    }

    /// Format version that this crate reads and writes.
    pub fn version(self) -> u32 {
        match self {
            Kind::Model => 4,
            Kind::VerifyingKey | Kind::Proof | Kind::Openings => 3,
        }
    }

    /// Largest file, in bytes.
    pub fn limit(self) -> u64 {
        match self {
            Kind::Model => 2 << 30,
            Kind::VerifyingKey => 8 << 20,
            Kind::Proof => 64 << 20,
            Kind::Openings => 2 << 30,
        }
    }

    /// The kind whose magic `bytes` begin with.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| bytes.starts_with(kind.magic()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Model => "a compiled model",
            Kind::VerifyingKey => "a verifying key",
            Kind::Proof => "a proof",
            Kind::Openings => "openings of commitments",
        })
    }
}

/// The file of `kind` with this body.
pub(crate) fn wrap(kind: Kind, body: &[u8]) -> Result<Vec<u8>, RuntimeError> {
    let total = (HEADER + body.len() + CHECKSUM) as u64;
    if total > kind.limit() {
        return Err(RuntimeError::TooLarge { kind, got: total, limit: kind.limit() });
    }
    let mut out = Vec::with_capacity(HEADER + body.len() + CHECKSUM);
    out.extend_from_slice(kind.magic());
    out.extend_from_slice(&kind.version().to_le_bytes());
    out.extend_from_slice(&(body.len() as u64).to_le_bytes());
    out.extend_from_slice(body);
    let checksum = blake3::hash(&out);
    out.extend_from_slice(checksum.as_bytes());
    Ok(out)
}

/// The body of a file that must be of `kind`.
pub(crate) fn unwrap(kind: Kind, bytes: &[u8]) -> Result<&[u8], RuntimeError> {
    let damaged = |reason: &str| RuntimeError::Damaged { kind, reason: reason.into() };
    match Kind::of(bytes) {
        Some(got) if got != kind => return Err(RuntimeError::Kind { expected: kind, got }),
        Some(_) => {}
        None => return Err(RuntimeError::Foreign { expected: kind }),
    }
    let (_, rest) = bytes.split_first_chunk::<MAGIC>().ok_or_else(|| damaged("it is cut"))?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(|| damaged("it is cut"))?;
    let got = u32::from_le_bytes(*version);
    if got != kind.version() {
        return Err(RuntimeError::Version { kind, expected: kind.version(), got });
    }
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(|| damaged("it is cut"))?;
    let (body, checksum) = rest.split_last_chunk::<CHECKSUM>().ok_or_else(|| damaged("it is cut"))?;
    if u64::from_le_bytes(*length) != body.len() as u64 {
        let (expected, got) = (u64::from_le_bytes(*length), body.len());
        return Err(RuntimeError::Damaged { kind, reason: format!("expected a body of {expected} bytes, got {got}") });
    }
    let covered = bytes.get(..HEADER + body.len()).ok_or_else(|| damaged("it is cut"))?;
    if blake3::hash(covered) != blake3::Hash::from_bytes(*checksum) {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(body)
}

/// The bytes with the length and the checksum that a file of this kind has: for tests that alter bodies.
pub fn reseal(bytes: &[u8]) -> Vec<u8> {
    let Some((head, rest)) = bytes.split_at_checked(MAGIC + 4) else { return bytes.to_vec() };
    let body = rest.get(8..rest.len().saturating_sub(CHECKSUM)).unwrap_or_default();
    let mut out = head.to_vec();
    out.extend((body.len() as u64).to_le_bytes());
    out.extend(body);
    let checksum = blake3::hash(&out);
    out.extend(checksum.as_bytes());
    out
}

/// Contents of the file at `path`, if they are not beyond the limit of `kind`.
pub(crate) fn read(kind: Kind, path: &Path) -> Result<Vec<u8>, RuntimeError> {
    let inner = || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let too_large = |got| RuntimeError::TooLarge { kind, got, limit: kind.limit() };
        if size > kind.limit() {
            return Err(too_large(size));
        }
        // The size is a hint: a pipe has none, and a file may grow.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(kind.limit() + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > kind.limit() { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
    };
    inner().map_err(|error: RuntimeError| error.at(path))
}

/// Writes `bytes` to a temporary file next to `path`, then renames it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), RuntimeError> {
    write_for(path, bytes, true)
}

/// [`write()`] to a file that only its owner may read.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), RuntimeError> {
    write_for(path, bytes, false)
}

fn write_for(path: &Path, bytes: &[u8], everyone: bool) -> Result<(), RuntimeError> {
    let inner = || {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".plonnx-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // Temporary files are private to the user; artifacts without secrets follow the usual permissions of new files.
        if everyone {
            publish(file.as_file())?;
        }
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    };
    inner().map_err(|error: std::io::Error| RuntimeError::Io(error).at(path))
}

#[cfg(unix)]
fn publish(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn publish(_: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_survive() {
        for kind in Kind::ALL {
            for body in [&b""[..], b"body", &[7; 5000]] {
                assert_eq!(unwrap(kind, &wrap(kind, body).unwrap()).unwrap(), body);
            }
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        let file = wrap(Kind::Proof, b"body").unwrap();
        let error = unwrap(Kind::VerifyingKey, &file).unwrap_err();
        assert_eq!(error.to_string(), "expected a verifying key, found a proof");
        let error = unwrap(Kind::Model, b"\x08\x07\x12\x04onnx").unwrap_err();
        assert_eq!(error.to_string(), "expected a compiled model, found a file that plonnx did not write");
    }

    #[test]
    fn versions_are_refused() {
        let mut file = wrap(Kind::Proof, b"body").unwrap();
        file[8] = 9;
        let error = unwrap(Kind::Proof, &file).unwrap_err();
        assert!(matches!(error, RuntimeError::Version { expected: 3, got: 9, .. }), "{error}");
    }

    #[test]
    fn every_alteration_is_found() {
        let file = wrap(Kind::Proof, b"body").unwrap();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut altered = file.clone();
                altered[at] ^= 1 << bit;
                assert!(unwrap(Kind::Proof, &altered).is_err(), "bit {bit} of byte {at}");
            }
            assert!(unwrap(Kind::Proof, &file[..at]).is_err(), "cut at {at}");
        }
        let longer: Vec<u8> = file.iter().copied().chain([0]).collect();
        assert!(matches!(unwrap(Kind::Proof, &longer), Err(RuntimeError::Damaged { .. })));
    }

    #[test]
    fn sizes_are_checked_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vk.plonnx");
        File::create(&path).unwrap().set_len(Kind::VerifyingKey.limit() + 1).unwrap();
        let error = read(Kind::VerifyingKey, &path).unwrap_err();
        assert!(matches!(error.root(), RuntimeError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("vk.plonnx: a verifying key has 8388609 bytes"), "{error}");
    }

    #[test]
    fn writing_replaces_whole_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write(&path, b"long contents").unwrap();
        write(&path, b"short").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("no/such/folder"), b"x").is_err());
    }
}

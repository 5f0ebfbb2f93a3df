//! JSON that holds a secret, written without leaving copies behind.

use std::io;

use serde::Serialize;

use crate::redacted::Redacted;

/// Writes JSON that holds a secret: zeroized on drop, and never copied while it is written. There
/// is `room` for as many more bytes.
pub(crate) fn write_secret(
    value: &impl Serialize,
    room: usize,
) -> serde_json::Result<Redacted<Vec<u8>>> {
    // Its length first, as a buffer that grows leaves copies behind.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, value)?;
    let mut text = Redacted::new(Vec::with_capacity(length.0 + room));
    serde_json::to_writer(&mut *text, value)?;
    Ok(text)
}

/// Counts what is written to it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_secret_without_growing() {
        for len in [0, 1, 127, 128, 5_000] {
            let value = "\"".repeat(len);
            let text = write_secret(&value, 16).unwrap();
            assert_eq!(*text, serde_json::to_vec(&value).unwrap());
            assert_eq!(text.capacity(), 2 * len + 2 + 16);
        }
    }
}

//! Whole lines out of output that comes in pieces.

/// Keeps the beginning of a line until its end comes.
#[derive(Debug, Default)]
pub(super) struct LineBuffer(Vec<u8>);

impl LineBuffer {
    /// Takes a piece of output; each line that it completes goes to `on_line`.
    pub(super) fn take(&mut self, piece: &[u8], mut on_line: impl FnMut(&str)) {
        self.0.extend_from_slice(piece);
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            on_line(String::from_utf8_lossy(&line).trim_end());
        }
    }
}

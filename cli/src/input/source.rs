//! Bytes that are read as they are needed, so that a file of any size, and one without an end, takes little memory.

use crate::exit::CliError;
use bytes::{Buf, Bytes, BytesMut};
use std::io::{self, Read};

/// Bytes from somewhere, in order.
pub(crate) struct Source {
    /// What a message calls it.
    name: String,
    /// What was read and not yet taken.
    buffer: BytesMut,
    /// Where more comes from; `None` at the end.
    rest: Option<Box<dyn Read>>,
}

/// Read at once.
const CHUNK: usize = 64 << 10;

impl Source {
    pub(super) fn new(name: &str, rest: impl Read + 'static) -> Self {
        Self {
            name: name.to_owned(),
            buffer: BytesMut::new(),
            rest: Some(Box::new(rest)),
        }
    }

    /// Bytes that are there already.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self {
            name: String::new(),
            buffer: BytesMut::from(&bytes[..]),
            rest: None,
        }
    }

    /// Reads until `wanted` bytes are there, or all there are.
    ///
    /// # Errors
    /// What cannot be read, and why.
    pub(crate) fn fill(&mut self, wanted: usize) -> Result<(), CliError> {
        while self.buffer.len() < wanted && self.rest.is_some() {
            self.read()?;
        }
        Ok(())
    }

    /// Whether this many bytes can be taken without reading.
    pub(crate) fn has(&self, wanted: usize) -> bool {
        self.rest.is_none() || self.buffer.len() >= wanted
    }

    /// Reads some more.
    pub(super) fn read(&mut self) -> Result<(), CliError> {
        let Some(rest) = &mut self.rest else {
            return Ok(());
        };
        let there = self.buffer.len();
        self.buffer.resize(there + CHUNK, 0);
        let read = rest.read(&mut self.buffer[there..]);
        self.buffer.truncate(there + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => self.rest = None,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                return Err(CliError::input(format!("cannot read {}: {e}", self.name)));
            }
        }
        Ok(())
    }

    /// What is there and not yet taken.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Whether nothing comes after what is there.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_none()
    }

    /// Takes bytes that are there.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        let taken = Bytes::copy_from_slice(&self.buffer[..len]);
        self.buffer.advance(len);
        taken
    }

    /// Leaves out as many bytes, or all there are; gives how many.
    ///
    /// # Errors
    /// What cannot be read, and why.
    pub(crate) fn skip(&mut self, len: usize) -> Result<usize, CliError> {
        let mut left = len;
        while left > 0 {
            self.fill(1)?;
            let here = left.min(self.buffer.len());
            if here == 0 {
                break;
            }
            self.buffer.advance(here);
            left -= here;
        }
        Ok(len - left)
    }
}

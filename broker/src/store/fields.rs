//! The bytes of a row's value: fields one after the other, whole numbers in network byte order, and lengths before
//! what has one.

use bytes::{Buf, BufMut, Bytes};

/// Writes fields.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<u8>);

impl Fields {
    pub(crate) fn flag(mut self, value: bool) -> Self {
        self.0.put_u8(value.into());
        self
    }

    pub(crate) fn byte(mut self, value: u8) -> Self {
        self.0.put_u8(value);
        self
    }

    pub(crate) fn short(mut self, value: u32) -> Self {
        self.0.put_u32(value);
        self
    }

    pub(crate) fn long(mut self, value: u64) -> Self {
        self.0.put_u64(value);
        self
    }

    /// A number that may be absent.
    pub(crate) fn maybe(mut self, value: Option<u64>) -> Self {
        self.0.put_u8(value.is_some().into());
        match value {
            Some(value) => self.long(value),
            None => self,
        }
    }

    pub(crate) fn bytes(mut self, value: &[u8]) -> Self {
        self.0.put_u64(value.len() as u64);
        self.0.put_slice(value);
        self
    }

    /// What was written.
    pub(crate) fn done(self) -> Bytes {
        self.0.into()
    }
}

/// Reads fields in the order in which they were written; `None` where they do not fit.
#[derive(Debug)]
pub(crate) struct Reading(Bytes);

impl Reading {
    pub(crate) fn of(value: &Bytes) -> Self {
        Self(value.clone())
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    pub(crate) fn short(&mut self) -> Option<u32> {
        self.0.try_get_u32().ok()
    }

    pub(crate) fn long(&mut self) -> Option<u64> {
        self.0.try_get_u64().ok()
    }

    #[expect(
        clippy::option_option,
        reason = "a field that may be absent, and may not fit"
    )]
    pub(crate) fn maybe(&mut self) -> Option<Option<u64>> {
        match self.flag()? {
            true => self.long().map(Some),
            false => Some(None),
        }
    }

    pub(crate) fn bytes(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.long()?).ok()?;
        (length <= self.0.len()).then(|| self.0.split_to(length))
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.into()).ok()
    }

    /// Nothing is left.
    pub(crate) fn done(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let value = Fields::default()
            .flag(true)
            .byte(7)
            .short(8)
            .long(9)
            .maybe(None)
            .maybe(Some(10))
            .bytes("ä".as_bytes())
            .done();
        let read = |value: &Bytes| {
            let mut reading = Reading::of(value);
            let all = (
                reading.flag()?,
                reading.byte()?,
                reading.short()?,
                reading.long()?,
                reading.maybe()?,
                reading.maybe()?,
                reading.text()?,
            );
            reading.done()?;
            Some(all)
        };
        assert_eq!(
            read(&value),
            Some((true, 7, 8, 9, None, Some(10), "ä".to_owned()))
        );
        for cut in 0..value.len() {
            assert_eq!(read(&value.slice(..cut)), None, "{cut} bytes");
        }
        let longer = [&value[..], b"x"].concat().into();
        assert_eq!(read(&longer), None);
    }
}

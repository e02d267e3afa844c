//! A cursor over the bytes of one packet, and its reverse.
//!
//! Both know the data types of section 1.5 and nothing of packets: what a field means, which rule an odd value
//! breaks and in which order fields stand is the business of `packet` and `properties`.

use crate::{
    EncodeError, PacketId, PacketType, Role, Rule, Text, TextError, Version, Violation,
    layout::{Field, FieldValue, Group},
    varint,
};
use bytes::Bytes;
use std::{borrow::Cow, fmt, ops::Range};

/// Reads the fields of one packet in order.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    /// The buffer that `bytes` are, so that long fields can be slices of it.
    shared: Option<&'a Bytes>,
    at: usize,
    end: usize,
    group: Option<Group>,
    /// Where the fields that are read are noted down, if anyone wants them.
    notes: Option<&'a mut Vec<Field>>,
    pub(crate) version: Version,
    pub(crate) packet: PacketType,
    pub(crate) peer: Role,
}

impl<'a> Reader<'a> {
    /// Over a whole control packet whose fixed header takes `header` bytes.
    pub(crate) fn new(
        bytes: &'a [u8],
        header: usize,
        version: Version,
        packet: PacketType,
        peer: Role,
    ) -> Self {
        Self {
            end: bytes.len(),
            bytes,
            shared: None,
            at: header,
            group: None,
            notes: None,
            version,
            packet,
            peer,
        }
    }

    /// The reader, giving out slices of `shared`, the same packet.
    pub(crate) fn sharing(mut self, shared: &'a Bytes) -> Self {
        self.shared = Some(shared);
        self
    }

    /// The reader, noting down every field it reads.
    pub(crate) fn noting(mut self, notes: &'a mut Vec<Field>) -> Self {
        self.notes = Some(notes);
        self
    }

    /// Notes the field between `start` and the cursor; costs a branch when nobody asked.
    #[inline(always)]
    fn note(&mut self, name: &'static str, start: usize, value: impl FnOnce() -> FieldValue) {
        if self.notes.is_some() {
            self.note_field(name, start, value());
        }
    }

    #[cold]
    fn note_field(&mut self, name: &'static str, start: usize, value: FieldValue) {
        let (len, group) = (self.at - start, self.group);
        let Some(notes) = &mut self.notes else { return };
        notes.push(Field {
            name,
            offset: start,
            len,
            value,
            meaning: None,
            group,
        });
    }

    /// Says what the field read last means.
    #[inline(always)]
    pub(crate) fn explain(&mut self, meaning: impl FnOnce() -> String) {
        if let Some(field) = self.notes.as_deref_mut().and_then(|notes| notes.last_mut()) {
            field.meaning = Some(meaning());
        }
    }

    /// Makes one field of all that was noted from `start` on: a property is its identifier and its value.
    #[inline(always)]
    pub(crate) fn join(&mut self, name: &'static str, start: usize) {
        if self.notes.is_some() {
            self.join_fields(name, start);
        }
    }

    #[cold]
    fn join_fields(&mut self, name: &'static str, start: usize) {
        let Some(notes) = &mut self.notes else { return };
        let parts = notes.iter().rev().take_while(|f| f.offset >= start).count();
        let mut parts = notes.split_off(notes.len() - parts).into_iter();
        // The first is the identifier.
        let value = match (parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(one), None) => one.value,
            (Some(_), Some(a), Some(b)) => FieldValue::pair(a.value, b.value),
            _ => return,
        };
        self.note_field(name, start, value);
    }

    /// Offset from the first byte of the packet.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Bytes that are left, within the properties if the cursor stands there.
    pub(crate) fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// A violation found at `offset`.
    #[cold]
    pub(crate) fn violation(
        &self,
        rule: Rule,
        offset: usize,
        message: impl Into<Cow<'static, str>>,
    ) -> Violation {
        Violation {
            rule,
            version: self.version,
            packet: Some(self.packet),
            offset,
            message: message.into(),
        }
    }

    #[cold]
    fn cut_short(&self, field: &str, needs: usize) -> Violation {
        let left = self.remaining();
        if self.group.is_some() {
            let message = format!(
                "{field} takes {} where the properties have {left} left",
                Count(needs)
            );
            self.violation(Rule::PropertyLengthWrong, self.at, message)
        } else {
            let message = format!(
                "{field} takes {} where the packet has {left} left",
                Count(needs)
            );
            self.violation(Rule::Truncated, self.at, message)
        }
    }

    #[inline]
    fn take<const N: usize>(&mut self, field: &str) -> Result<[u8; N], Violation> {
        match self.bytes[self.at..self.end].first_chunk() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(self.cut_short(field, N)),
        }
    }

    /// A byte.
    #[inline]
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Violation> {
        let start = self.at;
        let [value] = self.take(field)?;
        self.note(field, start, || FieldValue::Integer(value.into()));
        Ok(value)
    }

    /// A two byte integer.
    #[inline]
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Violation> {
        let start = self.at;
        let value = self.length(field)?;
        self.note(field, start, || FieldValue::Integer(value.into()));
        Ok(value)
    }

    /// The two bytes before a string or binary data, which are no field of their own.
    fn length(&mut self, field: &str) -> Result<u16, Violation> {
        Ok(u16::from_be_bytes(self.take(field)?))
    }

    /// A four byte integer.
    #[inline]
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Violation> {
        let start = self.at;
        let value = u32::from_be_bytes(self.take(field)?);
        self.note(field, start, || FieldValue::Integer(value));
        Ok(value)
    }

    /// A variable byte integer inside a packet, which only 5.0 has.
    #[inline]
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u32, Violation> {
        match varint::scan(&self.bytes[self.at..self.end]) {
            varint::Scan::Whole {
                value,
                len,
                minimal: true,
            } => {
                let start = self.at;
                self.at += len;
                self.note(field, start, || FieldValue::Integer(value));
                Ok(value)
            }
            // [MQTT-1.5.5-1] (5.0)
            varint::Scan::Whole {
                value,
                len,
                minimal: false,
            } => Err(self.violation(
                Rule::VariableByteIntegerPadded,
                self.at,
                format!(
                    "{field} {value} is written in {len} bytes and fits in {}",
                    varint::len(value)
                ),
            )),
            varint::Scan::Incomplete => Err(self.cut_short(field, self.remaining() + 1)),
            // [X-5.0-vbi-1]
            varint::Scan::TooLong => Err(self.violation(
                Rule::VariableByteIntegerTooLong,
                self.at,
                format!("{field} does not end with its fourth byte"),
            )),
        }
    }

    /// Binary data: a length of two bytes and so many bytes.
    #[inline]
    pub(crate) fn binary(&mut self, field: &'static str) -> Result<Bytes, Violation> {
        let start = self.at;
        let bytes = self.prefixed(field)?;
        self.note(field, start, || FieldValue::Binary(bytes.clone()));
        Ok(bytes)
    }

    fn prefixed(&mut self, field: &str) -> Result<Bytes, Violation> {
        let range = self.prefixed_range(field)?;
        Ok(own(&self.bytes[range], self.shared))
    }

    /// Where the bytes after a length of two bytes stand.
    #[inline]
    fn prefixed_range(&mut self, field: &str) -> Result<Range<usize>, Violation> {
        let len = usize::from(self.length(field)?);
        if self.remaining() < len {
            self.at -= 2;
            return Err(self.cut_short(field, len + 2));
        }
        let start = self.at;
        self.at += len;
        Ok(start..self.at)
    }

    /// A UTF-8 encoded string of 0 to 65,535 bytes [X-3.1.1-utf8-2], [X-5.0-utf8-3].
    #[inline]
    pub(crate) fn text(&mut self, field: &'static str) -> Result<Text, Violation> {
        let mut text = Text::new();
        self.fill_text(&mut text, field)?;
        Ok(text)
    }

    /// A UTF-8 encoded string, into an empty text. Gives its bytes where they lie in the packet: to look at those is
    /// faster than at the text that was just written.
    #[inline]
    pub(crate) fn fill_text(
        &mut self,
        text: &mut Text,
        field: &'static str,
    ) -> Result<&'a [u8], Violation> {
        self.fill_text_or(text, field, Rule::NotUtf8, Rule::NullCharacter)
    }

    /// Like [`Self::fill_text`]; its faults are filed under rules of their own.
    #[inline]
    pub(crate) fn fill_text_or(
        &mut self,
        text: &mut Text,
        field: &'static str,
        not_utf8: Rule,
        null: Rule,
    ) -> Result<&'a [u8], Violation> {
        let start = self.at;
        let range = self.prefixed_range(field)?;
        let bytes = &self.bytes[range];
        match text.fill(bytes, self.shared) {
            Ok(()) => {
                self.note(field, start, || FieldValue::Text(text.clone()));
                Ok(bytes)
            }
            Err(e) => Err(self.text_violation(field, start, e, not_utf8, null)),
        }
    }

    #[cold]
    fn text_violation(
        &mut self,
        field: &'static str,
        start: usize,
        error: TextError,
        not_utf8: Rule,
        null: Rule,
    ) -> Violation {
        let text = start + 2;
        let bytes = Bytes::copy_from_slice(&self.bytes[text..self.at]);
        self.note(field, start, || FieldValue::Binary(bytes));
        match error {
            // [MQTT-1.5.3-1] (3.1.1), [MQTT-1.5.4-1] (5.0)
            TextError::NotUtf8(i) => self.violation(
                not_utf8,
                text + i,
                format!("{field} is not well-formed UTF-8"),
            ),
            // [MQTT-1.5.3-2] (3.1.1), [MQTT-1.5.4-2] (5.0)
            TextError::Null(i) => self.violation(
                null,
                text + i,
                format!("{field} holds the null character U+0000"),
            ),
        }
    }

    /// How many strings are left, each with `after` bytes after it, as far as their lengths tell. For making room:
    /// what the packet promises is not taken at its word beyond a few hundred.
    pub(crate) fn count_strings(&self, after: usize) -> usize {
        let mut left = &self.bytes[self.at..self.end];
        let mut count = 0;
        while let (Some(len), true) = (left.first_chunk(), count < 256) {
            let len = usize::from(u16::from_be_bytes(*len));
            left = left.get(2 + len + after..).unwrap_or_default();
            count += 1;
        }
        count
    }

    /// A packet identifier.
    #[inline]
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, Violation> {
        let at = self.at;
        let id = self.u16("Packet Identifier")?;
        // [MQTT-2.3.1-1] (3.1.1), [MQTT-2.2.1-3] (5.0)
        PacketId::new(id)
            .ok_or_else(|| self.violation(Rule::PacketIdZero, at, "Packet Identifier 0"))
    }

    /// Everything that is left.
    #[inline]
    pub(crate) fn rest(&mut self, field: &'static str) -> Bytes {
        let start = self.at;
        self.at = self.end;
        let bytes = own(&self.bytes[start..self.end], self.shared);
        self.note(field, start, || FieldValue::Binary(bytes.clone()));
        bytes
    }

    /// Narrows the cursor to the next `len` bytes, the properties; gives what [`Self::leave_properties`] needs.
    pub(crate) fn enter_properties(
        &mut self,
        group: Group,
        len: usize,
        at: usize,
    ) -> Result<usize, Violation> {
        if self.remaining() < len {
            let message = format!(
                "Property Length {len} where the packet has {} left",
                Count(self.remaining())
            );
            return Err(self.violation(Rule::PropertyLengthWrong, at, message));
        }
        self.group = Some(group);
        Ok(std::mem::replace(&mut self.end, self.at + len))
    }

    /// Widens the cursor to the whole packet again.
    pub(crate) fn leave_properties(&mut self, end: usize) {
        self.group = None;
        self.end = end;
    }

    /// The packet has to end here.
    pub(crate) fn finish(&self) -> Result<(), Violation> {
        match self.remaining() {
            0 => Ok(()),
            n => Err(self.violation(
                Rule::SurplusBytes,
                self.at,
                format!("{} after the last field", Count(n)),
            )),
        }
    }
}

/// The longest field, in bytes, that is copied out of a packet: that costs less than a share in the packet's buffer,
/// and does not keep the whole buffer alive for it.
pub(crate) const COPIED: usize = 512;

/// A field that outlives its packet: a copy when it is short, else a slice of the buffer it is in, if that is `shared`.
#[inline]
pub(crate) fn own(field: &[u8], shared: Option<&Bytes>) -> Bytes {
    match shared {
        Some(buffer) if field.len() > COPIED => buffer.slice_ref(field),
        _ => Bytes::copy_from_slice(field),
    }
}

/// A number of bytes in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.0,
            if self.0 == 1 { "byte" } else { "bytes" }
        )
    }
}

/// Where the fields of a packet go. Each packet is written twice, first to [`Measure`] and then to [`Fill`], so that
/// room is made once and never grows.
pub(crate) trait Writer: Sized {
    /// Bytes as they are.
    fn raw(&mut self, bytes: &[u8]);

    fn u8(&mut self, value: u8) {
        self.raw(&[value]);
    }

    fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    fn varint(&mut self, value: u32) -> Result<(), EncodeError> {
        if value > varint::MAX {
            return Err(EncodeError::IntegerTooLarge(value));
        }
        let (bytes, len) = varint::encode(value);
        self.raw(&bytes[..len]);
        Ok(())
    }

    /// Binary data or a string, with its length in front: at most 65,535 bytes, topics too [MQTT-4.7.3-3].
    fn binary(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        let len = u16::try_from(value.len()).map_err(|_| EncodeError::FieldTooLong(value.len()))?;
        self.u16(len);
        self.raw(value);
        Ok(())
    }

    fn packet_id(&mut self, id: PacketId) {
        self.u16(id.get());
    }
}

/// Counts the bytes that would be written.
#[derive(Debug, Default)]
pub(crate) struct Measure(pub(crate) usize);

impl Writer for Measure {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Writes into room of the measured size.
#[derive(Debug)]
pub(crate) struct Fill<'a>(pub(crate) &'a mut [u8]);

impl Writer for Fill<'_> {
    #[inline]
    fn raw(&mut self, bytes: &[u8]) {
        let (field, rest) = std::mem::take(&mut self.0).split_at_mut(bytes.len());
        field.copy_from_slice(bytes);
        self.0 = rest;
    }
}

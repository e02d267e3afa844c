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
use std::{borrow::Cow, fmt};

/// Reads the fields of one packet in order. Strings and binary data are slices of the packet, not copies.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a Bytes,
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
        bytes: &'a Bytes,
        header: usize,
        version: Version,
        packet: PacketType,
        peer: Role,
    ) -> Self {
        Self {
            bytes,
            at: header,
            end: bytes.len(),
            group: None,
            notes: None,
            version,
            packet,
            peer,
        }
    }

    /// The reader, noting down every field it reads.
    pub(crate) fn noting(mut self, notes: &'a mut Vec<Field>) -> Self {
        self.notes = Some(notes);
        self
    }

    /// Notes the field between `start` and the cursor; costs a branch when nobody asked.
    fn note(&mut self, name: &'static str, start: usize, value: impl FnOnce() -> FieldValue) {
        if let Some(notes) = &mut self.notes {
            notes.push(Field {
                name,
                offset: start,
                len: self.at - start,
                value: value(),
                meaning: None,
                group: self.group,
            });
        }
    }

    /// Says what the field read last means.
    pub(crate) fn explain(&mut self, meaning: impl FnOnce() -> String) {
        if let Some(field) = self.notes.as_deref_mut().and_then(|notes| notes.last_mut()) {
            field.meaning = Some(meaning());
        }
    }

    /// Makes one field of all that was noted from `start` on: a property is its identifier and its value.
    pub(crate) fn join(&mut self, name: &'static str, start: usize) {
        if let Some(notes) = &mut self.notes {
            let parts = notes.iter().rev().take_while(|f| f.offset >= start).count();
            let mut parts = notes.split_off(notes.len() - parts).into_iter();
            // The first is the identifier.
            let value = match (parts.next(), parts.next(), parts.next()) {
                (Some(_), Some(one), None) => one.value,
                (Some(_), Some(a), Some(b)) => FieldValue::pair(a.value, b.value),
                _ => return,
            };
            notes.push(Field {
                name,
                offset: start,
                len: self.at - start,
                value,
                meaning: None,
                group: self.group,
            });
        }
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

    fn take(&mut self, n: usize, field: &str) -> Result<&'a [u8], Violation> {
        if self.remaining() < n {
            return Err(self.cut_short(field, n));
        }
        let taken = &self.bytes[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    /// A byte.
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Violation> {
        let start = self.at;
        let value = self.take(1, field)?[0];
        self.note(field, start, || FieldValue::Integer(value.into()));
        Ok(value)
    }

    /// A two byte integer.
    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Violation> {
        let start = self.at;
        let value = self.length(field)?;
        self.note(field, start, || FieldValue::Integer(value.into()));
        Ok(value)
    }

    /// The two bytes in front of a string or binary data, which are no field of their own.
    fn length(&mut self, field: &str) -> Result<u16, Violation> {
        let b = self.take(2, field)?;
        Ok(u16::from_be_bytes([b[0], b[1]]))
    }

    /// A four byte integer.
    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Violation> {
        let start = self.at;
        let b = self.take(4, field)?;
        let value = u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
        self.note(field, start, || FieldValue::Integer(value));
        Ok(value)
    }

    /// A variable byte integer inside a packet, which only 5.0 has.
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
    pub(crate) fn binary(&mut self, field: &'static str) -> Result<Bytes, Violation> {
        let start = self.at;
        let bytes = self.prefixed(field)?;
        self.note(field, start, || FieldValue::Binary(bytes.clone()));
        Ok(bytes)
    }

    fn prefixed(&mut self, field: &str) -> Result<Bytes, Violation> {
        let len = usize::from(self.length(field)?);
        if self.remaining() < len {
            self.at -= 2;
            return Err(self.cut_short(field, len + 2));
        }
        let start = self.at;
        self.at += len;
        Ok(self.bytes.slice(start..self.at))
    }

    /// A UTF-8 encoded string of 0 to 65,535 bytes [X-3.1.1-utf8-2], [X-5.0-utf8-3].
    pub(crate) fn text(&mut self, field: &'static str) -> Result<Text, Violation> {
        self.text_or(field, Rule::NotUtf8, Rule::NullCharacter)
    }

    /// A UTF-8 encoded string whose faults are filed under rules of their own.
    pub(crate) fn text_or(
        &mut self,
        field: &'static str,
        not_utf8: Rule,
        null: Rule,
    ) -> Result<Text, Violation> {
        let start = self.at;
        let bytes = self.prefixed(field)?;
        match Text::from_bytes(bytes) {
            Ok(text) => {
                self.note(field, start, || FieldValue::Text(text.clone()));
                Ok(text)
            }
            Err(e) => {
                let text = start + 2;
                let bytes = self.bytes.slice(text..self.at);
                self.note(field, start, || FieldValue::Binary(bytes));
                Err(match e {
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
                })
            }
        }
    }

    /// A packet identifier.
    pub(crate) fn packet_id(&mut self) -> Result<PacketId, Violation> {
        let at = self.at;
        let id = self.u16("Packet Identifier")?;
        // [MQTT-2.3.1-1] (3.1.1), [MQTT-2.2.1-3] (5.0)
        PacketId::new(id)
            .ok_or_else(|| self.violation(Rule::PacketIdZero, at, "Packet Identifier 0"))
    }

    /// Everything that is left.
    pub(crate) fn rest(&mut self, field: &'static str) -> Bytes {
        let start = self.at;
        self.at = self.end;
        let bytes = self.bytes.slice(start..self.end);
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
                format!("{} behind the last field", Count(n)),
            )),
        }
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

/// Writes one packet. Room for the longest fixed header is kept in front, so the body is never moved.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

/// Type and flags, and at most four bytes of Remaining Length.
const HEADER_ROOM: usize = 5;

impl Writer {
    /// For a body of about `body` bytes.
    pub(crate) fn with_capacity(body: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER_ROOM + body);
        bytes.resize(HEADER_ROOM, 0);
        Self(bytes)
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn varint(&mut self, value: u32) -> Result<(), EncodeError> {
        if value > varint::MAX {
            return Err(EncodeError::IntegerTooLarge(value));
        }
        let (bytes, len) = varint::encode(value);
        self.0.extend_from_slice(&bytes[..len]);
        Ok(())
    }

    /// Binary data or a string, with its length in front: at most 65,535 bytes, topics too [MQTT-4.7.3-3].
    pub(crate) fn binary(&mut self, value: &[u8]) -> Result<(), EncodeError> {
        let len = u16::try_from(value.len()).map_err(|_| EncodeError::FieldTooLong(value.len()))?;
        self.u16(len);
        self.0.extend_from_slice(value);
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    pub(crate) fn packet_id(&mut self, id: PacketId) {
        self.u16(id.get());
    }

    /// Puts the fixed header in front.
    pub(crate) fn finish(mut self, first_byte: u8) -> Result<Bytes, EncodeError> {
        let body = self.0.len() - HEADER_ROOM;
        let remaining = u32::try_from(body).ok().filter(|n| *n <= varint::MAX);
        let Some(remaining) = remaining else {
            return Err(EncodeError::PacketTooLong(body));
        };
        let (length, n) = varint::encode(remaining);
        let start = HEADER_ROOM - 1 - n;
        self.0[start] = first_byte;
        self.0[start + 1..HEADER_ROOM].copy_from_slice(&length[..n]);
        Ok(Bytes::from(self.0).slice(start..))
    }
}

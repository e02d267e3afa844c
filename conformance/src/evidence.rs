//! The journal of a check as an [`Exchange`]: who sent what to whom, and when. Bounded in bytes, like the journal.

use crate::target::credentials::Secret;
use squall_client::probe::{Event as Seen, Journal, Record};
use squall_protocol::{Packet, hex::dump};
use squall_reports::{Event, EventKind, Exchange, Window};
use squall_transport::Credentials;
use std::cell::Cell;

/// Events of a story that is shown whole, and its bytes.
const MOST_EVENTS: usize = 250;
const MOST_TEXT: usize = 64 * 1024;
/// Bytes of whole stories in one run, more than twice what all checks take at a server that behaves. All of them have to
/// fit into the memory several times: as results, and as the report in each of its formats.
pub(crate) const MOST_OF_A_RUN: usize = 4 * 1024 * 1024;
/// Of a story that does not fit, so much is shown of its beginning, and as much of its end.
const END_EVENTS: usize = 30;
const END_TEXT: usize = 12 * 1024;
/// Bytes of text in a label and in a detail.
const MOST_LABEL: usize = 512;
const MOST_DETAIL: usize = 4 * 1024;

/// What happened; the parties of the check stand left, the server right. With `blame` the last packet that equals
/// `guilty` is where it went wrong; where there is none, the last event that is neither tidying up nor a PINGRESP,
/// which only shows that the connection lives. Of a long story the beginning and the end are shown, and what is between
/// them is counted. `room` is what the run has left for whole stories. The password of `secret` is shown nowhere.
pub(crate) fn exchange(
    journal: &Journal,
    blame: bool,
    guilty: Option<&Packet>,
    secret: Option<&Credentials>,
    room: &Cell<usize>,
) -> Exchange {
    let (parties, server) = parties(journal);
    let records = journal.records();
    let is = |record: &Record| matches!(&record.event, Seen::Received(p, ..) if Some(p) == guilty);
    let pong = |record: &Record| matches!(record.event, Seen::Received(Packet::PingResp, ..));
    let of = |wanted: &dyn Fn(&Record) -> bool| records.iter().rposition(wanted);
    let guilty = blame
        .then(|| {
            of(&is)
                .or_else(|| of(&|r| accuses(&r.event) && !pong(r)))
                .or_else(|| of(&|r| accuses(&r.event)))
        })
        .flatten();
    let left_out = journal.left_out();
    let gap = (left_out.events > 0).then_some(left_out.before);
    let bytes: Vec<u64> = records.iter().map(|r| r.event.wire_len() as u64).collect();
    let mut events: Vec<Event> = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| Event {
            highlight: guilty == Some(index),
            ..hidden(event(without(record, secret), server), secret)
        })
        .collect();
    let (head, tail) = ends(&events, gap, room);
    let between = tail - head;
    if between > 0 || gap.is_some() {
        let number = between as u64 + left_out.events;
        let bytes = bytes[head..tail].iter().sum::<u64>() + left_out.bytes;
        let at_ms = head.checked_sub(1).map_or(0, |last| events[last].at_ms);
        let text = format!("{number} further events, {bytes} bytes left out");
        let note = note(at_ms, server, text);
        events.splice(head..tail, [note]);
    }
    Exchange { parties, events }
}

/// Events that the evidence of a finding has.
const MOST_OF_A_FINDING: usize = 12;

/// What proves a finding: its witness and what stands nearest to it. Nothing where the run has no `room` left.
pub(crate) fn witnessed(
    journal: &Journal,
    witness: &[usize],
    secret: Option<&Credentials>,
    room: &Cell<usize>,
) -> Exchange {
    let (parties, server) = parties(journal);
    let records = journal.records();
    let window = Window {
        witness,
        events: MOST_OF_A_FINDING,
    };
    let shown = (0..records.len()).map(|ix| (ix, window.holds(ix)));
    let events: Vec<Event> = window
        .clip(shown.collect())
        .into_iter()
        .map(|(ix, highlight)| Event {
            highlight,
            ..hidden(event(without(records[ix].clone(), secret), server), secret)
        })
        .collect();
    let whole = events.iter().map(Event::bytes).sum::<usize>();
    if whole > room.get() {
        return Exchange::default();
    }
    room.set(room.get() - whole);
    Exchange { parties, events }
}

/// The parties of the check stand left, the server right; its place.
fn parties(journal: &Journal) -> (Vec<String>, usize) {
    let mut parties = journal.parties();
    let server = parties.len();
    parties.push("server".to_owned());
    (parties, server)
}

/// Up to which event, and from which one on, the story is shown: all of it if it fits and has no `gap`.
fn ends(events: &[Event], gap: Option<usize>, room: &Cell<usize>) -> (usize, usize) {
    let whole = events.iter().map(Event::bytes).sum::<usize>();
    let fits = whole <= MOST_TEXT.min(room.get()) && events.len() <= MOST_EVENTS;
    if gap.is_none() && fits {
        room.set(room.get() - whole);
        return (events.len(), events.len());
    }
    let fitting = |some: &mut dyn Iterator<Item = &Event>| {
        let mut room = END_TEXT;
        some.take(END_EVENTS)
            .take_while(|e| {
                let fits = e.bytes() <= room;
                room = room.saturating_sub(e.bytes());
                fits
            })
            .count()
    };
    let split = gap.unwrap_or(events.len());
    let head = fitting(&mut events[..split].iter());
    let behind = &events[gap.unwrap_or(head)..];
    let tail = fitting(&mut behind.iter().rev());
    (head, events.len() - tail)
}

/// Whether this may be where it went wrong. What the probes did themselves while tidying up is not.
fn accuses(seen: &Seen) -> bool {
    match seen {
        Seen::Received(..)
        | Seen::Long { sent: false, .. }
        | Seen::Broken(..)
        | Seen::PeerClosed(_)
        | Seen::Note(_) => true,
        Seen::Opened
        | Seen::Sent(..)
        | Seen::SentRaw(..)
        | Seen::Long { sent: true, .. }
        | Seen::Closed
        | Seen::Dropped(_) => false,
    }
}

const fn note(at_ms: u64, party: usize, text: String) -> Event {
    Event::new(at_ms, EventKind::Note, party, party, text)
}

/// The text, or its beginning.
pub(crate) fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}

/// The record without the password.
fn without(record: Record, secret: Option<&Credentials>) -> Record {
    let Some(secret) = secret else {
        return record;
    };
    let bytes = |bytes: bytes::Bytes| secret.without_bytes(&bytes).into();
    let text = |text: String| secret.without_text(text);
    let event = match record.event {
        Seen::Sent(packet, version, sent) => {
            Seen::Sent(secret.without(&packet), version, bytes(sent))
        }
        Seen::SentRaw(what, sent) => Seen::SentRaw(what, bytes(sent)),
        Seen::Received(packet, version, got) => Seen::Received(packet, version, bytes(got)),
        Seen::Long {
            sent,
            summary,
            bytes: some,
            len,
        } => Seen::Long {
            sent,
            summary: text(summary),
            bytes: bytes(some),
            len,
        },
        Seen::Broken(violation, got) => Seen::Broken(violation, bytes(got)),
        Seen::Note(note) => Seen::Note(text(note)),
        other @ (Seen::Opened | Seen::PeerClosed(_) | Seen::Closed | Seen::Dropped(_)) => other,
    };
    Record { event, ..record }
}

/// The texts of an event without the password, which a server may repeat.
fn hidden(event: Event, secret: Option<&Credentials>) -> Event {
    match secret {
        None => event,
        Some(secret) => Event {
            label: secret.without_text(event.label),
            detail: secret.without_text(event.detail),
            ..event
        },
    }
}

fn event(record: Record, server: usize) -> Event {
    let Record { at, party, event } = record;
    let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    let from_us = |kind, label: String, detail: String, hex: String| Event {
        kind,
        to: server,
        detail,
        hex,
        ..note(at_ms, party, cut(label, MOST_LABEL))
    };
    let from_server = |kind, label: String, detail: String, hex: String| Event {
        from: server,
        to: party,
        ..from_us(kind, label, detail, hex)
    };
    let none = String::new;
    let fields = |packet: &squall_protocol::Packet, version| {
        cut(packet.describe(version).join("\n"), MOST_DETAIL)
    };
    match event {
        Seen::Opened => from_us(
            EventKind::Open,
            "connection opened".to_owned(),
            none(),
            none(),
        ),
        Seen::Sent(packet, version, bytes) => from_us(
            EventKind::Packet,
            packet.summary(),
            fields(&packet, version),
            hex(&bytes, bytes.len()),
        ),
        Seen::SentRaw(what, bytes) => {
            from_us(EventKind::Packet, what, none(), hex(&bytes, bytes.len()))
        }
        Seen::Received(packet, version, bytes) => from_server(
            EventKind::Packet,
            packet.summary(),
            fields(&packet, version),
            hex(&bytes, bytes.len()),
        ),
        Seen::Long {
            sent,
            summary,
            bytes,
            len,
        } => {
            let detail = format!("{len} bytes, too many to be shown field by field");
            let hex = hex(&bytes, len);
            match sent {
                true => from_us(EventKind::Packet, summary, detail, hex),
                false => from_server(EventKind::Packet, summary, detail, hex),
            }
        }
        Seen::Broken(violation, bytes) => from_server(
            EventKind::Packet,
            "bytes that break the standard".to_owned(),
            cut(violation.to_string(), MOST_DETAIL),
            hex(&bytes, bytes.len()),
        ),
        Seen::PeerClosed(how) => {
            let label = format!("connection closed by the server ({how})");
            from_server(EventKind::Close, label, none(), none())
        }
        Seen::Closed => from_us(
            EventKind::Close,
            "connection closed".to_owned(),
            none(),
            none(),
        ),
        Seen::Dropped(bytes) => note(
            at_ms,
            party,
            format!("{bytes} bytes came that nobody waited for; they were dropped"),
        ),
        Seen::Note(text) => note(at_ms, party, cut(text, MOST_LABEL)),
    }
}

/// As a dump; `len` is how many there were in all.
fn hex(bytes: &[u8], len: usize) -> String {
    let mut text = dump(bytes, Event::MOST_BYTES);
    if bytes.len() <= Event::MOST_BYTES && len > bytes.len() {
        text.push_str(" …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thing_the_server_did_is_highlighted() {
        let journal = Journal::new();
        let one = journal.add_party("client");
        journal.write(one, Seen::Opened);
        journal.write(
            one,
            Seen::SentRaw("PINGREQ with flags 0001".to_owned(), vec![0xC1, 0].into()),
        );
        journal.write(one, Seen::Note("nothing came".to_owned()));
        journal.write(one, Seen::Closed);
        let exchange = exchange(&journal, true, None, None, &Cell::new(MOST_OF_A_RUN));
        assert_eq!(exchange.parties, ["client", "server"]);
        let marks: Vec<_> = exchange.events.iter().map(|e| e.highlight).collect();
        assert_eq!(marks, [false, false, true, false]);
        assert_eq!(exchange.events[1].hex, "c1 00");
        assert_eq!((exchange.events[1].from, exchange.events[1].to), (0, 1));
    }

    #[test]
    fn the_guilty_packet_is_highlighted_and_a_pingresp_only_when_it_is_meant() {
        use squall_protocol::{Packet, PacketId, Version, packet::Ack};
        let journal = Journal::new();
        let one = journal.add_party("client");
        let first = Packet::PubRec(Ack::success(PacketId::MIN));
        let second = Packet::PubComp(Ack::success(PacketId::MIN));
        for packet in [&first, &second, &Packet::PingResp] {
            let event = Seen::Received(packet.clone(), Version::V5_0, vec![0].into());
            journal.write(one, event);
        }
        let marked = |guilty: Option<&Packet>| {
            let told = exchange(&journal, true, guilty, None, &Cell::new(MOST_OF_A_RUN));
            told.events.iter().position(|e| e.highlight)
        };
        assert_eq!(marked(Some(&first)), Some(0));
        assert_eq!(
            marked(None),
            Some(1),
            "a PINGRESP shows that the connection lives"
        );
        assert_eq!(marked(Some(&Packet::PingResp)), Some(2));
    }

    #[test]
    fn long_packets_are_cut() {
        assert!(hex(&[0; 300], 300).ends_with("00 …"));
        assert!(!hex(&[0; 256], 256).ends_with('…'));
        assert!(hex(&[0; 10], 300).ends_with("00 …"));
        assert_eq!(cut("aé".to_owned(), 2), "a…");
    }

    /// A story of so many packets, the last of which is different.
    fn story(packets: usize, bytes: usize) -> Journal {
        let journal = Journal::new();
        let one = journal.add_party("client");
        for _ in 1..packets {
            journal.write(
                one,
                Seen::SentRaw("again".to_owned(), vec![0xC0; bytes].into()),
            );
        }
        journal.write(one, Seen::PeerClosed(squall_client::Hangup::Reset));
        journal.write(one, Seen::Dropped(7));
        journal
    }

    #[test]
    fn a_short_story_is_told_whole() {
        let told = exchange(&story(100, 10), true, None, None, &Cell::new(MOST_OF_A_RUN));
        assert_eq!(told.events.len(), 101);
    }

    #[test]
    fn of_a_long_story_the_beginning_and_the_guilty_end_are_told() {
        for (packets, bytes) in [(100, 1000), (1000, 10), (100_000, 10), (5_000, 4000)] {
            let told = exchange(
                &story(packets, bytes),
                true,
                None,
                None,
                &Cell::new(MOST_OF_A_RUN),
            );
            let text: usize = told
                .events
                .iter()
                .map(|e| e.label.len() + e.detail.len() + e.hex.len())
                .sum();
            assert!(text <= 2 * END_TEXT, "{text}");
            assert!(told.events.len() <= 2 * END_EVENTS + 1);
            let note = told
                .events
                .iter()
                .find(|e| e.label.ends_with("left out"))
                .unwrap();
            let left_out = packets + 1 - (told.events.len() - 1);
            let expected = format!(
                "{left_out} further events, {} bytes left out",
                left_out * bytes
            );
            assert_eq!(note.label, expected);
            let marked: Vec<_> = told.events.iter().filter(|e| e.highlight).collect();
            assert_eq!(marked.len(), 1);
            assert!(marked[0].label.contains("closed by the server"));
        }
    }

    #[test]
    fn when_the_run_has_no_room_left_only_ends_are_told() {
        let room = Cell::new(100_000);
        let told: Vec<usize> = (0..10)
            .map(|_| {
                exchange(&story(200, 10), true, None, None, &room)
                    .events
                    .len()
            })
            .collect();
        assert_eq!(told[0], 201);
        assert_eq!(told[9], 2 * END_EVENTS + 1);
    }
}

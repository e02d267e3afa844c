//! The journal of a check as an [`Exchange`]: who sent what to whom, and when.

use squall_client::probe::{Event as Seen, Journal};
use squall_reports::{Event, EventKind, Exchange};

/// Bytes shown of one packet.
const MOST_BYTES: usize = 256;
/// Events shown of one check.
const MOST_EVENTS: usize = 400;

/// Everything that happened; the parties of the check stand left, the server right. With `blame` the last event is
/// the one where it went wrong.
pub(crate) fn exchange(journal: &Journal, blame: bool) -> Exchange {
    let mut parties = journal.parties();
    let server = parties.len();
    parties.push("server".to_owned());
    let records = journal.records();
    let more = records.len().saturating_sub(MOST_EVENTS) as u64 + journal.left_out();
    let mut events: Vec<Event> = records
        .into_iter()
        .take(MOST_EVENTS)
        .map(|record| {
            let at_ms = u64::try_from(record.at.as_millis()).unwrap_or(u64::MAX);
            event(at_ms, record.party, server, record.event)
        })
        .collect();
    if more > 0 {
        let at_ms = events.last().map_or(0, |e| e.at_ms);
        let note = format!("{more} further events are left out");
        events.push(event(at_ms, server, server, Seen::Note(note)));
    }
    if blame {
        // What the probes did themselves while tidying up is not what went wrong.
        let guilty = |e: &&mut Event| e.from == server || e.kind == EventKind::Note;
        if let Some(last) = events.iter_mut().rev().find(guilty) {
            last.highlight = true;
        }
    }
    Exchange { parties, events }
}

fn event(at_ms: u64, party: usize, server: usize, seen: Seen) -> Event {
    let (kind, from, to, label, detail, hex) = match seen {
        Seen::Opened => (
            EventKind::Open,
            party,
            server,
            "connection opened".to_owned(),
            String::new(),
            String::new(),
        ),
        Seen::Sent(packet, version, bytes) => {
            let detail = packet.describe(version).join("\n");
            (
                EventKind::Packet,
                party,
                server,
                packet.summary(),
                detail,
                hex(&bytes),
            )
        }
        Seen::SentRaw(what, bytes) => (
            EventKind::Packet,
            party,
            server,
            what,
            String::new(),
            hex(&bytes),
        ),
        Seen::Received(packet, version, bytes) => {
            let detail = packet.describe(version).join("\n");
            (
                EventKind::Packet,
                server,
                party,
                packet.summary(),
                detail,
                hex(&bytes),
            )
        }
        Seen::Broken(violation, bytes) => {
            let label = "bytes that break the standard".to_owned();
            (
                EventKind::Packet,
                server,
                party,
                label,
                violation.to_string(),
                hex(&bytes),
            )
        }
        Seen::PeerClosed(how) => {
            let label = format!("connection closed by the server ({how})");
            (
                EventKind::Close,
                server,
                party,
                label,
                String::new(),
                String::new(),
            )
        }
        Seen::Closed => (
            EventKind::Close,
            party,
            server,
            "connection closed".to_owned(),
            String::new(),
            String::new(),
        ),
        Seen::Note(text) => (
            EventKind::Note,
            party,
            party,
            text,
            String::new(),
            String::new(),
        ),
    };
    Event {
        at_ms,
        kind,
        from,
        to,
        label,
        detail,
        hex,
        highlight: false,
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(MOST_BYTES).map(|b| format!("{b:02x}"));
    let mut text = shown.collect::<Vec<_>>().join(" ");
    if bytes.len() > MOST_BYTES {
        text.push('…');
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
        let exchange = exchange(&journal, true);
        assert_eq!(exchange.parties, ["client", "server"]);
        let marks: Vec<_> = exchange.events.iter().map(|e| e.highlight).collect();
        assert_eq!(marks, [false, false, true, false]);
        assert_eq!(exchange.events[1].hex, "c1 00");
        assert_eq!((exchange.events[1].from, exchange.events[1].to), (0, 1));
    }

    #[test]
    fn long_packets_are_cut() {
        assert!(hex(&[0; 300]).ends_with("00…"));
        assert!(!hex(&[0; 256]).ends_with('…'));
    }
}

use crate::stage::{Stage, kept, will};
use squall_protocol::Property;

fn watch(s: &mut Stage) {
    s.connect(9, "watcher");
    s.acknowledge(9);
    s.subscribe(9, 1, &[("will", 2)]);
}

pub(crate) fn plain_will(s: &mut Stage) {
    watch(s);
    for retain in [false, true] {
        s.connect_with(1, "a", |c| {
            will(c, "gone", 1, &[]);
            c.will.as_mut().expect("set above").retain = retain;
        });
        s.close(1);
        s.wait(2_000);
        s.subscribe(9, 2, &[("will", 2)]);
    }
    s.connect_with(1, "a", |c| will(c, "gone", 1, &[]));
    s.disconnect(1, 0, &[]);
    s.connect_with(2, "b", |c| {
        kept(c);
        will(c, "gone", 0, &[]);
    });
    s.close(2);
    s.keep(2, "b");
    s.close(2);
}

/// A Will Delay Interval (5.0), and a client that comes back in time.
pub(crate) fn delayed_will(s: &mut Stage) {
    watch(s);
    let delayed = |s: &mut Stage| {
        s.connect_with(1, "a", |c| {
            kept(c);
            will(c, "gone", 1, &[Property::WillDelayInterval(5)]);
        });
    };
    delayed(s);
    s.close(1);
    s.wait(2_000);
    s.keep(1, "a");
    s.wait(10_000);
    s.disconnect(1, 0, &[]);
    delayed(s);
    s.close(1);
    s.wait(10_000);
}

/// Sessions that end before the delay does.
pub(crate) fn will_ends(s: &mut Stage) {
    watch(s);
    s.connect_with(1, "a", |c| {
        will(
            c,
            "session of no length",
            1,
            &[Property::WillDelayInterval(5)],
        );
    });
    s.close(1);
    s.wait(10_000);
    s.connect_with(1, "b", |c| {
        kept(c);
        will(c, "clean start", 1, &[Property::WillDelayInterval(5)]);
    });
    s.close(1);
    s.wait(1_000);
    s.connect(1, "b");
    s.wait(10_000);
}

pub(crate) fn will_properties(s: &mut Stage) {
    watch(s);
    let properties = [
        Property::ContentType("text".into()),
        Property::UserProperty("b".into(), "1".into()),
        Property::UserProperty("a".into(), "2".into()),
        Property::MessageExpiryInterval(60),
    ];
    s.connect_with(1, "a", |c| will(c, "gone", 1, &properties));
    s.close(1);
}

pub(crate) fn will_after_errors(s: &mut Stage) {
    watch(s);
    s.connect_with(1, "a", |c| will(c, "error", 0, &[]));
    s.raw(1, &[0x00, 0x00]);
    s.connect_with(1, "a", |c| will(c, "wrong flags", 0, &[]));
    s.raw(1, &[0xE1, 0x00]);
    if s.is_v5() {
        for reason in [0x04, 0x80] {
            s.connect_with(1, "a", |c| will(c, "told", 0, &[]));
            s.disconnect(1, reason, &[]);
        }
    }
}

pub(crate) fn empty_will(s: &mut Stage) {
    watch(s);
    s.connect_with(1, "a", |c| will(c, "", 0, &[]));
    s.close(1);
}

pub(crate) fn will_expiry(s: &mut Stage) {
    watch(s);
    s.connect_with(1, "a", |c| {
        will(c, "gone", 1, &[Property::MessageExpiryInterval(60)])
    });
    s.wait(10_000);
    s.close(1);
}

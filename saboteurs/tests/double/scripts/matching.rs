use crate::stage::Stage;

pub(crate) fn filters(s: &mut Stage) {
    s.connect(1, "a");
    let deep = ["l"; 15].join("/");
    let pairs = [
        ("a/#", "a"),
        ("a/#", "a/b"),
        ("a/#", "a/b/c"),
        ("a/+", "a/"),
        ("a/+", "a/b/c"),
        ("Case", "case"),
        ("caf\u{E9}", "cafe\u{301}"),
        ("a/b/", "a/b"),
        ("/a", "a"),
        (" a", "a"),
        ("\u{FEFF}a", "a"),
        (deep.as_str(), deep.as_str()),
        ("a/b", "a/b/c"),
    ];
    for (i, (filter, topic)) in pairs.iter().enumerate() {
        let id = u16::try_from(i).expect("few") + 1;
        s.subscribe(1, id, &[(filter, 0)]);
        s.publish(1, topic, "x", (0, 0));
        s.unsubscribe(1, id, &[filter]);
    }
    if s.is_v5() {
        s.subscribe(1, 99, &[("$share/g//a", 0)]);
        s.publish(1, "a", "x", (0, 0));
        s.publish(1, "/a", "x", (0, 0));
    }
}

pub(crate) fn dollar(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("#", 0), ("+/x", 0)]);
    s.publish(1, "$own/x", "x", (0, 0));
    s.subscribe(1, 2, &[("$own/#", 0), ("$SYS/#", 0)]);
    s.publish(1, "$own/x", "x", (0, 0));
    s.wait(600);
}

pub(crate) fn prefix(s: &mut Stage) {
    s.connect(1, "a");
    s.subscribe(1, 1, &[("a/+/c", 0)]);
    s.publish(1, "a/b/c", "x", (0, 0));
    s.publish(1, "a/b", "x", (0, 0));
}

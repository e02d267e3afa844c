use super::*;

fn access(text: &str) -> Access {
    Access::parse("access", text).unwrap()
}

const fn who<'a>(user: &'a str, client_id: &'a str) -> Identity<'a> {
    Identity {
        user: Some(user),
        client_id,
    }
}

const NOBODY: Identity<'_> = Identity {
    user: None,
    client_id: "c",
};

fn subscribes(access: &Access, who: Identity<'_>, filter: &str) -> bool {
    access.may_subscribe(who, &TopicFilter::parse_v5(filter).unwrap())
}

#[test]
fn nothing_is_allowed_unless_a_rule_does_and_what_one_denies_none_allows() {
    let none = access("# nothing\n\n");
    assert!(!none.may_publish(NOBODY, "t") && !none.may_read(NOBODY, "t"));
    for order in [
        "all allow both a/#\nall deny publish a/b/#",
        "all deny publish a/b/#\nall allow both a/#",
    ] {
        let access = access(order);
        assert!(access.may_publish(NOBODY, "a") && access.may_publish(NOBODY, "a/c"));
        assert!(!access.may_publish(NOBODY, "a/b") && !access.may_publish(NOBODY, "a/b/c"));
        assert!(access.may_read(NOBODY, "a/b/c") && subscribes(&access, NOBODY, "a/b/+"));
        assert!(!access.may_publish(NOBODY, "b"));
    }
}

#[test]
fn rules_are_about_whom_they_say() {
    let access = access(
        "all allow publish all\nusers allow publish users\nanonymous allow publish anonymous\n\
         user alice allow publish alice\nuser \"b o b\" allow publish b o b",
    );
    let may = |who| {
        ["all", "users", "anonymous", "alice", "b o b"].map(|topic| access.may_publish(who, topic))
    };
    assert_eq!(may(NOBODY), [true, false, true, false, false]);
    assert_eq!(may(who("alice", "c")), [true, true, false, true, false]);
    assert_eq!(may(who("b o b", "c")), [true, true, false, false, true]);
    assert_eq!(
        may(who("Alice", "alice")),
        [true, true, false, false, false]
    );
    assert!(
        !access.may_read(NOBODY, "all"),
        "to publish is not to subscribe"
    );
}

#[test]
fn a_filter_that_asks_for_more_than_is_allowed_is_refused() {
    let access = access(
        "all allow subscribe a/+/c\nall allow subscribe b/#\nall deny subscribe b/secret/#\nall allow subscribe d/1\n\
         all allow subscribe d/2",
    );
    for (filter, may) in [
        ("a/x/c", true),
        ("a/+/c", true),
        ("$share/g/a/+/c", true),
        ("a/+/+", false),
        ("a/#", false),
        ("#", false),
        ("+/x/c", false),
        ("b", true),
        ("b/public/#", true),
        // Some of it is denied.
        ("b/#", false),
        ("b/+", false),
        ("b/+/x", false),
        ("b/secret", false),
        // `b/secret/#` does not match these.
        ("b/+/+/#", false),
        ("d/1", true),
        ("d/+", false),
        ("$SYS/x", false),
    ] {
        assert_eq!(subscribes(&access, NOBODY, filter), may, "{filter}");
    }
}

#[test]
fn what_begins_with_a_dollar_has_to_be_named() {
    let access = access("all allow both #\nuser root allow both $SYS/#");
    assert!(!access.may_publish(NOBODY, "$SYS/x") && !subscribes(&access, NOBODY, "$SYS/#"));
    assert!(subscribes(&access, NOBODY, "#") && !access.may_read(NOBODY, "$SYS/x"));
    assert!(subscribes(&access, who("root", "c"), "$SYS/#"));
}

#[test]
fn names_stand_in_their_level_and_nowhere_else() {
    let access = access("users allow both home/%u/#\nall allow both dev-%c/100%%");
    assert!(access.may_publish(who("alice", "c"), "home/alice/door"));
    assert!(!access.may_publish(who("alice", "c"), "home/bob/door"));
    assert!(access.may_publish(who("alice", "c7"), "dev-c7/100%"));
    assert!(!access.may_publish(NOBODY, "home//door") && !access.may_publish(NOBODY, "home/%u/x"));
    for widened in ["+", "#", "alice/#", "a/b", "", "+/x", "$SYS"] {
        let thief = who(widened, widened);
        for topic in [
            "home/alice/door",
            "home/bob/x",
            "home/a/b/c",
            "home/$SYS/x",
            "home//x",
        ] {
            assert!(!access.may_publish(thief, topic), "{widened} {topic}");
            assert!(!access.may_read(thief, topic), "{widened} {topic}");
        }
        for filter in [
            "home/#",
            "home/+/door",
            "home/alice/#",
            "home/+/#",
            "dev-+/100%",
        ] {
            if let Ok(filter) = TopicFilter::parse_v5(filter) {
                assert!(!access.may_subscribe(thief, &filter), "{widened} {filter}");
            }
        }
    }
    // `%u` is not looked for in a value.
    let access = self::access("all allow both %u/%c");
    assert!(
        access.may_publish(who("%c", "x"), "%c/x") && !access.may_publish(who("%c", "x"), "x/x")
    );
    let first = self::access("users allow both %u/#");
    assert!(!first.may_publish(who("$SYS", "c"), "$SYS/x"));
}

#[test]
fn a_name_that_does_not_fit_denies_more_and_not_less() {
    let access = access("all allow both #\nall deny both a/x%u/y");
    assert!(access.may_publish(who("bob", "c"), "a/xbobby/y"));
    assert!(!access.may_publish(who("bob", "c"), "a/xbob/y"));
    assert!(access.may_publish(who("bob", "c"), "a/xbob/z"));
    for who in [who("b/y", "c"), who("+", "c"), who("#", "c"), NOBODY] {
        assert!(!access.may_publish(who, "a/xb/y/y") && !access.may_publish(who, "a/z"));
        assert!(!subscribes(&access, who, "a/#") && !subscribes(&access, who, "#"));
        assert!(access.may_publish(who, "b"));
    }
}

#[test]
fn what_is_no_rule_is_said_with_its_place() {
    for (bad, part) in [
        ("all", "ends too early"),
        ("all allow", "ends too early"),
        ("all allow publish", "ends too early"),
        ("all allow publish ", "ends too early"),
        ("nobody allow publish t", "`nobody` is nobody"),
        ("all permit publish t", "`permit` is neither"),
        ("all allow read t", "`read` is nothing"),
        ("user alice", "ends too early"),
        ("user \"alice allow both t", "quotation mark"),
        ("user \"\" allow both t", "empty"),
        ("all allow both a/#/b", "no topic filter"),
        ("all allow both a+/b", "no topic filter"),
        ("all allow both %u#", "no topic filter"),
        ("all allow both %U/x", "%"),
        ("all allow both x%", "%"),
        ("all allow both $share/g/t", "$share"),
    ] {
        let text = format!("# x\nall allow both t\n{bad}\n");
        let error = Access::parse("acl.txt", &text).unwrap_err().to_string();
        assert!(
            error.starts_with("acl.txt:3: ") && error.contains(part),
            "{bad}: {error}"
        );
    }
    assert!(access("  all   allow\tboth  a b ").may_publish(NOBODY, "a b"));
}

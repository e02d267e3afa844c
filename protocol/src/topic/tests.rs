use super::*;

#[test]
fn topic_names_have_no_wildcards_and_are_not_empty() {
    assert_eq!(check_name(""), Err(TopicError::Empty));
    assert_eq!(check_name("a/+/b"), Err(TopicError::WildcardInName(2)));
    assert_eq!(check_name("a#"), Err(TopicError::WildcardInName(1)));
    for name in ["/", "a", "a//b", " ", "$SYS/x", "é/ü", "/a/"] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
}

#[test]
fn wildcards_fill_whole_levels() {
    for filter in [
        "#", "+", "/", "/+", "+/+", "a/#", "+/a/#", "a/+/b", "+/#", "//#", "$SYS/#", "a b",
    ] {
        let parsed = TopicFilter::parse_v3(filter).expect(filter);
        assert_eq!(
            (parsed.as_str(), parsed.pattern(), parsed.share_name()),
            (filter, filter, None)
        );
        assert!(
            TopicFilter::parse_v5(filter).is_ok_and(|f| !f.is_shared()),
            "{filter}"
        );
    }
    for (filter, error) in [
        ("", TopicError::Empty),
        ("a#", TopicError::MultiLevel(1)),
        ("a/#/b", TopicError::MultiLevel(2)),
        ("#/", TopicError::MultiLevel(0)),
        ("##", TopicError::MultiLevel(0)),
        ("+#", TopicError::SingleLevel(0)),
        ("a+", TopicError::SingleLevel(1)),
        ("+a", TopicError::SingleLevel(0)),
        ("a/b+/c", TopicError::SingleLevel(3)),
        ("++", TopicError::SingleLevel(0)),
    ] {
        assert_eq!(TopicFilter::parse_v3(filter), Err(error), "{filter}");
        assert_eq!(TopicFilter::parse_v5(filter), Err(error), "{filter}");
    }
}

#[test]
fn shared_subscriptions_are_taken_apart_in_5_0_only() {
    for (filter, name, pattern) in [
        ("$share/g/a/b", "g", "a/b"),
        ("$share/g//finance", "g", "/finance"),
        ("$share/a b/#", "a b", "#"),
        ("$share/$share/+", "$share", "+"),
        ("$share/é//", "é", "/"),
    ] {
        let parsed = TopicFilter::parse_v5(filter).expect(filter);
        assert_eq!(
            (parsed.share_name(), parsed.pattern()),
            (Some(name), pattern),
            "{filter}"
        );
        assert!(parsed.is_shared());
        let plain = TopicFilter::parse_v3(filter).expect(filter);
        assert_eq!((plain.share_name(), plain.pattern()), (None, filter));
    }
    for filter in ["$share", "$shared/g/t", "$Share/g/t", "/$share/g/t"] {
        assert!(
            !TopicFilter::parse_v5(filter).expect(filter).is_shared(),
            "{filter}"
        );
    }
    for (filter, at, empty) in [
        ("$share/", 7, true),
        ("$share//", 7, true),
        ("$share//t", 7, true),
        ("$share/g", 8, false),
        ("$share/g/", 8, false),
        ("$share/+/t", 7, false),
        ("$share/g#/t", 8, false),
        ("$share/#", 7, false),
    ] {
        let error = TopicFilter::parse_v5(filter).expect_err(filter);
        let empty_name = error.is_empty_share_name(filter);
        assert_eq!(
            (error, empty_name),
            (TopicError::Share(at), empty),
            "{filter}"
        );
    }
    assert_eq!(
        TopicFilter::parse_v5("$share/g/a#"),
        Err(TopicError::MultiLevel(10))
    );
}

#[test]
fn patterns_that_match() {
    for (pattern, topic) in [
        ("#", "a/b/c"),
        ("#", "/"),
        ("home/kitchen/#", "home/kitchen"),
        ("home/kitchen/#", "home/kitchen/oven/temperature"),
        ("home/#", "home"),
        ("home/+", "home/"),
        ("home/+", "home/kitchen"),
        ("+/+", "/cellar"),
        ("/+", "/cellar"),
        ("+", "cellar"),
        ("/", "/"),
        ("+/#", "/"),
        ("+/#", "a"),
        ("a//b", "a//b"),
        ("a/+/b", "a//b"),
        ("$SYS/#", "$SYS/load/1min"),
        ("$SYS/#", "$SYS"),
        ("$SYS/load/+", "$SYS/load/1min"),
        ("a/$x", "a/$x"),
        ("a/+", "a/$x"),
        ("a/#", "a/$x"),
    ] {
        assert!(matches(pattern, topic), "{pattern} {topic}");
    }
}

#[test]
fn patterns_that_do_not_match() {
    for (pattern, topic) in [
        ("home/+", "home"),
        ("home/+", "home/kitchen/oven"),
        ("+", "/cellar"),
        ("/#", "cellar"),
        ("a", "A"),
        ("a/", "a"),
        ("a", "a/"),
        ("a", "ab"),
        ("#", "$SYS"),
        ("+", "$SYS"),
        ("+/load/1min", "$SYS/load/1min"),
        ("#", "$"),
        ("+/#", "$SYS/x"),
        ("a/b/#", "a"),
        ("\u{e9}", "e\u{301}"),
    ] {
        assert!(!matches(pattern, topic), "{pattern} {topic}");
    }
}

#[test]
fn the_share_prefix_plays_no_part_in_matching() {
    let filter = TopicFilter::parse_v5("$share/g/#").expect("well-formed");
    assert!(filter.matches("a/b"));
    assert!(
        !filter.matches("$SYS/x"),
        "the pattern begins with a wildcard"
    );
    assert!(filter.has_wildcard());
}

use super::*;

const SALT: &[u8; 16] = b"0123456789abcdef";

fn house() -> Scram {
    let record = |password| Record::new(password, SALT, Record::FEWEST_ITERATIONS).unwrap();
    let users = [("alice", "pencil"), ("a,b=c", "ink")];
    let users = users.map(|(user, password)| (user.to_owned(), record(password)));
    Scram::new(users.into(), [7; 32])
}

#[test]
fn the_example_of_the_rfc() {
    let salt = Base64::decode_vec("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let salt: [u8; 16] = salt.try_into().unwrap();
    let record = Record::new("pencil", &salt, 4096).unwrap();
    let scram = Scram::new([("user".to_owned(), record)].into(), [0; 32]);
    let first = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    let (exchange, answer) = scram
        .answer(first, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
        .unwrap();
    assert_eq!(
        answer,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let verifier = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    assert_eq!(exchange.finish(last.as_bytes()).as_deref(), Some(verifier));
}

#[test]
fn who_knows_the_password_is_let_in_and_nobody_else() {
    for (name, user, password) in [("alice", "alice", "pencil"), ("a=2Cb=3Dc", "a,b=c", "ink")] {
        for header in ["n,,", "y,,"] {
            let bare = format!("n={name},r=abc");
            let begun = house().begin(format!("{header}{bare}").as_bytes(), 1);
            let (exchange, answer) = begun.unwrap();
            assert_eq!(exchange.user(), user);
            let right = prove(password, &format!("{header}{bare}"), &answer);
            assert!(exchange.finish(right.as_bytes()).is_some());
            let wrong = prove("guess", &format!("{header}{bare}"), &answer);
            assert_eq!(exchange.finish(wrong.as_bytes()), None);
            let other_header = if header == "n,," { "y,," } else { "n,," };
            let downgraded = prove(password, &format!("{other_header}{bare}"), &answer);
            assert_eq!(exchange.finish(downgraded.as_bytes()), None);
            // What was proven to another exchange proves nothing here.
            let (other, _) = house()
                .begin(format!("{header}{bare}").as_bytes(), 2)
                .unwrap();
            assert_eq!(other.finish(right.as_bytes()), None);
        }
    }
}

#[test]
fn somebody_unknown_is_answered_like_anybody_and_never_let_in() {
    let bare = "n=nobody,r=abc";
    let answer = |scram: &Scram, number| {
        scram
            .begin(format!("n,,{bare}").as_bytes(), number)
            .unwrap()
    };
    let (exchange, first) = answer(&house(), 1);
    let again = Scram::new(house().users, [8; 32]);
    let (_, second) = answer(&again, 9);
    let salt = |answer: &str| answer.split(',').nth(1).unwrap().to_owned();
    assert_eq!(salt(&first), salt(&second), "it stays the same");
    assert_ne!(
        salt(&first),
        salt(&house().begin(b"n,,n=nobody2,r=abc", 1).unwrap().1)
    );
    let known = house().begin(b"n,,n=alice,r=abc", 1).unwrap().1;
    assert_eq!(first.len(), known.len(), "and looks like that of others");
    for password in ["", "pencil"] {
        let last = prove(password, &format!("n,,{bare}"), &first);
        assert_eq!(exchange.finish(last.as_bytes()), None);
    }
    let empty = Scram::new(BTreeMap::new(), [1; 32]);
    assert!(empty.begin(b"n,,n=a,r=b", 1).is_some());
}

#[test]
fn nonces_are_those_of_the_seed_and_never_twice() {
    let nonce = |scram: &Scram, number| scram.begin(b"n,,n=alice,r=abc", number).unwrap().0.nonce;
    let mut all: Vec<_> = (0..1000).map(|n| nonce(&house(), n)).collect();
    assert_eq!(all[5], nonce(&house(), 5));
    assert!(
        all.iter()
            .all(|nonce| nonce.starts_with("abc") && nonce.len() == 27)
    );
    all.push(nonce(&Scram::new(house().users, [9; 32]), 0));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 1001);
}

#[test]
fn what_is_not_scram_or_asks_for_more_is_refused() {
    for first in [
        "",
        "n",
        "n,,",
        "n,,n=a",
        "n,,n=,r=x",
        "n,,n=a,r=",
        "p=tls-unique,,n=a,r=x",
        "n,a=b,n=a,r=x",
        "n,,m=1,n=a,r=x",
        "n,,n==00,r=x",
        "n,,n=a=,r=x",
        "n,,n=a,r=x y",
        "n,,n=a\0,r=x",
        "x,,n=a,r=x",
    ] {
        assert!(house().begin(first.as_bytes(), 1).is_none(), "{first}");
    }
    assert!(house().begin(&[0xFF, b',', b','], 1).is_none());
    let (exchange, answer) = house().begin(b"n,,n=alice,r=abc", 1).unwrap();
    let right = prove("pencil", "n,,n=alice,r=abc", &answer);
    for last in [
        "",
        "c=biws",
        "c=biws,p=AAAA",
        &right[1..],
        &right[..right.len() - 4],
    ] {
        assert_eq!(exchange.finish(last.as_bytes()), None, "{last}");
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let record = Record::new("pencil", SALT, Record::FEWEST_ITERATIONS).unwrap();
    let line = record.line("a:b");
    let text = line.strip_prefix("a:b:$scram-sha-256$").unwrap();
    assert_eq!(Record::parse(text), Ok(record));
    for bad in [
        "",
        "i=4096",
        "i=4095$AAAA$AAAA$AAAA",
        "4096$x$y$z",
        &text.replace("i=4096", "i=4095"),
    ] {
        assert!(Record::parse(bad).is_err(), "{bad}");
    }
    for (password, iterations) in [("", 4096), ("é", 4096), ("a\u{7f}", 4096), ("a", 4095)] {
        assert!(Record::new(password, SALT, iterations).is_err());
    }
}

#[test]
fn nothing_secret_is_shown() {
    let (exchange, _) = house().begin(b"n,,n=alice,r=abc", 1).unwrap();
    let shown = format!("{:?} {exchange:?} {:?}", house(), exchange.record);
    assert_eq!(
        shown,
        "{\"a,b=c\", \"alice\"} Exchange { user: \"alice\", .. } ***"
    );
}

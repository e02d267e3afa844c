//! The kill matrix: every check against every saboteur and every decoy, in virtual time.
//!
//! A *saboteur* is wrong on purpose, and some check should fail: a broker with a fault, or a sound broker at the end of a
//! wire that tampers. A *decoy* is odd and legal, and no check may fail. A *fake* is no broker, and no run may end
//! green. The double without any of it passes everything. The table that is printed says who was killed by what; saboteurs that
//! nobody notices are listed by name in `survivors.txt`, which has to be true in both directions.

mod play;

use play::{Played, play};
use squall_reports::Verdict;
use squall_saboteurs::{Decoy, Family, Switch, fake::Fake, wire::Tamper};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Who is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Plain,
    Switch(Switch),
    Tamper(Tamper),
    Decoy(Decoy),
    Fake(Fake),
}

impl Who {
    fn all() -> Vec<Self> {
        let switches = Switch::ALL.iter().map(|s| Self::Switch(*s));
        let tampers = Tamper::ALL.iter().map(|t| Self::Tamper(*t));
        let decoys = Decoy::ALL.iter().map(|d| Self::Decoy(*d));
        let fakes = Fake::ALL.iter().map(|f| Self::Fake(*f));
        let strangers = switches.chain(tampers).chain(decoys).chain(fakes);
        [Self::Plain].into_iter().chain(strangers).collect()
    }

    /// The family of a saboteur.
    fn family(self) -> Option<Family> {
        match self {
            Self::Switch(switch) => Some(switch.family()),
            Self::Tamper(tamper) => Some(tamper.family()),
            Self::Plain | Self::Decoy(_) | Self::Fake(_) => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Switch(switch) => switch.name(),
            Self::Tamper(tamper) => tamper.name(),
            Self::Decoy(decoy) => decoy.name(),
            Self::Fake(fake) => fake.name(),
        }
    }
}

/// Plays everybody, on as many threads as there are processors.
fn play_all() -> BTreeMap<Who, Played> {
    let all = Who::all();
    let next = AtomicUsize::new(0);
    let table = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(who) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = play(*who);
                    table.lock().unwrap().insert(*who, played);
                }
            });
        }
    });
    table.into_inner().unwrap()
}

/// Saboteurs of each family, faults of the double and tampering wires, and how many of them were killed.
fn by_family(table: &BTreeMap<Who, Played>) -> String {
    let mut text = String::new();
    let mut sum = [(0, 0); 2];
    let mut line = |name: &str, [(faults, dead), (wires, cut)]: [(usize, usize); 2]| {
        writeln!(
            text,
            "{name:<40} {dead:>3} of {faults:>3}   {cut:>3} of {wires:>3}"
        )
        .unwrap();
    };
    line("family: faults of a broker, wires", sum);
    for family in Family::ALL {
        let mut counts = [(0, 0); 2];
        for (who, played) in table
            .iter()
            .filter(|(who, _)| who.family() == Some(*family))
        {
            let wire = usize::from(matches!(who, Who::Tamper(_)));
            let killed = usize::from(!played.fails.is_empty());
            for count in [&mut counts[wire], &mut sum[wire]] {
                *count = (count.0 + 1, count.1 + killed);
            }
        }
        if counts != [(0, 0); 2] {
            line(family.name(), counts);
        }
    }
    line("all", sum);
    text
}

/// Accusations of who is right, and a green run of who is nobody.
fn unsound(table: &BTreeMap<Who, Played>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (who, played) in table {
        let named = |line: &String| format!("{}: {line}", who.name());
        match who {
            Who::Plain => wrong.extend(played.fails.iter().chain(&played.others).map(named)),
            Who::Decoy(_) => wrong.extend(played.fails.iter().map(named)),
            // What a fake does as a broker should may pass; but something has to be missed.
            Who::Fake(_) if played.fails.is_empty() && played.others.is_empty() => {
                wrong.push(format!(
                    "{}: {} checks pass",
                    who.name(),
                    played.passes.len()
                ));
            }
            Who::Fake(_) => {}
            Who::Switch(_) | Who::Tamper(_) => {}
        }
    }
    wrong
}

#[test]
fn saboteurs_are_killed_decoys_are_left_alone_and_no_fake_is_green() {
    let table = play_all();
    let mut lines = String::new();
    for (who, played) in &table {
        writeln!(lines, "{:<40} {}", who.name(), played.in_short()).unwrap();
    }
    #[expect(clippy::print_stdout, reason = "the table is what this test is for")]
    {
        println!("{lines}\n{}", by_family(&table));
    }
    let wrong = unsound(&table);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let survives =
        |(who, played): &(&Who, &Played)| who.family().is_some() && played.fails.is_empty();
    let survivors: Vec<&str> = table
        .iter()
        .filter(survives)
        .map(|(who, _)| who.name())
        .collect();
    let known: Vec<&str> = include_str!("survivors.txt").lines().collect();
    let new: Vec<_> = survivors.iter().filter(|s| !known.contains(s)).collect();
    let gone: Vec<_> = known.iter().filter(|s| !survivors.contains(s)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "survivors.txt lacks {new:?}, and lists {gone:?} which are killed"
    );
}

/// How a check ended that did not pass.
fn is_doubtful(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Inconclusive | Verdict::Warn)
}

//! The kill matrix: every check against every saboteur and every decoy, in virtual time.
//!
//! A *saboteur* is wrong on purpose, and some check should fail. A *decoy* is odd and legal, and no check may. The double
//! without either passes everything. The table that is printed says who was killed by what; saboteurs that nobody
//! notices are listed by name in `survivors.txt`, which has to be true in both directions.

mod play;

use play::{Played, play};
use squall_reports::Verdict;
use squall_saboteurs::{Decoy, Family, Switch};
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
    Saboteur(Switch),
    Decoy(Decoy),
}

impl Who {
    fn all() -> Vec<Self> {
        let saboteurs = Switch::ALL.iter().map(|s| Self::Saboteur(*s));
        let decoys = Decoy::ALL.iter().map(|d| Self::Decoy(*d));
        [Self::Plain]
            .into_iter()
            .chain(saboteurs)
            .chain(decoys)
            .collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Saboteur(switch) => switch.name(),
            Self::Decoy(decoy) => decoy.name(),
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

/// Saboteurs of a family, and how many of them were killed.
fn by_family(table: &BTreeMap<Who, Played>) -> String {
    let mut families: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (who, played) in table {
        if let Who::Saboteur(switch) = who {
            let (all, killed) = families.entry(switch.family().name()).or_default();
            *all += 1;
            *killed += usize::from(!played.fails.is_empty());
        }
    }
    let mut text = String::new();
    let mut sum = (0, 0);
    for family in Family::ALL {
        let Some((all, killed)) = families.get(family.name()) else {
            continue;
        };
        sum = (sum.0 + all, sum.1 + killed);
        writeln!(text, "{:<24} {killed:>3} of {all:>3}", family.name()).unwrap();
    }
    writeln!(text, "{:<24} {:>3} of {:>3}", "all", sum.1, sum.0).unwrap();
    text
}

#[test]
fn saboteurs_are_killed_and_decoys_are_left_alone() {
    let table = play_all();
    let mut lines = String::new();
    for (who, played) in &table {
        writeln!(lines, "{:<40} {}", who.name(), played.in_short()).unwrap();
    }
    let wrong: Vec<String> = table
        .iter()
        .filter(|(who, _)| !matches!(who, Who::Saboteur(_)))
        .flat_map(|(who, played)| {
            let name = who.name();
            played.fails.iter().map(move |f| format!("{name}: {f}"))
        })
        .collect();
    let survivors: Vec<&str> = table
        .iter()
        .filter(|(who, played)| matches!(who, Who::Saboteur(_)) && played.fails.is_empty())
        .map(|(who, _)| who.name())
        .collect();
    #[expect(clippy::print_stdout, reason = "the table is what this test is for")]
    {
        println!("{lines}\n{}", by_family(&table));
    }
    assert!(
        wrong.is_empty(),
        "accused of what is legal:\n{}",
        wrong.join("\n")
    );
    let plain = &table[&Who::Plain];
    assert!(
        plain.others.is_empty(),
        "the plain double: {:#?}",
        plain.others
    );
    let known: Vec<&str> = include_str!("survivors.txt").lines().collect();
    let listed = |names: &[&str], name: &str| names.contains(&name);
    let new: Vec<_> = survivors.iter().filter(|s| !listed(&known, s)).collect();
    let gone: Vec<_> = known.iter().filter(|s| !listed(&survivors, s)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "survivors.txt lacks {new:?}, and lists {gone:?} which are killed\n{lines}"
    );
}

/// How a check ended that did not pass.
fn is_doubtful(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Inconclusive | Verdict::Warn)
}

//! The kill matrix: every check and every story against every saboteur and every decoy, in virtual time.
//!
//! A *saboteur* is wrong on purpose, and some check or story should fail: a broker with a fault, or a sound broker at the end of a
//! wire that tampers. A *decoy* is odd and legal, and nothing may fail. A *fake* is no broker, and no run may end
//! green. Stories are judged twice: with both ends of the wire in sight, and with the clients' ends alone; and some are told again in the
//! live world. The double without any of it passes everything. The table that is printed says who was killed by what; saboteurs that
//! nobody notices are listed by name in `survivors.txt`, which has to be true in both directions.

mod live;
mod play;
mod tell;

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
use tell::{Told, library, tell};

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
        let asked = asked();
        let wanted = |who: &Self| {
            asked
                .as_ref()
                .is_none_or(|a| a.iter().any(|n| n == who.name()))
        };
        let all = [Self::Plain].into_iter().chain(strangers);
        all.filter(wanted).collect()
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

/// Who is asked for by name, apart by blanks, in SQUALL_MATRIX: then only stories are told, and nothing is held against
/// the list of survivors. For whoever writes a story.
fn asked() -> Option<Vec<String>> {
    let names = std::env::var("SQUALL_MATRIX").ok()?;
    Some(names.split_whitespace().map(str::to_owned).collect())
}

/// Plays everybody, on as many threads as there are processors.
fn play_all() -> BTreeMap<Who, (Played, Told)> {
    let all = Who::all();
    let library = library();
    let next = AtomicUsize::new(0);
    let table = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(who) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let played = match asked() {
                        None => play(*who),
                        Some(_) => Played::default(),
                    };
                    let outcome = (played, tell(*who, &library));
                    table.lock().unwrap().insert(*who, outcome);
                }
            });
        }
    });
    table.into_inner().unwrap()
}

/// By whom a saboteur was killed.
#[derive(Clone, Copy, Default)]
struct Killed {
    all: usize,
    checks: usize,
    stories: usize,
    blind: usize,
    live: usize,
    told: usize,
    either: usize,
}

impl Killed {
    fn count(&mut self, (played, told): &(Played, Told)) {
        let checks = !played.fails.is_empty();
        let (stories, blind) = (!told.fails.is_empty(), !told.blind.is_empty());
        self.all += 1;
        self.checks += usize::from(checks);
        self.stories += usize::from(stories);
        self.blind += usize::from(blind);
        self.live += usize::from(!told.live.is_empty());
        self.told += usize::from(told.kills());
        self.either += usize::from(checks || told.kills());
    }

    fn line(self, name: &str) -> String {
        let Self {
            all,
            checks,
            stories,
            blind,
            live,
            told,
            either,
        } = self;
        format!(
            "{name:<40} {all:>4} {checks:>7} {stories:>9} {blind:>14} {live:>5} {told:>11} {either:>9}\n"
        )
    }
}

/// Faults of the double that stories find, seen from either side, of a hundred.
const FLOOR: usize = 80;

/// How many faults of the double stories find, seen from both ends or from the clients' alone.
fn found_by_stories(table: &BTreeMap<Who, (Played, Told)>) -> Killed {
    let mut faults = Killed::default();
    let of_double = table
        .iter()
        .filter(|(who, _)| matches!(who, Who::Switch(_)));
    of_double.for_each(|(_, outcome)| faults.count(outcome));
    faults
}

/// Saboteurs of each family, faults of the double and tampering wires, and how many of them were killed by whom.
fn by_family(table: &BTreeMap<Who, (Played, Told)>) -> String {
    let mut text = format!(
        "{:<40} {:>4} {:>7} {:>9} {:>14} {:>5} {:>11} {:>9}\n",
        "family", "all", "checks", "both ends", "clients' ends", "live", "any stories", "whatever"
    );
    let (mut faults, mut wires) = (Killed::default(), Killed::default());
    for family in Family::ALL {
        let mut own = Killed::default();
        let members = table
            .iter()
            .filter(|(who, _)| who.family() == Some(*family));
        for (who, outcome) in members {
            own.count(outcome);
            match who {
                Who::Tamper(_) => wires.count(outcome),
                _ => faults.count(outcome),
            }
        }
        text += &own.line(family.name());
    }
    text + &faults.line("all faults of the double") + &wires.line("all tampering wires")
}

/// For whoever looks for stories to tell: the saboteurs that no story finds.
fn untold(table: &BTreeMap<Who, (Played, Told)>) -> String {
    let Killed { all, told, .. } = found_by_stories(table);
    let mut text = format!("stories find {told} of {all} faults of the double\n");
    for (by_checks, what) in [(true, "only checks find"), (false, "nothing finds")] {
        let names = table.iter().filter(|(who, (played, told))| {
            who.family().is_some() && !told.kills() && played.fails.is_empty() != by_checks
        });
        let names: Vec<&str> = names.map(|(who, _)| who.name()).collect();
        writeln!(text, "{what} {}: {}", names.len(), names.join(" ")).expect("it is a text");
    }
    text
}

/// Accusations of who is right, and a green run of who is nobody.
fn unsound(table: &BTreeMap<Who, (Played, Told)>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (who, (played, told)) in table {
        let named = |line: &String| format!("{}: {line}", who.name());
        match who {
            Who::Plain => {
                let checks = played.fails.iter().chain(&played.others);
                let stories = told.fails.iter().chain(&told.blind).chain(&told.live);
                wrong.extend(checks.chain(stories).map(named));
            }
            Who::Decoy(_) => {
                let stories = told.fails.iter().chain(&told.blind).chain(&told.live);
                wrong.extend(played.fails.iter().chain(stories).map(named));
            }
            // What a fake does as a broker should may pass; but something has to be missed.
            Who::Fake(_) if played.fails.is_empty() && played.others.is_empty() => {
                wrong.push(format!(
                    "{}: {} checks pass",
                    who.name(),
                    played.passes.len()
                ));
            }
            Who::Fake(_) if told.green == told.stories => {
                wrong.push(format!("{}: every story ends green", who.name()));
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
    for (who, (played, told)) in &table {
        let stories = match &told.fails[..] {
            [] => String::new(),
            [first, ..] => format!("; {} stories: {first}", told.fails.len()),
        };
        let blind = match &told.blind[..] {
            [] => String::new(),
            [first, ..] => format!("; {} at the clients' ends: {first}", told.blind.len()),
        };
        let checks = played.in_short();
        writeln!(lines, "{:<40} {checks}{stories}{blind}", who.name()).unwrap();
    }
    #[expect(clippy::print_stdout, reason = "the table is what this test is for")]
    {
        println!("{lines}\n{}", by_family(&table));
    }
    #[expect(clippy::print_stdout, reason = "the lists are a part of the table")]
    {
        println!("{}", untold(&table));
    }
    let wrong = unsound(&table);
    if asked().is_some() {
        let wrong = wrong.iter().filter(|line| !line.contains("checks pass"));
        return assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&String>::new());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let told = table.iter().filter(|(who, _)| who.family().is_some());
    let blind = told.filter(|(_, (_, told))| !told.blind.is_empty());
    let missed: Vec<&str> = blind
        .clone()
        .filter(|(_, (_, told))| told.live.is_empty())
        .map(|(who, _)| who.name())
        .collect();
    let of = blind.count();
    assert!(
        missed.len() * 10 <= of,
        "the live world misses {} of {of} that the loop world finds by the clients' ends: {missed:?}",
        missed.len()
    );
    let Killed { all, told, .. } = found_by_stories(&table);
    assert!(
        told * 100 >= all * FLOOR,
        "stories find {told} of {all} faults of the double, fewer than {FLOOR} %"
    );
    let survives = |(who, (played, told)): &(&Who, &(Played, Told))| {
        who.family().is_some() && played.fails.is_empty() && !told.kills()
    };
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

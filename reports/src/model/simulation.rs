//! What a sweep found. Runs that passed are counted and forgotten; of those that did not, as many are kept as anybody
//! reads: a sweep of a million runs takes no more memory than one of a thousand.

use super::{Exchange, StatementRef, Summary, Verdict};

/// A sweep of scenarios over seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// Counts over all runs.
    pub summary: Summary,
    /// The runs by scenario, version and world, in the order in which each first ran.
    pub series: Vec<Series>,
    /// Whole runs per second of wall time, if measured.
    pub runs_per_second: Option<u64>,
    /// Virtual seconds simulated per second of wall time, if measured.
    pub virtual_seconds_per_second: Option<u64>,
    /// Why the sweep ended before its last run, if it did (such as Ctrl-C).
    pub interrupted: Option<String>,
    /// Runs in which the tool itself is at fault.
    pub internal: u64,
    /// Bytes of evidence kept so far.
    evidence_bytes: usize,
}

/// The runs of one scenario in one version and world: counted, and some of those that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Name of the scenario.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// MQTT version, `3.1.1` or `5.0`.
    pub version: String,
    /// `loop`, `turmoil` or `live`.
    pub world: String,
    /// Counts over its runs.
    pub summary: Summary,
    /// Seed of the first run.
    pub first_seed: u64,
    /// Trace hash of the first run.
    pub first_hash: String,
    /// Virtual time of all runs together, in milliseconds.
    pub virtual_ms: u64,
    /// The first runs that did not pass, at most [`Simulation::MOST_KEPT`].
    pub failures: Vec<SimResult>,
}

impl Simulation {
    /// Runs of one [`Series`] that are kept if they do not pass; all others are counted.
    pub const MOST_KEPT: usize = 525;
    /// Runs of one [`Series`] that are kept with all their findings and packets.
    pub const MOST_IN_FULL: usize = 25;
    /// Bytes of packets that a whole sweep keeps, about: texts, names and hexadecimal digits.
    pub const MOST_EVIDENCE_BYTES: usize = 32 << 20;

    /// A sweep with these results; nothing measured, not interrupted.
    #[must_use]
    pub fn new(results: Vec<SimResult>) -> Self {
        let mut simulation = Self::default();
        for mut result in results {
            simulation.trim(&mut result);
            simulation.add(result);
        }
        simulation
    }

    /// Takes from a result what would be too much to keep: after the first [`Self::MOST_IN_FULL`] of its series, and
    /// once there are [`Self::MOST_EVIDENCE_BYTES`], findings have no packets, and only the first finding is kept, and
    /// those that accuse the tool itself.
    /// Its command repeats the run with everything.
    pub fn trim(&self, result: &mut SimResult) {
        let before = self
            .find(result)
            .map_or(0, |at| self.series[at].failures.len());
        if before >= Self::MOST_IN_FULL || self.evidence_bytes >= Self::MOST_EVIDENCE_BYTES {
            let mut first = true;
            let keep = |f: &Finding| std::mem::take(&mut first) || f.internal;
            result.findings.retain(keep);
            for finding in &mut result.findings {
                finding.evidence = Exchange::default();
            }
        }
    }

    /// Counts a result, and keeps it if it did not pass and is among the first of its series.
    pub fn add(&mut self, result: SimResult) {
        self.summary.add(result.verdict);
        self.internal += u64::from(result.findings.iter().any(|f| f.internal));
        let at = self.find(&result).unwrap_or_else(|| {
            self.series.push(Series::beginning_with(&result));
            self.series.len() - 1
        });
        let series = &mut self.series[at];
        series.summary.add(result.verdict);
        series.virtual_ms = series.virtual_ms.saturating_add(result.virtual_ms);
        if result.verdict != Verdict::Pass && series.failures.len() < Self::MOST_KEPT {
            let evidence = result.findings.iter().map(|f| f.evidence.bytes());
            self.evidence_bytes += evidence.sum::<usize>();
            series.failures.push(result);
        }
    }

    /// The series of a result; it is nearly always the last one.
    fn find(&self, result: &SimResult) -> Option<usize> {
        self.series.iter().rposition(|series| series.is_of(result))
    }

    /// The worst of its results, by [`Summary::verdict`]; inconclusive at best if it was interrupted.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self.summary.verdict() {
            Verdict::Fail => Verdict::Fail,
            _ if self.interrupted.is_some() => Verdict::Inconclusive,
            verdict => verdict,
        }
    }
}

impl Series {
    fn beginning_with(first: &SimResult) -> Self {
        Self {
            scenario: first.scenario.clone(),
            title: first.title.clone(),
            version: first.version.clone(),
            world: first.world.clone(),
            summary: Summary::default(),
            first_seed: first.seed,
            first_hash: first.trace_hash.clone(),
            virtual_ms: 0,
            failures: Vec::new(),
        }
    }

    fn is_of(&self, result: &SimResult) -> bool {
        self.scenario == result.scenario
            && self.version == result.version
            && self.world == result.world
    }
}

/// One simulated run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimResult {
    /// Name: the file's path below the scenario folder without its ending.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// MQTT version, `3.1.1` or `5.0`.
    pub version: String,
    /// Seed of the run.
    pub seed: u64,
    /// `loop`, `turmoil` or `live`.
    pub world: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Why nothing could be said, or not played: of a run that is inconclusive or n/a.
    pub reason: Option<String>,
    /// Hash of the whole trace, hexadecimal; equal for equal scenario, version and seed in every world.
    pub trace_hash: String,
    /// Time the story took, in milliseconds: virtual time, but of a live run real time.
    pub virtual_ms: u64,
    /// What went wrong; empty when the verdict is pass.
    pub findings: Vec<Finding>,
    /// Why it was to be expected, if it was: what is known about the broker.
    pub known: Option<String>,
    /// The command that runs exactly this again.
    pub replay: Option<String>,
}

/// A guarantee that was not kept: in a simulated run, or beside what a check is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Oracle or expectation that speaks, such as `exactly once`.
    pub rule: String,
    /// Statements of the standard that it rests on.
    pub statements: Vec<StatementRef>,
    /// What happened, in one sentence.
    pub message: String,
    /// What should have happened.
    pub expected: String,
    /// Where it is asked for (`file:line:column`), if a scenario asked for it.
    pub location: Option<String>,
    /// Whether the tool itself is at fault, and not what it tests.
    pub internal: bool,
    /// The packets that prove it.
    pub evidence: Exchange,
}

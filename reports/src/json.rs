//! JSON for programs: one document for every command.
//!
//! | key | what |
//! | --- | --- |
//! | `squall_results` | the version of the document, [`FORMAT`]; the first key |
//! | `tool`, `title`, `generated` | who wrote it, for which command, when |
//! | `results` | one entry a line: runs (with `scenario`), then checks (with `check`) |
//! | `summary` | counts over all results |
//! | `series` | of a sweep: counts by scenario, version and world |
//! | `runs_per_second`, `virtual_seconds_per_second` | of a sweep, if measured |
//! | `target`, `product`, `product_version`, `duration_ms`, `leftovers` | of a conformance run |
//! | `interrupted` | why it ended early, if it did |
//!
//! Runs are written as they come, so a long sweep takes no memory. Statements are plain ids. Texts are not altered,
//! whatever they contain; what a terminal might obey or would not show is escaped, as JSON can.

use crate::{
    model::{
        CheckResult, Exchange, Finding, Report, Series, SimResult, StatementRef, Summary, Verdict,
    },
    sink::{Row, Sink},
    visible::is_deceptive,
};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// The version of the document. Keys may be added to it without a new one; it goes up when a key goes away or gets
/// another meaning.
pub const FORMAT: u32 = 1;

/// This format.
pub(crate) const ROW: Row = Row {
    name: "json",
    ending: "json",
    what: "JSON",
    begin: |out, head| Ok(Box::new(Document::begin(out, head)?)),
};

/// A document that is being written.
pub(crate) struct Document<W> {
    out: W,
    /// Results so far.
    results: u64,
}

impl<W: Write> Document<W> {
    /// Begins a document with what is known before anything ran.
    ///
    /// # Errors
    /// When `out` cannot be written to; so all that follow.
    pub(crate) fn begin(mut out: W, head: &Report) -> io::Result<Self> {
        write!(out, "{{\n\"squall_results\": {FORMAT}")?;
        let mut document = Self { out, results: 0 };
        document.key("tool", &head.tool)?;
        document.key("title", &head.title)?;
        if let Some(generated) = &head.generated {
            document.key("generated", generated)?;
        }
        document.out.write_all(b",\n\"results\": [")?;
        Ok(document)
    }

    fn result(&mut self, result: &impl Serialize) -> io::Result<()> {
        let before: &[u8] = if self.results == 0 { b"\n" } else { b",\n" };
        self.results += 1;
        self.out.write_all(before)?;
        value(&mut self.out, result)
    }

    fn key(&mut self, key: &str, what: &impl Serialize) -> io::Result<()> {
        write!(self.out, ",\n\"{key}\": ")?;
        value(&mut self.out, what)
    }
}

impl<W: Write> Sink for Document<W> {
    fn run(&mut self, run: &SimResult) -> io::Result<()> {
        self.result(&RunDocument::from(run))
    }

    fn finish(mut self: Box<Self>, report: &Report) -> io::Result<()> {
        for check in report.conformance.iter().flat_map(|c| &c.results) {
            self.result(&CheckDocument::from(check))?;
        }
        self.out.write_all(b"\n]")?;
        self.key("summary", &report.summary())?;
        if let Some(simulation) = &report.simulation {
            let series: Vec<_> = simulation.series.iter().map(SeriesDocument::from).collect();
            self.key("series", &series)?;
            self.key("runs_per_second", &simulation.runs_per_second)?;
            self.key(
                "virtual_seconds_per_second",
                &simulation.virtual_seconds_per_second,
            )?;
        }
        if let [target] = report.conformance.as_slice() {
            self.key("target", &target.target)?;
            if let Some(product) = &target.product {
                self.key("product", &product.name)?;
                self.key("product_version", &product.version)?;
            }
            self.key("duration_ms", &target.duration_ms)?;
            if !target.leftovers.is_empty() {
                self.key("leftovers", &target.leftovers)?;
            }
        }
        if let Some(interrupted) = report.interrupted() {
            self.key("interrupted", &interrupted)?;
        }
        self.out.write_all(b"\n}\n")?;
        self.out.flush()
    }
}

fn value(out: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    what.serialize(&mut Serializer::with_formatter(out, Plain))
        .map_err(io::Error::from)
}

/// JSON on one line, with everything escaped that a terminal might obey or would not show.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        let mut shown = 0;
        for (at, c) in text.char_indices().filter(|(_, c)| is_deceptive(*c)) {
            out.write_all(&text.as_bytes()[shown..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            shown = at + c.len_utf8();
        }
        out.write_all(&text.as_bytes()[shown..])
    }
}

fn plain(statements: &[StatementRef]) -> Vec<&str> {
    statements
        .iter()
        .map(|statement| statement.id.as_str())
        .collect()
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    check: &'a str,
    title: &'a str,
    statements: Vec<&'a str>,
    version: &'a str,
    verdict: Verdict,
    message: &'a str,
    expected: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<FindingDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a str>,
    #[serde(skip_serializing_if = "Exchange::is_empty")]
    evidence: &'a Exchange,
    duration_ms: u64,
}

impl<'a> From<&'a CheckResult> for CheckDocument<'a> {
    fn from(result: &'a CheckResult) -> Self {
        Self {
            check: &result.check,
            title: &result.title,
            statements: plain(&result.statements),
            version: &result.version,
            verdict: result.verdict,
            message: &result.message,
            expected: &result.expected,
            findings: result.findings.iter().map(FindingDocument::from).collect(),
            known: result.known.as_deref(),
            evidence: &result.evidence,
            duration_ms: result.duration_ms,
        }
    }
}

#[derive(Serialize)]
struct RunDocument<'a> {
    scenario: &'a str,
    title: &'a str,
    version: &'a str,
    seed: u64,
    world: &'a str,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    trace_hash: &'a str,
    virtual_ms: u64,
    findings: Vec<FindingDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<&'a str>,
    replay: Option<&'a str>,
}

impl<'a> From<&'a SimResult> for RunDocument<'a> {
    fn from(run: &'a SimResult) -> Self {
        Self {
            scenario: &run.scenario,
            title: &run.title,
            version: &run.version,
            seed: run.seed,
            world: &run.world,
            verdict: run.verdict,
            reason: run.reason.as_deref(),
            trace_hash: &run.trace_hash,
            virtual_ms: run.virtual_ms,
            findings: run.findings.iter().map(FindingDocument::from).collect(),
            known: run.known.as_deref(),
            replay: run.replay.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct FindingDocument<'a> {
    rule: &'a str,
    statements: Vec<&'a str>,
    message: &'a str,
    expected: &'a str,
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    internal: bool,
    #[serde(skip_serializing_if = "Exchange::is_empty")]
    evidence: &'a Exchange,
}

impl<'a> From<&'a Finding> for FindingDocument<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            rule: &finding.rule,
            statements: plain(&finding.statements),
            message: &finding.message,
            expected: &finding.expected,
            location: finding.location.as_deref(),
            internal: finding.internal,
            evidence: &finding.evidence,
        }
    }
}

#[derive(Serialize)]
struct SeriesDocument<'a> {
    scenario: &'a str,
    title: &'a str,
    version: &'a str,
    world: &'a str,
    summary: &'a Summary,
    first_seed: u64,
    first_hash: &'a str,
    virtual_ms: u64,
}

impl<'a> From<&'a Series> for SeriesDocument<'a> {
    fn from(series: &'a Series) -> Self {
        Self {
            scenario: &series.scenario,
            title: &series.title,
            version: &series.version,
            world: &series.world,
            summary: &series.summary,
            first_seed: series.first_seed,
            first_hash: &series.first_hash,
            virtual_ms: series.virtual_ms,
        }
    }
}

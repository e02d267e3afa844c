//! The summary people see when a command ends.
//!
//! What passed is counted, what did not is told in full: statement, message, expectation, packets, and the command
//! that runs it again. Colour and width are the caller's decision; this module asks no terminal and no environment.
//! Text from outside never reaches the screen with its control characters.

mod conformance;
mod screen;
mod simulation;

use crate::{
    conclusion::conclusion,
    model::{Conformance, Report, Simulation, Summary, Verdict},
    quantity::{count, grouped},
    sink::{Row, whole},
    visible::line,
};
use screen::{Screen, Style};

/// This format.
pub(crate) const ROW: Row = Row {
    name: "terminal",
    ending: "txt",
    what: "plain text",
    begin: |out, _| whole(out, |report| render(report, &Options::default())),
};

/// How the summary is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to use ANSI colours.
    pub colour: bool,
    /// Columns to fill; less than 40 is taken as 40, more than 140 as 140.
    pub width: usize,
    /// Events a ladder shows at most, around the place where it went wrong.
    pub events: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            colour: false,
            width: 100,
            events: 20,
        }
    }
}

/// The whole report; the last line says the overall result.
#[must_use]
pub fn render(report: &Report, options: &Options) -> String {
    let mut screen = Screen::new(options);
    screen.line(&[
        (Style::Strong, &line(&report.title)),
        (Style::Faint, &format!("  {}", line(&report.tool))),
    ]);
    if let Some(simulation) = &report.simulation {
        screen.blank();
        simulation::write(&mut screen, simulation);
    }
    for target in &report.conformance {
        screen.blank();
        conformance::write(&mut screen, target);
    }
    screen.blank();
    overall(&mut screen, report.verdict(), &report.summary());
    screen.text
}

/// One simulation alone, with its overall result in the last line.
#[must_use]
pub fn render_simulation(simulation: &Simulation, options: &Options) -> String {
    let mut screen = Screen::new(options);
    simulation::write(&mut screen, simulation);
    screen.blank();
    overall(&mut screen, simulation.verdict(), &simulation.summary);
    screen.text
}

/// One target alone, with its overall result in the last line.
#[must_use]
pub fn render_conformance(conformance: &Conformance, options: &Options) -> String {
    let mut screen = Screen::new(options);
    conformance::write(&mut screen, conformance);
    screen.blank();
    overall(
        &mut screen,
        conformance.summary.verdict(),
        &conformance.summary,
    );
    screen.text
}

fn overall(screen: &mut Screen, verdict: Verdict, summary: &Summary) {
    let word = format!("{} {}", verdict.symbol(), verdict.as_str().to_uppercase());
    let sentence = format!(": {}", conclusion(verdict, summary));
    screen.line(&[(Style::of(verdict), &word), (Style::Strong, &sentence)]);
}

/// One line for each verdict that occurs: sign, word, number, and its share as a bar.
fn verdict_lines(screen: &mut Screen, summary: &Summary) {
    let bar = screen.width.saturating_sub(34).min(60);
    for verdict in Verdict::ALL {
        let number = summary.of(verdict);
        if number == 0 {
            continue;
        }
        // At least one block, so that a single failure among thousands is seen.
        let share = u128::from(number) * bar as u128 / u128::from(summary.total.max(1));
        let blocks = usize::try_from(share).unwrap_or(bar).clamp(1, bar);
        let style = Style::of(verdict);
        screen.line(&[
            (
                style,
                &format!("  {} {:<13}", verdict.symbol(), verdict.as_str()),
            ),
            (Style::Plain, &format!("{:>9}  ", grouped(number))),
            (style, &"█".repeat(blocks)),
        ]);
    }
}

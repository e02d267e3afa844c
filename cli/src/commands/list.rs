//! `squall list`: what there is.

use crate::{
    args::{Format, List, Listed},
    bundled, clients,
    exit::{CliError, Ending, Result},
    screen, target,
};
use serde_json::{Value, json};
use squall_conformance::{catalogue, checks};
use squall_protocol::Version;
use squall_reports::visible::columns;

pub(crate) fn run(args: &List) -> Result<Ending> {
    let versions = args.mqtt.map_or(Version::ALL.to_vec(), |v| vec![v]);
    let rows = match args.what {
        Listed::Scenarios => scenarios(&versions)?,
        Listed::Checks => self::checks_of(&versions),
        Listed::Statements => statements(&versions),
        Listed::Words => words(),
        Listed::Targets => targets()?,
        Listed::Clients => clients_that_there_are()?,
    };
    match args.format {
        Format::Json => {
            let rows: Vec<&Value> = rows.iter().map(|r| &r.json).collect();
            let text =
                serde_json::to_string_pretty(&rows).map_err(|e| CliError::input(e.to_string()))?;
            screen::say(&text)?;
        }
        Format::Text => screen::tell(&table(&rows, screen::columns_of_terminal()))?,
    }
    Ok(Ending::Good)
}

/// One thing in a list.
struct Row {
    columns: [String; 3],
    json: Value,
}

/// One line a row. On a terminal that is too narrow for it, the last column has lines of its own below.
fn table(rows: &[Row], terminal: Option<usize>) -> String {
    let width = |i: usize| {
        rows.iter()
            .map(|r| r.columns[i].chars().count())
            .max()
            .unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let line = |r: &Row| {
        format!(
            "{:first$}  {:second$}  {}",
            r.columns[0], r.columns[1], r.columns[2]
        )
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    if terminal.is_none_or(|width| lines.iter().all(|line| columns(line) <= width)) {
        return lines.join("\n");
    }
    let below = |r: &Row| format!("{}  {}\n    {}", r.columns[0], r.columns[1], r.columns[2]);
    rows.iter().map(below).collect::<Vec<_>>().join("\n")
}

fn names<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Vec<&'static str> {
    versions.into_iter().map(|v| v.as_str()).collect()
}

fn scenarios(versions: &[Version]) -> Result<Vec<Row>> {
    let row = |s: squall_scenarios::model::Scenario| {
        let run_with = names(&s.versions);
        Row {
            columns: [s.name.clone(), run_with.join(" "), s.title.clone()],
            json: json!({
                "name": s.name,
                "versions": run_with,
                "title": s.title,
                "statements": s.statements.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
        }
    };
    let all = bundled::bundled()?;
    Ok(all
        .into_iter()
        .filter(|s| s.versions.iter().any(|v| versions.contains(v)))
        .map(row)
        .collect())
}

fn checks_of(versions: &[Version]) -> Vec<Row> {
    let wanted = checks().filter(|c| versions.iter().any(|v| c.applies_to(*v)));
    let row = |c: &'static squall_conformance::Check| {
        let judges: Vec<Version> = c.versions().collect();
        let statements: Vec<Value> = judges
            .iter()
            .map(|v| json!({"version": v.as_str(), "ids": c.statements(*v)}))
            .collect();
        Row {
            columns: [
                c.id.to_owned(),
                names(&judges).join(" "),
                c.title.to_owned(),
            ],
            json: json!({"check": c.id, "versions": names(&judges), "title": c.title, "statements": statements}),
        }
    };
    wanted.map(row).collect()
}

fn statements(versions: &[Version]) -> Vec<Row> {
    let of = |version: &Version| {
        let version = *version;
        catalogue::statements(version).iter().map(move |s| Row {
            columns: [s.id.clone(), format!("{version:5} {}", s.level.as_str()), s.says.clone()],
            json: json!({
                "id": s.id, "version": version.as_str(), "level": s.level.as_str(), "section": s.section, "says": s.says,
            }),
        })
    };
    versions.iter().flat_map(of).collect()
}

fn words() -> Vec<Row> {
    let of = |word: &'static str| {
        let meanings = squall_scenarios::explain(word).into_iter();
        meanings.map(move |meaning| Row {
            columns: [
                word.to_owned(),
                meaning.what.clone(),
                meaning.meaning.clone(),
            ],
            json: json!({"word": word, "what": meaning.what, "meaning": meaning.meaning}),
        })
    };
    squall_scenarios::words().into_iter().flat_map(of).collect()
}

fn targets() -> Result<Vec<Row>> {
    let row = |name: &'static str| {
        let file = target::named(name)?;
        let fails = file.fails();
        Ok(Row {
            columns: [
                name.to_owned(),
                format!("{} {}", file.product, file.version),
                format!("{fails} known fails"),
            ],
            json: json!({
                "target": name, "product": file.product, "version": file.version, "tested": file.tested,
                "install": file.install, "known_fails": fails,
            }),
        })
    };
    squall_conformance::target_names().map(row).collect()
}

fn clients_that_there_are() -> Result<Vec<Row>> {
    let places = clients::places();
    let mut rows = Vec::new();
    for name in squall_clients::listing_names() {
        let Some(known) = clients::named(name)? else {
            continue;
        };
        let install = known.install(&places);
        let command = known.command(&places).map(|command| command.to_string());
        let how = match &install[..] {
            [] => "comes with Squall".to_owned(),
            lines => lines.join(" && "),
        };
        rows.push(Row {
            columns: [
                name.to_owned(),
                format!("{} {} ({})", known.library, known.version, known.language),
                how,
            ],
            json: json!({
                "client": name, "library": known.library, "version": known.version, "language": known.language,
                "install": install, "command": command.unwrap_or_default(), "check": known.check, "facts": known.facts,
            }),
        });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_too_wide_goes_on_below() {
        let row = |name: &str, text: &str| Row {
            columns: [name.to_owned(), "5.0".to_owned(), text.to_owned()],
            json: Value::Null,
        };
        let rows = [row("a", "short"), row("longer", "a text")];
        let wide = "a       5.0  short\nlonger  5.0  a text";
        for terminal in [None, Some(19)] {
            assert_eq!(table(&rows, terminal), wide);
        }
        assert_eq!(
            table(&rows, Some(18)),
            "a  5.0\n    short\nlonger  5.0\n    a text"
        );
    }
}

//! Statements that a story names, which have to be there. Which there are, whoever reads the story says.

use crate::{
    raw::{Node, Value},
    reader::Context,
    suggest, values,
};
use squall_protocol::Version;
use std::fmt;

/// A statement of the standard, in every version that has one of this number, or in one of them alone: the same number
/// may stand for another rule there. Written `MQTT-4.3.3-1`, or `MQTT-4.3.3-1 of 5.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its number, such as `MQTT-4.3.3-1`, or its name where it has none, such as `X-5.0-flow-5`.
    pub id: String,
    /// The version whose statement is meant; `None` for each.
    pub of: Option<Version>,
}

impl Statement {
    /// Its number, where it is one of this version.
    #[must_use]
    pub fn in_version(&self, version: Version) -> Option<&str> {
        (self.of.is_none_or(|of| of == version)).then_some(self.id.as_str())
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(version) => write!(f, "{} of {version}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

/// Notes those of the statements at `node` that no version of the story has; `read` are those that look like one.
pub(crate) fn check(cx: &mut Context<'_>, node: &Node, read: &[Statement]) {
    let Some(of_version) = cx.room.statements else {
        return;
    };
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        let Value::Text(scalar) = &item.value else {
            continue;
        };
        let Some(Statement { id, of }) =
            values::statement(scalar).ok().filter(|s| read.contains(s))
        else {
            continue;
        };
        let meant = || cx.versions.iter().filter(|v| of.is_none_or(|of| of == **v));
        let known: Vec<&str> = meant().flat_map(|v| of_version(*v)).collect();
        if known.contains(&id.as_str()) {
            continue;
        }
        let versions: Vec<&str> = meant().map(|v| v.as_str()).collect();
        let message = match (of, versions.as_slice()) {
            (Some(of), []) => format!("the story does not run with MQTT {of}, whose {id} this is"),
            _ => format!("{id} is no statement of MQTT {}", versions.join(" or ")),
        };
        let mut problem = cx.diagnostic(&item.span, message, "unknown statement");
        let near = suggest::did_you_mean(&id, known.iter().copied());
        problem.help.extend(near);
        cx.push(problem.help("`squall list statements` shows all of them"));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Room, load_str_in};
    use squall_protocol::Version;

    #[test]
    fn a_step_names_statements_that_are_there() {
        let room = Room {
            statements: Some(|_| vec!["MQTT-4.3.3-1", "X-5.0-flow-5"]),
            taken: &[],
        };
        let told = |statement: &str| {
            let text = format!(
                "title: t\nclients:\n  a: {{ scripted: true }}\nsteps:\n  - a: dial\n  - a: {{ expect: closed, statement: {statement} }}\n"
            );
            let read = load_str_in(&room, "s", "s.yaml", &text);
            read.err().map(|problems| problems[0].message.clone())
        };
        assert_eq!(told("[MQTT-4.3.3-1, X-5.0-flow-5]"), None);
        let unknown = told("[MQTT-4.3.3-1, MQTT-4.3.3-91]").expect("it is refused");
        assert_eq!(
            unknown,
            "MQTT-4.3.3-91 is no statement of MQTT 3.1.1 or 5.0"
        );
    }

    #[test]
    fn a_statement_may_be_one_of_a_single_version() {
        let room = Room {
            statements: Some(|version| match version {
                Version::V3_1_1 => vec!["MQTT-4.3.3-1"],
                Version::V5_0 => vec!["MQTT-4.3.3-1", "MQTT-4.3.3-8"],
            }),
            taken: &[],
        };
        let told = |versions: &str, statement: &str| {
            let text = format!(
                "title: t\nversions: {versions}\nstatements: {statement}\nclients:\n  a: {{}}\nsteps:\n  - a: connect\n"
            );
            load_str_in(&room, "s", "s.yaml", &text).map_err(|problems| problems[0].message.clone())
        };
        let read = told("[3.1.1, 5.0]", "[MQTT-4.3.3-1, MQTT-4.3.3-8 of 5.0]").expect("it is fine");
        let of = |version| -> Vec<&str> {
            let all = read.statements.iter();
            all.filter_map(|s| s.in_version(version)).collect()
        };
        assert_eq!(of(Version::V3_1_1), ["MQTT-4.3.3-1"]);
        assert_eq!(of(Version::V5_0), ["MQTT-4.3.3-1", "MQTT-4.3.3-8"]);
        for (versions, statement, problem) in [
            (
                "[3.1.1, 5.0]",
                "MQTT-4.3.3-8 of 3.1.1",
                "MQTT-4.3.3-8 is no statement of MQTT 3.1.1",
            ),
            (
                "5.0",
                "MQTT-4.3.3-1 of 3.1.1",
                "the story does not run with MQTT 3.1.1, whose MQTT-4.3.3-1 this is",
            ),
        ] {
            assert_eq!(
                told(versions, statement).expect_err("it is refused"),
                problem
            );
        }
    }
}

//! Statements that a story names have to be there. Which there are, whoever reads the story says.

use crate::{
    raw::{Node, Scalar, Value},
    reader::Context,
    suggest,
};

/// Notes those of the statements at `node` that no version of the story has; `read` are those that look like one.
pub(crate) fn check(cx: &mut Context<'_>, node: &Node, read: &[String]) {
    let Some(of_version) = cx.room.statements else {
        return;
    };
    let known: Vec<&str> = cx.versions.iter().flat_map(|v| of_version(*v)).collect();
    let versions: Vec<&str> = cx.versions.iter().map(|v| v.as_str()).collect();
    let versions = versions.join(" or ");
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        let Value::Text(Scalar { text, .. }) = &item.value else {
            continue;
        };
        if !read.contains(text) || known.contains(&text.as_str()) {
            continue;
        }
        let message = format!("{text} is no statement of MQTT {versions}");
        let mut problem = cx.diagnostic(&item.span, message, "unknown statement");
        let near = suggest::did_you_mean(text, known.iter().copied());
        problem.help.extend(near);
        cx.push(problem.help("`squall list statements` shows all of them"));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Room, load_str_in};

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
}

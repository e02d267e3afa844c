//! How long functions are. The text is read as rustfmt leaves it: a function ends at the brace that stands as far in as it
//! begins.

use crate::circles::Source;

/// A function of a source file.
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) lines: usize,
}

/// All functions of a file, also those of its tests and those inside of others.
pub(crate) fn functions(source: &Source) -> Vec<Function<'_>> {
    let lines: Vec<&str> = source.text.lines().collect();
    let begun = lines.iter().enumerate().filter_map(|(at, line)| {
        let name = name(line)?;
        let indent = &line[..line.len() - line.trim_start().len()];
        Some((at, name, indent))
    });
    begun
        .map(|(at, name, indent)| Function {
            name,
            lines: length(&lines[at..], indent),
        })
        .collect()
}

/// The name of the function that begins in this line.
fn name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        rest = match after.strip_prefix('(') {
            Some(scope) => scope.split_once(") ")?.1,
            None => after.strip_prefix(' ')?,
        };
    }
    for word in ["default ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(&rest[..end])
}

fn length(lines: &[&str], indent: &str) -> usize {
    let ends = |(at, line): (usize, &&str)| match line.strip_prefix(indent) {
        // On one line, or without a body.
        Some(rest) if at == 0 => rest.ends_with('}') || rest.ends_with(';'),
        Some(rest) => rest == "}" || (rest.starts_with(')') && rest.ends_with(';')),
        None => false,
    };
    lines
        .iter()
        .enumerate()
        .position(ends)
        .map_or(lines.len(), |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_with_their_lines() {
        let text = "\
//! A file.
pub(crate) const fn one() {}
trait T {
    fn two(
        &self,
    ) -> u8;
    async fn three(&self) -> u8 {
        match 3 {
            _ => 3,
        }
    }
}
// fn four() {
fn five<T>(t: T)
where
    T: Copy,
{
}
";
        let source = Source::of("room/src/a.rs", text);
        let found: Vec<_> = functions(&source)
            .iter()
            .map(|f| (f.name, f.lines))
            .collect();
        assert_eq!(found, [("one", 1), ("two", 3), ("three", 5), ("five", 5)]);
    }
}

//! Words in what people read: documents, messages and comments. Names of files, of tests and of packets in `vectors` are
//! looked at as well, but for words that are parts of a name.

use std::{fs, path::Path};

/// A text of the project.
pub(crate) struct Text {
    /// Below the workspace, with `/`.
    pub(crate) path: String,
    text: String,
}

/// Files that people read: sources, documents, and data with sentences in it.
const READ: &[&str] = &["rs", "md", "yaml", "html", "css", "js", "toml", "py"];
/// Folders that are made, or hold what tests wrote down.
const MADE: &[&str] = &["target", "snapshots", "corpus", "known"];

/// All texts of the workspace.
pub(crate) fn texts(root: &Path) -> Vec<Text> {
    let mut found = Vec::new();
    collect(root, "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, below: &str, found: &mut Vec<Text>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{below}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !MADE.contains(&name.as_str()) && (name == ".ci" || !name.starts_with('.')) {
                collect(&entry.path(), &format!("{path}/"), found);
            }
        } else if READ
            .iter()
            .any(|ending| name.ends_with(&format!(".{ending}")))
        {
            // What is no text is read by nobody.
            if let Ok(text) = fs::read_to_string(entry.path()) {
                found.push(Text { path, text });
            }
        }
    }
}

impl Text {
    /// The lines with one of the words in them, in any case; a word that is part of a name with `-` or `_` does not count.
    pub(crate) fn lines_with<'t>(&'t self, words: &[&str]) -> Vec<(usize, &'t str)> {
        let lines = self.text.lines().enumerate();
        lines
            .filter(|(_, line)| words.iter().any(|word| has(&line.to_lowercase(), word)))
            .map(|(at, line)| (at + 1, line.trim()))
            .collect()
    }
}

fn has(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !part(before.chars().next_back()) && !part(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_and_names_are_left_alone() {
        let text = Text {
            path: "a.md".to_owned(),
            text: "Behind it.\na-behind-b, behindhand\nwhat is behind\n".to_owned(),
        };
        let found: Vec<usize> = text.lines_with(&["behind"]).iter().map(|l| l.0).collect();
        assert_eq!(found, [1, 3]);
    }
}

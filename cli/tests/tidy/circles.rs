//! Which source files of a crate use each other in a loop. Paths are read as text: `use` lines, and `crate::`, `super::`
//! and names of modules below elsewhere. Tests are left out, and so is a parent that only lists its children, or names
//! for others what stands in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A source file.
pub(crate) struct Source {
    /// Below the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The crate it belongs to, as its folder.
    room: String,
    /// Its module path.
    module: Vec<String>,
}

impl Source {
    /// The file at this path, which has `/src/` in it.
    pub(crate) fn of(path: &str, text: &str) -> Self {
        let (room, inside) = path.split_once("/src/").unwrap();
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        let name = module.pop().unwrap();
        let stem = name.strip_suffix(".rs").unwrap();
        if !["lib", "main", "mod"].contains(&stem) {
            module.push(stem.to_owned());
        }
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            room: room.to_owned(),
            module,
        }
    }
}

/// All Rust files below a folder of the workspace.
pub(crate) fn sources(root: &Path, folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut names: Vec<_> = fs::read_dir(root.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    for name in names {
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            found.extend(sources(root, &path));
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            found.push(Source::of(&path, &text));
        }
    }
    found
}

/// Each circle as the paths of its files, in alphabetical order.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let is_test = |s: &&Source| !s.module.iter().any(|m| m == "tests");
    let files: Vec<&Source> = sources.iter().filter(is_test).collect();
    let by_module: BTreeMap<(&str, &[String]), usize> = files
        .iter()
        .enumerate()
        .map(|(n, s)| ((s.room.as_str(), s.module.as_slice()), n))
        .collect();
    let uses: Vec<BTreeSet<usize>> = files
        .iter()
        .enumerate()
        .map(|(n, source)| used(n, source, &files, &by_module))
        .collect();
    let reach: Vec<BTreeSet<usize>> = (0..files.len()).map(|n| reachable(n, &uses)).collect();
    let mut circles = BTreeSet::new();
    for n in 0..files.len() {
        let members: Vec<&str> = (0..files.len())
            .filter(|m| reach[n].contains(m) && reach[*m].contains(&n))
            .map(|m| files[m].path.as_str())
            .collect();
        if members.len() > 1 {
            circles.insert(members.join(", "));
        }
    }
    circles.into_iter().collect()
}

fn reachable(from: usize, uses: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(n) = next.pop() {
        next.extend(uses[n].iter().filter(|m| seen.insert(**m)));
    }
    seen
}

fn used(
    n: usize,
    source: &Source,
    files: &[&Source],
    by_module: &BTreeMap<(&str, &[String]), usize>,
) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let code = code(&source.text);
    // A `mod.rs` is the list of its folder: what it uses of it is no arrow.
    let lists = ["lib.rs", "main.rs", "mod.rs"].map(|name| format!("/{name}"));
    let down = match lists.iter().any(|name| source.path.ends_with(name)) {
        true => Vec::new(),
        false => downwards(&code),
    };
    for path in paths(&code).into_iter().chain(down) {
        let Some(full) = absolute(&source.module, &path) else {
            continue;
        };
        let target = (0..=full.len()).rev().find_map(|len| {
            by_module
                .get(&(source.room.as_str(), &full[..len]))
                .map(|t| (*t, len))
        });
        let Some((target, len)) = target else {
            continue;
        };
        // Something that stands in a parent itself is used from below; a path that only goes through it is not.
        let parent = source.module.starts_with(&files[target].module);
        let only_root = len == 0 && full.len() <= 1 && parent;
        if target != n && !(parent && only_root) {
            found.insert(target);
        }
    }
    found
}

/// The text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = before_tests
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Paths that begin with `crate`, `super` or `self`, with the braces of `use` written out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = ["crate::", "super::", "self::"]
        .iter()
        .filter_map(|w| rest.find(w))
        .min()
    {
        let begins = rest[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':');
        let tail = &rest[at..];
        let end = tree_end(tail);
        if begins {
            expand(&tail[..end], &[], &mut found);
        }
        rest = &tail[end.max(1)..];
    }
    found
}

/// Paths that begin with a module which this file declares. What is only handed on with `pub use` is left out.
fn downwards(code: &str) -> Vec<Vec<String>> {
    let unseen = |line: &str| {
        let line = line.trim_start();
        match line.strip_prefix("pub") {
            Some(rest) => rest
                .trim_start_matches(|c: char| "()".contains(c) || c.is_alphabetic())
                .trim_start()
                .to_owned(),
            None => line.to_owned(),
        }
    };
    let (mut children, mut uses, mut body) = (Vec::new(), Vec::new(), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let rest = unseen(line);
        if let Some(name) = rest.strip_prefix("mod ").and_then(|r| r.strip_suffix(';')) {
            children.push(name.to_owned());
        } else if let Some(tree) = rest.strip_prefix("use ") {
            let mut tree = tree.to_owned();
            while !tree.contains(';') {
                tree.push_str(lines.next().unwrap_or(";"));
            }
            let handed_on = line.trim_start().starts_with("pub");
            uses.push((handed_on, tree.trim_end_matches(';').to_owned()));
        } else {
            body.push_str(line);
            body.push('\n');
        }
    }
    let words: BTreeSet<&str> = body
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    let mut found = Vec::new();
    for (handed_on, tree) in uses {
        let mut paths = Vec::new();
        expand(&tree, &[], &mut paths);
        let last = |path: &Vec<String>| path.last().is_some_and(|name| words.contains(&**name));
        found.extend(paths.into_iter().filter(|path| !handed_on || last(path)));
    }
    let in_body = body.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    found.extend(in_body.map(|path| path.split("::").map(str::to_owned).collect()));
    found.retain(|path| path.len() > 1 && children.contains(&path[0]));
    found
}

/// Where a path ends that may hold braces.
fn tree_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if depth > 0 || last == ':' => depth += 1,
            '}' if depth > 1 => depth -= 1,
            '}' if depth == 1 => return at + 1,
            c if depth == 0 && !(c.is_alphanumeric() || c == '_' || c == ':') => return at,
            _ => {}
        }
        last = c;
    }
    text.len()
}

fn expand(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (head, body) = match tree.split_once('{') {
        Some((head, body)) => (head, body.strip_suffix('}')),
        None => (tree, None),
    };
    let mut path = before.to_vec();
    let words = head
        .split("::")
        .map(|w| w.split(" as ").next().unwrap_or_default().trim());
    path.extend(words.filter(|w| !w.is_empty()).map(str::to_owned));
    let Some(body) = body else {
        if !tree.is_empty() {
            found.push(path);
        }
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&body[start..at], &path, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&body[start..], &path, found);
}

/// A path from the root of the crate; `None` for one that leads out of it.
fn absolute(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut full = module.to_vec();
    for word in path {
        match word.as_str() {
            "crate" => full.clear(),
            "super" => {
                full.pop()?;
            }
            "self" => {}
            _ => full.push(word.clone()),
        }
    }
    Some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        let module = path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            room: "room".to_owned(),
            module,
        }
    }

    #[test]
    fn files_that_use_each_other_are_found() {
        let a = source("a.rs", "use crate::{b::{self, B}, c};\n");
        let b = source("b.rs", "// use crate::c;\nfn f() { crate::a::g() }\n");
        let c = source(
            "c.rs",
            "use std::fmt;\n#[cfg(test)]\nmod tests { use crate::a; }\n",
        );
        assert_eq!(circles(&[a, b, c]), ["a.rs, b.rs"]);
    }

    #[test]
    fn a_parent_and_a_child_that_use_each_other_are_found() {
        let parents = [
            "mod x;\nuse x::X;\nstruct P(X);\n",
            "pub(crate) mod x;\nfn f() { x::g() }\n",
            "mod x;\npub use x::{\n    X,\n};\nstruct P(X);\n",
        ];
        for parent in parents {
            let parent = source("p.rs", parent);
            let child = source("p/x.rs", "use super::P;\npub struct X;\n");
            assert_eq!(circles(&[parent, child]), ["p.rs, p/x.rs"]);
        }
    }

    #[test]
    fn a_parent_that_hands_on_what_a_child_has_is_no_circle() {
        let parent = source("p.rs", "mod x;\npub(crate) use x::X;\npub struct P;\n");
        let child = source("p/x.rs", "use super::P;\npub struct X(P);\n");
        assert_eq!(circles(&[parent, child]), [] as [String; 0]);
    }

    #[test]
    fn a_child_that_uses_its_sibling_is_no_circle() {
        let parent = source("p.rs", "mod x;\nmod y;\nuse x::X;\n");
        let x = source("p/x.rs", "use super::y::Y;\n");
        let y = source("p/y.rs", "pub struct Y;\n");
        assert_eq!(circles(&[parent, x, y]), [] as [String; 0]);
    }
}

//! The command that starts an adapter: a program and its words. No shell reads it.

use std::fmt;

/// A program and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    words: Vec<String>,
}

/// Why words are no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is none.
    #[error("there is no program to start")]
    Empty,
    /// A quotation mark or a backslash has no other half.
    #[error("`{0}` cannot be taken apart: a quotation mark is open, or a backslash stands last")]
    Open(String),
    /// U+0000.
    #[error("a word of a command cannot hold U+0000")]
    Nul,
}

impl Command {
    /// A program and its words, as they are.
    ///
    /// # Errors
    /// [`CommandError::Empty`] or [`CommandError::Nul`].
    pub fn of(words: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, CommandError> {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        match words.first() {
            None => Err(CommandError::Empty),
            Some(program) if program.is_empty() => Err(CommandError::Empty),
            Some(_) if words.iter().any(|word| word.contains('\0')) => Err(CommandError::Nul),
            Some(_) => Ok(Self { words }),
        }
    }

    /// Takes a line apart as a shell does: blanks, quotation marks, backslashes. Nothing is expanded and nothing else is
    /// special.
    ///
    /// # Errors
    /// When there is nothing in it, or something is left open.
    pub fn parse(line: &str) -> Result<Self, CommandError> {
        match shlex::split(line) {
            Some(words) => Self::of(words),
            None => Err(CommandError::Open(line.to_owned())),
        }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.words[0]
    }

    /// What it is told.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.words[1..]
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.iter().map(String::as_str);
        match shlex::try_join(words) {
            Ok(line) => f.write_str(&line),
            Err(_) => write!(f, "{:?}", self.words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_without_a_shell() {
        let command = Command::parse(r#"python3 "my adapter.py" --x='a b' $HOME *"#).unwrap();
        assert_eq!(command.program(), "python3");
        assert_eq!(
            command.arguments(),
            ["my adapter.py", "--x=a b", "$HOME", "*"]
        );
        assert_eq!(Command::parse(&command.to_string()).unwrap(), command);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        assert_eq!(Command::parse("  "), Err(CommandError::Empty));
        assert_eq!(Command::parse("''"), Err(CommandError::Empty));
        assert_eq!(Command::of(Vec::<String>::new()), Err(CommandError::Empty));
        assert_eq!(Command::of(["a", "b\0"]), Err(CommandError::Nul));
        let open = Command::parse("python3 'x").unwrap_err();
        assert!(open.to_string().contains("quotation mark"), "{open}");
    }
}

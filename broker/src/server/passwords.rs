//! Passwords are verified aside: it takes long on purpose, and everybody else is served meanwhile.

use super::verify::Verifier;
use crate::security::{Credentials, Passwords, Verdict};
use std::{future::Future, panic::resume_unwind, pin::Pin, sync::Arc};

/// Verifies passwords on threads that tokio keeps for what takes long. A simulation has none: which of two is done first
/// depends on the machine.
#[derive(Clone, Debug)]
pub struct AsidePasswords {
    passwords: Arc<Passwords>,
    at_once: usize,
}

impl AsidePasswords {
    /// At most `at_once` are verified at a time (0 counts as 1), each with the memory and on the processor that a hash of
    /// the file asks for.
    #[must_use]
    pub fn new(passwords: Passwords, at_once: usize) -> Self {
        Self {
            passwords: Arc::new(passwords),
            at_once,
        }
    }
}

impl Verifier for AsidePasswords {
    fn at_once(&self) -> usize {
        self.at_once
    }

    fn verify(&self, credentials: Credentials) -> Pin<Box<dyn Future<Output = Verdict>>> {
        let passwords = Arc::clone(&self.passwords);
        #[expect(
            clippy::disallowed_methods,
            reason = "no other client waits for it, so the order in which they are done changes nothing but when each comes in"
        )]
        let verified = tokio::task::spawn_blocking(move || passwords.verify(&credentials));
        Box::pin(async move {
            match verified.await {
                Ok(verdict) => verdict,
                Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
                // The runtime is going away.
                Err(_) => Verdict::Unknown,
            }
        })
    }
}

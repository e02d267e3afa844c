//! What a target does with sessions: whether it keeps them, and whether Session Present says so. Found out once in a
//! run, so that a check whose subject is something in a session does not take a wrong flag for a lost session.

mod look;

/// What was found. When it could not be found out, it counts as not kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sessions {
    /// Session Present was 1 for a session with a subscription.
    pub(crate) said: bool,
    /// The subscription of that session delivered without a new SUBSCRIBE.
    pub(crate) kept: bool,
}

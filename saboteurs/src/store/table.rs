//! Every habit, one table.

macro_rules! habits {
    ($($habit:ident $name:literal $kind:ident $sentence:literal;)*) => {
        /// What a store does that others do not do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Habit {
            $(#[doc = $sentence] $habit,)*
        }

        impl Habit {
            /// Every habit there is.
            pub const ALL: &[Self] = &[$(Self::$habit),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$habit => $name,)* }
            }

            /// What such a store does, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$habit => $sentence,)* }
            }

            /// Whether a broker with it breaks what the standard asks for; otherwise it is only odd.
            #[must_use]
            pub const fn is_wrong(self) -> bool {
                match self { $(Self::$habit => matches!(Kind::$kind, Kind::Wrong),)* }
            }
        }
    };
}

/// What the standard says to a habit.
enum Kind {
    /// A broker that has it forgets what it has promised.
    Wrong,
    /// It is allowed.
    Odd,
}

habits! {
    Hasty "hasty" Wrong "Says that everything is stored before it is synced, so the broker acknowledges what a crash undoes.";
    OneLate "one-late" Wrong "Says that everything is stored, and writes it with what comes next.";
    ForgetsReceived "forgets-received" Wrong "Has forgotten packet identifiers of publishers between PUBREC and PUBREL when it is opened again.";
    ForgetsFlows "forgets-flows" Wrong "Has forgotten packet identifiers of what was on its way to clients when it is opened again.";
    ForgetsWaiting "forgets-waiting" Wrong "Has forgotten what waited for clients when it is opened again.";
    ForgetsSubscriptions "forgets-subscriptions" Wrong "Has forgotten subscriptions when it is opened again.";
    ForgetsSessions "forgets-sessions" Wrong "Has forgotten all sessions, with all that is theirs, when it is opened again.";
    ForgetsRetained "forgets-retained" Wrong "Has forgotten retained messages when it is opened again.";
    ForgetsWills "forgets-wills" Wrong "Has forgotten wills when it is opened again.";
    KeepsReceived "keeps-received" Wrong "Never forgets a packet identifier between PUBREC and PUBREL, so a new message under it is taken for the old one.";
    KeepsUnsubscribed "keeps-unsubscribed" Wrong "Never forgets a subscription.";
    Late "late" Odd "Says a while after it was synced that a batch is stored, so the broker acknowledges late.";
    SendsAgain "sends-again" Odd "Forgets late that a client has acknowledged a message, so after a crash it is sent the message again, with DUP.";
    ForgetsRetainedQos0 "forgets-retained-qos-0" Odd "Has forgotten retained messages of QoS 0 when it is opened again, which may be dropped at any time.";
}

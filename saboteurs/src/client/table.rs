//! Every habit, one table.

use squall_protocol::Version;

macro_rules! habits {
    ($($habit:ident $name:literal $v3:ident $v5:ident $sentence:literal;)*) => {
        /// What a client does that others do not do.
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

            /// What such a client does, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$habit => $sentence,)* }
            }

            const fn kinds(self) -> (Kind, Kind) {
                match self { $(Self::$habit => (Kind::$v3, Kind::$v5),)* }
            }
        }
    };
}

/// What the standard says to a habit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is forbidden.
    Wrong,
    /// It is allowed.
    Odd,
    /// It is not there.
    None,
}

habits! {
    DupMissing "dup-missing" Wrong Wrong "Sends a message again without DUP.";
    DupAtFirst "dup-at-first" Wrong Wrong "Sets DUP in every message, also the first time.";
    PubAckLost "puback-lost" Wrong Wrong "Never sends PUBACK.";
    PubRecLost "pubrec-lost" Wrong Wrong "Never sends PUBREC.";
    PubRelLost "pubrel-lost" Wrong Wrong "Never sends PUBREL.";
    PubCompLost "pubcomp-lost" Wrong Wrong "Never sends PUBCOMP.";
    EveryThirdIgnored "every-third-ignored" Wrong Wrong "Takes no notice of every third message.";
    PubAckTwice "puback-twice" Wrong Wrong "Sends every PUBACK twice.";
    PubAckShifted "puback-shifted" Wrong Wrong "Acknowledges the packet identifier after the one that came.";
    PubAckForTwo "puback-for-two" Wrong Wrong "Answers QoS 2 messages with PUBACK.";
    PubAcksSwapped "pubacks-swapped" Wrong Wrong "Sends each second PUBACK before the one that is due.";
    PubRecsSwapped "pubrecs-swapped" Wrong Wrong "Sends each second PUBREC before the one that is due.";
    PubRelsSwapped "pubrels-swapped" Wrong Wrong "Sends each second PUBREL before the one that is due.";
    PubRelEarly "pubrel-early" Wrong Wrong "Sends PUBREL at once after PUBLISH.";
    OneIdentifier "one-identifier" Wrong Wrong "Gives all messages packet identifier 1.";
    IdentifierZero "identifier-zero" Wrong Wrong "Gives messages packet identifier 0.";
    RequestsShareAnIdentifier "requests-share-an-identifier" Wrong Wrong "Gives all SUBSCRIBE and UNSUBSCRIBE packet identifier 9.";
    ResentTurned "resent-turned" Wrong Wrong "Sends again in the opposite order.";
    ResentNever "resent-never" Wrong Wrong "Never sends anything again.";
    ResentAsNew "resent-as-new" Wrong Wrong "Sends again under another packet identifier, without DUP.";
    ResentAtOnce "resent-at-once" Odd Wrong "Sends each message twice on the same connection, the second time with DUP.";
    OldInNewSession "old-in-new-session" Wrong Wrong "Goes on with an unfinished message after a clean start.";
    PingsLost "pings-lost" Wrong Wrong "Never sends PINGREQ.";
    OwnKeepAlive "own-keep-alive" None Wrong "Takes no notice of Server Keep Alive.";
    OwnReceiveMaximum "own-receive-maximum" None Wrong "Takes no notice of the server's Receive Maximum.";
    OwnPacketSize "own-packet-size" None Wrong "Takes no notice of the server's Maximum Packet Size.";
    OwnQos "own-qos" None Wrong "Takes no notice of the server's Maximum QoS.";
    OwnRetain "own-retain" None Wrong "Takes no notice of Retain Available 0.";
    AliasTooLarge "alias-too-large" None Wrong "Uses Topic Alias 1000.";
    PingAfterDisconnect "ping-after-disconnect" Wrong Wrong "Sends PINGREQ after DISCONNECT.";
    ConnectTwice "connect-twice" Wrong Wrong "Sends CONNECT twice.";
    PingBeforeConnect "ping-before-connect" Wrong Wrong "Sends PINGREQ before CONNECT.";
    SubscribeFlags "subscribe-flags" Wrong Wrong "Sends SUBSCRIBE with reserved flags 0000.";
    WildcardInTopic "wildcard-in-topic" Wrong Wrong "Publishes to topic names that end with a wildcard.";
    IdentifierInPublish "identifier-in-publish" None Wrong "Puts a Subscription Identifier into PUBLISH.";
    ReservedCode "reserved-code" None Wrong "Sends PUBACK and PUBREC with a reason code that they do not have.";
    ReadsOn "reads-on" Wrong Odd "Takes no notice of what is no packet of a server's.";
    SessionBelieved "session-believed" None Wrong "Goes on although it has no session where the server says that there is one.";
    SessionHeldOn "session-held-on" None Wrong "Goes on with its session although the server has none.";
    RefusalsUnheard "refusals-unheard" None Wrong "Takes no notice of PUBACK and PUBREC that refuse a message.";
    ReleasesOnce "releases-once" Wrong Wrong "Answers PUBREL only while it waits for one.";

    PingsOften "pings-often" Odd Odd "Sends PINGREQ after every packet.";
    AcknowledgesLate "acknowledges-late" Odd Odd "Acknowledges in order, a second and a half later.";
    EverythingLate "everything-late" Odd Odd "Does everything but PINGREQ in order, twelve seconds later.";
    InPieces "in-pieces" Odd Odd "Writes every packet in two pieces.";
    IdentifiersScattered "identifiers-scattered" Odd Odd "Takes packet identifiers from everywhere.";
    SaysEverything "says-everything" None Odd "Sends CONNECT with every property that does not ask for anything else.";
    UserProperties "user-properties" None Odd "Has User Properties in every packet that can have them.";
    LeavesWithoutAWord "leaves-without-a-word" Odd Odd "Closes the connection without DISCONNECT.";
    PubRelsLate "pubrels-late" Odd Odd "Sends PUBREL in order, a second and a half later.";
}

impl Habit {
    /// Whether there is such a habit in this version.
    #[must_use]
    pub fn is_of(self, version: Version) -> bool {
        self.kind(version) != Kind::None
    }

    /// Whether it breaks the standard in this version.
    #[must_use]
    pub fn is_wrong(self, version: Version) -> bool {
        self.kind(version) == Kind::Wrong
    }

    const fn kind(self, version: Version) -> Kind {
        let (v3, v5) = self.kinds();
        match version {
            Version::V3_1_1 => v3,
            Version::V5_0 => v5,
        }
    }
}

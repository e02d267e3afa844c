//! Every fake server, one table.

macro_rules! fakes {
    ($($fake:ident $name:literal $sentence:literal;)*) => {
        /// A server that answers without being a broker.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fake {
            $(#[doc = $sentence] $fake,)*
        }

        impl Fake {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$fake),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$fake => $name,)* }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$fake => $sentence,)* }
            }

            /// The one with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|fake| fake.name() == name)
            }
        }
    };
}

fakes! {
    Silent "silent" "Reads everything and says nothing.";
    ClosesAtOnce "closes-at-once" "Closes at the first byte.";
    ByteEcho "byte-echo" "Sends back every byte.";
    Http "http" "Answers as a web server does.";
    Banner "banner" "Greets as an SSH server does before the client has said anything.";
    Noise "noise" "Answers everything with the same meaningless bytes.";
    CannedConnAck "canned-connack" "Answers the first bytes with a CONNACK of 3.1.1, whatever they were, and nothing else.";
    ConnAckAlways "connack-always" "Answers every packet with CONNACK.";
    ConnAckThenCloses "connack-then-closes" "Accepts every CONNECT and closes.";
    RefusesAll "refuses-all" "Refuses every CONNECT as not authorised.";
    PingsOnly "pings-only" "Answers CONNECT and PINGREQ, and nothing else.";
    AcksAll "acks-all" "Accepts and acknowledges everything, and delivers nothing.";
    AcksAndEchoes "acks-and-echoes" "Acknowledges everything and sends every PUBLISH back to its sender, subscribed or not.";
    Hub "hub" "Acknowledges everything and sends every PUBLISH to every connection, subscribed or not.";
    Parrot "parrot" "Answers SUBSCRIBE with a PUBLISH under the topic filter itself.";
    NextType "next-type" "Answers every packet with its own body under the next packet type.";
    Forgetful "forgetful" "Acknowledges everything, and delivers to the first subscriber only, at QoS 0.";
    Flood "flood" "Answers every SUBSCRIBE with a thousand messages that nobody published.";
}

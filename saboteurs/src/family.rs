//! What part of the standard a fault or an oddity belongs to.

macro_rules! families {
    ($($family:ident $name:literal;)*) => {
        /// What part of the standard a fault or an oddity belongs to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Family {
            $(#[doc = $name] $family,)*
        }

        impl Family {
            /// Every family, in the order of the tables.
            pub const ALL: &[Self] = &[$(Self::$family),*];

            /// Its name, in words.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$family => $name,)* }
            }
        }
    };
}

families! {
    Connecting "connecting";
    Capabilities "capabilities";
    Session "session";
    Takeover "takeover";
    KeepAlive "keep alive";
    Subscribing "subscribing";
    Matching "matching";
    Retained "retained messages";
    Will "will";
    Receiving "receiving QoS 0, 1 and 2";
    Sending "sending QoS 0, 1 and 2";
    Order "order";
    Flow "flow control";
    PacketSize "packet size";
    TopicAlias "topic alias";
    Forwarding "forwarded properties";
    Overlap "subscription identifiers and overlaps";
    Shared "shared subscriptions";
    Expiry "message expiry";
    Ending "disconnect and errors";
    Malformed "malformed packets tolerated";
    Encoding "packets written wrongly";
    Timing "timing and segments";
}

//! What the double can do that is odd and legal, one table.
//!
//! A row is a variant, its name, the statements in 3.1.1 and in 5.0 that have to do with it, what the double does, and
//! why the standard allows it. A judge that fails a broker for one of these accuses it wrongly.

use crate::Family;
use squall_protocol::Version;

macro_rules! decoys {
    ($($family:ident { $($decoy:ident $name:literal $v3:tt $v5:tt $sentence:literal $reason:literal;)* })*) => {
        /// Something odd that the standard allows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Decoy {
            $($(#[doc = $sentence] $decoy,)*)*
        }

        impl Decoy {
            /// Every oddity there is.
            pub const ALL: &[Self] = &[$($(Self::$decoy),*),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$decoy => $name,)*)* }
            }

            /// The part of the standard it belongs to.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $($(Self::$decoy => Family::$family,)*)* }
            }

            /// The statements of a version that a careless reader might think it breaks, or that allow it.
            #[must_use]
            pub const fn statements(self, version: Version) -> &'static [&'static str] {
                match (self, version) {
                    $($((Self::$decoy, Version::V3_1_1) => &$v3, (Self::$decoy, Version::V5_0) => &$v5,)*)*
                }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $($(Self::$decoy => $sentence,)*)* }
            }

            /// Why the standard allows it.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $($(Self::$decoy => $reason,)*)* }
            }

            /// The oddity with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|decoy| decoy.name() == name)
            }
        }
    };
}

decoys! {
Timing {
    EverythingLate "everything-late" [] [] "Every packet, and every close, comes 300 ms late."
        "No statement gives a server a time to answer in.";
    ByteByByte "byte-by-byte" [] [] "Every byte is written by itself."
        "The transport is a stream of bytes; where it is cut means nothing (section 4.2).";
    Coalesced "coalesced" [] [] "What is sent within 20 ms is sent in one write."
        "The transport is a stream of bytes; where it is cut means nothing (section 4.2).";
    AcksLate "acks-late" ["MQTT-4.3.2-2", "MQTT-4.3.3-2"] ["MQTT-4.3.2-4", "X-5.0-qos-2"] "PUBACK and PUBREC come 300 ms late, after packets that were sent later."
        "An acknowledgement has no time limit, and no order relative to packets of other kinds.";
    AcksReversed "acks-reversed" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-2", "MQTT-4.6.0-5"] "PUBACKs of the same 50 ms are sent newest first."
        "The order of acknowledgements is asked of clients; a server is bound in what it delivers to subscribers.";
    AckAfterSubscribers "ack-after-subscribers" ["MQTT-4.3.2-2"] ["MQTT-4.3.2-4", "X-5.0-qos-2"] "PUBACK waits until the connected subscribers have acknowledged, or one second."
        "A receiver acknowledges once it has taken the message over; when that is, is up to it.";
    SubAckLate "suback-late" ["X-3.1.1-subscribe-2"] ["X-5.0-subscribe-1"] "SUBACK comes 300 ms after the subscription took effect, and after retained messages."
        "A server may send matching messages before it sends SUBACK (section 3.8.4).";
    RetainedLate "retained-late" ["MQTT-3.3.1-6"] ["MQTT-3.3.1-9"] "Retained messages come 300 ms after SUBACK, and everything else for the client waits after them."
        "No time is given for retained messages; order is kept.";
    PingRespLate "pingresp-late" ["MQTT-3.12.4-1"] ["MQTT-3.12.4-1"] "PINGRESP comes 700 ms late."
        "No statement gives a server a time to answer in.";
    WillLate "will-late" ["X-3.1.1-will-1"] ["X-5.0-will-1"] "A will is published a second after it was due."
        "Promptness is a SHOULD.";
    RefusalClosedLate "refusal-closed-late" ["MQTT-3.2.2-5"] ["MQTT-3.2.2-7"] "A refused connection is closed half a second after its CONNACK."
        "The connection has to be closed; no time is given, and what arrives meanwhile is ignored.";
}
Connecting {
    EmptyClientIdRefused "empty-client-id-refused" ["MQTT-3.1.3-6", "MQTT-3.1.3-9"] ["MQTT-3.1.3-6", "MQTT-3.1.3-8"] "Empty Client Identifiers are refused, with 0x02 or 0x85."
        "A server MAY allow an empty Client Identifier.";
    UserNameRefused "user-name-refused" ["X-3.1.1-connect-2", "X-3.1.1-connack-4"] ["MQTT-3.1.4-2", "X-5.0-connack-2"] "A CONNECT with a User Name is refused, with 0x05 or 0x87."
        "A server may check whom it lets in.";
    BadPassword "bad-password" ["X-3.1.1-connect-2", "X-3.1.1-connack-4"] ["MQTT-3.1.4-2", "X-5.0-connack-2"] "A CONNECT with a Password is refused, with 0x04 or 0x86."
        "A server may check whom it lets in.";
    RefusesInSilence "refuses-in-silence" ["MQTT-3.1.4-1"] ["X-5.0-connack-2", "X-5.0-error-1"] "A CONNECT of 5.0 that is refused is closed without CONNACK."
        "In 5.0 CONNACK with a code of 0x80 or above is a MAY.";
    ChattyConnAck "chatty-connack" [] ["MQTT-3.1.2-29"] "CONNACK carries a Reason String and two User Properties."
        "Both may stand in CONNACK, even with Request Problem Information 0.";
    ShortConnectTimeout "short-connect-timeout" ["X-3.1.1-connect-1"] ["X-5.0-connect-3"] "A connection without CONNECT is closed after 1.5 seconds."
        "What a reasonable time is, is not said.";
}
Capabilities {
    MaximumQosOne "maximum-qos-one" ["X-3.1.1-subscribe-3"] ["MQTT-3.2.2-9", "MQTT-3.2.2-10", "MQTT-3.2.2-12", "X-5.0-limit-1"] "The server has no QoS 2: 5.0 is told so, 3.1.1 is granted QoS 1 at most."
        "5.0 has Maximum QoS for it; a SUBACK of 3.1.1 may grant less than was asked.";
    MaximumQosZero "maximum-qos-zero" ["X-3.1.1-subscribe-3"] ["MQTT-3.2.2-9", "MQTT-3.2.2-10", "MQTT-3.2.2-12", "X-5.0-limit-1"] "The server has QoS 0 only: 5.0 is told so, 3.1.1 is granted QoS 0."
        "5.0 has Maximum QoS for it; a SUBACK of 3.1.1 may grant less than was asked.";
    LowerGrant "lower-grant" ["X-3.1.1-subscribe-3"] ["X-5.0-subscribe-1"] "Every subscription is granted one QoS less than it asked for."
        "A server may grant a lower maximum QoS than was asked for.";
    NoWildcards "no-wildcards" ["MQTT-3.8.3-2", "X-3.1.1-subscribe-1"] ["X-5.0-limit-4"] "Wildcards are not offered: SUBACK 0x80 in 3.1.1, announced and DISCONNECT 0xA2 in 5.0."
        "Wildcards are a SHOULD in 3.1.1 and announced in 5.0.";
    WildcardsRefused "wildcards-refused" [] ["X-5.0-limit-4", "MQTT-3.8.4-7"] "A filter that is `#` alone or begins with `+` is refused by SUBACK 0xA2, although wildcards are offered."
        "A server that offers wildcards may still refuse a subscription with one (section 3.2.2.3.11).";
    HashRefused "hash-refused" ["MQTT-3.8.4-5"] ["MQTT-3.8.4-7"] "The filter `#` is refused as not authorised, 0x80 or 0x87."
        "SUBACK has failure codes for each filter; authorisation is the server's affair.";
    NoShared "no-shared" [] ["X-5.0-limit-6"] "Shared subscriptions are not offered: announced, and DISCONNECT 0x9E."
        "CONNACK has Shared Subscription Available for it.";
    NoSubscriptionIds "no-subscription-ids" [] ["X-5.0-limit-5"] "Subscription Identifiers are not offered: announced, and DISCONNECT 0xA1."
        "CONNACK has Subscription Identifiers Available for it.";
    NoRetain "no-retain" [] ["MQTT-3.2.2-13", "X-5.0-limit-2"] "5.0 clients are told Retain Available 0, and held to it."
        "CONNACK has Retain Available for it.";
    SessionExpiryCapped "session-expiry-capped" [] ["X-5.0-connack-4"] "Session Expiry Intervals above 5 are set to 5 in CONNACK."
        "A server may use another value, if it says so (section 3.2.2.3.2).";
    ServerKeepAlive "server-keep-alive" [] ["MQTT-3.2.2-22"] "CONNACK sets a Server Keep Alive of 7 seconds."
        "A server may set the Keep Alive; the client has to use it.";
    ReceiveMaximumOne "receive-maximum-one" [] ["X-5.0-connack-5", "X-5.0-flow-3"] "The server announces Receive Maximum 1 and holds clients to it."
        "A Receive Maximum is from 1 to 65,535.";
    NoTopicAlias "no-topic-alias" [] ["MQTT-3.3.2-12", "X-5.0-alias-3"] "The server announces no Topic Alias Maximum."
        "Absent, it is 0.";
    SmallPackets "small-packets" [] ["X-5.0-limit-3"] "The server announces Maximum Packet Size 2,048 and holds clients to it."
        "A server may announce any size above 0.";
}
Session {
    SessionsDiscarded "sessions-discarded" ["MQTT-4.1.0-1"] ["MQTT-4.1.0-1"] "A session whose client is away for five seconds is discarded."
        "Stored sessions may be discarded by an administrative policy (section 4.1), and Session Present says so.";
    Qos0Queued "qos0-queued" ["X-3.1.1-session-1"] ["X-5.0-session-4"] "QoS 0 messages wait for clients that are away."
        "Queueing QoS 0 is optional.";
    IdleClientClosed "idle-client-closed" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] "A client that is silent for eight seconds is closed, in 5.0 with DISCONNECT 0x98."
        "A server may drop a client that it takes for inactive at any time, whatever the Keep Alive (section 3.1.2.10).";
}
Retained {
    RetainedQos0Dropped "retained-qos0-dropped" ["MQTT-3.3.1-7"] ["X-5.0-retain-2"] "A retained QoS 0 message displaces the one before and is dropped at once."
        "It may be discarded at any time.";
    RetainedBeforeSubAck "retained-before-suback" ["X-3.1.1-subscribe-2"] ["X-5.0-subscribe-1"] "Retained messages are sent before SUBACK."
        "A server may send matching messages before it sends SUBACK (section 3.8.4).";
}
Receiving {
    Qos2AtPubRel "qos2-at-pubrel" ["X-3.1.1-qos-2"] ["X-5.0-qos-2"] "A QoS 2 message is passed on at PUBREL instead of PUBLISH."
        "Both methods are given in section 4.3.3.";
    NoMatchNotTold "no-match-not-told" [] ["X-5.0-ack-4"] "PUBACK and PUBREC say 0x00 although nobody subscribed."
        "0x10 is a MAY.";
    Qos0Lost "qos0-lost" ["MQTT-4.3.1-1"] ["MQTT-4.3.1-1", "X-5.0-session-4"] "Every third QoS 0 message to a client is lost."
        "QoS 0 is delivered at most once, and messages that wait to be sent at QoS 0 are no required part of a session.";
}
Sending {
    OneInFlight "one-in-flight" ["X-3.1.1-qos-1"] ["X-5.0-qos-1", "MQTT-4.9.0-1"] "One QoS 1 or 2 message at a time is in flight to a client."
        "Several in flight are a MAY; the initial quota may be less than the Receive Maximum.";
    TimedRedelivery "timed-redelivery" ["X-3.1.1-retry-1"] [] "To 3.1.1 clients an unacknowledged PUBLISH is sent again after a second, with DUP, on the same connection."
        "3.1.1 asks for it on reconnection only and does not forbid it otherwise (section 4.4).";
    HighIds "high-ids" ["MQTT-2.3.1-4"] ["MQTT-2.2.1-4"] "Packet identifiers count down from 65,535."
        "Any unused identifier other than zero will do.";
    LowestFreeId "lowest-free-id" ["MQTT-2.3.1-4"] ["MQTT-2.2.1-4", "X-5.0-pid-1"] "The lowest free packet identifier is used, so 1 comes again and again."
        "Any unused identifier other than zero will do.";
    QosLanes "qos-lanes" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-5"] "QoS 1 and 2 messages are forwarded 200 ms later than QoS 0."
        "Order is asked for within one topic and QoS.";
    LongAcks "long-acks" [] ["X-5.0-ack-1"] "Acknowledgements carry 0x00 and Property Length 0 where they may be left out."
        "Leaving them out is a MAY.";
    ChattyAcks "chatty-acks" [] ["MQTT-3.1.2-29"] "Acknowledgements carry a Reason String and a User Property, unless Request Problem Information is 0."
        "Both may stand in every acknowledgement, within the Maximum Packet Size.";
}
Overlap {
    OverlapCopies "overlap-copies" ["X-3.1.1-publish-2", "MQTT-3.3.5-1"] ["X-5.0-publish-4", "MQTT-3.3.4-5"] "Overlapping subscriptions get a copy each, at their own QoS and with their own identifier."
        "A server may deliver further copies, one for each additional subscription.";
    UnsubscribeDropsWaiting "unsubscribe-drops-waiting" ["X-3.1.1-unsubscribe-1"] ["X-5.0-unsubscribe-1"] "What waits for a client and was not begun is dropped when it unsubscribes."
        "Delivering what is buffered is a MAY; only deliveries that were begun are completed.";
    DollarClosed "dollar-closed" ["X-3.1.1-topic-3"] ["X-5.0-topic-3"] "What clients publish to topics that begin with `$` is acknowledged and goes nowhere."
        "Servers SHOULD keep clients from using such topics among themselves.";
    SystemTopics "system-topics" ["MQTT-4.7.2-1"] ["MQTT-4.7.2-1"] "The server publishes `$SYS/broker/uptime` every half second, retained."
        "Servers may use topics that begin with `$` for themselves; they reach only filters that name them.";
}
Shared {
    SharedSticky "shared-sticky" [] ["X-5.0-shared-1"] "The first member of a shared subscription gets everything."
        "How a member is chosen is up to the server.";
    SharedByTwo "shared-by-two" [] ["X-5.0-shared-1"] "The members of a shared subscription take turns after two messages each."
        "How a member is chosen is up to the server.";
    SharedMovedAtClose "shared-moved-at-close" [] ["X-5.0-shared-5"] "A QoS 1 message begun with a member goes to another one when the connection breaks."
        "A server may wait for the client, or move a QoS 1 message at once (section 4.8.2).";
}
TopicAlias {
    OutboundAliases "outbound-aliases" [] ["MQTT-3.1.2-26"] "Topic Aliases are used as far as the client's maximum goes."
        "A server may use aliases within the client's Topic Alias Maximum.";
    AliasWithTopic "alias-with-topic" [] ["MQTT-3.1.2-26", "X-5.0-alias-2"] "Topic Alias 1 is set anew by each PUBLISH, together with the topic."
        "A mapping may be changed by any PUBLISH with a topic and an alias.";
}
Forwarding {
    PropertiesReversed "properties-reversed" [] ["X-5.0-prop-2", "MQTT-3.3.2-18"] "Properties stand in reverse by kind; User Properties keep their order."
        "The order of properties with different identifiers means nothing.";
}
Ending {
    BareClose "bare-close" [] ["X-5.0-error-1", "MQTT-4.13.1-1"] "Connections are closed for errors without DISCONNECT."
        "DISCONNECT before closing is a SHOULD.";
    VagueCodes "vague-codes" [] ["X-5.0-error-1", "MQTT-3.14.2-1"] "DISCONNECT says 0x80 whatever the error was."
        "0x80 may be used when the sender does not wish to say more.";
    GeneralCodes "general-codes" [] ["X-5.0-error-1"] "DISCONNECT says 0x81 or 0x82 where a more specific code exists."
        "The more specific code is preferred, and DISCONNECT itself is a SHOULD.";
}
}

//! Every fault the double can be given, one table.
//!
//! A row is a variant, its name, the statements it breaks in 3.1.1 and in 5.0, and what is wrong in one sentence. The
//! rows were chosen from the standard, whether or not a check is known to notice.

use crate::Family;
use squall_protocol::Version;

macro_rules! switches {
    ($($family:ident { $($switch:ident $name:literal $v3:tt $v5:tt $sentence:literal;)* })*) => {
        /// A deliberate fault of the double.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Switch {
            $($(#[doc = $sentence] $switch,)*)*
        }

        impl Switch {
            /// Every fault there is.
            pub const ALL: &[Self] = &[$($(Self::$switch),*),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$switch => $name,)*)* }
            }

            /// The part of the standard it belongs to.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $($(Self::$switch => Family::$family,)*)* }
            }

            /// The statements it breaks in a version; none where the version knows nothing of the matter.
            #[must_use]
            pub const fn statements(self, version: Version) -> &'static [&'static str] {
                match (self, version) {
                    $($((Self::$switch, Version::V3_1_1) => &$v3, (Self::$switch, Version::V5_0) => &$v5,)*)*
                }
            }

            /// What is wrong, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $($(Self::$switch => $sentence,)*)* }
            }

            /// The fault with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|switch| switch.name() == name)
            }
        }
    };
}

switches! {
Connecting {
    SecondConnectTolerated "second-connect-tolerated" ["MQTT-3.1.0-2"] ["MQTT-3.1.0-2"] "A second CONNECT on a connection is ignored.";
    ProtocolNameTolerated "protocol-name-tolerated" ["MQTT-3.1.2-1"] ["MQTT-3.1.2-1"] "A wrong protocol name is taken for MQTT.";
    UnknownLevelAccepted "unknown-level-accepted" ["MQTT-3.1.2-2"] ["MQTT-3.1.2-2"] "An unknown protocol level is taken for the nearest known one.";
    UnknownLevelSilent "unknown-level-silent" ["MQTT-3.1.2-2"] [] "A connection with a low unknown protocol level is closed without CONNACK 0x01.";
    ConnectReservedFlagTolerated "connect-reserved-flag-tolerated" ["MQTT-3.1.2-3"] ["MQTT-3.1.2-3", "X-5.0-connect-1"] "The reserved connect flag is not checked.";
    InvalidConnectAnswered "invalid-connect-answered" ["MQTT-3.1.4-1"] [] "A broken CONNECT of 3.1.1 gets a CONNACK before the connection is closed.";
    InvalidConnectAccepted "invalid-connect-accepted" ["MQTT-3.1.4-1"] ["MQTT-3.1.4-1"] "Will flags without a will, and bytes after the last field of CONNECT, are ignored.";
    LongClientIdRefused "long-client-id-refused" ["MQTT-3.1.3-5"] ["MQTT-3.1.3-5"] "Client Identifiers of more than 16 bytes are refused.";
    EmptyClientIdShared "empty-client-id-shared" ["MQTT-3.1.3-6"] ["MQTT-3.1.3-6", "MQTT-3.2.2-16"] "All clients with an empty Client Identifier get the same one.";
    AssignedClientIdNotTold "assigned-client-id-not-told" [] ["MQTT-3.1.3-7", "MQTT-3.2.2-16"] "CONNACK does not name the Client Identifier that was assigned.";
    EmptyClientIdKept "empty-client-id-kept" ["MQTT-3.1.3-8"] [] "An empty Client Identifier with Clean Session 0 is accepted.";
    RefusedConnectionKeptOpen "refused-connection-kept-open" ["MQTT-3.1.3-8", "MQTT-3.1.3-9", "MQTT-3.2.2-5", "X-3.1.1-connect-2"] ["MQTT-3.1.3-8", "MQTT-3.1.4-2", "MQTT-3.2.2-7", "MQTT-4.13.2-1", "MQTT-4.12.0-1"] "A connection stays open after the CONNACK that refuses it.";
    SessionPresentOnRefusal "session-present-on-refusal" ["MQTT-3.2.2-4"] ["MQTT-3.2.2-6"] "A CONNACK that refuses says Session Present 1.";
    ConnAckReservedFlags "connack-reserved-flags" ["X-3.1.1-connack-2"] ["MQTT-3.2.2-1"] "CONNACK has a reserved acknowledge flag set.";
    ConnAckUnknownCode "connack-unknown-code" ["X-3.1.1-connack-3"] ["MQTT-3.2.2-8"] "A refusal uses a code that CONNACK does not have.";
    PublishBeforeConnAck "publish-before-connack" ["MQTT-3.2.0-1"] ["MQTT-3.2.0-1"] "What a resumed session holds is sent before the CONNACK.";
    TwoConnAcks "two-connacks" [] ["MQTT-3.2.0-2"] "A resumed session gets a second CONNACK after its messages were sent again.";
    RejectedConnectFollowed "rejected-connect-followed" ["MQTT-3.1.4-5"] ["MQTT-3.1.4-6"] "A PUBLISH that arrives after a rejected CONNECT is delivered.";
    UserNameAloneUnanswered "user-name-alone-unanswered" ["MQTT-3.1.4-4"] ["MQTT-3.1.4-5"] "A CONNECT with a User Name and no Password is accepted without a CONNACK.";
    DisconnectBeforeConnAck "disconnect-before-connack" [] ["MQTT-3.14.0-1"] "A refused CONNECT is answered by DISCONNECT.";
    ConnectAwaitedForEver "connect-awaited-for-ever" ["X-3.1.1-connect-1"] ["X-5.0-connect-3"] "A connection without CONNECT is never closed.";
    AuthenticationMethodIgnored "authentication-method-ignored" [] ["MQTT-4.12.0-1", "MQTT-4.12.0-4", "MQTT-4.12.0-5"] "A CONNECT with an Authentication Method is accepted as if it had none.";
    AuthenticationMethodInvented "authentication-method-invented" [] ["MQTT-4.12.0-6"] "CONNACK names an Authentication Method that nobody asked for.";
    AuthAnswered "auth-answered" [] ["MQTT-4.12.0-6", "MQTT-4.12.0-2", "X-5.0-auth-2"] "An AUTH on a connection without a method is answered by AUTH 0x00.";
    AuthIllegalCode "auth-illegal-code" [] ["MQTT-3.15.2-1", "MQTT-4.12.0-6"] "An AUTH on a connection without a method is answered by AUTH 0x80.";
    UnknownSessionRefused "unknown-session-refused" ["MQTT-3.2.2-3"] ["MQTT-3.1.2-6"] "Clean Start 0 is refused when there is no session to resume.";
    RefusalSilent "refusal-silent" ["MQTT-3.1.3-8", "X-3.1.1-connack-4"] [] "3.1.1 connections are refused by closing, without CONNACK.";
}
Capabilities {
    ResponseInformationUnasked "response-information-unasked" [] ["MQTT-3.1.2-28"] "CONNACK carries Response Information although nobody asked.";
    MaximumQosTwo "maximum-qos-two" [] ["X-5.0-connack-6"] "CONNACK announces Maximum QoS 2.";
    AvailableTwo "available-two" [] ["X-5.0-connack-6"] "CONNACK announces Retain Available 2.";
    ReceiveMaximumZero "receive-maximum-zero" [] ["X-5.0-connack-5"] "CONNACK announces Receive Maximum 0.";
    MaximumPacketSizeZero "maximum-packet-size-zero" [] ["X-5.0-connack-7"] "CONNACK announces Maximum Packet Size 0.";
    ConnAckPropertyTwice "connack-property-twice" [] ["X-5.0-connack-3", "X-5.0-prop-3"] "CONNACK carries its Topic Alias Maximum twice.";
    ServerReferenceWithoutCode "server-reference-without-code" [] ["X-5.0-redirect-1"] "An accepting CONNACK carries a Server Reference.";
    SessionExpiryNotAsTold "session-expiry-not-as-told" [] ["X-5.0-connack-4"] "CONNACK says Session Expiry Interval 600 and the client's own is kept to.";
    ServerKeepAliveUntold "server-keep-alive-untold" [] ["MQTT-3.2.2-22"] "The server works with a third of the client's Keep Alive and does not say so.";
    MaximumQosUntold "maximum-qos-untold" [] ["MQTT-3.2.2-9"] "QoS 2 is refused although no Maximum QoS was announced.";
    MaximumQosRefusesSubscribe "maximum-qos-refuses-subscribe" [] ["MQTT-3.2.2-10"] "A server with Maximum QoS 1 refuses subscriptions that ask for QoS 2.";
    MaximumQosWillAccepted "maximum-qos-will-accepted" [] ["MQTT-3.2.2-12"] "A server with Maximum QoS 1 accepts a will of QoS 2.";
    MaximumQosNotHeld "maximum-qos-not-held" [] ["X-5.0-limit-1"] "A server with Maximum QoS 1 accepts a PUBLISH of QoS 2.";
    RetainUnavailableWillAccepted "retain-unavailable-will-accepted" [] ["MQTT-3.2.2-13"] "A server without retained messages accepts a will to be retained.";
    RetainUnavailableTolerated "retain-unavailable-tolerated" [] ["X-5.0-limit-2"] "A server without retained messages takes RETAIN 1 for 0.";
    WildcardUnavailableGranted "wildcard-unavailable-granted" ["MQTT-3.8.3-2"] ["X-5.0-limit-4"] "A server without wildcards grants filters with them, and matches the characters themselves.";
    SubscriptionIdUnavailableGranted "subscription-id-unavailable-granted" [] ["X-5.0-limit-5"] "A server without Subscription Identifiers grants a subscription with one and forgets it.";
    SharedUnavailableGranted "shared-unavailable-granted" [] ["X-5.0-limit-6"] "A server without shared subscriptions grants one and serves it as an ordinary one.";
}
Session {
    SessionPresentAlwaysZero "session-present-always-zero" ["MQTT-3.2.2-2"] ["MQTT-3.2.2-3"] "CONNACK says Session Present 0 although the session is resumed.";
    SessionPresentAlwaysOne "session-present-always-one" ["MQTT-3.2.2-1", "MQTT-3.2.2-3"] ["MQTT-3.2.2-2", "MQTT-3.2.2-3"] "CONNACK says Session Present 1 although the session is new.";
    KeepSessionOnCleanStart "keep-session-on-clean-start" ["MQTT-3.1.2-6", "MQTT-3.1.4-3"] ["MQTT-3.1.2-4", "MQTT-3.1.4-4"] "A session survives Clean Start 1.";
    LoseOfflineQueue "lose-offline-queue" ["MQTT-3.1.2-5", "MQTT-4.5.0-1"] ["MQTT-4.5.0-1", "X-5.0-session-4"] "Messages for a kept session whose client is away are not queued.";
    SubscriptionsLostOnResume "subscriptions-lost-on-resume" ["MQTT-3.1.2-4", "MQTT-4.1.0-1", "X-3.1.1-session-2"] ["MQTT-3.1.2-5", "X-5.0-session-4"] "A resumed session has its messages and no longer its subscriptions.";
    SessionOutlivesConnection "session-outlives-connection" ["MQTT-3.1.2-6"] ["X-5.0-session-1", "MQTT-4.1.0-2"] "A session that ends with its connection is kept.";
    SessionLostWithNetwork "session-lost-with-network" ["MQTT-3.1.2-4", "MQTT-4.1.0-1"] ["MQTT-3.1.2-23"] "A session to be kept is lost when the network fails, and kept after DISCONNECT.";
    ClientIdCaseFolded "client-id-case-folded" ["MQTT-3.1.3-2"] ["MQTT-3.1.3-2"] "Client Identifiers that differ in case share a session.";
    ClientIdCut "client-id-cut" ["MQTT-3.1.3-2"] ["MQTT-3.1.3-2"] "Only the first 20 bytes of a Client Identifier count.";
    SessionEndClearsRetained "session-end-clears-retained" ["MQTT-3.1.2-7"] ["X-5.0-session-6"] "The end of a session takes the retained messages of its client along.";
    SessionNeverExpires "session-never-expires" [] ["MQTT-4.1.0-2"] "A session is kept after its Session Expiry Interval.";
    SessionExpiryFromConnect "session-expiry-from-connect" [] ["MQTT-3.1.2-23", "X-5.0-session-4"] "The Session Expiry Interval counts from CONNECT instead of the end of the connection.";
    SessionEndsWhileConnected "session-ends-while-connected" ["MQTT-4.1.0-2"] ["MQTT-4.1.0-1"] "The timer of a session runs on while its client is connected, and empties it.";
    DisconnectExpiryIgnored "disconnect-expiry-ignored" [] ["X-5.0-disconnect-4"] "The Session Expiry Interval of DISCONNECT is ignored.";
    DisconnectExpiryAlwaysTaken "disconnect-expiry-always-taken" [] ["X-5.0-disconnect-4"] "A DISCONNECT without Session Expiry Interval sets it to 0.";
    ResumedQueueSentTwice "resumed-queue-sent-twice" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-1"] "What waited for a client is sent again when it comes back a second time, although it was acknowledged.";
    ForgetsAfterThree "forgets-after-three" ["MQTT-3.1.2-5", "MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "At most three messages wait for a client that is away.";
}
Takeover {
    NoTakeover "no-takeover" ["MQTT-3.1.4-2"] ["MQTT-3.1.4-3"] "A second connection with the same Client Identifier leaves the first one open.";
    TakeoverSilent "takeover-silent" [] ["MQTT-3.1.4-3"] "The older connection is closed without DISCONNECT 0x8E.";
    TakeoverClosesNewer "takeover-closes-newer" ["MQTT-3.1.4-2"] ["MQTT-3.1.4-3"] "Of two connections with the same Client Identifier the newer one is refused.";
    TakeoverForgetsQos2 "takeover-forgets-qos2" ["MQTT-4.3.3-2", "MQTT-4.4.0-1"] ["MQTT-4.3.3-10", "X-5.0-session-4"] "Identifiers of QoS 2 messages that wait for PUBREL are forgotten at a takeover.";
    TakeoverLosesInFlight "takeover-loses-in-flight" ["MQTT-4.4.0-1"] ["MQTT-4.4.0-1"] "Messages in flight are lost at a takeover.";
    TakeoverStartsAfresh "takeover-starts-afresh" ["MQTT-3.1.2-4", "MQTT-3.2.2-2"] ["MQTT-3.1.2-5"] "A takeover begins a new session in spite of Clean Start 0.";
    TakeoverWithoutWill "takeover-without-will" ["MQTT-3.1.2-8"] ["MQTT-3.1.2-8", "X-5.0-will-11"] "The will of a connection that is taken over is not published.";
    TakeoverWillInSameSession "takeover-will-in-same-session" [] ["MQTT-3.1.3-9", "X-5.0-will-11"] "A delayed will is published at a takeover although the session goes on.";
    LastAckLost "last-ack-lost" ["MQTT-4.3.2-1", "MQTT-4.3.3-1"] ["MQTT-4.3.2-3", "X-5.0-pid-1"] "The last acknowledgement before the end of a connection is lost.";
}
KeepAlive {
    IgnoreKeepAlive "ignore-keep-alive" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] "A silent client is never dropped.";
    KeepAliveTooEarly "keep-alive-too-early" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] "A silent client is dropped after one Keep Alive instead of one and a half.";
    KeepAliveOnlyByPing "keep-alive-only-by-ping" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] "Only PINGREQ counts as a sign of life.";
    KeepAliveZeroTaken "keep-alive-zero-taken" [] ["X-5.0-keepalive-3"] "Keep Alive 0 is taken for five seconds.";
    KeepAliveWithoutWill "keep-alive-without-will" ["MQTT-3.1.2-24", "MQTT-3.1.2-8"] ["MQTT-3.1.2-22", "MQTT-3.1.2-8"] "A client that is dropped for its silence has no will published.";
    KeepAliveSetBySending "keep-alive-set-by-sending" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] "What is sent to a client counts as its sign of life.";
    PingUnanswered "ping-unanswered" ["MQTT-3.12.4-1"] ["MQTT-3.12.4-1"] "PINGREQ gets no answer.";
    PingsAnsweredTogether "pings-answered-together" ["MQTT-3.12.4-1"] ["MQTT-3.12.4-1"] "A PINGREQ that comes within a second of another gets no answer.";
}
Subscribing {
    SubAckWrongCount "suback-wrong-count" ["MQTT-3.8.4-5"] ["MQTT-3.8.4-6"] "SUBACK carries one reason code more than there were topic filters.";
    SubAckReversed "suback-reversed" ["MQTT-3.9.3-1"] ["MQTT-3.9.3-1"] "The codes of SUBACK stand in reverse.";
    SubAckWrongId "suback-wrong-id" ["MQTT-2.3.1-7", "MQTT-3.8.4-2"] ["MQTT-2.2.1-6", "MQTT-3.8.4-2"] "SUBACK counts identifiers of its own.";
    SubAckPerFilter "suback-per-filter" ["MQTT-3.8.4-4"] ["MQTT-3.8.4-5", "MQTT-3.8.4-6"] "Each topic filter gets a SUBACK of its own.";
    SubAckReservedCode "suback-reserved-code" ["MQTT-3.9.3-2"] ["MQTT-3.9.3-2", "MQTT-3.8.4-7"] "A subscription that is replaced is answered by 0x03.";
    SubAckMissing "suback-missing" ["MQTT-3.8.4-1"] ["MQTT-3.8.4-1"] "A SUBSCRIBE that changes nothing gets no SUBACK.";
    DeliverBelowGrant "deliver-below-grant" ["MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "QoS 2 is granted and QoS 1 is delivered.";
    DeliverAtPublishQos "deliver-at-publish-qos" ["MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "Messages are delivered at the QoS they were published with, whatever was granted.";
    DeliverAtGrantedQos "deliver-at-granted-qos" ["MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "Messages are delivered at the QoS granted, whatever they were published with.";
    ResubscribeAdds "resubscribe-adds" ["MQTT-3.8.4-3"] ["MQTT-3.8.4-3", "X-5.0-sub-1"] "Subscribing again adds a second subscription with the same filter, with copies of its own.";
    ResubscribeKeepsQos "resubscribe-keeps-qos" ["MQTT-3.8.4-3"] ["MQTT-3.8.4-3"] "Subscribing again leaves the granted QoS as it was.";
    ResubscribeWithoutRetained "resubscribe-without-retained" ["MQTT-3.8.4-3"] ["MQTT-3.8.4-4", "MQTT-3.3.1-9"] "Subscribing again brings no retained messages.";
    ResubscribeDropsQueue "resubscribe-drops-queue" [] ["MQTT-3.8.4-4"] "Subscribing again loses the messages that wait for the client.";
    OnlyFirstFilter "only-first-filter" ["MQTT-3.8.4-4"] ["MQTT-3.8.4-5"] "Of several topic filters all are granted and the first is subscribed.";
    UnsubscribeIgnored "unsubscribe-ignored" ["MQTT-3.10.4-1", "MQTT-3.10.4-2"] ["MQTT-3.10.4-1", "MQTT-3.10.4-2"] "UNSUBSCRIBE is acknowledged and changes nothing.";
    UnsubscribeByMatching "unsubscribe-by-matching" ["MQTT-3.10.4-1"] ["MQTT-3.10.4-1"] "UNSUBSCRIBE deletes every filter that its filter matches.";
    UnsubscribeOnlyFirst "unsubscribe-only-first" ["MQTT-3.10.4-6"] ["MQTT-3.10.4-6"] "Of several topic filters only the first is unsubscribed.";
    UnsubAckMissing "unsuback-missing" ["MQTT-3.10.4-4", "MQTT-3.10.4-5"] ["MQTT-3.10.4-4", "MQTT-3.10.4-5"] "An UNSUBSCRIBE that deletes nothing gets no UNSUBACK.";
    UnsubAckWrongId "unsuback-wrong-id" ["MQTT-2.3.1-7", "MQTT-3.10.4-4"] ["MQTT-2.2.1-6", "MQTT-3.10.4-5"] "UNSUBACK has the identifier of the last SUBSCRIBE.";
    UnsubAckReversed "unsuback-reversed" [] ["MQTT-3.11.3-1"] "The codes of UNSUBACK stand in reverse.";
    UnsubAckOneCode "unsuback-one-code" [] ["MQTT-3.11.3-2"] "UNSUBACK carries one code, however many filters there were.";
    UnsubAckIllegalCode "unsuback-illegal-code" [] ["MQTT-3.11.3-2"] "UNSUBACK says 0x10 when no subscription existed.";
    UnsubAckAlwaysSuccess "unsuback-always-success" [] ["X-5.0-unsubscribe-3"] "UNSUBACK says 0x00 although no subscription existed.";
    UnsubscribeDropsInFlight "unsubscribe-drops-in-flight" ["MQTT-3.10.4-3"] ["MQTT-3.10.4-3"] "UNSUBSCRIBE breaks off the deliveries that were begun.";
    UnsubscribeLate "unsubscribe-late" ["MQTT-3.10.4-2"] ["MQTT-3.10.4-2"] "UNSUBSCRIBE takes effect 300 ms after UNSUBACK.";
}
Matching {
    WildcardMatchesDollar "wildcard-matches-dollar" ["MQTT-4.7.2-1"] ["MQTT-4.7.2-1"] "A topic filter that begins with a wildcard matches topics that begin with `$`.";
    HashNotParent "hash-not-parent" ["X-3.1.1-topic-1"] ["X-5.0-topic-1"] "`a/#` does not match `a`.";
    HashOneLevel "hash-one-level" ["X-3.1.1-topic-1"] ["X-5.0-topic-1"] "`#` matches one level only.";
    PlusNotEmpty "plus-not-empty" ["X-3.1.1-topic-2"] ["X-5.0-topic-2"] "`+` does not match an empty level.";
    PlusManyLevels "plus-many-levels" ["X-3.1.1-topic-2", "MQTT-3.3.2-3"] ["X-5.0-topic-2", "MQTT-3.3.2-3"] "`+` at the end matches any number of levels.";
    MatchingCaseless "matching-caseless" ["MQTT-4.7.3-4", "X-3.1.1-topic-4", "MQTT-3.3.2-3"] ["MQTT-4.7.3-4", "X-5.0-topic-4", "MQTT-3.3.2-3"] "Topics match whatever their case.";
    MatchingNormalised "matching-normalised" ["MQTT-4.7.3-4"] ["MQTT-4.7.3-4"] "A letter followed by a combining acute accent matches the accented letter.";
    TrailingSlashDropped "trailing-slash-dropped" ["X-3.1.1-topic-4"] ["X-5.0-topic-4"] "A separator at the end of a topic does not count.";
    LeadingSlashDropped "leading-slash-dropped" ["X-3.1.1-topic-4"] ["X-5.0-topic-4"] "A separator at the beginning of a topic does not count.";
    SpacesTrimmed "spaces-trimmed" ["X-3.1.1-topic-4", "MQTT-4.7.3-4"] ["X-5.0-topic-4", "MQTT-4.7.3-4"] "Spaces at both ends of a topic do not count.";
    ByteOrderMarkDropped "byte-order-mark-dropped" ["MQTT-1.5.3-3"] ["MQTT-1.5.4-3"] "U+FEFF in a topic does not count.";
    LevelsLimited "levels-limited" ["X-3.1.1-topic-5"] ["X-5.0-topic-5"] "Topics of more than ten levels match nothing.";
    MatchingPrefix "matching-prefix" ["MQTT-3.3.2-3"] ["MQTT-3.3.2-3"] "A filter without wildcards also matches the topics below it.";
    ShareNameMatches "share-name-matches" [] ["X-5.0-shared-3"] "The separator after ShareName is eaten twice, so `$share/g//a` matches `a`.";
}
Retained {
    KeepClearedRetained "keep-cleared-retained" ["MQTT-3.3.1-10"] ["MQTT-3.3.1-6"] "An empty retained PUBLISH does not remove the retained message.";
    EmptyRetainedStored "empty-retained-stored" ["MQTT-3.3.1-11"] ["MQTT-3.3.1-7"] "An empty message is kept as the retained message.";
    EmptyRetainedNotForwarded "empty-retained-not-forwarded" ["MQTT-3.3.1-10"] ["MQTT-3.3.1-6"] "An empty retained PUBLISH is not delivered.";
    RetainedOnlyIfLonger "retained-only-if-longer" ["MQTT-3.3.1-5"] ["MQTT-3.3.1-5"] "A retained message is only replaced by a longer one.";
    RetainedReplacedByLive "retained-replaced-by-live" ["MQTT-3.3.1-12"] ["MQTT-3.3.1-8"] "A message with RETAIN 0 replaces the retained message, if there is one.";
    RetainedRemovedByLive "retained-removed-by-live" ["MQTT-3.3.1-12"] ["MQTT-3.3.1-8"] "An empty message with RETAIN 0 removes the retained message.";
    EveryMessageRetained "every-message-retained" ["MQTT-3.3.1-12"] ["MQTT-3.3.1-8"] "A message with RETAIN 0 becomes the retained message of a topic that has none.";
    RetainedQosLost "retained-qos-lost" ["MQTT-3.3.1-5", "MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "Retained messages are sent at QoS 0.";
    RetainedOnlyExact "retained-only-exact" ["MQTT-3.3.1-6"] ["MQTT-3.3.1-9"] "Filters with wildcards bring no retained messages.";
    RetainedOnlyFirst "retained-only-first" ["MQTT-3.3.1-6"] ["MQTT-3.3.1-9"] "Of several retained messages that match, one is sent.";
    RetainedFlagMissing "retained-flag-missing" ["MQTT-3.3.1-8"] ["X-5.0-retain-1"] "Retained messages are sent with RETAIN 0.";
    RetainFlagOnLiveDelivery "retain-flag-on-live-delivery" ["MQTT-3.3.1-9"] ["MQTT-3.3.1-12"] "A message for an established subscription keeps the publisher's RETAIN flag without Retain As Published.";
    RetainAsPublishedIgnored "retain-as-published-ignored" [] ["MQTT-3.3.1-13"] "Retain As Published is ignored.";
    RetainAsPublishedLostOffline "retain-as-published-lost-offline" [] ["MQTT-3.3.1-13"] "A message that waits for a client loses the RETAIN flag that Retain As Published asks for.";
    RetainHandlingOneAlways "retain-handling-one-always" [] ["MQTT-3.3.1-10"] "Retain Handling 1 is taken for 0.";
    RetainHandlingOneNever "retain-handling-one-never" [] ["MQTT-3.3.1-10"] "Retain Handling 1 is taken for 2.";
    RetainHandlingOneAfterResume "retain-handling-one-after-resume" [] ["MQTT-3.3.1-10"] "Retain Handling 1 takes every subscription for new on a new connection.";
    RetainHandlingTwoSends "retain-handling-two-sends" [] ["MQTT-3.3.1-11"] "Retain Handling 2 is taken for 0.";
    RetainHandlingSticks "retain-handling-sticks" [] ["X-5.0-subopt-3"] "Retain Handling 2 also keeps later messages with RETAIN 1 away.";
    RetainedQos0KeepsOld "retained-qos0-keeps-old" ["MQTT-3.3.1-7"] ["MQTT-3.3.1-5"] "A QoS 0 message does not displace the retained message.";
    RetainedToShared "retained-to-shared" [] ["X-5.0-subscribe-2"] "Shared subscriptions get retained messages.";
    RetainedNeverExpires "retained-never-expires" [] ["X-5.0-retain-3"] "A retained message outlives its Message Expiry Interval.";
    RetainedPropertiesLost "retained-properties-lost" [] ["MQTT-3.3.2-17", "MQTT-3.3.2-20"] "A retained message loses its properties.";
    RetainedOfRepeatedQos2 "retained-of-repeated-qos2" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-10"] "A repeated QoS 2 PUBLISH stores its retained message again.";
}
Will {
    WillAfterDisconnect "will-after-disconnect" ["MQTT-3.14.4-3", "MQTT-3.1.2-10"] ["MQTT-3.14.4-3", "MQTT-3.1.2-10"] "The will is published although the client said DISCONNECT 0x00.";
    WillIgnoresDelay "will-ignores-delay" [] ["MQTT-3.1.2-8", "X-5.0-will-6"] "The will is published at once, whatever its Will Delay Interval says.";
    WillSurvivesReconnect "will-survives-reconnect" [] ["MQTT-3.1.3-9"] "A delayed will is published although the client came back in time.";
    WillDelayIgnoresSessionEnd "will-delay-ignores-session-end" [] ["MQTT-3.1.2-8", "X-5.0-will-6"] "A delayed will waits although the session ended before.";
    WillLostOnCleanStart "will-lost-on-clean-start" [] ["MQTT-3.1.2-8"] "A delayed will is lost when Clean Start 1 ends its session.";
    NoWill "no-will" ["MQTT-3.1.2-8"] ["MQTT-3.1.2-7", "MQTT-3.1.2-8"] "Wills are never published.";
    WillKeptAfterPublishing "will-kept-after-publishing" ["MQTT-3.1.2-10", "MQTT-3.1.2-12"] ["MQTT-3.1.2-10"] "The will is kept once it was published, and published again for later connections without one.";
    WillRetainIgnored "will-retain-ignored" ["MQTT-3.1.2-17"] ["MQTT-3.1.2-15"] "Will Retain 1 is ignored.";
    WillAlwaysRetained "will-always-retained" ["MQTT-3.1.2-16"] ["MQTT-3.1.2-14"] "Every will is retained.";
    WillQosLost "will-qos-lost" ["MQTT-3.1.2-8", "MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "Wills are published at QoS 0.";
    NoWillOnProtocolError "no-will-on-protocol-error" ["X-3.1.1-will-3"] ["X-5.0-will-3"] "A connection that the server closes for an error has no will published.";
    NoWillOnDisconnect04 "no-will-on-disconnect-04" [] ["X-5.0-will-4"] "DISCONNECT 0x04 removes the will.";
    NoWillOnDisconnectError "no-will-on-disconnect-error" [] ["X-5.0-will-4"] "DISCONNECT with a code of 0x80 or above removes the will.";
    WillWithLength "will-with-length" ["X-3.1.1-will-4"] ["MQTT-3.1.2-8"] "The payload of a will begins with the two bytes of its length.";
    EmptyWillSkipped "empty-will-skipped" ["X-3.1.1-will-4", "MQTT-3.1.2-8"] ["MQTT-3.1.2-8"] "A will with an empty payload is not published.";
    WillPropertiesLost "will-properties-lost" [] ["X-5.0-will-9", "MQTT-3.1.3-10"] "The properties of a will are not published.";
    WillUserPropertiesReversed "will-user-properties-reversed" [] ["MQTT-3.1.3-10"] "The User Properties of a will stand in reverse.";
    WillExpiryLost "will-expiry-lost" [] ["X-5.0-will-8"] "The Message Expiry Interval of a will is not published.";
    WillExpiryCountsFromConnect "will-expiry-counts-from-connect" [] ["X-5.0-will-8"] "The Message Expiry Interval of a will counts from CONNECT.";
}
Receiving {
    DuplicateQos0 "duplicate-qos0" ["MQTT-4.3.1-1"] ["X-5.0-sub-1"] "A QoS 0 message is sent to each subscriber twice.";
    Qos1NotAcked "qos1-not-acked" ["MQTT-3.3.4-1", "MQTT-4.3.2-2"] ["MQTT-3.3.4-1", "MQTT-4.3.2-4"] "A QoS 1 message that nobody subscribed to is not acknowledged.";
    PubAckWrongId "puback-wrong-id" ["MQTT-2.3.1-6", "MQTT-4.3.2-2"] ["MQTT-2.2.1-5", "MQTT-4.3.2-4"] "PUBACK of an identifier above 255 has its high byte cut off.";
    Qos1DupDropped "qos1-dup-dropped" ["MQTT-4.3.2-2"] ["MQTT-4.3.2-5"] "A QoS 1 PUBLISH with DUP 1 is acknowledged and not delivered when its identifier was seen before.";
    FreeQos2IdEarly "free-qos2-id-early" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-10"] "The packet identifier of a QoS 2 message is forgotten once PUBREC was sent, so a retransmission is delivered twice.";
    Qos2IdKept "qos2-id-kept" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-12"] "The identifier of a QoS 2 message stays taken after PUBCOMP, so the next message with it is lost.";
    Qos2IdFreedAtClose "qos2-id-freed-at-close" ["MQTT-4.3.3-2", "X-3.1.1-session-2"] ["MQTT-4.3.3-10", "X-5.0-session-4"] "Identifiers of QoS 2 messages are forgotten when the connection closes.";
    Qos2NewWithoutDup "qos2-new-without-dup" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-10"] "A repeated QoS 2 PUBLISH with DUP 0 is taken for a new message.";
    PubRelUnanswered "pubrel-unanswered" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-11"] "A repeated PUBREL gets no PUBCOMP.";
    PubCompWrongId "pubcomp-wrong-id" ["MQTT-4.3.3-2"] ["MQTT-2.2.1-5", "MQTT-4.3.3-11"] "PUBCOMP of an identifier above 255 has its bytes swapped.";
    PubRecMissing "pubrec-missing" ["MQTT-4.3.3-2", "MQTT-3.3.4-1"] ["MQTT-4.3.3-10", "MQTT-3.3.4-1"] "A repeated QoS 2 PUBLISH gets no PUBREC.";
    PubRecWrongId "pubrec-wrong-id" ["MQTT-2.3.1-6", "MQTT-4.3.3-2"] ["MQTT-2.2.1-5", "MQTT-4.3.3-8"] "PUBREC of an identifier above 255 has its high byte cut off.";
    Qos2DeliveredTwice "qos2-delivered-twice" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-10"] "A QoS 2 message whose PUBLISH was repeated is also delivered at PUBREL.";
    IdSpacesMixed "id-spaces-mixed" ["X-3.1.1-pid-1"] ["X-5.0-pid-2"] "A QoS 2 PUBLISH whose identifier the server uses itself is taken for a repetition.";
    RefusedQos2IdKept "refused-qos2-id-kept" [] ["MQTT-4.3.3-9"] "After a PUBREC of 0x80 or above the identifier stays taken.";
    RefusalClosesConnection "refusal-closes-connection" [] ["X-5.0-error-4"] "A connection is closed after a PUBACK or PUBREC of 0x80 or above.";
    RefusedMessageDelivered "refused-message-delivered" [] ["X-5.0-reason-1"] "A message that is refused by PUBACK or PUBREC is delivered all the same.";
    SystemTopicsOpen "system-topics-open" ["X-3.1.1-topic-3"] ["X-5.0-topic-3"] "Clients may publish to topics that begin with `$SYS/`.";
    UnauthorisedNotAcked "unauthorised-not-acked" ["MQTT-3.3.5-2"] [] "A message that is not authorised is not acknowledged and the connection stays open.";
    Qos2AnsweredByPubAck "qos2-answered-by-puback" ["MQTT-3.3.4-1"] ["MQTT-3.3.4-1"] "A QoS 2 PUBLISH that nobody subscribed to is answered by PUBACK.";
}
Sending {
    ForgetDup "forget-dup" ["MQTT-3.3.1-1"] ["MQTT-3.3.1-1"] "A PUBLISH that is sent again has DUP 0.";
    DupPropagated "dup-propagated" ["MQTT-3.3.1-3"] ["MQTT-3.3.1-3"] "The publisher's DUP is forwarded.";
    DupOnQueued "dup-on-queued" ["MQTT-3.3.1-3", "MQTT-4.3.2-1", "MQTT-4.3.3-1"] ["MQTT-3.3.1-3", "MQTT-4.3.2-2", "MQTT-4.3.3-2"] "A message that waited for its client is sent the first time with DUP 1.";
    NoResendOnResume "no-resend-on-resume" ["MQTT-4.4.0-1"] ["MQTT-4.4.0-1", "MQTT-4.3.3-3"] "A resumed session is not sent its unacknowledged messages again.";
    ReuseQos2AfterPubRec "reuse-qos2-after-pubrec" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-4", "MQTT-4.3.3-6"] "A PUBREC is answered by sending the PUBLISH again instead of PUBREL.";
    PubRelNotResent "pubrel-not-resent" ["MQTT-4.4.0-1"] ["MQTT-4.4.0-1", "MQTT-4.3.3-5"] "A resumed session is not sent its PUBREL again.";
    ResendPublishAfterPubRec "resend-publish-after-pubrec" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-6"] "A resumed session is sent the PUBLISH again although PUBREC had come.";
    ResendWithNewId "resend-with-new-id" ["MQTT-4.4.0-1"] ["MQTT-4.4.0-1"] "Messages are sent again with a new identifier.";
    ResendOnLiveConnection "resend-on-live-connection" [] ["MQTT-4.4.0-1"] "A PUBLISH that is not acknowledged within two seconds is sent again on the same connection.";
    ResendAfterError "resend-after-error" [] ["MQTT-4.4.0-2"] "A message that was refused by PUBACK or PUBREC is sent again on the next connection.";
    IdReusedInFlight "id-reused-in-flight" ["MQTT-2.3.1-4", "MQTT-4.3.2-1"] ["MQTT-2.2.1-4", "MQTT-4.3.2-1", "MQTT-4.3.3-1", "X-5.0-pid-1"] "Packet identifiers count from 1 to 4, whether in use or not.";
    IdsRestartOnResume "ids-restart-on-resume" ["MQTT-2.3.1-4", "MQTT-4.3.2-1"] ["MQTT-2.2.1-4", "MQTT-4.3.2-1", "X-5.0-pid-1"] "On a new connection identifiers begin with 1 again, whether in use or not.";
    IdZero "id-zero" ["MQTT-2.3.1-1", "MQTT-2.3.1-4"] ["MQTT-2.2.1-4"] "The first message of a session has packet identifier 0.";
    PubAckForgotten "puback-forgotten" ["MQTT-4.3.2-1"] ["MQTT-4.3.2-3", "X-5.0-pid-1"] "A message whose PUBACK came out of order is sent again on the next connection.";
    DoneAtPubRec "done-at-pubrec" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-5", "X-5.0-pid-1"] "A QoS 2 message is forgotten once PUBREL was sent.";
    PubRelOnce "pubrel-once" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-4"] "A repeated PUBREC gets no PUBREL.";
    PubRecErrorAnswered "pubrec-error-answered" [] ["X-5.0-reason-1", "MQTT-4.4.0-2"] "A PUBREC of 0x80 or above is answered by PUBREL.";
    QueuedQos2AsQos1 "queued-qos2-as-qos1" ["MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "QoS 2 messages that waited for a client are sent at QoS 1.";
    OnlyFirstSubscriber "only-first-subscriber" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1", "X-5.0-sub-1"] "Of clients that subscribed with the same filter only one gets the message.";
    StuckSubscriberBlocks "stuck-subscriber-blocks" [] ["X-5.0-qos-3"] "While a subscriber is at its Receive Maximum the others get nothing either.";
    PubRelWrongId "pubrel-wrong-id" ["MQTT-2.3.1-6", "MQTT-4.3.3-1"] ["MQTT-2.2.1-5", "MQTT-4.3.3-4"] "PUBREL has the identifier of the oldest message in flight.";
    EmptyPayloadDropped "empty-payload-dropped" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "Messages with an empty payload are not forwarded.";
    LongPayloadDropped "long-payload-dropped" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "Messages with a payload of more than 8,192 bytes are not forwarded.";
    PayloadCutAtNull "payload-cut-at-null" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "A payload ends with its first zero byte.";
    NoEcho "no-echo" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "Clients do not get what they publish themselves.";
    CleanSessionsForgotten "clean-sessions-forgotten" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "QoS 1 and 2 messages are not delivered to sessions that end with their connection.";
}
Order {
    ReverseOrder "reverse-order" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-5"] "Messages that waited for a client are sent to it newest first.";
    ResendOutOfOrder "resend-out-of-order" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-5", "MQTT-4.6.0-6"] "A resumed session is sent its unacknowledged messages newest first.";
    NewestAtQuota "newest-at-quota" [] ["MQTT-4.6.0-5"] "When quota is free again the newest waiting message goes first.";
    QueueBeforeResend "queue-before-resend" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-5"] "A resumed session gets what waited before what is sent again.";
    ShortFirst "short-first" ["MQTT-4.6.0-5", "MQTT-4.6.0-6"] ["MQTT-4.6.0-5", "MQTT-4.6.0-6"] "Of the messages that wait the shortest go first.";
    LiveOvertakesQueue "live-overtakes-queue" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-5"] "The last of the messages that waited is held back until after the next live one.";
}
Flow {
    IgnoreReceiveMaximum "ignore-receive-maximum" [] ["MQTT-3.3.4-9", "MQTT-4.9.0-1", "MQTT-4.9.0-2"] "More QoS 1 and 2 messages are in flight than the client's Receive Maximum.";
    ReceiveMaximumOneMore "receive-maximum-one-more" [] ["MQTT-3.3.4-9", "MQTT-4.9.0-1"] "One message more than the client's Receive Maximum is in flight.";
    ReceiveMaximumForgottenOnResume "receive-maximum-forgotten-on-resume" [] ["MQTT-3.3.4-9", "MQTT-4.9.0-2"] "Messages that are sent again do not count against the Receive Maximum.";
    QuotaGrowsAtPubRec "quota-grows-at-pubrec" [] ["X-5.0-flow-5"] "PUBREC frees quota instead of PUBCOMP.";
    QuotaGrowsByRepetition "quota-grows-by-repetition" [] ["X-5.0-flow-6"] "A PUBCOMP or PUBACK that belongs to nothing raises the quota.";
    QuotaLostOnError "quota-lost-on-error" [] ["X-5.0-flow-5"] "A PUBACK or PUBREC of 0x80 or above gives no quota back.";
    QuotaKept "quota-kept" [] ["X-5.0-flow-2", "X-5.0-flow-7"] "The Receive Maximum of a session's first connection holds for all.";
    OwnReceiveMaximumNotHeld "own-receive-maximum-not-held" [] ["X-5.0-flow-3"] "A client may have more in flight than the server's Receive Maximum.";
    QuotaZeroHoldsAll "quota-zero-holds-all" [] ["MQTT-3.3.4-10", "MQTT-4.9.0-3"] "At a quota of zero SUBSCRIBE, UNSUBSCRIBE and PINGREQ are not answered.";
}
PacketSize {
    MaximumPacketSizeIgnored "maximum-packet-size-ignored" [] ["MQTT-3.1.2-24"] "Packets are sent that exceed the client's Maximum Packet Size.";
    MaximumPacketSizeWithoutHeader "maximum-packet-size-without-header" [] ["MQTT-3.1.2-24", "X-5.0-size-4"] "The fixed header does not count for the client's Maximum Packet Size.";
    MaximumPacketSizeForgotten "maximum-packet-size-forgotten" [] ["MQTT-3.1.2-24"] "Messages that waited are sent whatever the client's Maximum Packet Size.";
    TooLargeBlocks "too-large-blocks" [] ["MQTT-3.1.2-25"] "A message that is too large for its client holds up those after it.";
    TooLargeCloses "too-large-closes" [] ["MQTT-3.1.2-25"] "A client is disconnected when a message is too large for it.";
    TooLargeTakesQuota "too-large-takes-quota" [] ["MQTT-3.1.2-25"] "A message that was too large to send counts as in flight for ever.";
    OwnMaximumPacketSizeNotHeld "own-maximum-packet-size-not-held" [] ["X-5.0-limit-3"] "A packet above the server's Maximum Packet Size is accepted.";
    ReasonStringTooLarge "reason-string-too-large" [] ["MQTT-3.2.2-19", "MQTT-3.4.2-2", "MQTT-3.5.2-2", "MQTT-3.6.2-2", "MQTT-3.7.2-2", "MQTT-3.9.2-1", "MQTT-3.11.2-1", "MQTT-3.14.2-3"] "A Reason String is sent though it exceeds the client's Maximum Packet Size.";
    UserPropertyTooLarge "user-property-too-large" [] ["MQTT-3.2.2-20", "MQTT-3.4.2-3", "MQTT-3.5.2-3", "MQTT-3.6.2-3", "MQTT-3.7.2-3", "MQTT-3.9.2-2", "MQTT-3.11.2-2", "MQTT-3.14.2-4"] "A User Property is sent though it exceeds the client's Maximum Packet Size.";
    ProblemInformationIgnored "problem-information-ignored" [] ["MQTT-3.1.2-29"] "Reason Strings are sent in spite of Request Problem Information 0.";
}
TopicAlias {
    AliasSurvivesConnection "alias-survives-connection" [] ["MQTT-3.3.2-7"] "Topic Aliases of the connection before are still known.";
    AliasTooLargeTolerated "alias-too-large-tolerated" [] ["X-5.0-alias-3"] "A Topic Alias above the server's maximum is accepted.";
    AliasZeroTolerated "alias-zero-tolerated" [] ["X-5.0-alias-3", "MQTT-3.3.2-8"] "A PUBLISH with Topic Alias 0 is skipped.";
    AliasUnknownTolerated "alias-unknown-tolerated" [] ["X-5.0-alias-4"] "A PUBLISH with an unknown Topic Alias is skipped.";
    AliasNotRemapped "alias-not-remapped" [] ["X-5.0-alias-2"] "A Topic Alias keeps its first topic.";
    AliasMaximumRefused "alias-maximum-refused" [] ["MQTT-3.3.2-12"] "The highest Topic Alias that was announced is refused.";
    AliasForwarded "alias-forwarded" [] ["MQTT-3.1.2-27", "MQTT-3.3.2-11"] "The publisher's Topic Alias is forwarded.";
    AliasAboveMaximum "alias-above-maximum" [] ["MQTT-3.1.2-26", "MQTT-3.3.2-11"] "One Topic Alias more than the client allows is used.";
    AliasTablesMixed "alias-tables-mixed" [] ["X-5.0-alias-5"] "An alias that the client set is used toward it.";
    AliasTopicLost "alias-topic-lost" [] ["X-5.0-alias-2", "MQTT-4.5.0-1"] "A retained message published by alias is stored under an empty topic.";
}
Forwarding {
    DropUserProperties "drop-user-properties" [] ["MQTT-3.3.2-17"] "User Properties of a message are not forwarded.";
    UserPropertiesReversed "user-properties-reversed" [] ["MQTT-3.3.2-18"] "User Properties of a message stand in reverse.";
    UserPropertiesMerged "user-properties-merged" [] ["MQTT-3.3.2-17", "X-5.0-prop-4"] "Of User Properties with the same name only one is forwarded.";
    ContentTypeLost "content-type-lost" [] ["MQTT-3.3.2-20"] "Content Type is not forwarded.";
    ResponseTopicLost "response-topic-lost" [] ["MQTT-3.3.2-15", "X-5.0-reqresp-3"] "Response Topic is not forwarded.";
    CorrelationDataLost "correlation-data-lost" [] ["MQTT-3.3.2-16", "X-5.0-reqresp-3"] "Correlation Data is not forwarded.";
    CorrelationDataCut "correlation-data-cut" [] ["MQTT-3.3.2-16"] "Correlation Data ends with its first zero byte.";
    PayloadFormatLost "payload-format-lost" [] ["MQTT-3.3.2-4"] "The Payload Format Indicator is not forwarded.";
    PayloadFormatGuessed "payload-format-guessed" [] ["MQTT-3.3.2-4"] "A payload that happens to be UTF-8 is given Payload Format Indicator 1.";
    PropertiesLostOffline "properties-lost-offline" [] ["MQTT-3.3.2-15", "MQTT-3.3.2-17", "MQTT-3.3.2-20"] "A message that waits for its client loses its properties.";
    PropertiesLostOnResend "properties-lost-on-resend" [] ["MQTT-3.3.2-17", "MQTT-3.3.2-20"] "A message that is sent again has no properties.";
    UserPropertyAdded "user-property-added" [] ["MQTT-3.3.2-17"] "The server adds a User Property of its own to messages.";
    PropertyOrderMatters "property-order-matters" [] ["X-5.0-prop-2"] "A Subscription Identifier counts only if it is the first property.";
}
Overlap {
    IgnoreNoLocal "ignore-no-local" [] ["MQTT-3.8.3-3"] "Messages come back to their publisher in spite of No Local.";
    NoLocalForgotten "no-local-forgotten" [] ["MQTT-3.8.3-3"] "No Local holds for the connection that subscribed only.";
    OverlapLowest "overlap-lowest" ["MQTT-3.3.5-1"] ["MQTT-3.3.4-2"] "Of overlapping subscriptions the lowest QoS counts.";
    OverlapFirst "overlap-first" ["MQTT-3.3.5-1"] ["MQTT-3.3.4-2"] "Of overlapping subscriptions the first filter counts.";
    SubscriptionIdMissing "subscription-id-missing" [] ["MQTT-3.3.4-3", "X-5.0-subid-2"] "Subscription Identifiers are not sent.";
    SubscriptionIdOnlyOne "subscription-id-only-one" [] ["MQTT-3.3.4-4"] "Of overlapping subscriptions only one identifier is sent.";
    SubscriptionIdOnCopies "subscription-id-on-copies" [] ["MQTT-3.3.4-5"] "Overlapping subscriptions get a copy each, and all carry the first identifier.";
    SubscriptionIdKept "subscription-id-kept" [] ["X-5.0-subid-6"] "Subscribing again without a Subscription Identifier keeps the old one.";
    SubscriptionIdOnlyFirstFilter "subscription-id-only-first-filter" [] ["X-5.0-subid-6"] "Of several filters in a SUBSCRIBE only the first gets the identifier.";
    SubscriptionIdOfOthers "subscription-id-of-others" [] ["X-5.0-subid-2", "X-5.0-subid-4"] "A message through a shared subscription carries the identifiers of all members.";
    SubscriptionIdNotOnRetained "subscription-id-not-on-retained" [] ["X-5.0-subid-2"] "Retained messages carry no Subscription Identifier.";
    SubscriptionIdLostOnResume "subscription-id-lost-on-resume" [] ["X-5.0-session-4"] "A resumed session has lost its Subscription Identifiers.";
}
Shared {
    SharedToAll "shared-to-all" [] ["X-5.0-shared-1"] "Every member of a shared subscription gets every message.";
    SharedGroupsMerged "shared-groups-merged" [] ["X-5.0-shared-2"] "Groups with the same filter and different share names are one.";
    SharedStealsOrdinary "shared-steals-ordinary" [] ["X-5.0-shared-2"] "Ordinary subscriptions get nothing that a shared subscription got.";
    SharedMemberKeepsTurn "shared-member-keeps-turn" [] ["X-5.0-unsubscribe-2"] "A member that left keeps its turn, and that message is lost.";
    SharedUnsubscribeEndsGroup "shared-unsubscribe-ends-group" [] ["X-5.0-unsubscribe-2"] "When one member unsubscribes the shared subscription ends for all.";
    SharedOnlyConnected "shared-only-connected" [] ["MQTT-4.5.0-1", "X-5.0-shared-4"] "A message is lost when no member of a shared subscription is connected.";
    SharedDoubleMember "shared-double-member" [] ["X-5.0-shared-6"] "A session that subscribed twice is a member twice, and one UNSUBSCRIBE leaves it a member.";
    SharedQosOfFirst "shared-qos-of-first" [] ["MQTT-4.8.2-3"] "Messages of a shared subscription go out at the QoS granted to its first member.";
    SharedQos2Moved "shared-qos2-moved" [] ["MQTT-4.8.2-5"] "A QoS 2 message begun with a member whose session ended goes to another one.";
    SharedQos2MovedAtClose "shared-qos2-moved-at-close" [] ["MQTT-4.8.2-4"] "A QoS 2 message begun with a member goes to another one when the connection breaks.";
    SharedRefusedOffered "shared-refused-offered" [] ["MQTT-4.8.2-6"] "A message that a member refused is offered to another one.";
    SharedQos1Lost "shared-qos1-lost" [] ["X-5.0-shared-5"] "A QoS 1 message begun with a member whose session ended is lost.";
    SharedOutlivesMembers "shared-outlives-members" [] ["X-5.0-shared-4"] "Undelivered messages of a shared subscription wait for its next member.";
}
Expiry {
    ExpiryNotReduced "expiry-not-reduced" [] ["MQTT-3.3.2-6"] "The Message Expiry Interval is forwarded as it came, however long the message waited.";
    ExpiryNeverDeletes "expiry-never-deletes" [] ["MQTT-3.3.2-5"] "A message whose Message Expiry Interval has passed is delivered with an interval of 1.";
    ExpiryDeletesInFlight "expiry-deletes-in-flight" [] ["MQTT-4.3.3-7"] "A QoS 2 message that expires in flight is not sent again.";
    ExpiryStopsPubRel "expiry-stops-pubrel" [] ["MQTT-4.3.3-4", "MQTT-4.3.3-7"] "A PUBREC for a message that has expired gets no PUBREL.";
    ExpiryStopsPubComp "expiry-stops-pubcomp" [] ["MQTT-4.3.3-13"] "A PUBREL for a message that has expired gets no PUBCOMP.";
    ExpiryInvented "expiry-invented" [] ["X-5.0-expiry-1"] "A message without a Message Expiry Interval is given one of a day.";
    ExpiryLost "expiry-lost" [] ["MQTT-3.3.2-6"] "The Message Expiry Interval is not forwarded.";
    ExpiryCountedTwice "expiry-counted-twice" [] ["MQTT-3.3.2-6"] "The time a message waited is taken off twice.";
}
Ending {
    DisconnectNotObeyed "disconnect-not-obeyed" ["X-3.1.1-disconnect-1"] ["X-5.0-disconnect-5"] "The connection is left open after the client's DISCONNECT.";
    DisconnectFollowed "disconnect-followed" [] ["MQTT-3.14.4-1"] "Something follows the server's DISCONNECT.";
    DisconnectWithoutClose "disconnect-without-close" [] ["MQTT-3.14.4-2", "MQTT-4.13.1-1", "MQTT-4.13.2-1"] "The connection stays open after the server's DISCONNECT.";
    DisconnectWithSessionExpiry "disconnect-with-session-expiry" [] ["MQTT-3.14.2-2"] "The server's DISCONNECT carries a Session Expiry Interval.";
    DisconnectToV3 "disconnect-to-v3" ["X-3.1.1-type-1"] [] "A 3.1.1 client gets DISCONNECT before its connection is closed.";
    DisconnectIllegalCode "disconnect-illegal-code" [] ["MQTT-3.14.2-1"] "The server's DISCONNECT says 0x04.";
    DisconnectReasonTwice "disconnect-reason-twice" [] ["X-5.0-disconnect-6"] "The server's DISCONNECT has two Reason Strings.";
    DisconnectLengthZeroUnread "disconnect-length-zero-unread" [] ["X-5.0-disconnect-2", "MQTT-3.14.4-3"] "A DISCONNECT of Remaining Length 0 is taken for an error.";
    ErrorClosesOthers "error-closes-others" [] ["X-5.0-error-3"] "An error on one connection closes the others too.";
    ErrorTolerated "error-tolerated" ["MQTT-4.8.0-1"] ["MQTT-4.13.1-1"] "Malformed packets are skipped and the connection goes on.";
    AckLengthTwoUnread "ack-length-two-unread" [] ["X-5.0-ack-2"] "A PUBACK of Remaining Length 2 is not understood.";
    DisconnectExpiryFromZero "disconnect-expiry-from-zero" [] ["MQTT-4.13.1-1"] "DISCONNECT may set a Session Expiry Interval after a CONNECT with 0.";
}
Malformed {
    TextNotUtf8Tolerated "text-not-utf8-tolerated" ["MQTT-1.5.3-1"] ["MQTT-1.5.4-1", "X-5.0-utf8-1"] "Broken UTF-8 is replaced by question marks.";
    SurrogatesTolerated "surrogates-tolerated" ["MQTT-1.5.3-1"] ["MQTT-1.5.4-1", "X-5.0-utf8-1"] "Encoded surrogates in text are replaced by question marks.";
    NullTolerated "null-tolerated" ["MQTT-1.5.3-2", "MQTT-4.7.3-2"] ["MQTT-1.5.4-2", "MQTT-4.7.3-2", "X-5.0-utf8-1"] "U+0000 in text is replaced by a question mark.";
    UserPropertyTextTolerated "user-property-text-tolerated" [] ["MQTT-1.5.7-1"] "Broken text in a User Property is replaced by question marks.";
    FlagsTolerated "flags-tolerated" ["MQTT-2.2.2-2"] ["X-5.0-flags-1"] "Wrong flags of PUBACK, PUBREC, PUBCOMP and PINGREQ are ignored.";
    PubRelFlagsTolerated "pubrel-flags-tolerated" ["MQTT-3.6.1-1"] ["MQTT-3.6.1-1"] "Wrong flags of PUBREL are ignored.";
    SubscribeFlagsTolerated "subscribe-flags-tolerated" ["MQTT-3.8.1-1"] ["MQTT-3.8.1-1"] "Wrong flags of SUBSCRIBE are ignored.";
    UnsubscribeFlagsTolerated "unsubscribe-flags-tolerated" ["MQTT-3.10.1-1"] ["MQTT-3.10.1-1"] "Wrong flags of UNSUBSCRIBE are ignored.";
    DisconnectFlagsTolerated "disconnect-flags-tolerated" ["MQTT-3.14.1-1"] ["MQTT-3.14.1-1"] "Wrong flags of DISCONNECT are ignored.";
    AuthFlagsTolerated "auth-flags-tolerated" [] ["MQTT-3.15.1-1"] "An AUTH with wrong flags is skipped.";
    Qos3Tolerated "qos3-tolerated" ["MQTT-3.3.1-4"] ["MQTT-3.3.1-4"] "A PUBLISH with QoS 3 is taken for QoS 2.";
    DupWithQos0Tolerated "dup-with-qos0-tolerated" ["MQTT-3.3.1-2"] ["MQTT-3.3.1-2"] "DUP 1 with QoS 0 is ignored.";
    LongLengthTolerated "long-length-tolerated" ["X-3.1.1-remlen-1"] ["X-5.0-vbi-1"] "A Remaining Length of five bytes is read.";
    PacketTypeTolerated "packet-type-tolerated" ["X-3.1.1-type-1"] ["X-5.0-type-1"] "Packets of a forbidden type or direction are skipped.";
    SubscribeBitsTolerated "subscribe-bits-tolerated" ["MQTT-3.8.3-4"] ["MQTT-3.8.3-5"] "Reserved bits in the options of SUBSCRIBE are ignored.";
    SubscribeQos3Tolerated "subscribe-qos3-tolerated" ["MQTT-3.8.3-4"] ["MQTT-4.13.1-1"] "A subscription that asks for QoS 3 is granted QoS 2.";
    EmptyTopicTolerated "empty-topic-tolerated" ["MQTT-4.7.3-1"] ["MQTT-4.7.3-1", "X-5.0-publish-1"] "A PUBLISH without a topic is skipped.";
    WildcardTopicTolerated "wildcard-topic-tolerated" ["MQTT-3.3.2-2", "MQTT-4.7.1-1"] ["MQTT-3.3.2-2", "MQTT-4.7.0-1"] "Wildcards in the topic of a PUBLISH are replaced by underscores.";
    ForeignPropertyTolerated "foreign-property-tolerated" [] ["X-5.0-prop-1"] "A packet with a property that does not belong to it is skipped.";
    RepeatedPropertyTolerated "repeated-property-tolerated" [] ["X-5.0-prop-3", "X-5.0-session-3"] "A property that stands twice is accepted.";
    SurplusBytesTolerated "surplus-bytes-tolerated" ["X-3.1.1-length-1", "X-3.1.1-conform-1"] ["X-5.0-ping-1", "X-5.0-conform-1"] "Bytes after the last field of a packet are ignored.";
    SubscriptionIdZeroTolerated "subscription-id-zero-tolerated" [] ["X-5.0-subid-1"] "Subscription Identifier 0 is taken for none.";
    ResponseTopicWildcardTolerated "response-topic-wildcard-tolerated" [] ["MQTT-3.3.2-14"] "Wildcards in a Response Topic are replaced by underscores.";
}
Encoding {
    Qos0WithDup "qos0-with-dup" ["MQTT-3.3.1-2", "MQTT-4.3.1-1"] ["MQTT-3.3.1-2", "MQTT-4.3.1-1"] "QoS 0 messages that waited or are retained have DUP 1.";
    Qos0WithId "qos0-with-id" ["MQTT-2.3.1-5"] ["MQTT-2.2.1-2"] "A QoS 0 PUBLISH carries a packet identifier.";
    PubRelFlagsWrong "pubrel-flags-wrong" ["MQTT-2.2.2-1", "MQTT-3.6.1-1"] ["MQTT-2.1.3-1", "MQTT-3.6.1-1"] "PUBREL is sent with flags 0000.";
    PingRespWithBody "pingresp-with-body" ["X-3.1.1-length-1", "X-3.1.1-conform-1"] ["X-5.0-ping-1", "X-5.0-conform-1"] "PINGRESP has a body of one byte.";
    TopicNameCut "topic-name-cut" ["MQTT-3.3.2-1", "MQTT-3.3.2-3"] ["MQTT-3.3.2-1", "MQTT-3.3.2-3"] "Topic names of more than 64 bytes are cut.";
    TopicNameBroken "topic-name-broken" ["MQTT-3.3.2-1", "MQTT-1.5.3-1"] ["MQTT-3.3.2-1", "MQTT-1.5.4-1"] "The last byte of a topic name outside ASCII is broken.";
    TopicNameIsFilter "topic-name-is-filter" ["MQTT-3.3.2-2", "MQTT-4.7.1-1"] ["MQTT-3.3.2-2", "MQTT-4.7.0-1"] "Messages are sent under the topic filter that they matched.";
    ContentTypeBroken "content-type-broken" [] ["MQTT-3.3.2-19"] "The last byte of a Content Type outside ASCII is broken.";
    ResponseTopicBroken "response-topic-broken" [] ["MQTT-3.3.2-13"] "The last byte of a Response Topic outside ASCII is broken.";
    RemainingLengthPadded "remaining-length-padded" [] ["MQTT-1.5.5-1"] "Remaining Length of a PUBLISH takes a byte more than it needs.";
    PropertyLengthMissing "property-length-missing" [] ["MQTT-2.2.2-1"] "A SUBACK has no Property Length.";
    PubAckIllegalCode "puback-illegal-code" [] ["MQTT-3.4.2-1"] "PUBACK says 0x11 when nobody subscribed.";
    PubRecIllegalCode "pubrec-illegal-code" [] ["MQTT-3.5.2-1"] "PUBREC says 0x11 when nobody subscribed.";
    PubRelIllegalCode "pubrel-illegal-code" [] ["MQTT-3.6.2-1"] "PUBREL says 0x10 for an unknown identifier.";
    PubCompIllegalCode "pubcomp-illegal-code" [] ["MQTT-3.7.2-1"] "PUBCOMP says 0x10 for an unknown identifier.";
    AckReasonTwice "ack-reason-twice" [] ["X-5.0-ack-3"] "An acknowledgement with a Reason String has it twice.";
    ExpiryInPubAck "expiry-in-puback" [] ["X-5.0-conform-1"] "PUBACK carries a Message Expiry Interval.";
}
}

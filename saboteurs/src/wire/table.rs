//! Every way to tamper with packets on their way, one table.

use crate::Family;
use squall_protocol::Version;

macro_rules! tampers {
    ($($direction:ident $family:ident { $($tamper:ident $name:literal $v3:tt $v5:tt $sentence:literal;)* })*) => {
        /// What happens to packets on their way between a client and a server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Tamper {
            $($(#[doc = $sentence] $tamper,)*)*
        }

        impl Tamper {
            /// Every way there is.
            pub const ALL: &[Self] = &[$($(Self::$tamper),*),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$tamper => $name,)*)* }
            }

            /// Whose packets are touched.
            #[must_use]
            pub const fn direction(self) -> Direction {
                match self { $($(Self::$tamper => Direction::$direction,)*)* }
            }

            /// The part of the standard it belongs to.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $($(Self::$tamper => Family::$family,)*)* }
            }

            /// The statements that a server together with this wire breaks.
            #[must_use]
            pub const fn statements(self, version: Version) -> &'static [&'static str] {
                match (self, version) {
                    $($((Self::$tamper, Version::V3_1_1) => &$v3, (Self::$tamper, Version::V5_0) => &$v5,)*)*
                }
            }

            /// What is done, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $($(Self::$tamper => $sentence,)*)* }
            }

            /// The way with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|tamper| tamper.name() == name)
            }
        }
    };
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

tampers! {
ToClient Connecting {
    SessionPresentFlipped "session-present-flipped" ["MQTT-3.2.2-1", "MQTT-3.2.2-2"] ["MQTT-3.2.2-2", "MQTT-3.2.2-3"] "Session Present is turned round.";
    ConnAckTwice "connack-twice" [] ["MQTT-3.2.0-2"] "CONNACK comes twice.";
    ConnAckDropped "connack-dropped" ["MQTT-3.1.4-4"] ["MQTT-3.1.4-5"] "CONNACK is lost.";
    ConnAckSecond "connack-second" ["MQTT-3.2.0-1"] ["MQTT-3.2.0-1"] "CONNACK comes after the packet that follows it.";
    ConnAckFlags "connack-flags" ["X-3.1.1-connack-2"] ["MQTT-3.2.2-1"] "A reserved flag of CONNACK is set.";
    AssignedIdStripped "assigned-id-stripped" [] ["MQTT-3.1.3-7", "MQTT-3.2.2-16"] "The Assigned Client Identifier is taken out.";
    AuthMethodAdded "auth-method-added" [] ["MQTT-4.12.0-6"] "CONNACK names an Authentication Method.";
}
ToClient KeepAlive {
    PingRespDropped "pingresp-dropped" ["MQTT-3.12.4-1"] ["MQTT-3.12.4-1"] "Every second PINGRESP is lost.";
}
ToClient Subscribing {
    SubAckIdShifted "suback-id-shifted" ["MQTT-3.8.4-2"] ["MQTT-3.8.4-2"] "SUBACK has the next packet identifier.";
    SubAckReversed "suback-codes-reversed" ["MQTT-3.9.3-1"] ["MQTT-3.9.3-1"] "The codes of SUBACK stand in reverse.";
    SubAckLonger "suback-longer" ["MQTT-3.8.4-5"] ["MQTT-3.8.4-6"] "The last code of SUBACK stands twice.";
    SubAckShorter "suback-shorter" ["MQTT-3.8.4-5"] ["MQTT-3.8.4-6"] "SUBACK of several filters loses its last code.";
    SubAckRaised "suback-raised" ["MQTT-3.8.4-5"] ["MQTT-3.8.4-7"] "SUBACK grants QoS 2 whatever was granted.";
    SubAckReserved "suback-reserved" ["MQTT-3.9.3-2"] ["MQTT-3.9.3-2"] "SUBACK grants 0x03 instead of QoS 2.";
    SubAckDropped "suback-dropped" ["MQTT-3.8.4-1"] ["MQTT-3.8.4-1"] "Every second SUBACK is lost.";
    UnsubAckIdShifted "unsuback-id-shifted" ["MQTT-3.10.4-4"] ["MQTT-3.10.4-5"] "UNSUBACK has the next packet identifier.";
    UnsubAckReversed "unsuback-codes-reversed" [] ["MQTT-3.11.3-1"] "The codes of UNSUBACK stand in reverse.";
    UnsubAckShorter "unsuback-shorter" [] ["MQTT-3.11.3-2"] "UNSUBACK of several filters loses its last code.";
    UnsubAckDropped "unsuback-dropped" ["MQTT-3.10.4-4"] ["MQTT-3.10.4-4"] "Every second UNSUBACK is lost.";
}
ToClient Receiving {
    PubAckDropped "puback-dropped" ["MQTT-4.3.2-2"] ["MQTT-4.3.2-4"] "Every second PUBACK is lost.";
    PubAckIdShifted "puback-id-shifted" ["MQTT-2.3.1-6"] ["MQTT-2.2.1-5"] "PUBACK has the next packet identifier.";
    PubAckReserved "puback-reserved" [] ["MQTT-3.4.2-1"] "PUBACK says 0x01.";
    PubRecDropped "pubrec-dropped" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-8"] "Every second PUBREC is lost.";
    PubRecIdShifted "pubrec-id-shifted" ["MQTT-2.3.1-6"] ["MQTT-2.2.1-5"] "PUBREC has the next packet identifier.";
    PubRecReserved "pubrec-reserved" [] ["MQTT-3.5.2-1"] "PUBREC says 0x01.";
    PubRecAsPubAck "pubrec-as-puback" ["MQTT-3.3.4-1"] ["MQTT-3.3.4-1"] "PUBREC becomes PUBACK.";
    PubCompDropped "pubcomp-dropped" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-11"] "Every second PUBCOMP is lost.";
    PubCompIdShifted "pubcomp-id-shifted" ["MQTT-4.3.3-2"] ["MQTT-2.2.1-5"] "PUBCOMP has the next packet identifier.";
    PubCompReserved "pubcomp-reserved" [] ["MQTT-3.7.2-1"] "PUBCOMP says 0x80.";
}
ToClient Sending {
    Qos0Doubled "qos0-doubled" ["MQTT-4.3.1-1"] ["X-5.0-sub-1"] "A QoS 0 PUBLISH comes twice.";
    Qos1Doubled "qos1-doubled" ["MQTT-4.3.2-1"] ["MQTT-4.4.0-1"] "A QoS 1 PUBLISH comes twice on the same connection, without DUP.";
    Qos2Renumbered "qos2-renumbered" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-1"] "A QoS 2 PUBLISH comes again under another packet identifier.";
    PublishDropped "publish-dropped" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "Every third PUBLISH is lost.";
    DupCleared "dup-cleared" ["MQTT-3.3.1-1"] ["MQTT-3.3.1-1"] "DUP is cleared.";
    DupSet "dup-set" ["MQTT-3.3.1-3"] ["MQTT-3.3.1-3"] "DUP is set on QoS 1 and 2.";
    Qos0DupSet "qos0-dup-set" ["MQTT-3.3.1-2"] ["MQTT-3.3.1-2"] "DUP is set on QoS 0.";
    PublishIdRepeated "publish-id-repeated" ["MQTT-2.3.1-4"] ["MQTT-2.2.1-4"] "Every PUBLISH has the packet identifier of the first.";
    PublishIdZero "publish-id-zero" ["MQTT-2.3.1-1"] ["MQTT-2.2.1-4"] "A PUBLISH of QoS 1 or 2 has packet identifier 0.";
    PubRelDropped "pubrel-dropped" ["MQTT-4.3.3-1"] ["MQTT-4.3.3-4"] "Every second PUBREL is lost.";
    PubRelIdShifted "pubrel-id-shifted" ["MQTT-2.3.1-6"] ["MQTT-2.2.1-5"] "PUBREL has the next packet identifier.";
    PayloadChanged "payload-changed" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "The last byte of a payload has a bit turned round.";
    PayloadCut "payload-cut" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "A payload loses its last byte.";
    PayloadGrown "payload-grown" ["MQTT-4.5.0-1"] ["MQTT-4.5.0-1"] "A payload gets a zero byte more.";
    TopicLastLevelLost "topic-last-level-lost" ["MQTT-3.3.2-3"] ["MQTT-3.3.2-3"] "A topic name loses its last level.";
    TopicCaseChanged "topic-case-changed" ["MQTT-3.3.2-3"] ["MQTT-3.3.2-3"] "A topic name comes in capitals.";
    TopicSlashAdded "topic-slash-added" ["MQTT-3.3.2-3"] ["MQTT-3.3.2-3"] "A topic name gets a separator at its end.";
    TopicWildcard "topic-wildcard" ["MQTT-3.3.2-2", "MQTT-4.7.1-1"] ["MQTT-3.3.2-2", "MQTT-4.7.0-1"] "The last level of a topic name becomes `+`.";
    QosRaised "qos-raised" ["MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "QoS 0 becomes QoS 1.";
    QosLowered "qos-lowered" ["MQTT-3.8.4-6"] ["MQTT-3.8.4-8"] "QoS 1 and 2 become QoS 0.";
}
ToClient Retained {
    RetainSet "retain-set" ["MQTT-3.3.1-9"] ["MQTT-3.3.1-12"] "RETAIN is set on everything.";
    RetainCleared "retain-cleared" ["MQTT-3.3.1-8"] ["X-5.0-retain-1", "MQTT-3.3.1-13"] "RETAIN is cleared.";
}
ToClient Order {
    PublishesSwapped "publishes-swapped" ["MQTT-4.6.0-6"] ["MQTT-4.6.0-5"] "Every second PUBLISH overtakes the one before.";
}
ToClient Forwarding {
    UserPropertiesStripped "user-properties-stripped" [] ["MQTT-3.3.2-17"] "User Properties of a PUBLISH are taken out.";
    UserPropertiesTurned "user-properties-turned" [] ["MQTT-3.3.2-18"] "User Properties of a PUBLISH stand in reverse.";
    UserPropertyInserted "user-property-inserted" [] ["MQTT-3.3.2-17"] "A PUBLISH gets a User Property.";
    ContentTypeStripped "content-type-stripped" [] ["MQTT-3.3.2-20"] "Content Type is taken out.";
    ResponseTopicChanged "response-topic-changed" [] ["MQTT-3.3.2-15"] "Response Topic is another one.";
    CorrelationDataChanged "correlation-data-changed" [] ["MQTT-3.3.2-16"] "Correlation Data is other data.";
    PayloadFormatStripped "payload-format-stripped" [] ["MQTT-3.3.2-4"] "The Payload Format Indicator is taken out.";
    TopicAliasInserted "topic-alias-inserted" [] ["MQTT-3.1.2-27", "MQTT-3.1.2-26"] "A PUBLISH gets Topic Alias 65,535.";
}
ToClient Expiry {
    ExpiryStripped "expiry-stripped" [] ["MQTT-3.3.2-6"] "The Message Expiry Interval is taken out.";
    ExpiryRaised "expiry-raised" [] ["MQTT-3.3.2-6"] "The Message Expiry Interval is 100 seconds more.";
}
ToClient Overlap {
    SubscriptionIdStripped "subscription-id-stripped" [] ["MQTT-3.3.4-3"] "Subscription Identifiers are taken out.";
    SubscriptionIdChanged "subscription-id-changed" [] ["X-5.0-subid-2"] "Subscription Identifiers are one more.";
    SubscriptionIdInserted "subscription-id-inserted" [] ["X-5.0-subid-2"] "A PUBLISH gets Subscription Identifier 268,435,455.";
}
ToClient Ending {
    DisconnectStripped "disconnect-stripped" [] ["X-5.0-error-1", "MQTT-3.1.4-3"] "The server's DISCONNECT is lost.";
    DisconnectCode "disconnect-code" [] ["MQTT-3.14.2-1"] "The server's DISCONNECT says 0x04.";
    DisconnectExpiry "disconnect-expiry" [] ["MQTT-3.14.2-2"] "The server's DISCONNECT carries a Session Expiry Interval.";
    DisconnectFollowed "disconnect-followed-by-pingresp" [] ["MQTT-3.14.4-1"] "A PINGRESP follows the server's DISCONNECT.";
}
ToServer Will {
    WillRemoved "will-removed" ["MQTT-3.1.2-8"] ["MQTT-3.1.2-7", "MQTT-3.1.2-8"] "The will is taken out of CONNECT.";
    WillRetainCleared "will-retain-cleared" ["MQTT-3.1.2-17"] ["MQTT-3.1.2-15"] "Will Retain is cleared.";
    WillDelayStripped "will-delay-stripped" [] ["X-5.0-will-6"] "The Will Delay Interval is taken out.";
    DisconnectLost "disconnect-lost" ["MQTT-3.14.4-3"] ["MQTT-3.14.4-3"] "The client's DISCONNECT is lost.";
}
ToServer Session {
    CleanStartSet "clean-start-set" ["MQTT-3.1.2-4"] ["MQTT-3.1.2-5"] "Every CONNECT has Clean Start 1.";
    SessionExpiryStripped "session-expiry-stripped" [] ["MQTT-3.1.2-23"] "The Session Expiry Interval is taken out of CONNECT.";
}
ToServer KeepAlive {
    KeepAliveRemoved "keep-alive-removed" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] "Keep Alive becomes 0.";
    PingReqDropped "pingreq-dropped" ["MQTT-3.12.4-1"] ["MQTT-3.12.4-1"] "PINGREQ is lost.";
}
ToServer Flow {
    ReceiveMaximumStripped "receive-maximum-stripped" [] ["MQTT-3.3.4-9"] "The client's Receive Maximum is taken out.";
    PacketSizeStripped "packet-size-stripped" [] ["MQTT-3.1.2-24"] "The client's Maximum Packet Size is taken out.";
}
ToServer Overlap {
    NoLocalCleared "no-local-cleared" [] ["MQTT-3.8.3-3"] "No Local is cleared.";
    SubscriptionIdForgotten "subscription-id-forgotten" [] ["X-5.0-subid-6"] "The Subscription Identifier is taken out of SUBSCRIBE.";
}
ToServer Subscribing {
    OnlyOneUnsubscribed "only-one-unsubscribed" ["MQTT-3.10.4-6"] ["MQTT-3.10.4-6"] "UNSUBSCRIBE loses all filters but the first.";
}
ToServer Retained {
    RetainOfPublishCleared "retain-of-publish-cleared" ["MQTT-3.3.1-5"] ["MQTT-3.3.1-5"] "RETAIN of the client's PUBLISH is cleared.";
    RetainOfPublishSet "retain-of-publish-set" ["MQTT-3.3.1-12"] ["MQTT-3.3.1-8"] "RETAIN of the client's PUBLISH is set.";
    RetainHandlingZeroed "retain-handling-zeroed" [] ["MQTT-3.3.1-10", "MQTT-3.3.1-11"] "Retain Handling becomes 0.";
    RetainAsPublishedCleared "retain-as-published-cleared" [] ["MQTT-3.3.1-13"] "Retain As Published is cleared.";
}
ToServer Receiving {
    PubRelLost "pubrel-lost" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-11"] "The client's PUBREL is lost.";
    RepeatedUnderNewId "repeated-under-new-id" ["MQTT-4.3.3-2"] ["MQTT-4.3.3-10"] "A QoS 2 PUBLISH with DUP has the next packet identifier.";
}
}

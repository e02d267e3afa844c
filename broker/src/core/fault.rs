//! Well-formed packets that may not come now: one table of what the standard calls them.
//!
//! Faults of a packet by itself are the codec's; nothing here looks at bytes or decides what happens.

squall_protocol::protocol_errors! {
    /// A well-formed packet that the session's state or the broker's offer forbids.
    pub enum ProtocolError {
        /// A second CONNECT on one connection.
        SecondConnect PROTOCOL_ERROR "a second CONNECT"
            v3 ["MQTT-3.1.0-2"] v5 ["MQTT-3.1.0-2"];
        /// More QoS 1 and 2 messages unacknowledged than the announced Receive Maximum (5.0).
        ReceiveMaximumExceeded RECEIVE_MAXIMUM_EXCEEDED "more unacknowledged messages than the Receive Maximum"
            v3 [] v5 ["MQTT-3.3.4-7", "X-5.0-flow-3"];
        /// A Topic Alias above the announced maximum (5.0).
        TopicAliasTooLarge TOPIC_ALIAS_INVALID "a Topic Alias above the Topic Alias Maximum"
            v3 [] v5 ["MQTT-3.2.2-17", "MQTT-3.3.2-9", "X-5.0-alias-3"];
        /// A Topic Alias that stands for no topic on this connection (5.0).
        TopicAliasUnknown PROTOCOL_ERROR "a Topic Alias that stands for no topic"
            v3 [] v5 ["X-5.0-alias-4"];
        /// A PUBLISH with a higher QoS than is offered.
        QosNotSupported QOS_NOT_SUPPORTED "a PUBLISH above the Maximum QoS"
            v3 [] v5 ["MQTT-3.2.2-11", "X-5.0-limit-1"];
        /// A PUBLISH with RETAIN 1 where retained messages are not offered.
        RetainNotSupported RETAIN_NOT_SUPPORTED "a PUBLISH with RETAIN 1, which is not offered"
            v3 [] v5 ["MQTT-3.2.2-14", "X-5.0-limit-2"];
        /// A wildcard subscription where they are not offered (5.0).
        WildcardSubscriptionsNotSupported WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "a wildcard subscription, which is not offered"
            v3 [] v5 ["X-5.0-limit-4"];
        /// A Subscription Identifier where they are not offered (5.0).
        SubscriptionIdentifiersNotSupported SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "a Subscription Identifier, which is not offered"
            v3 [] v5 ["X-5.0-limit-5"];
        /// A shared subscription where they are not offered (5.0).
        SharedSubscriptionsNotSupported SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "a shared subscription, which is not offered"
            v3 [] v5 ["X-5.0-limit-6"];
        /// More than the broker has room for.
        QuotaExceeded QUOTA_EXCEEDED "more than this broker has room for"
            v3 [] v5 [];
        /// PUBACK, PUBREC or PUBCOMP for a message whose QoS or state asks for another packet.
        WrongAcknowledgement PROTOCOL_ERROR "an acknowledgement that does not belong to the state of its message"
            v3 ["MQTT-3.3.4-1"] v5 ["MQTT-3.3.4-1"];
        /// AUTH although CONNECT named no Authentication Method (5.0).
        AuthNotExpected PROTOCOL_ERROR "AUTH without an Authentication Method in CONNECT"
            v3 [] v5 ["X-5.0-auth-2"];
        /// AUTH with another Authentication Method than CONNECT (5.0).
        AuthMethodChanged PROTOCOL_ERROR "AUTH with another Authentication Method than CONNECT"
            v3 [] v5 ["MQTT-4.12.0-5", "MQTT-4.12.1-1"];
        /// AUTH that continues what was not begun, or begins it twice (5.0).
        AuthOutOfTurn PROTOCOL_ERROR "an AUTH that does not belong to the state of its exchange"
            v3 [] v5 ["MQTT-4.12.0-3"];
        /// A client that does not prove again who it is (5.0).
        ReauthenticationFailed NOT_AUTHORIZED "the client did not prove who it is"
            v3 [] v5 [];
        /// DISCONNECT sets a Session Expiry Interval although CONNECT had 0 (5.0).
        SessionExpiryFromZero PROTOCOL_ERROR "DISCONNECT sets a Session Expiry Interval where CONNECT had 0"
            v3 [] v5 ["X-5.0-disconnect-3"];
    }
}

//! Well-formed packets that may not come now: one table of what the standard calls them.
//!
//! Faults of a packet by itself are the codec's; nothing here looks at bytes or decides what happens.

squall_protocol::protocol_errors! {
    /// A well-formed packet that the state of the session or the connection forbids a server to send.
    pub enum ProtocolError {
        /// Another packet where CONNACK has to come first.
        ConnAckExpected PROTOCOL_ERROR "another packet where CONNACK has to be the first"
            v3 ["MQTT-3.2.0-1"] v5 ["MQTT-3.2.0-1"];
        /// DISCONNECT before CONNACK (5.0).
        DisconnectBeforeConnAck PROTOCOL_ERROR "DISCONNECT before CONNACK"
            v3 [] v5 ["MQTT-3.14.0-1"];
        /// A second CONNACK on one connection.
        SecondConnAck PROTOCOL_ERROR "a second CONNACK"
            v3 [] v5 ["MQTT-3.2.0-2"];
        /// Session Present 1 in answer to a clean start.
        SessionPresentAfterCleanStart PROTOCOL_ERROR "Session Present 1 in answer to a clean start"
            v3 ["MQTT-3.2.2-1"] v5 ["MQTT-3.2.2-2", "MQTT-3.2.2-4"];
        /// Session Present 1 where the client has no session. 3.1.1 leaves it to the client whether it goes on.
        SessionPresentWithoutSession PROTOCOL_ERROR "Session Present 1 where the client has no session"
            v3 ["X-3.1.1-connack-5"] v5 ["MQTT-3.2.2-4"];
        /// More QoS 1 and 2 messages unacknowledged than the client's Receive Maximum (5.0).
        ReceiveMaximumExceeded RECEIVE_MAXIMUM_EXCEEDED "more unacknowledged messages than the Receive Maximum"
            v3 [] v5 ["MQTT-3.3.4-9", "X-5.0-flow-4"];
        /// A Topic Alias although the client allows none (5.0).
        TopicAliasNotAllowed TOPIC_ALIAS_INVALID "a Topic Alias where none is allowed"
            v3 [] v5 ["MQTT-3.1.2-27", "X-5.0-alias-3"];
        /// A Topic Alias above the client's Topic Alias Maximum (5.0).
        TopicAliasTooLarge TOPIC_ALIAS_INVALID "a Topic Alias above the Topic Alias Maximum"
            v3 [] v5 ["MQTT-3.1.2-26", "MQTT-3.3.2-11", "X-5.0-alias-3"];
        /// A Topic Alias that stands for no topic on this connection (5.0).
        TopicAliasUnknown PROTOCOL_ERROR "a Topic Alias that stands for no topic"
            v3 [] v5 ["X-5.0-alias-4"];
        /// PUBACK, PUBREC or PUBCOMP for a message whose QoS or state asks for another packet.
        WrongAcknowledgement PROTOCOL_ERROR "an acknowledgement that does not belong to the state of its message"
            v3 ["MQTT-3.3.4-1"] v5 ["MQTT-3.3.4-1"];
        /// SUBACK or UNSUBACK that answers no request of its kind.
        AnswerWithoutRequest PROTOCOL_ERROR "an answer to a request that was not made"
            v3 ["MQTT-2.3.1-7"] v5 ["MQTT-2.2.1-6"];
        /// SUBACK with another number of codes than there were topic filters.
        SubAckCount PROTOCOL_ERROR "a SUBACK with another number of codes than topic filters"
            v3 ["MQTT-3.8.4-5"] v5 ["MQTT-3.8.4-6"];
        /// UNSUBACK with another number of codes than there were topic filters (5.0).
        UnsubAckCount PROTOCOL_ERROR "an UNSUBACK with another number of codes than topic filters"
            v3 [] v5 ["MQTT-3.11.3-2"];
        /// AUTH, or an Authentication Method in CONNACK, although CONNECT named none (5.0).
        AuthNotExpected PROTOCOL_ERROR "authentication data although CONNECT named no Authentication Method"
            v3 [] v5 ["MQTT-4.12.0-6", "X-5.0-auth-2"];
        /// AUTH or an accepting CONNACK with another Authentication Method than CONNECT's, or with none (5.0).
        AuthMethodChanged PROTOCOL_ERROR "another Authentication Method than that of CONNECT"
            v3 [] v5 ["MQTT-4.12.0-5"];
        /// AUTH where no exchange is under way, or one that ends an exchange which CONNACK has to end (5.0).
        AuthOutOfTurn PROTOCOL_ERROR "AUTH where none is due"
            v3 [] v5 ["MQTT-4.12.0-2"];
    }
}

//! Deliberate defects. They prove that a check, a monitor or an oracle can fail; the code that they spoil asks
//! `Broker::has`, which is a constant `false` unless the cargo feature `sabotage` is on.

#![cfg_attr(
    not(feature = "sabotage"),
    expect(unreachable_pub, reason = "re-exported only with the feature")
)]

macro_rules! flaws {
    ($($flaw:ident $name:literal $description:literal;)*) => {
        /// A deliberate defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Flaw {
            $(#[doc = $description] $flaw,)*
        }

        #[cfg(feature = "sabotage")]
        impl Flaw {
            /// Every defect there is.
            pub const ALL: &[Self] = &[$(Self::$flaw),*];

            /// Its name in kebab case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$flaw => $name,)* }
            }

            /// What is wrong, in one sentence.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$flaw => $description,)* }
            }

            /// The defect with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|flaw| flaw.name() == name)
            }
        }
    };
}

flaws! {
    ForgetDup "forget-dup" "A PUBLISH that is sent again has DUP 0.";
    WillAfterDisconnect "will-after-disconnect" "The will is published although the client said DISCONNECT 0x00.";
    FreeQos2IdEarly "free-qos2-id-early" "The packet identifier of a QoS 2 message is forgotten once PUBREC was sent, so a retransmission is delivered twice.";
    LoseOfflineQueue "lose-offline-queue" "Messages for a kept session whose client is away are not queued.";
    KeepClearedRetained "keep-cleared-retained" "An empty retained PUBLISH does not remove the retained message.";
    NoTakeover "no-takeover" "A second connection with the same Client Identifier leaves the first one open.";
    ResendOutOfOrder "resend-out-of-order" "A resumed session is sent its unacknowledged messages newest first.";
    NoResendOnResume "no-resend-on-resume" "A resumed session is not sent its unacknowledged messages again.";
    IgnoreKeepAlive "ignore-keep-alive" "A silent client is never dropped.";
    KeepAliveTooEarly "keep-alive-too-early" "A silent client is dropped after one Keep Alive instead of one and a half.";
    SessionPresentAlwaysZero "session-present-always-zero" "CONNACK says Session Present 0 although the session is resumed.";
    DeliverAtPublishQos "deliver-at-publish-qos" "Messages are delivered at the QoS they were published with, whatever was granted.";
    WildcardMatchesDollar "wildcard-matches-dollar" "A topic filter that begins with a wildcard matches topics that begin with `$`.";
    RetainFlagOnLiveDelivery "retain-flag-on-live-delivery" "A message for an established subscription keeps the publisher's RETAIN flag without Retain As Published.";
    WillIgnoresDelay "will-ignores-delay" "The will is published at once, whatever its Will Delay Interval says.";
    WillSurvivesReconnect "will-survives-reconnect" "A delayed will is published although the client came back in time.";
    NoWill "no-will" "Wills are never published.";
    SubAckWrongCount "suback-wrong-count" "SUBACK carries one reason code more than there were topic filters.";
    ReuseQos2AfterPubRec "reuse-qos2-after-pubrec" "A PUBREC is answered by sending the PUBLISH again instead of PUBREL.";
    IgnoreReceiveMaximum "ignore-receive-maximum" "More QoS 1 and 2 messages are in flight than the client's Receive Maximum.";
    IgnoreNoLocal "ignore-no-local" "Messages come back to their publisher in spite of No Local.";
    ExpiryNotReduced "expiry-not-reduced" "The Message Expiry Interval is forwarded as it came, however long the message waited.";
    DropUserProperties "drop-user-properties" "User Properties of a message are not forwarded.";
    DuplicateQos0 "duplicate-qos0" "A QoS 0 message is sent to each subscriber twice.";
    SharedToAll "shared-to-all" "Every member of a shared subscription gets every message.";
    KeepSessionOnCleanStart "keep-session-on-clean-start" "A session survives Clean Start 1.";
    ReverseOrder "reverse-order" "Messages that waited for a client are sent to it newest first.";
    UnsubscribeIgnored "unsubscribe-ignored" "UNSUBSCRIBE is acknowledged and changes nothing.";
    PingUnanswered "ping-unanswered" "PINGREQ gets no answer.";
}

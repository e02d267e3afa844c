//! A fault of the double is found by the check that is about it; the double without the fault and the reference broker
//! pass that check. All of its faults meet all checks in the kill matrix, in virtual time; these are over sockets.

use crate::house::{House, story};
use squall_protocol::Version::{self, V3_1_1, V5_0};
use squall_reports::Verdict::{self, Fail, Pass, Warn};
use squall_saboteurs::Switch;

macro_rules! kills {
    ($($test:ident: $fault:ident by $check:literal in $version:ident is $verdict:ident;)*) => {
        $(#[test]
        fn $test() {
            killed(Switch::$fault, $check, $version, $verdict);
        })*
    };
}

kills! {
    forget_dup: ForgetDup by "resume/1-resent" in V3_1_1 is Fail;
    will_after_disconnect: WillAfterDisconnect by "will/not-on-disconnect" in V5_0 is Fail;
    free_qos2_id_early: FreeQos2IdEarly by "resume/2-duplicate-delivered-once" in V3_1_1 is Fail;
    // The check's own statement is in doubt in 5.0; that it reached the subscriber twice is none.
    free_qos2_id_early_in_5_0: FreeQos2IdEarly by "resume/2-duplicate-delivered-once" in V5_0 is Fail;
    lose_offline_queue: LoseOfflineQueue by "session/1-queued" in V3_1_1 is Fail;
    keep_cleared_retained: KeepClearedRetained by "retained/cleared" in V5_0 is Fail;
    no_takeover: NoTakeover by "connect/takeover" in V5_0 is Fail;
    resend_out_of_order: ResendOutOfOrder by "resume/order-kept" in V3_1_1 is Fail;
    no_resend_on_resume: NoResendOnResume by "resume/2-resent" in V5_0 is Fail;
    ignore_keep_alive: IgnoreKeepAlive by "keep-alive/silent-client-closed" in V3_1_1 is Fail;
    // A server may close when it likes; but it says that it was for Keep Alive.
    keep_alive_too_early: KeepAliveTooEarly by "keep-alive/silent-client-closed" in V5_0 is Warn;
    session_present_always_zero: SessionPresentAlwaysZero by "session/kept" in V3_1_1 is Fail;
    deliver_at_publish_qos: DeliverAtPublishQos by "qos/downgraded-to-grant" in V5_0 is Fail;
    wildcard_matches_dollar: WildcardMatchesDollar by "topic/dollar-not-matched-by-hash" in V3_1_1 is Fail;
    retain_flag_on_live_delivery: RetainFlagOnLiveDelivery by "retained/live-flag" in V3_1_1 is Fail;
    will_ignores_delay: WillIgnoresDelay by "will/delayed" in V5_0 is Fail;
    will_survives_reconnect: WillSurvivesReconnect by "will/delay-cancelled" in V5_0 is Fail;
    no_will: NoWill by "will/on-drop" in V3_1_1 is Fail;
    suback_wrong_count: SubAckWrongCount by "subscribe/suback" in V5_0 is Fail;
    reuse_qos2_after_pubrec: ReuseQos2AfterPubRec by "qos/2-sender" in V3_1_1 is Fail;
    ignore_receive_maximum: IgnoreReceiveMaximum by "flow/receive-maximum-1" in V5_0 is Fail;
    ignore_no_local: IgnoreNoLocal by "subscribe/no-local" in V5_0 is Fail;
    expiry_not_reduced: ExpiryNotReduced by "flow/message-expiry-counts-down" in V5_0 is Fail;
    drop_user_properties: DropUserProperties by "forward/user-properties" in V5_0 is Fail;
    duplicate_qos0: DuplicateQos0 by "qos/0-delivered" in V3_1_1 is Fail;
    // The standard only describes that one member gets a message.
    shared_to_all: SharedToAll by "shared/one-member" in V5_0 is Warn;
    keep_session_on_clean_start: KeepSessionOnCleanStart by "session/discarded" in V5_0 is Fail;
    reverse_order: ReverseOrder by "session/1-queued" in V3_1_1 is Fail;
    unsubscribe_ignored: UnsubscribeIgnored by "subscribe/unsubscribed" in V3_1_1 is Fail;
    ping_unanswered: PingUnanswered by "keep-alive/ping" in V3_1_1 is Fail;
}

fn killed(fault: Switch, check: &str, version: Version, verdict: Verdict) {
    let with = House::broker(Some(fault)).check(check, version);
    assert_eq!(
        with.verdict,
        verdict,
        "with {}: {}\n{}",
        fault.name(),
        fault.sentence(),
        story(&with)
    );
    assert!(
        with.evidence.events.iter().any(|e| e.highlight),
        "the evidence shows where it went wrong"
    );
    for sound in [House::double(None), House::broker(None)] {
        let without = sound.check(check, version);
        assert_eq!(
            without.verdict,
            Pass,
            "without a fault: {}",
            story(&without)
        );
    }
}

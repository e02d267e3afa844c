//! What a client puts into CONNECT.

use super::will::WillSpec;
use crate::{
    kind::{CREDENTIAL, EXPIRY, FLAG, KEEP_ALIVE, OrNone, number, only_5},
    reader::{Context, Fields},
    record::{self, record},
};
use squall_protocol::Version;

record! {
    /// What a client puts into CONNECT.
    pub struct ConnectSpec, "connect", check = Self::check {
        /// Clean Start (5.0), Clean Session (3.1.1)
        clean_start: bool = "clean_start", usual(true, FLAG);
        /// Session Expiry Interval of 5.0; in 3.1.1 a session is kept exactly when `clean_start` is `false`
        session_expiry: Option<u32> = "session_expiry", usual(None, OrNone(EXPIRY));
        /// Keep Alive; 0 in the model is `off`
        keep_alive: u16 = "keep_alive", usual(60, KEEP_ALIVE);
        /// Receive Maximum
        receive_maximum: Option<u16> = "receive_maximum",
            // 0 is a Protocol Error, section 3.1.2.11.3 of 5.0.
            usual(None, OrNone(only_5("Receive Maximum", number::<u16>(1, u16::MAX as u64))));
        /// User Name
        user_name: Option<String> = "user_name", usual(None, OrNone(CREDENTIAL));
        /// Password; in 3.1.1 only together with a User Name
        password: Option<String> = "password", usual(None, OrNone(CREDENTIAL));
        /// the will
        will: Option<WillSpec> = "will", usual(None, OrNone(record::map::<WillSpec>()));
    }
}

impl ConnectSpec {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        // [MQTT-3.1.2-22] (3.1.1)
        let three = cx.versions.contains(&Version::V3_1_1);
        if let (true, None, Some(_), Some(key)) = (
            three,
            &self.user_name,
            &self.password,
            fields.key("password"),
        ) {
            let message = "a password without a user name, which MQTT 3.1.1 does not have";
            let help = "add `user_name`, or let the scenario run with 5.0 alone: `versions: [5.0]`";
            cx.refuse(&key.span, message, "no user name", help);
        }
        true
    }
}

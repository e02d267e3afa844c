//! What a client puts into CONNECT.

use super::will::WillSpec;
use crate::{
    kind::{EXPIRY, FLAG, KEEP_ALIVE, OrNone, number, only_5},
    record::{self, record},
};

record! {
    /// What a client puts into CONNECT.
    pub struct ConnectSpec, "connect" {
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
        /// the will
        will: Option<WillSpec> = "will", usual(None, OrNone(record::map::<WillSpec>()));
    }
}

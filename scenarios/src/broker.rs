//! Settings of the reference broker.

use crate::{
    kind::{KEEP_ALIVE, Maybe, at_least, number},
    record::record,
};

record! {
    /// Settings of the reference broker; `None` keeps its default. What 3.1.1 does not know has no effect there.
    #[derive(Default)]
    pub struct BrokerSpec, "the broker" {
        // 0 is a Protocol Error for both maxima, section 3.2.2.3 of 5.0.
        /// Receive Maximum it announces
        receive_maximum: Option<u16> = "receive_maximum", usual(None, Maybe(number::<u16>(1, u16::MAX as u64)));
        /// Topic Alias Maximum it announces
        topic_alias_maximum: Option<u16> = "topic_alias_maximum", usual(None, Maybe(number::<u16>(0, u16::MAX as u64)));
        /// largest packet it takes, in bytes
        maximum_packet_size: Option<u32> = "maximum_packet_size", usual(None, Maybe(at_least::<u32>(1)));
        /// Server Keep Alive; 0 in the model is `off`
        server_keep_alive: Option<u16> = "server_keep_alive", usual(None, Maybe(KEEP_ALIVE));
        /// messages kept for one offline session
        max_queued: Option<usize> = "max_queued", usual(None, Maybe(at_least::<usize>(0)));
    }
}

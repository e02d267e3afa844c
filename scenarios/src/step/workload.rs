//! `workload`: seeded random publishers.

use crate::{
    construct::{Becomes, Happen},
    diagnostic::quoted,
    kind::{CLIENT, DURATIONS, NAME, QOS, SHARE, SIZES, Several, called, number},
    reader::{Context, Fields, MAX_STEPS},
    record::{self, MapOf, Told, record},
    source::ClientIx,
};
use squall_protocol::QoS;
use std::time::Duration;

record! {
    /// Seeded random publishers. Becomes a timeline in the plan.
    pub struct Workload, "a workload", check = Self::check {
        /// who publishes
        publishers: Vec<ClientIx> = "publishers",
            needed(Vec::new(), Several { of: "publishers", each: CLIENT, distinct: false });
        /// topics to choose from
        topics: Vec<String> = "topics", needed(Vec::new(), Several { of: "topics", each: NAME, distinct: false });
        /// QoS levels to choose from
        qos: Vec<QoS> = "qos", always(
            vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce],
            Several { of: "QoS levels", each: QOS, distinct: false }
        );
        /// messages of each publisher
        count: u32 = "count", always(20, number(1, MAX_STEPS as u64));
        /// shortest and longest time between two messages of one publisher
        every: (Duration, Duration) = "every",
            always((Duration::from_millis(50), Duration::from_millis(500)), DURATIONS);
        /// shortest and longest payload in bytes, the unique text that identifies it included
        size: (u32, u32) = "size", always((16, 200), SIZES);
        /// share of messages with RETAIN, in the model in thousandths
        retain_permille: u16 = "retain", always(0, SHARE);
    }
}

impl Workload {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        let before = |n: usize| &self.publishers[..n];
        let mut again = self.publishers.iter().enumerate();
        if let (Some((_, client)), Some(node)) = (
            again.find(|(n, client)| before(*n).contains(client)),
            fields.get("publishers"),
        ) {
            let names: Vec<&str> = cx.clients.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("{} publishes twice", quoted(called(*client, &names)));
            let help = "raise `count` for more messages";
            cx.refuse(&node.span, message, "named twice", help);
        }
        true
    }
}

impl Happen for Workload {
    const WORD: &'static str = "workload";
    const MEANING: &'static str =
        "seeded random publishers; the payloads of their messages are unique";
    const EXAMPLE: &'static str =
        "{ publishers: [app], topics: [a, b], count: 20, every: 50ms..500ms }";
    const VALUE: MapOf<Self> = record::map();
    type Value = MapOf<Self>;

    fn told(&self, _: &[&str]) -> String {
        "workload".into()
    }

    fn keys() -> Vec<Told> {
        record::told::<Self>()
    }

    fn becomes(&self) -> Becomes {
        let steps = self.publishers.len().saturating_mul(self.count as usize);
        Becomes {
            steps,
            bytes: steps.saturating_mul(self.size.1 as usize),
            deeper: false,
        }
    }
}

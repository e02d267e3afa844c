//! A broker under Squall that is not ours: a small router on mqtt-protocol-core's server half (MQTT 5.0). It has sessions and
//! subscriptions. Stories that need retained messages or wills find that it has neither.

use crate::{
    core::Core,
    router::{Router, Session},
};
use mqtt_protocol_core::mqtt::{
    common::HashSet,
    packet::{Packet, Property, v5_0},
    result_code::{ConnectReasonCode, SubackReasonCode, UnsubackReasonCode},
    role,
};
use squall_sim::{
    guest::{
        Guest, Stream,
        protocol::{Version, topic::TopicFilter},
    },
    harness::Storm,
};
use std::rc::Rc;
use tokio::{select, sync::Notify, task::JoinSet};

/// The stories of a folder with this broker. `wrong` plants a fault: which QoS 2 messages came is forgotten with the
/// connection.
pub fn storm(folder: &str, wrong: bool) -> Storm {
    let broker = Guest::new(move |mut listener| async move {
        let (router, mut tasks) = (Router::default(), JoinSet::new());
        loop {
            let mut core = Core::new();
            core.wire.open(listener.accept().await?);
            let link = Link { core, router: router.clone(), id: None, news: Rc::default() };
            tasks.spawn_local(link.serve(wrong));
        }
    });
    Storm::of(folder).version(Version::V5_0).broker(broker)
}

struct Link {
    core: Core<role::Server, Stream>,
    router: Router,
    id: Option<String>,
    news: Rc<Notify>,
}

impl Link {
    async fn serve(mut self, wrong: bool) {
        while self.core.wire.is_open() {
            select! {
                biased;
                () = self.news.notified() => {}
                what = self.core.wire.next() => {
                    for packet in self.core.happen(what).await {
                        self.heard(packet).await;
                    }
                }
            }
            if self.id.is_some() && self.session(|_| ()).is_none() {
                return; // Somebody else has the session now.
            }
            while self.core.may_publish()
                && let Some((topic, payload, qos)) = self.session(|session| session.waiting.pop_front()).flatten()
            {
                self.core.publish(&topic, &payload, qos, false).await;
            }
        }
        let (stored, handled) = (self.core.half.get_stored_packets(), self.core.half.get_qos2_publish_handled());
        self.session(|session| {
            session.stored = stored;
            session.handled = if wrong { HashSet::default() } else { handled };
        });
        self.router.end(self.id.as_deref().unwrap_or_default(), &self.news);
    }

    /// The session, while this connection has it.
    fn session<T>(&self, with: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.router.with(self.id.as_deref()?, &self.news, with)
    }

    async fn heard(&mut self, packet: Packet) {
        match packet {
            Packet::V5_0Connect(connect) => self.greet(&connect).await,
            Packet::V5_0Publish(p) => self.router.route(p.topic_name(), p.payload().as_slice(), p.qos()),
            Packet::V5_0Subscribe(s) => {
                let identified = s.props().iter().any(|p| matches!(p, Property::SubscriptionIdentifier(_)));
                let granted = s.entries().iter().map(|entry| {
                    let (filter, qos) = (entry.topic_filter(), entry.sub_opts().qos());
                    match TopicFilter::parse_v5(filter) {
                        Err(_) => SubackReasonCode::TopicFilterInvalid,
                        Ok(f) if f.share_name().is_some() => SubackReasonCode::SharedSubscriptionsNotSupported,
                        Ok(_) if identified => SubackReasonCode::SubscriptionIdentifiersNotSupported,
                        Ok(parsed) => {
                            self.session(|session| session.filters.insert(filter.to_owned(), (parsed, qos)));
                            SubackReasonCode::try_from(qos as u8).expect("a QoS is a code")
                        }
                    }
                });
                let packet = v5_0::Suback::builder().packet_id(s.packet_id()).reason_codes(granted.collect());
                self.core.send(packet.build().expect("it is valid")).await;
            }
            Packet::V5_0Unsubscribe(u) => {
                let gone = u.entries().iter().map(|filter| {
                    match self.session(|session| session.filters.remove(filter.as_str())).flatten() {
                        Some(_) => UnsubackReasonCode::Success,
                        None => UnsubackReasonCode::NoSubscriptionExisted,
                    }
                });
                let packet = v5_0::Unsuback::builder().packet_id(u.packet_id()).reason_codes(gone.collect());
                self.core.send(packet.build().expect("it is valid")).await;
            }
            Packet::V5_0Disconnect(_) => self.core.close().await,
            _ => {}
        }
    }

    async fn greet(&mut self, connect: &v5_0::Connect) {
        let lasts = |p: &Property| matches!(p, Property::SessionExpiryInterval(p) if p.val() > 0);
        let (id, keep) = (connect.client_id(), connect.props().iter().any(lasts));
        let present = self.router.begin(id, connect.clean_start(), keep, &self.news);
        self.id = Some(id.to_owned());
        let kept = self.session(|s| (std::mem::take(&mut s.stored), std::mem::take(&mut s.handled)));
        let (stored, handled) = kept.unwrap_or_default();
        self.core.half.restore_packets(stored);
        self.core.half.restore_qos2_publish_handled(handled);
        let packet = v5_0::Connack::builder().session_present(present).reason_code(ConnectReasonCode::Success);
        self.core.send(packet.build().expect("it is valid")).await;
    }
}

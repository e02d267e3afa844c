//! What is done to a client's packets: the server does the right thing about the wrong packet.

use super::{Passed, Tamper as T, Wire, one};
use squall_protocol::{
    Packet, PropertyId, QoS,
    packet::{Connect, Publish, RetainHandling, Subscribe},
};

impl Wire {
    pub(super) fn tamper_with_client(&mut self, packet: Packet) -> Vec<Passed> {
        let tamper = self.tamper;
        match packet {
            Packet::Disconnect(_) if tamper == T::DisconnectLost => Vec::new(),
            Packet::PingReq if tamper == T::PingReqDropped => Vec::new(),
            Packet::PubRel(_) if tamper == T::PubRelLost => Vec::new(),
            Packet::Connect(mut connect) => {
                change_connect(tamper, &mut connect);
                one(Packet::Connect(connect))
            }
            Packet::Subscribe(mut subscribe) => {
                change_subscribe(tamper, &mut subscribe);
                one(Packet::Subscribe(subscribe))
            }
            Packet::Unsubscribe(mut unsubscribe) => {
                if tamper == T::OnlyOneUnsubscribed {
                    unsubscribe.filters.truncate(1);
                }
                one(Packet::Unsubscribe(unsubscribe))
            }
            Packet::Publish(mut publish) => {
                change_publish(tamper, &mut publish);
                one(Packet::Publish(publish))
            }
            other => one(other),
        }
    }
}

fn change_connect(tamper: T, connect: &mut Connect) {
    let properties = &mut connect.properties;
    match tamper {
        T::WillRemoved => connect.will = None,
        T::WillRetainCleared | T::WillDelayStripped => {
            if let Some(will) = &mut connect.will {
                if tamper == T::WillRetainCleared {
                    will.retain = false;
                } else {
                    will.properties.remove(PropertyId::WILL_DELAY_INTERVAL);
                }
            }
        }
        T::CleanStartSet => connect.clean_start = true,
        T::SessionExpiryStripped => drop(properties.remove(PropertyId::SESSION_EXPIRY_INTERVAL)),
        T::KeepAliveRemoved => connect.keep_alive = 0,
        T::ReceiveMaximumStripped => drop(properties.remove(PropertyId::RECEIVE_MAXIMUM)),
        T::PacketSizeStripped => drop(properties.remove(PropertyId::MAXIMUM_PACKET_SIZE)),
        _ => {}
    }
}

fn change_subscribe(tamper: T, subscribe: &mut Subscribe) {
    if tamper == T::SubscriptionIdForgotten {
        subscribe
            .properties
            .remove(PropertyId::SUBSCRIPTION_IDENTIFIER);
    }
    for subscription in &mut subscribe.subscriptions {
        match tamper {
            T::NoLocalCleared => subscription.no_local = false,
            T::RetainHandlingZeroed => subscription.retain_handling = RetainHandling::Send,
            T::RetainAsPublishedCleared => subscription.retain_as_published = false,
            _ => {}
        }
    }
}

fn change_publish(tamper: T, publish: &mut Publish) {
    match tamper {
        T::RetainOfPublishCleared => publish.retain = false,
        T::RetainOfPublishSet => publish.retain = true,
        T::RepeatedUnderNewId if publish.dup && publish.qos == QoS::ExactlyOnce => {
            publish.packet_id = publish.packet_id.map(squall_protocol::PacketId::next);
        }
        _ => {}
    }
}

//! What Squall asks for, in the words of the library, and back. No connection is known here.

use rumqttc::v5::{
    MqttOptions,
    mqttbytes::{QoS, v5 as packets},
};
use squall_clients::{Connect, Delivered, MessageProperties, Outcome, Subscription, Will};
use squall_protocol::{REASONS, ReasonCode};
use std::{fmt::Debug, time::Duration};

pub(crate) fn options(asked: Connect) -> Result<MqttOptions, Outcome> {
    if asked.keep_alive < 5 {
        return Err(Outcome::unsupported("a Keep Alive below 5 s"));
    }
    let mut options = MqttOptions::new(asked.client_identifier, asked.host, asked.port);
    options
        .set_keep_alive(Duration::from_secs(asked.keep_alive.into()))
        .set_clean_start(asked.clean_start)
        .set_session_expiry_interval(asked.session_expiry_interval)
        .set_receive_maximum(asked.receive_maximum)
        .set_max_packet_size(asked.maximum_packet_size)
        .set_topic_alias_max(asked.topic_alias_maximum)
        .set_user_properties(asked.user_properties)
        .set_manual_acks(asked.manual_acknowledgement);
    let password = asked.password.map(|bytes| String::from_utf8(bytes.0.into()));
    match (asked.user_name, password) {
        (None, None) => {}
        (name, Some(Ok(password))) => drop(options.set_credentials(name.unwrap_or_default(), password)),
        _ => {
            return Err(Outcome::unsupported("a user name without a password that is text"));
        }
    }
    if let Some(will) = asked.will {
        options.set_last_will(last_will(will));
    }
    Ok(options)
}

fn last_will(will: Will) -> packets::LastWill {
    let of = will.properties;
    let properties = packets::LastWillProperties {
        delay_interval: will.will_delay_interval,
        payload_format_indicator: of.payload_format_indicator,
        message_expiry_interval: of.message_expiry_interval,
        content_type: of.content_type,
        response_topic: of.response_topic,
        correlation_data: of.correlation_data.map(|data| data.0),
        user_properties: of.user_properties,
    };
    packets::LastWill::new(will.topic, will.payload.0, qos(will.qos), will.retain, Some(properties))
}

pub(crate) fn properties(of: MessageProperties) -> packets::PublishProperties {
    packets::PublishProperties {
        payload_format_indicator: of.payload_format_indicator,
        message_expiry_interval: of.message_expiry_interval,
        topic_alias: of.topic_alias,
        response_topic: of.response_topic,
        correlation_data: of.correlation_data.map(|data| data.0),
        user_properties: of.user_properties,
        content_type: of.content_type,
        subscription_identifiers: vec![],
    }
}

pub(crate) fn filter(one: Subscription) -> packets::Filter {
    packets::Filter {
        nolocal: one.no_local,
        preserve_retain: one.retain_as_published,
        retain_forward_rule: match one.retain_handling {
            None | Some(0) => packets::RetainForwardRule::OnEverySubscribe,
            Some(1) => packets::RetainForwardRule::OnNewSubscribe,
            Some(_) => packets::RetainForwardRule::Never,
        },
        ..packets::Filter::new(one.topic_filter, qos(one.qos))
    }
}

pub(crate) fn qos(qos: squall_protocol::QoS) -> QoS {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(qos.as_u8())]
}

/// The library has names where MQTT has numbers.
pub(crate) fn code(reason: &impl Debug) -> ReasonCode {
    let letters = |name: &str| name.replace([' ', '-'], "").to_lowercase();
    let name = letters(&format!("{reason:?}"));
    match name.as_str() {
        "badusernamepassword" => ReasonCode(0x86),
        "pkidinuse" => ReasonCode(0x91),
        "subscriptionidnotsupported" => ReasonCode(0xA1),
        name => {
            let same = REASONS.iter().find(|row| letters(row.name).starts_with(name));
            same.map_or(ReasonCode(0x80), |row| row.code)
        }
    }
}

pub(crate) fn delivered(message: &packets::Publish, handle: Option<u64>) -> Delivered {
    let of = message.properties.clone().unwrap_or_default();
    let identifiers = of.subscription_identifiers.into_iter();
    Delivered {
        topic: String::from_utf8_lossy(&message.topic).into_owned(),
        payload: message.payload.clone().into(),
        qos: squall_protocol::QoS::from_bits(message.qos as u8).unwrap_or_default(),
        retain: message.retain,
        dup: Some(message.dup),
        properties: MessageProperties {
            payload_format_indicator: of.payload_format_indicator,
            message_expiry_interval: of.message_expiry_interval,
            content_type: of.content_type,
            response_topic: of.response_topic,
            correlation_data: of.correlation_data.map(Into::into),
            topic_alias: of.topic_alias,
            subscription_identifiers: identifiers.filter_map(|id| id.try_into().ok()).collect(),
            user_properties: of.user_properties,
        },
        handle,
    }
}

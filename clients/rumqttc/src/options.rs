//! What a connection is asked for, in the words of the library.

use crate::value::{MESSAGE, No, bytes, number, only, pairs, qos, text};
use rumqttc::v5::{MqttOptions, mqttbytes::v5 as packets};
use serde_json::Value;
use std::time::Duration;

/// The options of `connect`, or what of it the library cannot do.
pub(crate) fn options(asked: &Value) -> Result<MqttOptions, No> {
    only(
        asked,
        &[
            "host",
            "port",
            "mqtt",
            "client_identifier",
            "clean_start",
            "keep_alive",
            "session_expiry_interval",
            "receive_maximum",
            "maximum_packet_size",
            "topic_alias_maximum",
            "user_properties",
            "will",
            "user_name",
            "password",
            "manual_acknowledgement",
        ],
        "connect",
    )?;
    let keep_alive = number(&asked["keep_alive"]).unwrap_or(0);
    if (1..5).contains(&keep_alive) {
        return Err(No::Unsupported("a Keep Alive from 1 to 4 s".to_owned()));
    }
    let mut options = MqttOptions::new(
        text(&asked["client_identifier"]).unwrap_or_default(),
        text(&asked["host"]).unwrap_or_default(),
        number(&asked["port"]).unwrap_or(0),
    );
    options
        .set_keep_alive(Duration::from_secs(keep_alive))
        .set_clean_start(asked["clean_start"] == true);
    options.set_manual_acks(asked["manual_acknowledgement"] == true);
    options.set_session_expiry_interval(number(&asked["session_expiry_interval"]));
    options
        .set_receive_maximum(number(&asked["receive_maximum"]))
        .set_max_packet_size(number(&asked["maximum_packet_size"]));
    options
        .set_topic_alias_max(number(&asked["topic_alias_maximum"]))
        .set_user_properties(pairs(&asked["user_properties"]));
    if asked["user_name"].is_string() || !asked["password"].is_null() {
        let password = bytes(&asked["password"]).and_then(|bytes| String::from_utf8(bytes).ok());
        let password = password.ok_or_else(|| {
            No::Unsupported("a user name without a password that is text".to_owned())
        })?;
        options.set_credentials(text(&asked["user_name"]).unwrap_or_default(), password);
    }
    if let will @ Value::Object(_) = &asked["will"] {
        options.set_last_will(last_will(will)?);
    }
    Ok(options)
}

fn last_will(will: &Value) -> Result<packets::LastWill, No> {
    only(
        will,
        &[
            "topic",
            "payload",
            "qos",
            "retain",
            "will_delay_interval",
            "properties",
        ],
        "will",
    )?;
    only(
        &will["properties"],
        &MESSAGE[..5]
            .iter()
            .chain(&MESSAGE[6..])
            .copied()
            .collect::<Vec<_>>(),
        "the will's properties",
    )?;
    let of = &will["properties"];
    let properties = packets::LastWillProperties {
        delay_interval: number(&will["will_delay_interval"]),
        payload_format_indicator: number(&of["payload_format_indicator"]),
        message_expiry_interval: number(&of["message_expiry_interval"]),
        content_type: text(&of["content_type"]),
        response_topic: text(&of["response_topic"]),
        correlation_data: bytes(&of["correlation_data"]).map(Into::into),
        user_properties: pairs(&of["user_properties"]),
    };
    let (topic, payload) = (
        text(&will["topic"]).unwrap_or_default(),
        bytes(&will["payload"]).unwrap_or_default(),
    );
    Ok(packets::LastWill::new(
        topic,
        payload,
        qos(&will["qos"]),
        will["retain"] == true,
        Some(properties),
    ))
}

/// The properties of a message.
pub(crate) fn message(of: &Value) -> Result<packets::PublishProperties, No> {
    only(of, MESSAGE, "properties")?;
    Ok(packets::PublishProperties {
        payload_format_indicator: number(&of["payload_format_indicator"]),
        message_expiry_interval: number(&of["message_expiry_interval"]),
        topic_alias: number(&of["topic_alias"]),
        response_topic: text(&of["response_topic"]),
        correlation_data: bytes(&of["correlation_data"]).map(Into::into),
        user_properties: pairs(&of["user_properties"]),
        content_type: text(&of["content_type"]),
        subscription_identifiers: vec![],
    })
}

/// The filters of `subscribe`, with their options.
pub(crate) fn filters(asked: &Value) -> Result<Vec<packets::Filter>, No> {
    let mut filters = vec![];
    for one in asked["subscriptions"].as_array().into_iter().flatten() {
        only(
            one,
            &[
                "topic_filter",
                "qos",
                "no_local",
                "retain_as_published",
                "retain_handling",
            ],
            "a subscription",
        )?;
        let mut filter = packets::Filter::new(
            text(&one["topic_filter"]).unwrap_or_default(),
            qos(&one["qos"]),
        );
        (filter.nolocal, filter.preserve_retain) =
            (one["no_local"] == true, one["retain_as_published"] == true);
        filter.retain_forward_rule = match number(&one["retain_handling"]).unwrap_or(0u8) {
            0 => packets::RetainForwardRule::OnEverySubscribe,
            1 => packets::RetainForwardRule::OnNewSubscribe,
            _ => packets::RetainForwardRule::Never,
        };
        filters.push(filter);
    }
    Ok(filters)
}

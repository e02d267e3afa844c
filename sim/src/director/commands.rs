//! The words of a story as the commands of a client.

use bytes::Bytes;
use squall_client::{ConnectOptions, Message, SharedSession};
use squall_protocol::{Properties, Property, Text, Version, packet::Will};
use squall_scenarios::model::{ClientSpec, ConnectSpec, MessageSpec, WillSpec};

/// `shared`: the session that it has in turn with others of the same Client Identifier.
pub(super) fn connect_options(
    client: &ClientSpec,
    shared: Option<SharedSession>,
    connect: &ConnectSpec,
    version: Version,
) -> ConnectOptions {
    let v5 = version == Version::V5_0;
    let mut options = ConnectOptions::new(version, client.client_id.as_str());
    options.clean_start = connect.clean_start;
    options.shared = shared;
    options.session_expiry = connect.session_expiry.filter(|_| v5);
    options.keep_alive = connect.keep_alive;
    options.receive_maximum = connect.receive_maximum.filter(|_| v5);
    options.user_name = connect.user_name.as_deref().map(Text::from);
    options.password = connect.password.clone().map(Bytes::from);
    options.will = connect.will.as_ref().map(|will| will_of(will, v5));
    options
}

fn will_of(will: &WillSpec, v5: bool) -> Will {
    let mut properties = Properties::new();
    if v5 && will.delay > 0 {
        properties.push(Property::WillDelayInterval(will.delay));
    }
    Will {
        topic: Text::from(will.topic.as_str()),
        payload: will.payload.clone(),
        qos: will.qos,
        retain: will.retain,
        properties,
    }
}

pub(super) fn message_of(message: &MessageSpec, version: Version) -> Message {
    let mut properties = Properties::new();
    if let (Version::V5_0, Some(expiry)) = (version, message.expiry) {
        properties.push(Property::MessageExpiryInterval(expiry));
    }
    Message {
        topic: Text::from(message.topic.as_str()),
        payload: message.payload.clone(),
        qos: message.qos,
        retain: message.retain,
        properties,
    }
}

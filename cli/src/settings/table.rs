//! The settings themselves, as the command line and a file have them.

use super::{
    field::Field,
    settings,
    value::{
        Address, Dropped, Level, Number, Place, Positive, Seconds, Size, Switch, Template, Told,
        Verbosity, Wait,
    },
};
use squall_broker::{Config, Redirect};
use std::{net::Ipv4Addr, sync::LazyLock};

settings! {
    "Ways in" {
        /// MQTT over TCP: an address and a port; port 0 takes a free one. 127.0.0.1:1883 if no way in is said.
        listen: Vec<Address>, "ADDRESS";
        /// MQTT over TLS.
        tls_listen: Vec<Address>, "ADDRESS";
        /// MQTT over WebSocket.
        ws_listen: Vec<Address>, "ADDRESS";
        /// MQTT over WebSocket over TLS.
        wss_listen: Vec<Address>, "ADDRESS";
        /// MQTT at a unix socket.
        unix_listen: Vec<Place>, "PATH";
        /// The certificate for TLS: a PEM file, with those that it is signed with after it.
        tls_cert: Option<Place>, "FILE";
        /// The private key of it, as PEM.
        tls_key: Option<Place>, "FILE";
        /// Let in over TLS only who shows a certificate that a CA in this PEM file has signed.
        client_ca: Option<Place>, "FILE";
    }
    "State" {
        /// Keep sessions, messages, retained messages and wills in this file, which is made if it is not there; without
        /// one they end with the broker.
        store: Option<Place>, "FILE";
    }
    "Who may come in, and what they may do" {
        /// Users and what their passwords are held against, as `squall passwd` writes it.
        password_file: Option<Place>, "FILE";
        /// Who may publish to which topics and subscribe to them.
        access_file: Option<Place>, "FILE";
        /// Let in who names no user. Without it nobody is anonymous once a password file, an access file or
        /// certificate-is-user is said; where nothing is said, everybody who comes by a way in that only this machine
        /// can reach, and nobody else.
        allow_anonymous: Option<Switch>, "true|false";
        /// The name in a verified client certificate is the user.
        certificate_is_user: Option<Switch>, "true|false" => security.certificate_is_user;
        /// Clients whose passwords may wait to be verified; one more is told Server busy.
        max_verifying: Option<Number<usize>>, "N" => security.max_verifying;
        /// Passwords that are verified at a time; each takes 20 MiB and a processor for some tens of milliseconds.
        verify_at_once: Option<Positive>, "N";
    }
    "What is offered" {
        /// The highest QoS: a subscription to more is granted this much, a message with more is refused.
        maximum_qos: Option<Level>, "0|1|2" => maximum_qos;
        /// Whether retained messages are kept.
        retain_available: Option<Switch>, "true|false" => retain_available;
        /// Whether topic filters may hold wildcards.
        wildcard_subscriptions: Option<Switch>, "true|false" => wildcard_subscriptions;
        /// Whether there are shared subscriptions (5.0).
        shared_subscriptions: Option<Switch>, "true|false" => shared_subscriptions;
        /// Whether there are Subscription Identifiers (5.0).
        subscription_identifiers: Option<Switch>, "true|false" => subscription_identifiers;
        /// Whether a client may have no Client Identifier and is given one.
        empty_client_id: Option<Switch>, "true|false" => empty_client_id;
        /// Whether clients may publish to topics that begin with $.
        dollar_topics: Option<Switch>, "true|false" => dollar_topics;
        /// QoS 1 and 2 messages that a client may have unacknowledged (Receive Maximum, 5.0).
        receive_maximum: Option<Positive>, "N" => receive_maximum;
        /// The largest packet of a client; the connection of a larger one ends.
        maximum_packet_size: Option<Size<u32>>, "BYTES" => maximum_packet_size;
        /// The largest Topic Alias of a client (5.0).
        topic_alias_maximum: Option<Number<u16>>, "N" => topic_alias_maximum;
        /// The largest Topic Alias that is sent to clients (5.0).
        topic_aliases_to_clients: Option<Number<u16>>, "N" => topic_aliases_to_clients;
        /// Response Information for clients that ask for it (5.0); %c is the Client Identifier, %u the user, %% a percent
        /// sign.
        response_information: Option<Template>, "TEXT";
        /// Accept nobody and send everybody to this server (Server Reference, 5.0).
        redirect: Option<Told>, "REFERENCE";
        /// Send clients to this server when the broker ends.
        redirect_at_shutdown: Option<Told>, "REFERENCE";
        /// Say with either that clients are to go there from now on (Server moved), and not for once (Use another server).
        redirect_for_good: Option<Switch>, "true|false";
    }
    "Times" {
        /// How long a connection may be open before its CONNECT is complete; 0s waits for ever.
        connect_timeout: Option<Wait>, "TIME" => connect_timeout;
        /// The longest Keep Alive (Server Keep Alive, 5.0).
        server_keep_alive: Option<Seconds<u16>>, "TIME|none" => server_keep_alive;
        /// The longest Session Expiry Interval (5.0).
        session_expiry_maximum: Option<Seconds<u32>>, "TIME|none" => session_expiry_maximum;
        /// How long the session of a 3.1.1 client with Clean Session 0 is kept while it is away.
        session_expiry_3_1_1: Option<Seconds<u32>>, "TIME|none" => session_expiry_3_1_1;
    }
    "Limits of a session" {
        /// Messages that wait for it.
        max_queued: Option<Number<usize>>, "N" => max_queued;
        /// Bytes of QoS 1 and 2 messages that wait for it or are not acknowledged.
        max_queued_bytes: Option<Size<usize>>, "BYTES" => max_queued_bytes;
        /// Which message is dropped when it has too many: drop-newest tells a 5.0 publisher when nobody took it.
        when_queue_full: Option<Dropped>, "WHICH" => when_queue_full;
        /// Subscriptions.
        max_subscriptions: Option<Number<usize>>, "N" => max_subscriptions;
        /// Bytes of its Client Identifier and subscriptions.
        max_session_bytes: Option<Size<usize>>, "BYTES" => max_session_bytes;
        /// Bytes that wait for its client's socket before messages wait, and QoS 0 messages are dropped.
        max_outgoing_bytes: Option<Size<usize>>, "BYTES" => max_outgoing_bytes;
        /// Bytes of answers that wait for its client's socket before the client is not read.
        max_unread_answers: Option<Size<usize>>, "BYTES" => max_unread_answers;
    }
    "Limits of all together" {
        /// Connections; on one more a CONNECT is told Server busy.
        max_connections: Option<Number<usize>>, "N" => max_connections;
        /// Sessions, with a client or without; one more is refused with Quota exceeded.
        max_sessions: Option<Number<usize>>, "N" => max_sessions;
        /// Bytes of all Client Identifiers, subscriptions and topics of Topic Aliases.
        max_sessions_bytes: Option<Size<usize>>, "BYTES" => max_sessions_bytes;
        /// Retained messages.
        max_retained: Option<Number<usize>>, "N" => max_retained;
        /// Bytes of retained messages.
        max_retained_bytes: Option<Size<usize>>, "BYTES" => max_retained_bytes;
        /// Bytes of all messages, those of sessions, retained ones and wills.
        max_message_bytes: Option<Size<usize>>, "BYTES" => max_message_bytes;
        /// Bytes of packets that have not come whole; who has most of them goes.
        max_unfinished_bytes: Option<Size<usize>>, "BYTES" => max_unfinished_bytes;
        /// Bytes that wait for all sockets; the client for which most wait goes.
        max_outgoing_bytes_in_all: Option<Size<usize>>, "BYTES" => max_outgoing_bytes_in_all;
    }
    "Log" {
        /// What is told on standard error: warn tells what the broker had to do on its own account, info also who comes
        /// and goes.
        log_level: Option<Verbosity>, "warn|info";
    }
}

/// Largest packet that is taken: what a stranger can make the broker hold by beginning a packet is this much a connection.
/// MQTT can frame 16 times as much.
const LARGEST_PACKET: u32 = 16 << 20;
/// Passwords that are verified at a time: a flood of CONNECTs leaves processors for the others.
const VERIFY_AT_ONCE: u16 = 2;

impl Settings {
    /// What holds where nothing is said.
    pub(crate) fn standard() -> &'static Self {
        static STANDARD: LazyLock<Settings> = LazyLock::new(|| Settings {
            maximum_packet_size: Some(Size(LARGEST_PACKET)),
            verify_at_once: Some(Positive(VERIFY_AT_ONCE)),
            redirect_for_good: Some(Switch(false)),
            log_level: Some(Verbosity::Info),
            ..Settings::of(&Config::default())
        });
        &STANDARD
    }

    /// These with everything that nobody said.
    pub(crate) fn whole(self) -> Self {
        let mut whole = self.over(Self::standard().clone());
        if whole.is_nowhere() {
            whole.listen = vec![Address((Ipv4Addr::LOCALHOST, 1883).into())];
        }
        whole
    }

    /// Whether no way in is said.
    fn is_nowhere(&self) -> bool {
        [
            &self.listen,
            &self.tls_listen,
            &self.ws_listen,
            &self.wss_listen,
        ]
        .iter()
        .all(|addresses| addresses.is_empty())
            && self.unix_listen.is_empty()
    }

    /// As the broker has them, but for what stands in other files.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        self.put(&mut config);
        let for_good = self.redirect_for_good == Some(Switch(true));
        let redirect = |to: &Option<Told>| {
            to.as_ref().map(|to| Redirect {
                to: to.0.clone(),
                for_good,
            })
        };
        config.redirect = redirect(&self.redirect);
        config.redirect_at_shutdown = redirect(&self.redirect_at_shutdown);
        config.response_information = self.response_information.as_ref().map(|t| t.0.clone());
        config.security.allow_anonymous = self.allow_anonymous.map(|Switch(said)| said);
        config
    }
}

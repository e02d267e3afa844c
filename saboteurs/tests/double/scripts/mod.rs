//! Fixed scripts, by subject: what clients do. Nothing is judged here; what a double makes of them is compared.

mod connecting;
mod ending;
mod flow;
mod forwarding;
mod matching;
mod qos;
mod retained;
mod session;
mod shared;
mod subscribing;
mod wills;

use crate::stage::Stage;

type Script = (&'static str, fn(&mut Stage));

macro_rules! scripts {
    ($($module:ident: $($name:ident)*;)*) => {
        /// Every script with its name.
        pub(crate) const SCRIPTS: &[Script] = &[$($((stringify!($name), $module::$name)),*),*];
    };
}

scripts! {
    connecting: second_connect broken_connects client_ids refusals credentials nothing_said auth capabilities unknown_session
        limits_of_connack small_client;
    session: resume resume_unacked clean_start expiry used_session disconnect_expiry names takeover takeover_delayed
        takeover_clean keep_alive keep_alive_traffic keep_alive_zero pings;
    subscribing: subscribe unsubscribe levels_of_qos resubscribe unsubscribe_in_flight overlaps identifiers no_local late;
    matching: filters dollar prefix;
    retained: replaced cleared at_subscribe handling_options as_published expiring retained_by_alias several;
    wills: plain_will delayed_will will_ends will_properties will_after_errors empty_will will_expiry;
    qos: qos0 qos1_in qos2_in qos2_lost_connection refused_topics large_ids qos2_out acks_out_of_order payloads resent idle
        qos2_expired mixed_ids many_in_flight errors_from_subscriber;
    flow: quota quota_qos2 quota_errors quota_resumed quota_repeated own_quota sizes size_offline aliases aliases_refused
        aliases_out stuck reasons_small problem_information quota_order;
    forwarding: properties properties_offline message_expiry texts property_order;
    shared: turns groups leaving session_ends connection_breaks refused_by_member twice nobody_here qos_of_members;
    ending: errors malformed repairs bad_properties short_acks overlong disconnects;
}

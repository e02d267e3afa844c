//! Well-formed packets that may not come now, as the two ends see them: how such a table is written.
//!
//! Which packets these are is for whoever keeps the state that forbids them; faults of a packet by itself are a
//! [`Violation`](crate::Violation).

/// Makes an enum of the errors of one end. A row is a variant, its reason code, what happened in words, and the
/// statements it breaks in 3.1.1 and in 5.0.
///
/// ```
/// squall_protocol::protocol_errors! {
///     /// What a server may not be sent.
///     pub enum ProtocolError {
///         /// A second CONNECT on one connection.
///         SecondConnect PROTOCOL_ERROR "a second CONNECT" v3 ["MQTT-3.1.0-2"] v5 ["MQTT-3.1.0-2"];
///     }
/// }
/// assert_eq!(ProtocolError::SecondConnect.to_string(), "a second CONNECT");
/// ```
#[macro_export]
macro_rules! protocol_errors {
    (
        $(#[$about:meta])*
        $public:vis enum $errors:ident {
            $($(#[$doc:meta])* $name:ident $reason:ident $text:literal v3 $v3:tt v5 $v5:tt;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $public enum $errors { $($(#[$doc])* $name,)* }

        impl $errors {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The reason code 5.0 names for it, which DISCONNECT carries.
            #[must_use]
            pub const fn reason(self) -> $crate::ReasonCode {
                match self { $(Self::$name => $crate::ReasonCode::$reason,)* }
            }

            /// The statements it breaks; empty where the version has no such rule or leaves the reaction open, and
            /// where the peer did nothing wrong.
            #[must_use]
            pub const fn statements(self, version: $crate::Version) -> &'static [&'static str] {
                match (self, version) {
                    $(
                        (Self::$name, $crate::Version::V3_1_1) => &$v3,
                        (Self::$name, $crate::Version::V5_0) => &$v5,
                    )*
                }
            }
        }

        impl ::std::fmt::Display for $errors {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(match self { $(Self::$name => $text,)* })
            }
        }

        impl ::std::error::Error for $errors {}
    };
}

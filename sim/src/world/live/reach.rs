//! How a broker is reached, and as whom.

use bytes::Bytes;
use squall_protocol::Text;
use squall_transport::Endpoint;

/// How a broker is reached.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Where it is.
    pub endpoint: Endpoint,
    /// The user name and the password of every client.
    pub login: Option<Login>,
}

/// Who a client says it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User Name.
    pub user: Text,
    /// Password, if there is one.
    pub password: Option<Bytes>,
}

// A password has no place in a log.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

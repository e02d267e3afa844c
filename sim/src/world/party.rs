//! The client of a world: the reference client, or one that does what the story says.

use squall_client::{Backoff, Client, Machine, Scripted};
use squall_scenarios::model::ClientSpec;

/// The machine that plays a client of a story.
pub(super) fn party(spec: &ClientSpec) -> Box<dyn Machine> {
    if spec.scripted {
        return Box::new(Scripted::new());
    }
    let mut client = Client::new();
    client.set_backoff(spec.reconnect.map(|r| Backoff::new(r.first, r.max)));
    Box::new(client)
}

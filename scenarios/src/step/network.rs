//! `network`: links change.

use crate::{
    client::LinkChange,
    construct::Happen,
    kind::{CLIENT_OR_ALL, called},
    reader::{Context, Fields},
    record::{self, MapOf, Told, record},
    source::ClientIx,
};

record! {
    /// A link changes; all links when no client is named.
    pub struct Network, "network", check = Self::check {
        /// to what
        change: LinkChange = part(LinkChange::empty(), LinkChange);
        /// whose link; what is not said of it stays
        client: Option<ClientIx> = "of", usual(None, CLIENT_OR_ALL);
    }
}

impl Network {
    fn check(&self, cx: &mut Context<'_>, fields: &Fields<'_>) -> bool {
        if fields.get("latency").is_none() && fields.get("loss").is_none() {
            let message = "the step changes nothing";
            let (label, help) = ("neither `latency` nor `loss`", "add `latency` or `loss`");
            cx.refuse(&fields.span, message, label, help);
        }
        true
    }
}

impl Happen for Network {
    const WORD: &'static str = "network";
    const MEANING: &'static str = "links change";
    const EXAMPLE: &'static str = "{ latency: 1s, loss: 5%, of: app }";
    const VALUE: MapOf<Self> = record::map();
    type Value = MapOf<Self>;

    fn told(&self, names: &[&str]) -> String {
        let of = self.client.map(|c| format!(" of {}", called(c, names)));
        let change = self.change.told();
        format!("network{}: {change}", of.unwrap_or_default())
    }

    fn keys() -> Vec<Told> {
        record::told::<Self>()
    }
}

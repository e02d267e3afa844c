//! Once all has settled, every flow of a connected client has finished.

use super::{Findings, name, of};
use crate::{
    finding::{Cite, Finding},
    model::{ClientIx, Model, Outcome},
};

const COMPLETES: Cite = (&["MQTT-4.4.0-1"], &["MQTT-4.4.0-1"]);

/// After the faults have stopped, every flow of a connected client finishes.
pub(super) fn judge(model: &Model<'_>, broken: &mut Findings) {
    if !model.is_over() {
        return;
    }
    for p in &model.published {
        let open = p.outcome == Outcome::Open;
        if open && model.online_at_end(p.by) && !taken_over(model, p.by) && !broken.full() {
            let mut witness = vec![p.mark.ix];
            witness.extend(model.packets_of(p.what));
            broken.push(Finding {
                message: format!(
                    "{} of {} was never acknowledged",
                    name(model, p.what),
                    model.name(p.by)
                ),
                expected: "after the faults have ended, every flow of a connected client finishes"
                    .into(),
                witness,
                absence: true,
                ..of(model, "liveness", COMPLETES)
            });
        }
    }
}

/// Whether another client of the story holds this one's session at the end.
fn taken_over(model: &Model<'_>, client: ClientIx) -> bool {
    model
        .last_connection(client)
        .is_some_and(|c| c.client != client)
}

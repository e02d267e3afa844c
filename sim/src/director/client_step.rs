//! What a client does, or a scripted broker, and how its end is recognised and judged.

use super::{
    commands::{connect_options, message_of},
    inbox::Search,
    scripted::{self, Found, look, numbers},
    stage::{Poll, Stage, StepFailure},
    view::{ClientView, Outcome},
    watch::{Interest, Place},
};
use squall_client::{Command, Ticket};
use squall_protocol::{
    Properties, Property, ReasonCode, Role, Text, Time, Version, packet, topic::TopicFilter,
};
use squall_scenarios::action::{self, Expect};
use squall_scenarios::model::{Action, ClientIx, ConnectExpect, Step};
use std::time::Duration;

/// A step of a client, or of a scripted broker, whose outcome is awaited.
pub(super) struct Pending<'a> {
    pub(super) step: &'a Step,
    client: ClientIx,
    /// Which end of the client's connection does it.
    side: Role,
    action: &'a Action,
    began: Time,
    deadline: Option<Time>,
    waits_for: Waits,
    /// Where it is woken.
    place: Place,
}

/// What ends a client step.
enum Waits {
    /// The counts of (accepted, refused, lost) when the attempt began.
    Connection(u32, u32, u32),
    /// The count of ended connections when it began.
    End(u32),
    /// The count of lost connections when it began.
    Ticket(Ticket, u32),
    Messages(Search),
    /// Nothing may arrive after this many messages, until the time.
    Silence(usize, Time),
    /// A packet for a scripted client or broker; with a time, nothing until then.
    Wire(Option<Time>),
    Nothing,
}

impl<'a> Pending<'a> {
    /// Gives the orders of such a step, at this end of a client's connection; `within` is the time its outcome may take. With a `place` it is woken there
    /// when it is time to look at it again.
    pub(super) fn begin(
        step: &'a Step,
        (client, side): (ClientIx, Role),
        action: &'a Action,
        within: Option<Duration>,
        place: Option<&[u32]>,
        stage: &mut Stage<'a>,
    ) -> Result<Self, StepFailure> {
        let started = match side {
            Role::Client => {
                // A connection that the story ends nobody has left.
                let ends = matches!(
                    action,
                    Action::Connect(_) | Action::Disconnect(_) | Action::Drop(_)
                );
                stage.lines[client].ending |= ends;
                start_action(client, action, stage)
            }
            Role::Server => start_broker(client, action, stage),
        };
        let waits_for = started.map_err(|why| stage.failure(step, why, ""))?;
        let within = within.filter(|_| !matches!(waits_for, Waits::Wire(Some(_))));
        let deadline = within.map(|d| stage.now + d);
        let pending = Self {
            step,
            client,
            side,
            action,
            began: stage.now,
            deadline,
            waits_for,
            place: place.unwrap_or_default().to_vec(),
        };
        if let Some(place) = place {
            let interests = pending.interests(stage);
            interests.for_each(|interest| stage.watch.wait(interest, place));
        }
        Ok(pending)
    }

    /// What can end it.
    fn interests(&self, stage: &Stage<'_>) -> impl Iterator<Item = Interest> + use<'a> {
        let client = self.client;
        let reconnects = stage.clients[client].reconnects;
        let (first, second) = match (&self.waits_for, self.action) {
            (Waits::Connection(..), _) => {
                (Interest::Connection(client), Some(Interest::End(client)))
            }
            (Waits::End(_), _) => (Interest::End(client), None),
            (Waits::Ticket(ticket, _), Action::Publish(action::Publish { expect_reason, .. }))
                if expect_reason.is_none() || !reconnects =>
            {
                (Interest::Ticket(*ticket), Some(Interest::End(client)))
            }
            (Waits::Ticket(ticket, _), _) => (Interest::Ticket(*ticket), None),
            (Waits::Messages(_), _) => (Interest::Message(client), None),
            (Waits::Silence(_, until), _) => {
                (Interest::Message(client), Some(Interest::Time(*until)))
            }
            (Waits::Wire(_), _) if self.side == Role::Server => (Interest::AtBroker(client), None),
            (Waits::Wire(_), _) => (Interest::Packet(client), Some(Interest::End(client))),
            (Waits::Nothing, _) => (Interest::Time(stage.now), None),
        };
        let until = match self.waits_for {
            Waits::Wire(until) => until.map(Interest::Time),
            _ => None,
        };
        let deadline = self.deadline.map(Interest::Time);
        [Some(first), second, until, deadline].into_iter().flatten()
    }
}

fn start_broker(client: ClientIx, action: &Action, stage: &mut Stage<'_>) -> Result<Waits, String> {
    if let Action::Expect(expect) = action {
        return Ok(Waits::Wire(expect.never.map(|time| stage.now + time)));
    }
    scripted::start_broker(client, action, stage)?;
    Ok(Waits::Nothing)
}

fn start_action(client: ClientIx, action: &Action, stage: &mut Stage<'_>) -> Result<Waits, String> {
    let view = &stage.clients[client];
    let (accepted, refused, lost, ended) = (view.accepted, view.refused, view.lost, view.ended);
    let version = stage.speaks(client);
    Ok(match action {
        Action::Connect(action::Connect { connect, .. }) => {
            let spec = &stage.scenario.clients[client];
            let options = connect_options(spec, stage.shared(client), connect, version);
            stage.tell(client, Command::Connect(options.into()));
            Waits::Connection(accepted, refused, lost)
        }
        Action::Disconnect(action::Disconnect {
            reason,
            session_expiry,
        }) => {
            let properties: Properties = session_expiry
                .map(Property::SessionExpiryInterval)
                .into_iter()
                .collect();
            stage.tell(
                client,
                Command::Disconnect {
                    reason: *reason,
                    properties,
                },
            );
            Waits::End(ended)
        }
        Action::Drop(_) => {
            stage.tell(client, Command::Drop);
            Waits::End(ended)
        }
        Action::Subscribe(action::Subscribe { filters, id, .. }) => {
            let subscriptions = filters
                .iter()
                .map(|f| subscription(f, action, version))
                .collect::<Result<Vec<_>, _>>()?;
            let properties: Properties = id
                .map(Property::SubscriptionIdentifier)
                .into_iter()
                .collect();
            let ticket = stage.ticket();
            stage.tell(
                client,
                Command::Subscribe {
                    ticket,
                    subscriptions,
                    properties,
                },
            );
            Waits::Ticket(ticket, lost)
        }
        Action::Unsubscribe(action::Unsubscribe { filters }) => {
            let filters = filters
                .iter()
                .map(|f| filter_of(f, version))
                .collect::<Result<Vec<_>, _>>()?;
            let ticket = stage.ticket();
            let properties = Properties::new();
            stage.tell(
                client,
                Command::Unsubscribe {
                    ticket,
                    filters,
                    properties,
                },
            );
            Waits::Ticket(ticket, lost)
        }
        Action::Publish(action::Publish { message, .. }) => {
            let ticket = stage.ticket();
            stage.tell(
                client,
                Command::Publish(ticket, message_of(message, version)),
            );
            Waits::Ticket(ticket, lost)
        }
        Action::Receive(_) => Waits::Messages(Search::default()),
        Action::Silent(action::Silent { lasts: time }) => {
            Waits::Silence(stage.clients[client].inbox.len(), stage.now + *time)
        }
        Action::Expect(expect) => Waits::Wire(expect.never.map(|time| stage.now + time)),
        script => {
            scripted::start(client, script, stage)?;
            Waits::Nothing
        }
    })
}

fn filter_of(text: &str, version: Version) -> Result<TopicFilter, String> {
    match version {
        Version::V3_1_1 => TopicFilter::parse_v3(Text::from(text)),
        Version::V5_0 => TopicFilter::parse_v5(Text::from(text)),
    }
    .map_err(|e| format!("`{text}` is no topic filter: {e}"))
}

fn subscription(
    filter: &str,
    action: &Action,
    version: Version,
) -> Result<packet::Subscription, String> {
    let Action::Subscribe(action::Subscribe {
        qos,
        no_local,
        retain_as_published,
        retain_handling,
        ..
    }) = action
    else {
        unreachable!("called for subscribe only");
    };
    Ok(packet::Subscription {
        no_local: *no_local,
        retain_as_published: *retain_as_published,
        retain_handling: packet::RetainHandling::from_bits(*retain_handling).unwrap_or_default(),
        ..packet::Subscription::new(filter_of(filter, version)?, *qos)
    })
}

impl Pending<'_> {
    pub(super) fn poll(&mut self, stage: &mut Stage<'_>) -> Poll {
        let polled = match self.check(stage) {
            Ok(false) if self.deadline.is_some_and(|d| stage.now >= d) => Err(self.too_late(stage)),
            polled => polled,
        };
        if !matches!(polled, Ok(false)) {
            let interests = self.interests(stage);
            interests.for_each(|interest| stage.watch.stop(interest, &self.place));
        }
        polled
    }

    fn too_late(&mut self, stage: &mut Stage<'_>) -> StepFailure {
        let message = match (self.action, &mut self.waits_for) {
            (Action::Receive(action::Receive { what, count }), Waits::Messages(search)) => {
                let inbox = &mut stage.clients[self.client].inbox;
                let came = inbox.count(what, *count as usize, search);
                format!("{came} of {count} messages came in time")
            }
            (Action::Expect(expect), _) => {
                let numbers = numbers(expect, &stage.ids[self.client]);
                format!("it did not come in time{numbers}")
            }
            _ => "its outcome was not known in time".into(),
        };
        if let Action::Expect(expect) = self.action {
            let failure = stage.failure(self.step, message, "it comes within the step's `within`");
            return StepFailure {
                demand: stage.demanded(self.client, expect, Some(stage.now.since(self.began))),
                ..failure
            };
        }
        stage.failure(
            self.step,
            message,
            "the outcome comes within the step's `within`",
        )
    }

    /// Whether the step is over; an error when its outcome is not what the story needs.
    fn check(&mut self, stage: &mut Stage<'_>) -> Poll {
        let view = &mut stage.clients[self.client];
        match (&mut self.waits_for, self.action) {
            (
                Waits::Connection(accepted, refused, lost),
                Action::Connect(action::Connect { expect, .. }),
            ) => {
                let got_answer = view.accepted > *accepted || view.refused > *refused;
                if got_answer {
                    let was_accepted = view.accepted > *accepted;
                    return judge_connack(view, was_accepted, expect)
                        .map_err(|(message, expected)| stage.failure(self.step, message, &expected))
                        .map(|()| true);
                }
                if view.lost > *lost && !view.reconnects {
                    let why = view
                        .last_loss
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    return Err(stage.failure(
                        self.step,
                        format!("no CONNACK came: {why}"),
                        "a CONNACK",
                    ));
                }
                Ok(false)
            }
            (Waits::End(ended), _) => Ok(!view.online || view.ended > *ended),
            (Waits::Ticket(ticket, lost), action) => {
                let gone = view.lost > *lost || !view.online;
                let outcome = stage.outcome(self.client, *ticket);
                self.judge_ticket(action, outcome, gone, stage)
            }
            (Waits::Messages(search), Action::Receive(action::Receive { what, count })) => {
                let wanted = *count as usize;
                let enough = view.inbox.count(what, wanted, search) >= wanted;
                if enough {
                    view.inbox.take(search, wanted);
                }
                Ok(enough)
            }
            (Waits::Silence(before, until), _) => {
                let (before, until) = (*before, *until);
                self.hears_nothing(before, until, stage)
            }
            (Waits::Wire(until), Action::Expect(expect)) => {
                let until = *until;
                self.look(expect, until, stage)
            }
            (Waits::Nothing, _) => Ok(true),
            _ => unreachable!("start_action pairs them"),
        }
    }

    /// Nothing may be delivered after this many messages, until the time.
    fn hears_nothing(&self, before: usize, until: Time, stage: &Stage<'_>) -> Poll {
        let inbox = &stage.clients[self.client].inbox;
        let Some(arrival) = inbox.get(before) else {
            return Ok(stage.now >= until);
        };
        let (topic, body) = (&arrival.message.topic, arrival.preview());
        Err(stage.failure(
            self.step,
            format!("`{topic}` was delivered: {body}"),
            "nothing is delivered for this long",
        ))
    }

    /// Looks at what the wire of a scripted client or broker has brought.
    fn look(&self, expect: &Expect, until: Option<Time>, stage: &mut Stage<'_>) -> Poll {
        let version = stage.speaks(self.client);
        let (wire, ids) = stage.wire(self.client, self.side);
        let found = look(wire, expect, version, ids);
        match (found, until) {
            (Found::Came(_), None) => Ok(true),
            (Found::Came(what), Some(_)) => {
                let message = format!("{what} came");
                Err(StepFailure {
                    demand: stage.demanded(self.client, expect, None),
                    ..stage.failure(self.step, message, "it does not come for this long")
                })
            }
            // A broker waits for who comes next.
            (Found::Over, None) if self.side == Role::Server => Ok(false),
            (Found::Over, None) => Err(stage.failure(
                self.step,
                "the connection is over",
                "it comes while the connection lasts",
            )),
            (_, Some(until)) => Ok(stage.now >= until),
            (Found::NotYet, None) => Ok(false),
        }
    }

    fn judge_ticket(
        &self,
        action: &Action,
        outcome: Option<Outcome>,
        gone: bool,
        stage: &Stage<'_>,
    ) -> Poll {
        match (action, outcome) {
            (
                Action::Publish(action::Publish { expect_reason, .. }),
                Some(Outcome::Acknowledged(reason)),
            ) => {
                let fine = expect_reason.map_or(!reason.is_error(), |wanted| wanted == reason);
                if fine {
                    return Ok(true);
                }
                let expected = expect_reason.map_or("a reason code below 0x80".into(), |r| {
                    format!("reason code {r}")
                });
                Err(stage.failure(
                    self.step,
                    format!("it was acknowledged with reason code {reason}"),
                    &expected,
                ))
            }
            // The connection is gone or was never there: what becomes of the message is for the oracles.
            (Action::Publish(_), Some(Outcome::Abandoned(_))) => Ok(true),
            (
                Action::Publish(action::Publish {
                    expect_reason: None,
                    ..
                }),
                None,
            ) => Ok(gone),
            (
                Action::Publish(action::Publish {
                    expect_reason: Some(reason),
                    ..
                }),
                None,
            ) => {
                if gone && !stage.clients[self.client].reconnects {
                    let expected = format!("an acknowledgement with reason code {reason}");
                    return Err(stage.failure(
                        self.step,
                        "the connection ended before it was acknowledged",
                        &expected,
                    ));
                }
                Ok(false)
            }
            (_, Some(Outcome::Granted(reasons))) => match reasons.iter().find(|r| r.is_error()) {
                None => Ok(true),
                Some(r) => Err(stage.failure(
                    self.step,
                    format!("the broker answered {r}"),
                    "a success code",
                )),
            },
            (_, Some(Outcome::Abandoned(why))) => Err(stage.failure(
                self.step,
                format!("it was never answered: {why}"),
                "an acknowledgement",
            )),
            (_, _) => Ok(false),
        }
    }
}

fn judge_connack(
    view: &ClientView,
    accepted: bool,
    expect: &ConnectExpect,
) -> Result<(), (String, String)> {
    let Some(ack) = &view.last_ack else {
        return Ok(());
    };
    let wanted = expect.reason.unwrap_or(ReasonCode::SUCCESS);
    if ack.reason != wanted {
        let verb = if accepted { "accepted" } else { "refused" };
        return Err((
            format!("the broker {verb} the connection with code {}", ack.reason),
            format!("CONNACK with code {wanted}"),
        ));
    }
    match expect.session_present {
        Some(present) if present != ack.session_present => Err((
            format!(
                "CONNACK said Session Present {}",
                u8::from(ack.session_present)
            ),
            format!("Session Present {}", u8::from(present)),
        )),
        _ => Ok(()),
    }
}

//! Request and response (5.0, section 4.10).

use super::{error::RequestError, handle::Handle};
use crate::core::Message;
use bytes::Bytes;
use squall_protocol::{
    Property, PropertyId, QoS, ReasonCode, Text, Version, packet::Subscription, topic::TopicFilter,
};

impl Handle {
    /// Publishes a request and waits for the response, as long as it takes: put a timeout around it. Response Topic and
    /// Correlation Data are set here; the first request subscribes to where responses come. That is a topic below what
    /// the server proposes (Response Information), or else `responses/` and the Client Identifier.
    ///
    /// # Errors
    /// [`RequestError::NeedsVersion5`]; what [`Self::subscribe`] and [`Self::publish`] say; a request that the server refuses
    /// ends in [`RequestError::NotGranted`].
    pub async fn request(&self, mut request: Message) -> Result<Message, RequestError> {
        if self.identity.version != Version::V5_0 {
            return Err(RequestError::NeedsVersion5);
        }
        let topic = &self.identity.response_topic;
        let topic = topic
            .get_or_try_init(|| self.listen_for_responses())
            .await?;
        let (correlation, response) = self.shared.desk().expect_response(topic.clone());
        let _waits = Waits(self, correlation.clone());
        request
            .properties
            .set(Property::ResponseTopic(topic.clone()));
        request
            .properties
            .set(Property::CorrelationData(correlation));
        let reason = self.publish(request).await?;
        if reason.is_error() {
            return Err(RequestError::NotGranted(vec![reason]));
        }
        response.await.map_err(|_| RequestError::Stopped)
    }

    /// Publishes the response to a request: to its Response Topic, with its Correlation Data and its QoS.
    ///
    /// # Errors
    /// [`RequestError::NoResponseTopic`], and what [`Self::publish`] says.
    pub async fn respond(
        &self,
        request: &Message,
        payload: impl Into<Bytes>,
    ) -> Result<ReasonCode, RequestError> {
        let topic = request.properties.response_topic();
        let topic = topic.ok_or(RequestError::NoResponseTopic)?;
        let mut response = Message::new(topic, payload, request.qos);
        // [MQTT-3.3.2-16] is about the request; whoever answers copies the data as they are.
        if let Some(data) = request.properties.get(PropertyId::CORRELATION_DATA) {
            response.properties.push(data.clone());
        }
        self.publish(response).await
    }

    /// Subscribes to where responses come.
    async fn listen_for_responses(&self) -> Result<Text, RequestError> {
        let ack = self.connected().await?;
        let assigned = ack.properties.assigned_client_identifier();
        let id = assigned.unwrap_or_else(|| self.identity.client_id.clone());
        let topic = match ack.properties.response_information() {
            Some(base) => format!("{}/{id}", base.trim_end_matches('/')),
            None => format!("responses/{id}"),
        };
        let filter = TopicFilter::parse_v5(topic.as_str());
        let filter = filter
            .map_err(|error| RequestError::Abandoned(crate::Abandonment::InvalidTopic(error)))?;
        // What comes there goes to those who wait for it, not to a stream.
        self.subscribe([Subscription::new(filter, QoS::ExactlyOnce)])
            .await?;
        Ok(Text::from(topic))
    }
}

/// Nobody waits for the response any more when this goes.
struct Waits<'a>(&'a Handle, Bytes);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.shared.desk().forget_response(&self.1);
    }
}

//! What tests of the client for people are played on.

use squall_broker::{Broker, Config, Server};
use squall_protocol::topic::TopicFilter;
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::{net::TcpListener, task::LocalSet, time::timeout};

/// How long anything may take.
pub(crate) const fn patience() -> Duration {
    Duration::from_secs(20)
}

pub(crate) fn filter(filter: &str) -> TopicFilter {
    TopicFilter::parse_v5(filter).unwrap()
}

/// Plays a script against a broker; both end with the script.
pub(crate) async fn with_broker<F: Future<Output = ()>>(script: impl FnOnce(SocketAddr) -> F) {
    with_broker_of(Config::default(), script).await;
}

/// The same with a broker of this kind.
pub(crate) async fn with_broker_of<F: Future<Output = ()>>(
    config: Config,
    script: impl FnOnce(SocketAddr) -> F,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::new(Broker::new(config)).run(listener);
    let story = async {
        tokio::select! {
            biased;
            () = script(address) => {}
            result = server => panic!("the server ended: {result:?}"),
        }
    };
    timeout(patience(), LocalSet::new().run_until(story))
        .await
        .expect("the story comes to its end");
}

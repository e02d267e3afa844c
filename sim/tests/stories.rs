//! Legal stories around the corners of oracles, director and worlds: nobody may be accused, and both worlds agree.

use squall_client::Event;
use squall_protocol::{Packet, Version};
use squall_sim::{
    run::Run,
    trace::{Node, What},
    world::World,
};
use std::path::Path;

#[test]
fn nobody_is_accused_and_both_worlds_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let files =
        squall_scenarios::find(std::slice::from_ref(&root)).unwrap_or_else(|p| panic!("{p:#?}"));
    assert!(files.len() >= 15, "only {} stories", files.len());
    for file in files {
        let story = squall_scenarios::load_file(&file, &root).unwrap_or_else(|p| panic!("{p:#?}"));
        for (&version, seed) in story
            .versions
            .iter()
            .flat_map(|v| (0..3).map(move |s| (v, s)))
        {
            let run = Run::new(&story, version, seed);
            let (searched, confirmed) = (run.judge(), run.in_world(World::Turmoil).judge());
            let name = format!("{} {version} seed {seed}", story.name);
            assert_eq!(searched.played.faults, confirmed.played.faults, "{name}");
            let (searched, confirmed) = (searched.result, confirmed.result);
            assert_eq!(searched.findings, [], "{name}");
            assert_eq!(searched.trace_hash, confirmed.trace_hash, "{name}");
        }
    }
}

/// Whoever takes a kept session over goes on with what is unfinished in it, and uses no packet identifier for something
/// new that the server still holds for something old.
#[test]
fn a_session_moves_with_all_that_is_unfinished() {
    const NEW_TILL: usize = 2;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let file = root.join("session-moved-to-another-terminal.yaml");
    let story = squall_scenarios::load_file(&file, &root).unwrap_or_else(|p| panic!("{p:#?}"));
    assert_eq!(story.clients[NEW_TILL].name, "new-till");
    for version in Version::ALL {
        let (mut again, mut released) = (0, 0);
        for seed in 0..50 {
            let judged = Run::new(&story, version, seed).judge();
            assert_eq!(judged.result.findings, [], "{version} seed {seed}");
            let mut fresh = true;
            for record in judged.played.trace.records() {
                let (Node::Client(NEW_TILL), What::Client(Event::Sent(frame))) =
                    (record.node, &record.what)
                else {
                    continue;
                };
                match &frame.packet {
                    Packet::Publish(publish) if publish.dup => again += 1,
                    Packet::Publish(_) => fresh = false,
                    // Nothing that it has sent itself can have come to this point.
                    Packet::PubRel(_) if fresh => released += 1,
                    _ => {}
                }
            }
        }
        assert!(
            again > 10 && released > 10,
            "{version}: {again}, {released}"
        );
    }
}

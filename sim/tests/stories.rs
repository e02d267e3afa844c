//! Legal stories around the corners of oracles, director and worlds: nobody may be accused, and both worlds agree.

use squall_sim::{run::Run, world::World};
use std::path::Path;

#[test]
fn nobody_is_accused_and_both_worlds_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let files =
        squall_scenarios::find(std::slice::from_ref(&root)).unwrap_or_else(|p| panic!("{p:#?}"));
    assert!(files.len() >= 14, "only {} stories", files.len());
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

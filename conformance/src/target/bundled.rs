//! The target files that come with Squall.

use super::{file::TargetFile, problem::Problem};

macro_rules! targets {
    ($($name:literal)*) => {
        const TARGETS: &[(&str, &str)] = &[$(
            ($name, include_str!(concat!("../../targets/", $name, ".yaml")))
        ),*];
    };
}

targets! {
    "mosquitto"
    "ejabberd"
    "aedes"
    "activemq"
    "rabbitmq"
    "nats"
    "amqtt"
    "mqttv5"
    "rumqttd"
    "rumqttd-v4"
}

/// The names of the target files that come with Squall.
pub fn target_names() -> impl Iterator<Item = &'static str> {
    TARGETS.iter().map(|(name, _)| *name)
}

/// The text of the target file of this name; `None` when there is none.
#[must_use]
pub fn target_text(name: &str) -> Option<&'static str> {
    let (_, text) = TARGETS.iter().find(|(known, _)| *known == name)?;
    Some(text)
}

/// The target file of this name; `None` when there is none.
///
/// # Errors
/// What is wrong with it, which tests rule out.
#[must_use]
pub fn bundled_target(name: &str) -> Option<Result<TargetFile, Vec<Problem>>> {
    let text = target_text(name)?;
    Some(TargetFile::read(
        &format!("conformance/targets/{name}.yaml"),
        text,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    #[test]
    fn every_target_file_is_read_and_comes_along() {
        for (name, _) in TARGETS {
            let read = bundled_target(name).unwrap();
            let problems = read.err().unwrap_or_default();
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            assert!(problems.is_empty(), "{problems:#?}");
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets");
        let files = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path());
        let names: BTreeSet<String> = files
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        let known: BTreeSet<String> = target_names().map(str::to_owned).collect();
        assert_eq!(names, known);
    }
}

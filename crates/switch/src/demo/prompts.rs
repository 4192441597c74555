//! The prompts that ship with the switch, carried in the program so that the demo runs wherever it is started.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Writes all prompts into a folder, one WAV file each.
pub(super) fn write_to(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, wav) in PROMPTS {
        let path = folder.join(name);
        fs::write(&path, wav).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

macro_rules! prompts {
    ($($name:literal)*) => {
        const PROMPTS: &[(&str, &[u8])] = &[$((
            concat!($name, ".wav"),
            include_bytes!(concat!("../../../../configs/prompts/", $name, ".wav")),
        ),)*];
    };
}

prompts! {
    "ask-1-after"
    "ask-1-before"
    "ask-2-before"
    "ask-3-after"
    "ask-3-before"
    "ask-4-after"
    "ask-4-before"
    "ask-5-after"
    "ask-6-after"
    "ask-6-before"
    "ask-7-after"
    "ask-7-before"
    "ask-8-before"
    "cannot-complete"
    "connecting"
    "digit-end-0"
    "digit-end-1"
    "digit-end-2"
    "digit-end-3"
    "digit-end-4"
    "digit-end-5"
    "digit-end-6"
    "digit-end-7"
    "digit-end-8"
    "digit-end-9"
    "digit-within-0"
    "digit-within-1"
    "digit-within-2"
    "digit-within-3"
    "digit-within-4"
    "digit-within-5"
    "digit-within-6"
    "digit-within-7"
    "digit-within-8"
    "digit-within-9"
    "goodbye"
    "nobody-available"
    "not-in-service"
    "not-verified"
    "try-again"
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{announcements, captcha};

    #[test]
    fn every_prompt_that_the_switch_may_play_is_carried() {
        for prompt in captcha::prompts().into_iter().chain(announcements::ALL) {
            let file = format!("{}.wav", prompt.as_str());
            assert!(PROMPTS.iter().any(|(name, _)| *name == file), "{file}");
        }
    }
}

//! Reading the prompts from a folder.

use media::{Library, PromptFault, PromptId};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Loads every `.wav` file of a folder, named by its file name without the ending. All faults are reported at once.
pub fn load_prompts(folder: &Path) -> Result<Library, Vec<LoadFault>> {
    let fault = |path: &Path, why: LoadReason| LoadFault {
        path: path.to_path_buf(),
        why,
    };
    let entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, io::Error>>)
        .map_err(|error| vec![fault(folder, LoadReason::Unreadable(error))])?;
    let mut library = Library::new();
    let mut faults = Vec::new();
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "wav"));
    paths.sort();
    for path in &paths {
        let loaded = read_bounded(path).and_then(|bytes| {
            let name = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .ok_or(LoadReason::Name)?;
            library
                .add_wav(PromptId::named(name), &bytes)
                .map_err(LoadReason::Sound)
        });
        faults.extend(loaded.err().map(|why| fault(path, why)));
    }
    if faults.is_empty() {
        Ok(library)
    } else {
        Err(faults)
    }
}

/// A sound file that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}", path = path.display())]
pub struct LoadFault {
    /// The file, or the folder if that could not be read.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: LoadReason,
}

/// Why a sound file could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadReason {
    /// The file or folder cannot be read.
    #[error("{0}")]
    Unreadable(io::Error),
    /// The file is larger than any prompt may be.
    #[error("larger than any prompt may be")]
    TooLarge,
    /// The file's name is not UTF-8.
    #[error("the name is not UTF-8")]
    Name,
    /// The content is no prompt.
    #[error("{0}")]
    Sound(PromptFault),
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, LoadReason> {
    let size = fs::metadata(path).map_err(LoadReason::Unreadable)?.len();
    if size > FILE_MAX {
        return Err(LoadReason::TooLarge);
    }
    fs::read(path).map_err(LoadReason::Unreadable)
}

/// The longest prompt in 16-bit samples, and room for other chunks.
const FILE_MAX: u64 = 2 * Library::SAMPLES_MAX as u64 + 65536;

#[cfg(test)]
mod tests {
    use super::*;
    use media::{announcements, captcha};

    #[test]
    fn the_shipped_prompts_hold_all_that_the_switch_speaks() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/prompts");
        let library = load_prompts(&folder).unwrap();
        let wanted: Vec<PromptId> = captcha::prompts().into_iter().chain(announcements::ALL).collect();
        assert_eq!(library.missing(&wanted), Vec::<&PromptId>::new());
        for id in &wanted {
            let samples = library.find(id).unwrap();
            let seconds = samples.len() as f64 / 8000.0;
            assert!((0.2..10.0).contains(&seconds), "{id:?} lasts {seconds} s");
            assert!(
                samples.iter().any(|s| s.unsigned_abs() > 3000),
                "{id:?} is hardly heard"
            );
        }
    }

    #[test]
    fn every_prompt_text_has_its_sound_and_every_sound_its_text() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/prompts");
        let texts = fs::read_to_string(folder.join("prompts.toml")).unwrap();
        let mut named: Vec<&str> = texts
            .lines()
            .filter_map(|line| Some(line.split_once(" = \"")?.0))
            .collect();
        named.sort_unstable();
        let mut sounds: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .filter_map(|entry| {
                Some(
                    entry
                        .unwrap()
                        .file_name()
                        .to_str()?
                        .strip_suffix(".wav")?
                        .to_owned(),
                )
            })
            .collect();
        sounds.sort_unstable();
        assert_eq!(named, sounds);
    }

    #[test]
    fn all_faulty_files_are_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.wav"), b"no sound").unwrap();
        fs::write(folder.path().join("a.wav"), b"").unwrap();
        fs::write(folder.path().join("read.me"), b"not looked at").unwrap();
        let faults = load_prompts(folder.path()).unwrap_err();
        let names: Vec<_> = faults
            .iter()
            .map(|fault| fault.path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["a.wav", "b.wav"]);
        assert!(
            faults[0]
                .to_string()
                .ends_with("a.wav: not a WAV file, or cut short")
        );
        assert_eq!(load_prompts(&folder.path().join("gone")).unwrap_err().len(), 1);
    }
}

//! The control socket: how the command line speaks to a running switch.
//!
//! A Unix socket in the data folder, readable by its owner only. One line of JSON asks, one line answers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use call_model::Facts;
use screening::{Explanation, Windows};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::block::{Changed, Order, Selection};
use crate::reload::{InForce, Reloaded};

/// What may be asked.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Read the configuration anew.
    Reload,
    /// Decide upon a call that is made up, by the rules in force and the windows as they are, leaving no trace.
    Rehearse(Box<Facts>),
    /// Put callers on the block list.
    Block(Box<Order>),
    /// Take callers off the block list.
    Unblock {
        /// Which.
        selection: Box<Selection>,
        /// Who asks.
        by: String,
    },
    /// End.
    Stop,
}

/// What is answered.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// To [`Question::Reload`].
    Reloaded(Reloaded),
    /// To [`Question::Rehearse`].
    Rehearsed(Box<Explanation>),
    /// To [`Question::Block`], [`Question::Unblock`].
    Changed(Changed),
    /// To [`Question::Stop`].
    Stopping,
    /// The question was not understood.
    NotUnderstood(String),
}

/// The longest question, in bytes.
const QUESTION_BYTES_MAX: u64 = 64 * 1024;

/// How long an asker may take to write its question or read its answer.
const ASKER_WITHIN: Duration = Duration::from_secs(2);

/// The end of the socket that the switch holds.
pub(crate) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

/// Someone who asked.
pub(crate) struct Asked {
    stream: BufReaderOf,
    question: Result<Question, String>,
}

type BufReaderOf = tokio::io::BufReader<UnixStream>;

impl Door {
    /// Opens the socket. One that nobody listens on any more is replaced; one that somebody does is left alone.
    pub(crate) fn open(data_dir: &Path) -> Result<Self> {
        let path = socket_in(data_dir);
        if BlockingStream::connect(&path).is_ok() {
            anyhow::bail!("another switch runs with the data in {}", data_dir.display());
        }
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)
            .with_context(|| format!("cannot open the control socket {}", path.display()))?;
        Ok(Self { listener, path })
    }

    /// Waits for a question.
    pub(crate) async fn asked(&mut self) -> Asked {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let mut stream = tokio::io::BufReader::new(stream);
            let mut line = String::new();
            let mut limited = (&mut stream).take(QUESTION_BYTES_MAX);
            let read = tokio::time::timeout(ASKER_WITHIN, limited.read_line(&mut line)).await;
            if !matches!(read, Ok(Ok(bytes)) if bytes > 0) {
                continue;
            }
            let question = serde_json::from_str(&line).map_err(|fault| fault.to_string());
            return Asked { stream, question };
        }
    }

    /// Answers; breaks where the switch is to end.
    pub(crate) async fn answer(
        &self,
        asked: Asked,
        in_force: &mut InForce,
        windows: &Windows,
    ) -> ControlFlow<()> {
        let Asked { mut stream, question } = asked;
        let answer = match question {
            Ok(Question::Reload) => Answer::Reloaded(in_force.reload().await),
            Ok(Question::Rehearse(facts)) => {
                Answer::Rehearsed(Box::new(rehearse(*facts, &in_force.snapshot.directory, windows)))
            }
            Ok(Question::Block(order)) => Answer::Changed(in_force.block(*order).await),
            Ok(Question::Unblock { selection, by }) => {
                Answer::Changed(in_force.unblock(*selection, by).await)
            }
            Ok(Question::Stop) => Answer::Stopping,
            Err(fault) => Answer::NotUnderstood(fault),
        };
        if let Ok(mut line) = serde_json::to_vec(&answer) {
            line.push(b'\n');
            let _ = tokio::time::timeout(ASKER_WITHIN, stream.write_all(&line)).await;
        }
        if matches!(answer, Answer::Stopping) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Decides upon a call that is made up.
pub(crate) fn rehearse(facts: Facts, directory: &routing::Directory, windows: &Windows) -> Explanation {
    let subject = directory.subject_of(&facts);
    let record = screening::rehearse(facts, &subject, windows);
    screening::explain(&record, &subject)
}

/// Whether a switch runs with the data in this folder.
pub(crate) fn is_running(data_dir: &Path) -> bool {
    BlockingStream::connect(socket_in(data_dir)).is_ok()
}

/// Asks a running switch; `None` where none runs.
pub(crate) fn ask(data_dir: &Path, question: &Question) -> Result<Option<Answer>> {
    let Ok(mut stream) = BlockingStream::connect(socket_in(data_dir)) else {
        return Ok(None);
    };
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .context("the switch did not answer")?;
    Ok(Some(serde_json::from_str(&answer).context(
        "the switch answered in words that are not understood",
    )?))
}

fn socket_in(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

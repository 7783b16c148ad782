//! Building an image through the engine's classic build interface, which every engine has.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::BuildInfo;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::Engine;
use super::connect::{is_left_line_end, said};
use crate::error::{Failure, Kind, Result};
use crate::text::{self, Lines};

/// How many lines of a failed build are told.
const LAST_LINES: usize = 30;
/// The tag of what a failed build got done: it keeps the layers for the next attempt, and can be found and removed.
const UNFINISHED: &str = "unfinished";

/// What is built.
#[derive(Debug, Clone)]
pub struct BuildSpec {
    /// The repository of the image's reference.
    pub repository: String,
    /// Its tag.
    pub tag: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Build arguments.
    pub arguments: HashMap<String, String>,
}

impl BuildSpec {
    fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    fn options(&self) -> BuildImageOptions {
        BuildImageOptionsBuilder::new()
            .dockerfile(&self.dockerfile)
            .t(&self.reference())
            .rm(true)
            .forcerm(true)
            .buildargs(&self.arguments)
            .build()
    }
}

impl Engine {
    /// Builds an image of a tar stream; each line of the output goes to `on_line`. Answers the image's reference.
    pub async fn build(
        &self,
        spec: &BuildSpec,
        context: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
        deadline: Duration,
        on_line: impl Fn(&str) + Send,
    ) -> Result<String> {
        // the engine answers when the build begins to print: an upload of a large tree comes before that
        let docker = self.docker().await?.clone().with_timeout(deadline);
        let mut output = Output { lines: Lines::default(), said: Vec::new(), layer: None, error: None, on_line };
        let follow = async {
            let mut events = docker.build_image(spec.options(), None, Some(bollard::body_try_stream(context)));
            while let Some(event) = events.next().await {
                output.take(event);
            }
        };
        if tokio::time::timeout(deadline, follow).await.is_err() {
            output.error = Some(format!("the build had not finished after {} s", deadline.as_secs()));
        }
        // what the engine said may have been cut: the image tells
        if output.error.is_none() && self.image(&spec.reference()).await?.is_none() {
            output.error = Some(format!("the engine's answer ended, and there is no image {}", spec.reference()));
        }
        output.flush();
        let (layer, error, said) = (output.layer, output.error, output.said);
        let Some(error) = error else {
            self.remove_image(&format!("{}:{UNFINISHED}", spec.repository)).await?;
            return Ok(spec.reference());
        };
        if let Some(layer) = layer {
            // what comes of it changes nothing about the failure
            let _ = self.keep_layers(&layer, &spec.repository).await;
        }
        let failure = Failure::new(Kind::Build, format!("build with {}", spec.dockerfile)).saw(error);
        Err(failure.lines(text::last(&said, LAST_LINES)))
    }

    /// Keeps what a failed build got done, in place of what the one before did. That one's layers must not lose their only
    /// name: nobody would find them again, and they would fill the disk. A build that failed early has the base image as
    /// its layer: a further name does it no harm.
    async fn keep_layers(&self, layer: &str, repository: &str) -> Result<()> {
        let kept = format!("{repository}:{UNFINISHED}");
        let before = format!("{UNFINISHED}-before");
        if self.image(&kept).await?.is_some() {
            self.tag(&kept, repository, &before).await?;
        }
        self.tag(layer, repository, UNFINISHED).await?;
        self.remove_image(&format!("{repository}:{before}")).await
    }
}

struct Output<F: Fn(&str)> {
    lines: Lines,
    said: Vec<String>,
    layer: Option<String>,
    error: Option<String>,
    on_line: F,
}

impl<F: Fn(&str)> Output<F> {
    fn take(&mut self, event: std::result::Result<BuildInfo, bollard::errors::Error>) {
        match event {
            Ok(event) => {
                if let Some(text) = &event.stream {
                    for line in self.lines.take(text.as_bytes()) {
                        self.line(&line);
                    }
                }
                // a pull tells its progress many times a second; only its milestones are lines
                if let Some(status) = event.status.filter(|_| event.progress_detail.is_none()) {
                    self.line(&event.id.map_or(status.clone(), |id| format!("{id}: {status}")));
                }
                if let Some(error) = event.error_detail.and_then(|error| error.message) {
                    self.error = Some(error);
                }
            }
            Err(error) if is_left_line_end(&error) => {}
            Err(error) => self.error = Some(said(&error)),
        }
    }

    fn line(&mut self, line: &str) {
        // the engine paints what a step printed on its standard error
        let line = line.replace("\u{1b}[91m", "").replace("\u{1b}[0m", "");
        if let Some(layer) = line.strip_prefix(" ---> ").filter(|rest| rest.chars().all(|c| c.is_ascii_hexdigit())) {
            self.layer = Some(layer.to_owned());
        }
        (self.on_line)(&line);
        // enough for the end of a failed build; a long one must not fill the memory
        if self.said.len() >= 4 * LAST_LINES {
            self.said.drain(..LAST_LINES);
        }
        self.said.push(line);
    }

    fn flush(&mut self) {
        if let Some(rest) = self.lines.rest() {
            self.line(&rest);
        }
        if let Some(error) = &self.error {
            (self.on_line)(error);
        }
    }
}

//! A compose project on the engine: reading its file, building its images, bringing its services up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::document::Run;
use super::front::{self, Front};
use super::model::Model;
use super::tool::{Call, Tool};
use crate::builders::{SOURCE_VERSION, dockerfile_arguments};
use crate::engine::Engine;
use crate::error::{Failure, Kind, Result};
use crate::files;
use crate::project_file::ProjectFile;
use crate::store::Composed;

/// The name under which the tool knows the project: none that a person's own project would have, and the same whatever
/// the project is called, for the names of its volumes begin with it.
const NAME: &str = "deployd-app";
/// How long reading the file may take.
const READ: Duration = Duration::from_mins(1);
/// How long building, and pulling what is not built, may take.
const BUILD: Duration = Duration::from_mins(30);
/// How long bringing the services up may take; it may wait for their own health checks.
const UP: Duration = Duration::from_mins(10);

/// The parts of a compose project that do not change between building and running it.
pub(crate) struct ComposeProject<'a> {
    /// The engine.
    pub(crate) engine: &'a Engine,
    /// The files of the version, which stay as long as it may be brought up again: services may mount them.
    pub(crate) files: PathBuf,
    /// The compose file, relative to them.
    pub(crate) file: &'a str,
    /// The project's name, fit for references.
    pub(crate) project: &'a str,
    /// The deploy that builds it, or did.
    pub(crate) build: &'a str,
    /// The commit's hash.
    pub(crate) commit: &'a str,
    /// The application's variables.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Receives each line of the output.
    pub(crate) on_line: &'a (dyn Fn(&str) + Send + Sync),
}

/// What the service that serves gets beyond what its file says.
pub(crate) struct Serves<'a> {
    /// Its name.
    pub(crate) service: &'a str,
    /// The port that it listens on.
    pub(crate) port: u16,
    /// Its labels, without the common prefix.
    pub(crate) labels: &'a [(&'static str, String)],
    /// What is mounted into it.
    pub(crate) bind: &'a str,
}

impl ComposeProject<'_> {
    fn reference(&self, service: &str) -> String {
        format!("deployd/{}:{}-{service}", self.project, self.build)
    }

    /// Builds what is built and pulls what is not there; answers which service serves, and the reference of its image.
    pub(crate) async fn build(&self, file: &ProjectFile) -> Result<(Front, String, Composed)> {
        let model = self.model().await?;
        let front = front::choose(&model, file)?;
        let arguments = |build: &Map<String, Value>| self.arguments(build);
        let document = model.to_build(|service| self.reference(service), arguments);
        if document["services"].as_object().is_some_and(|services| !services.is_empty()) {
            let what = format!("build with {}", self.file);
            self.run(Kind::Build, what, &["build"], &document, BUILD).await?;
        }
        self.pull(&model).await?;
        let image = match model.built_by(&front.service) {
            Some(builder) => self.reference(builder),
            None => model.image(&front.service).unwrap_or_default().to_owned(),
        };
        let kept = model.services().map(|(name, _)| name.clone()).filter(|name| model.is_kept(name)).collect();
        let (service, volumes) = (front.service.clone(), model.volumes(NAME));
        Ok((front, image, Composed { file: self.file.to_owned(), service, kept, volumes }))
    }

    /// Brings the services up, each one anew that has changed. Nothing is built any more.
    pub(crate) async fn up(&self, serves: &Serves<'_>) -> Result<()> {
        let model = self.model().await?;
        let mut images = BTreeMap::new();
        for (name, _) in model.services().filter(|(name, _)| model.is_built(name)) {
            let reference = self.reference(name);
            // by its id: a service whose image is the same as before stays as it is
            let image = self.engine.image(&reference).await?.ok_or_else(|| {
                let failure = Failure::new(Kind::Start, format!("start the service {name}"));
                failure.saw(format!("its image {reference} is gone")).hint("deploy it again")
            })?;
            images.insert(name.clone(), image.id);
        }
        let mut environment = self.variables();
        environment.entry("PORT".into()).or_insert_with(|| serves.port.to_string());
        let document = model.to_run(&Run {
            images: &images,
            labels: &[("project", self.project.to_owned())],
            front: serves.service,
            front_labels: serves.labels,
            environment: &environment,
            bind: serves.bind,
        });
        let args = ["up", "--detach", "--no-build", "--remove-orphans"];
        self.run(Kind::Start, "start the services".into(), &args, &document, UP).await
    }

    async fn model(&self) -> Result<Model> {
        let variables = self.variables();
        let args = ["--ansi", "never", "--file", self.file, "--project-name", NAME, "config"];
        let what = format!("read {}", self.file);
        let call = Call { kind: Kind::Build, what, args: &args, input: String::new(), deadline: READ };
        Model::parse(&self.tool(&variables).document(call).await?)
    }

    /// Pulls images that are not there; one that is there stays as it is, so that a version that worked comes back.
    async fn pull(&self, model: &Model) -> Result<()> {
        let mut missing = Vec::new();
        for (name, _) in model.services().filter(|(name, _)| model.built_by(name).is_none()) {
            if self.engine.image(model.image(name).unwrap_or_default()).await?.is_none() {
                missing.push(name.as_str());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let args: Vec<&str> = ["pull", "--quiet"].into_iter().chain(missing.iter().copied()).collect();
        let what = format!("pull the images of {}", missing.join(", "));
        self.run(Kind::Build, what, &args, &Value::Object(model.0.clone()), BUILD).await
    }

    async fn run(&self, kind: Kind, what: String, args: &[&str], document: &Value, deadline: Duration) -> Result<()> {
        let (variables, files) = (self.variables(), self.files.display().to_string());
        let common = ["--ansi", "never", "--file", "-", "--project-directory", &files, "--project-name", NAME];
        let args: Vec<&str> = common.iter().chain(args).copied().collect();
        let call = Call { kind, what, args: &args, input: document.to_string(), deadline };
        self.tool(&variables).run(call).await
    }

    fn tool<'a>(&'a self, environment: &'a BTreeMap<String, String>) -> Tool<'a> {
        Tool { socket: self.engine.socket(), dir: &self.files, environment, on_line: self.on_line }
    }

    /// The variables of the service that serves, which compose files may refer to as well.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::from([(SOURCE_VERSION.to_owned(), self.commit.to_owned())]);
        variables.extend(self.environment.clone());
        variables
    }

    /// The commit's hash, if the Dockerfile of a service asks for it.
    fn arguments(&self, build: &Map<String, Value>) -> BTreeMap<String, String> {
        let text = |name: &str| build.get(name).and_then(Value::as_str);
        let context = Path::new(text("context").unwrap_or("."));
        let Ok(inside) = context.strip_prefix(&self.files) else { return BTreeMap::new() };
        let dockerfile = inside.join(text("dockerfile").unwrap_or("Dockerfile"));
        // one that cannot be read is the tool's to complain about
        let read = files::read_in_tree(&self.files, &dockerfile.to_string_lossy());
        let read = read.ok().flatten().unwrap_or_default();
        dockerfile_arguments(&read, self.commit).into_iter().collect()
    }
}

//! The images of a cold round: gone when it ends, however it ends.

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

/// The base of the round that runs, with everything that was made on it.
#[derive(Default)]
pub struct Images(Mutex<Option<String>>);

impl Images {
    pub fn new() -> Self {
        Self::default()
    }

    /// A round begins whose base has this name.
    pub fn begin(&self, base: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
    }

    /// Removes what the round made: the half of a build, too, which has no name.
    pub fn remove(&self) {
        let Some(base) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let Some(id) = docker(&["image", "inspect", "--format", "{{.Id}}", &base]).pop() else { return };
        let since = format!("since={base}");
        for image in docker(&["image", "ls", "--quiet", "--no-trunc", "--filter", &since]) {
            // an image that nothing is built on goes with those between it and the base
            if docker(&["history", "--quiet", "--no-trunc", &image]).contains(&id) {
                docker(&["image", "rm", "--force", &image]);
            }
        }
        docker(&["image", "rm", "--force", &base]);
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What the engine's command line answers, by line; nothing if it refuses.
fn docker(words: &[&str]) -> Vec<String> {
    let output = Command::new("docker").args(words).output().ok();
    let said = |output: Output| String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    output.filter(|output| output.status.success()).map(said).unwrap_or_default()
}

//! A real browser that a scenario drives: Chromium in a container on the network of the VPSes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use thirtyfour::cookie::SameSite;
use thirtyfour::{By, ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver};

use crate::error::{Error, Failure, Result, chain};
use crate::http;
use crate::image::Tool;
use crate::testenv::TestEnv;
use crate::tool_container::{reach, tool_container};
use crate::wait::{Seen, wait_until};

/// The port of the browser's driver.
const DRIVER: u16 = 9515;
/// How long the browser may take to come up.
const START: Duration = Duration::from_mins(1);
/// How long something on a page may take that has no deploy behind it.
const SHOWN: Duration = Duration::from_secs(30);
/// Shared memory of the browser's processes; the 64 MB that containers have are too few for it.
const SHARED_MEMORY: u64 = 256 << 20;

/// A browser for as long as the value lives.
pub struct Browser {
    container: ContainerAsync<GenericImage>,
    driver: WebDriver,
    name: String,
}

/// A cookie as the browser keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The paths it is sent to.
    pub path: String,
    /// Whether it goes over TLS only.
    pub secure: bool,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Whether it is sent only in requests that its own site began.
    pub strict: bool,
}

impl Browser {
    /// Starts a browser that trusts what every browser trusts and the key of one certificate, in PEM, besides.
    pub async fn start(env: &TestEnv, name: &str, certificate: &str) -> Result<Self> {
        let key = key_hash(certificate).map_err(|seen| failed(name, "read the certificate to trust", seen))?;
        let container = tool_container(env, Tool::Browser, "browser", name, DRIVER)
            .await?
            .with_shm_size(SHARED_MEMORY)
            .start()
            .await
            .map_err(|error| failed(name, "start it", chain(&error)))?;
        let place = reach(env.engine(), &container, DRIVER).await;
        let place = place.map_err(|error| failed(name, "find its port", chain(&error)))?;
        let driver = connect(name, place, &key).await?;
        Ok(Self { container, driver, name: name.to_owned() })
    }

    fn failed(&self, action: impl Into<String>, error: &thirtyfour::error::WebDriverError) -> Error {
        failed(&self.name, action, chain(error))
    }

    /// Goes to an address.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.driver.goto(url).await.map_err(|error| self.failed(format!("open {url}"), &error))
    }

    /// Clicks on what the selector finds, once it can be clicked on.
    pub async fn click(&self, selector: &str) -> Result<()> {
        let click = async || self.driver.find(By::Css(selector)).await?.click().await;
        self.when_it_can(&format!("click on {selector}"), click).await
    }

    /// Replaces what an input holds, once it takes it.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let fill = async || {
            let input = self.driver.find(By::Css(selector)).await?;
            input.clear().await?;
            input.send_keys(text).await
        };
        self.when_it_can(&format!("fill in {selector}"), fill).await
    }

    async fn when_it_can(
        &self,
        action: &str,
        act: impl AsyncFn() -> thirtyfour::error::WebDriverResult<()>,
    ) -> Result<()> {
        let done = wait_until(SHOWN, action, async || match act().await {
            Ok(()) => Seen::Ready(()),
            Err(error) => Seen::NotYet(chain(&error)),
        });
        done.await.map_err(|late| Error::Browser(self.failure(action).after(late.elapsed).saw(late.last)))
    }

    fn failure(&self, action: &str) -> Failure {
        Failure::new(format!("browser {}", self.name), action)
    }

    /// The text that a person sees where the selector points; nothing if nothing is shown there.
    pub async fn text(&self, selector: &str) -> Result<String> {
        let script = "const it = document.querySelector(arguments[0]); \
                      return it !== null && it.checkVisibility() ? it.innerText : '';";
        let text = self.run_with(script, vec![json!(selector)]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until a person sees a part of a text; answers all of it.
    pub async fn wait_for(&self, selector: &str, part: &str, deadline: Duration) -> Result<String> {
        let what = format!("wait for {part:?} in {selector}");
        let seen = wait_until(deadline, &what, async || match self.text(selector).await {
            Ok(text) if text.contains(part) => Seen::Ready(text),
            Ok(text) => Seen::NotYet(format!("{text:?}")),
            Err(error) => Seen::NotYet(error.to_string()),
        });
        seen.await.map_err(|late| Error::Browser(self.failure(&what).after(late.elapsed).saw(late.last)))
    }

    /// The same with a deadline for what has no deploy behind it.
    pub async fn shows(&self, selector: &str, part: &str) -> Result<String> {
        self.wait_for(selector, part, SHOWN).await
    }

    /// Runs a script on the page, as its console would; answers what it returns.
    pub async fn run(&self, script: &str) -> Result<Value> {
        self.run_with(script, Vec::new()).await
    }

    async fn run_with(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        let ran = self.driver.execute(script, arguments).await;
        Ok(ran.map_err(|error| self.failed("run a script", &error))?.json().clone())
    }

    /// Every cookie of the page, those that scripts cannot read as well.
    pub async fn cookies(&self) -> Result<Vec<Cookie>> {
        let cookies = self.driver.get_all_cookies().await.map_err(|error| self.failed("list the cookies", &error))?;
        let cookies = cookies.into_iter().map(|it| Cookie {
            name: it.name,
            value: it.value,
            path: it.path.unwrap_or_default(),
            secure: it.secure.unwrap_or_default(),
            http_only: it.http_only.unwrap_or_default(),
            strict: matches!(it.same_site, Some(SameSite::Strict)),
        });
        Ok(cookies.collect())
    }

    /// What the browser's console has said since it was asked last: errors of scripts, refusals of the content security
    /// policy, requests that failed.
    pub async fn console(&self) -> Result<Vec<String>> {
        let said = self.driver.browser_log().await.map_err(|error| self.failed("read the console", &error))?;
        Ok(said.into_iter().map(|entry| format!("{} {}", entry.level, entry.message)).collect())
    }

    /// Gives the page a screen of this size.
    pub async fn screen(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.tell("Emulation.setDeviceMetricsOverride", size).await
    }

    /// Prefers `dark` or `light` colours, as the settings of a system do.
    pub async fn prefer_colours(&self, scheme: &str) -> Result<()> {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.tell("Emulation.setEmulatedMedia", json!({ "features": [feature] })).await
    }

    async fn tell(&self, method: &str, parameters: Value) -> Result<()> {
        let told = self.driver.cdp().send_raw(method, parameters).await;
        told.map(|_| ()).map_err(|error| self.failed(method, &error))
    }

    /// Keeps what the page looks like.
    pub async fn screenshot(&self, file: &Path) -> Result<()> {
        self.driver.screenshot(file).await.map_err(|error| self.failed("take a screenshot", &error))
    }

    /// Removes it.
    pub async fn close(self) -> Result<()> {
        let Self { container, driver, name } = self;
        let quit = driver.quit().await.map_err(|error| failed(&name, "quit", chain(&error)));
        container.rm().await.map_err(|error| failed(&name, "remove it", chain(&error)))?;
        quit
    }
}

/// Waits until the driver opens a session.
async fn connect(name: &str, place: SocketAddr, key: &str) -> Result<WebDriver> {
    http::use_ring();
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.map_err(|error| failed(name, "make a client", chain(&error)))?;
    let wanted = capabilities(key).map_err(|error| failed(name, "say what is wanted of it", chain(&error)))?;
    let url = format!("http://{place}");
    let driver = wait_until(START, "the browser", async || {
        let builder = WebDriver::builder(&url, wanted.clone()).client(client.clone());
        match builder.request_timeout(START).connect().await {
            Ok(driver) => Seen::Ready(driver),
            Err(error) => Seen::NotYet(chain(&error)),
        }
    });
    driver.await.map_err(|late| {
        let failure = Failure::new(format!("browser {name}"), "start a session").after(late.elapsed).saw(late.last);
        Error::Browser(failure.hint(format!("docker logs {name}")))
    })
}

fn capabilities(key: &str) -> thirtyfour::error::WebDriverResult<thirtyfour::Capabilities> {
    let mut wanted = DesiredCapabilities::chrome();
    // its own sandbox needs more of the kernel than a container has; the container is the wall
    for argument in ["--headless=new", "--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    {
        wanted.add_arg(argument)?;
    }
    wanted.add_arg(&format!("--ignore-certificate-errors-spki-list={key}"))?;
    wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    Ok(wanted.into())
}

/// The hash of a certificate's public key, as browsers are told which keys to trust.
fn key_hash(certificate: &str) -> std::result::Result<String, String> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|error| error.to_string())?;
    let parsed = rustls::server::ParsedCertificate::try_from(&certificate).map_err(|error| error.to_string())?;
    Ok(BASE64.encode(&Sha256::digest(parsed.subject_public_key_info())))
}

fn failed(name: &str, action: impl Into<String>, seen: String) -> Error {
    Error::Browser(Failure::new(format!("browser {name}"), action).saw(seen))
}

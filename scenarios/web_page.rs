//! The daemon's web page in a real browser: log in with a code, look, deploy, roll back, log out; small, dark, and shut
//! to other sites.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use harness::browser::Browser;
use harness::project::MAIN_BRANCH;
use rstest_reuse::apply;
use serde_json::{Value, json};

use crate::every_system;
use crate::support::{Stage, on_a_stage};
use crate::users::shown_now;

const NAME: &str = "ann";
const PASSWORD: &str = "correct horse";
/// How long a deploy may take that builds on what the one before left in the cache.
const DEPLOY: Duration = Duration::from_mins(5);

#[apply(every_system)]
#[tokio::test]
async fn an_admin_does_on_the_web_page_what_there_is_to_do(os: &str, version: &str) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let first = stage.deploy().await?;
        let secret = admin_with_codes(stage).await?;
        let name = format!("testvps-browser-{}-{}", stage.env().workspace().id(), stage.vps().info().name);
        let browser = Browser::start(stage.env(), &name, &stage.access.certificate).await?;
        let tried = visit(stage, &browser, &secret, &first).await;
        if tried.is_err() {
            // the failure is what counts
            let _ = keep(&browser, "failed").await;
        }
        let closed = browser.close().await;
        tried.and(Ok(closed?))
    })
    .await
}

async fn visit(stage: &Stage<'_>, browser: &Browser, secret: &str, first: &str) -> anyhow::Result<()> {
    // the address that people type: a browser is sent on to the page
    browser.open(&stage.access.api_url).await?;
    browser.screen(1280, 800).await?;
    log_in(browser, secret).await?;
    look(stage, browser, first).await?;
    the_cookie_is_out_of_reach(browser).await?;
    let second = deploy(stage, browser).await?;
    roll_back(stage, browser, first, &second).await?;
    it_fits_and_is_dark(browser).await?;
    nothing_was_forbidden(browser).await?;
    another_site_does_nothing(stage, browser, first).await?;
    log_out(stage, browser).await
}

/// Adds an admin who needs a code to log in; answers the secret of the codes.
async fn admin_with_codes(stage: &Stage<'_>) -> anyhow::Result<String> {
    let api = stage.api()?;
    let user = json!({ "username": NAME, "password": PASSWORD, "admin": true });
    let (status, answer) = api.as_admin("POST", "/user/add", Some(&user)).await?;
    ensure!(status == 201, "add {NAME}: {status} {answer}");
    let (_, answer) = api.send("POST", "/user/login", None, Some(&user)).await?;
    let token = answer["data"]["token"].as_str();
    let (status, answer) = api.send("POST", "/user/totp/enable", token, None).await?;
    ensure!(status == 200, "enable codes: {status} {answer}");
    answer["data"]["totp"]["secret"].as_str().map(str::to_owned).context("no secret")
}

/// Keeps what the page looks like, where the runner keeps files.
async fn keep(browser: &Browser, what: &str) -> anyhow::Result<()> {
    if let Some(dir) = std::env::var_os("TESTENV_BUNDLE_DIR") {
        std::fs::create_dir_all(&dir)?;
        browser.screenshot(&Path::new(&dir).join(format!("page-{what}.png"))).await?;
    }
    Ok(())
}

async fn log_in(browser: &Browser, secret: &str) -> anyhow::Result<()> {
    browser.fill("#username", NAME).await?;
    browser.fill("#password", "wrong horse").await?;
    browser.click("#login-button").await?;
    browser.shows("#login-error", "User or password is wrong").await?;
    keep(browser, "wrong-password").await?;
    ensure!(browser.text("#totp-field").await?.is_empty(), "a wrong password is enough to be asked for a code");

    browser.fill("#password", PASSWORD).await?;
    browser.click("#login-button").await?;
    browser.shows("#totp-field", "Code").await?;
    browser.fill("#totp", "000000x").await?;
    browser.click("#login-button").await?;
    browser.shows("#login-error", "code is wrong").await?;
    browser.fill("#totp", &shown_now(secret)?).await?;
    browser.click("#login-button").await?;
    browser.shows("#who", NAME).await?;
    Ok(())
}

async fn look(stage: &Stage<'_>, browser: &Browser, commit: &str) -> anyhow::Result<()> {
    browser.shows("#project", &stage.project.name).await?;
    browser.shows("#health", "Healthy").await?;
    browser.shows("#commit", &commit[..7]).await?;
    browser.shows("#facts", MAIN_BRANCH).await?;
    browser.shows("#facts", "dockerfile").await?;
    browser.shows("#deploys", "succeeded").await?;
    browser.shows("#logs-state", "Live").await?;
    let port = stage.project.settings.port;
    let ask = format!("curl --silent --fail http://127.0.0.1:{port}/a-visit-of-the-browser");
    let python = format!(
        "python3 -c \"import urllib.request as it; it.urlopen('http://127.0.0.1:{port}/a-visit-of-the-browser')\""
    );
    stage.vps().ssh().await?.run(&format!("{ask} || {python}")).await?;
    browser.shows("#log-lines", "GET /a-visit-of-the-browser").await?;
    keep(browser, "status").await
}

async fn the_cookie_is_out_of_reach(browser: &Browser) -> anyhow::Result<()> {
    let cookies = browser.cookies().await?;
    let [cookie] = cookies.as_slice() else { anyhow::bail!("not one cookie: {cookies:?}") };
    ensure!(cookie.name == "__Host-deployd" && cookie.path == "/", "{} for {}", cookie.name, cookie.path);
    ensure!(cookie.http_only && cookie.secure && cookie.strict, "a cookie of other attributes: {cookie:?}");
    let seen = browser.run("return document.cookie + JSON.stringify({...localStorage, ...sessionStorage})").await?;
    ensure!(seen == "{}", "a script sees {seen}");
    Ok(())
}

async fn deploy(stage: &Stage<'_>, browser: &Browser) -> anyhow::Result<String> {
    stage.checkout.write("note.txt", "deployed by a button")?;
    let commit = stage.checkout.commit_all("Deploy me by a button").await?;
    stage.push().await?;
    browser.click("#deploy").await?;
    browser
        .wait_for("#output-result", &format!("Deploy succeeded: {} {MAIN_BRANCH} {commit}", stage.project.name), DEPLOY)
        .await?;
    browser.shows("#output-lines", "deploy succeeded").await?;
    browser.shows("#commit", &commit[..7]).await?;
    browser.shows("#deploys li:first-child", "Deploy me by a button").await?;
    browser.shows("#deploys li:first-child", "serves now").await?;
    keep(browser, "deployed").await?;
    let page = stage.page().await?;
    ensure!(page.contains(&commit), "the application does not tell commit {commit}: {page}");
    Ok(commit)
}

async fn roll_back(stage: &Stage<'_>, browser: &Browser, first: &str, second: &str) -> anyhow::Result<()> {
    browser.click("#rollback").await?;
    browser.shows("#confirm", "Roll back?").await?;
    browser.click("#confirm-no").await?;
    ensure!(stage.status_commit().await? == second, "what was cancelled was done");
    browser.click("#rollback").await?;
    browser.click("#confirm-yes").await?;
    browser.wait_for("#output-result", "serves again", DEPLOY).await?;
    browser.shows("#commit", &first[..7]).await?;
    // those of the version that serves again, while those of the one before it have ended
    browser.shows("#logs-state", "Live").await?;
    keep(browser, "rolled-back").await?;
    let page = stage.page().await?;
    ensure!(page.contains(first), "the application does not tell commit {first}: {page}");
    Ok(())
}

async fn it_fits_and_is_dark(browser: &Browser) -> anyhow::Result<()> {
    browser.screen(360, 640).await?;
    browser.shows("#health", "Healthy").await?;
    let size = browser.run("return [innerWidth, document.scrollingElement.scrollWidth]").await?;
    ensure!(size[0] == 360 && size[1].as_u64().is_some_and(|width| width <= 360), "it is too wide: {size}");
    keep(browser, "narrow").await?;
    let ground = async |scheme: &str| {
        browser.prefer_colours(scheme).await?;
        browser.run("return getComputedStyle(document.body).backgroundColor").await
    };
    let (light, dark) = (ground("light").await?, ground("dark").await?);
    keep(browser, "narrow-dark").await?;
    ensure!(brightness(&light)? > 200 && brightness(&dark)? < 60, "light is {light}, and dark is {dark}");
    Ok(browser.screen(1280, 800).await?)
}

/// The brightest of the three channels of a colour such as `rgb(1, 2, 3)`.
fn brightness(colour: &Value) -> anyhow::Result<u8> {
    let numbers = colour.as_str().and_then(|text| text.strip_prefix("rgb(")?.strip_suffix(')')).context("no colour")?;
    let channels: Result<Vec<u8>, _> = numbers.split(", ").map(str::parse).collect();
    channels?.into_iter().max().context("no channels")
}

/// The console tells of no refusal and of no error of a script; and of the refusal of what somebody puts into the page.
async fn nothing_was_forbidden(browser: &Browser) -> anyhow::Result<()> {
    let said = browser.console().await?;
    // the console tells of every answer such as 401 for a wrong password, or 404 to a WebSocket for the logs of a
    // container that was removed a moment ago
    let answers = ["Failed to load resource", "WebSocket handshake: Unexpected response code: 404"];
    let answer = |line: &str| answers.iter().any(|words| line.contains(words));
    let bad: Vec<&String> = said.iter().filter(|line| line.starts_with("SEVERE") && !answer(line)).collect();
    ensure!(bad.is_empty(), "the console says: {bad:#?}");
    let inject = "const it = document.createElement('script'); it.textContent = 'window.injected = true'; \
                  document.head.append(it); return window.injected === true";
    ensure!(browser.run(inject).await? == false, "a script ran that somebody put into the page");
    let said = browser.console().await?.join("\n");
    ensure!(said.contains("Content Security Policy"), "the console does not tell of an injected script: {said}");
    Ok(())
}

/// The application's page stands for another site: what it sends to the daemon does nothing, and it reads nothing.
async fn another_site_does_nothing(stage: &Stage<'_>, browser: &Browser, commit: &str) -> anyhow::Result<()> {
    let application = format!("http://{}:{}/", stage.vps().info().address, stage.project.settings.port);
    browser.open(&application).await?;
    let daemon = &stage.access.api_url;
    let attack = format!(
        "const sent = await fetch('{daemon}/down', {{ method: 'POST', mode: 'no-cors', credentials: 'include' }}) \
           .then((answer) => answer.type, (error) => 'blocked'); \
         const read = await fetch('{daemon}/status', {{ credentials: 'include' }}).then(() => 'read', () => 'blocked'); \
         return [sent, read]"
    );
    let came = browser.run(&attack).await?;
    ensure!(came[1] == "blocked", "another site reads the status: {came}");
    ensure!(stage.status_commit().await? == commit, "another site took the project down: {came}");
    Ok(())
}

async fn log_out(stage: &Stage<'_>, browser: &Browser) -> anyhow::Result<()> {
    browser.open(&format!("{}/web", stage.access.api_url)).await?;
    // the session is still there
    browser.shows("#who", NAME).await?;
    let cookies = browser.cookies().await?;
    browser.click("#logout").await?;
    browser.shows("#login", "You are logged out").await?;
    // as when what was asked before the logout is refused after it
    browser.run("document.dispatchEvent(new CustomEvent('session-ended')); return true").await?;
    browser.shows("#login", "You are logged out").await?;
    ensure!(browser.text("#home").await?.is_empty(), "what was shown is still there");
    ensure!(browser.cookies().await?.is_empty(), "the cookie is still there");
    let token = cookies.first().map(|cookie| cookie.value.as_str());
    let (status, answer) = stage.api()?.send("GET", "/user/validate", token, None).await?;
    ensure!(status == 401, "the session lives on: {status} {answer}");
    Ok(())
}

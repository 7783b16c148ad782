//! Image-ready hook: who knows the key makes a site be what the registry has; a reload that fails changes nothing.

use anyhow::ensure;
use data_encoding::HEXLOWER;
use harness::probe::Client;
use harness::wait::{Seen, wait_until};
use harness::{Size, Vps, redact};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rstest_reuse::apply;
use serde_json::json;

use crate::every_system;
use crate::field::{SOON, is_not_on_the_engine, put, serves, start, still_serves, until, with_registry, write_version};
use crate::support::{on_a_sized_vps_with_engine, output_of};

const IMAGE: &str = "localhost:5000/team/site";
const LOG: &str = "cat /var/log/image-hook.log";

/// The listener on a VPS, and a client that trusts its certificate alone.
struct Listener<'a> {
    vps: &'a Vps,
    client: Client,
    url: String,
    key: String,
}

impl<'a> Listener<'a> {
    async fn start(vps: &'a Vps) -> anyhow::Result<Self> {
        let place = vps.reach(9443).await?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let private = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![place.ip().to_string()])?.signed_by(&private, &authority)?;

        let key = HEXLOWER.encode(&rand::random::<[u8; 16]>());
        redact::learn(&key);
        put(vps, "image-hook").await?;
        let session = vps.ssh().await?;
        for (name, text) in
            [("certificate.pem", certificate.pem()), ("private-key.pem", private.serialize_pem()), ("key", key.clone())]
        {
            session.upload_bytes(text.as_bytes(), &format!("/srv/image-hook/{name}"), 0o600).await?;
        }
        start(vps, "image-hook", "./listen").await?;
        let client = Client::trusting(&authority.as_ref().pem())?;
        let this = Self { vps, client, url: format!("https://{place}/hooks/image-ready"), key };
        this.is_up().await?;
        Ok(this)
    }

    /// Waits until it answers over TLS, whatever it says at an address without a hook.
    async fn is_up(&self) -> anyhow::Result<()> {
        let root = self.url.replace("/hooks/image-ready", "/");
        let answers = wait_until(SOON, "the listener to answer over TLS", || async {
            match self.client.get(&root).await {
                Ok(_) => Seen::Ready(()),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        Ok(answers.await?)
    }

    /// Tells, as Docker Hub does, that a repository has a new image; answers the HTTP status.
    async fn tell(&self, query: &str, repository: &str, tag: &str) -> anyhow::Result<u16> {
        let hook = json!({
            "callback_url": "https://registry.example/hook/1",
            "push_data": { "tag": tag, "pusher": "ann" },
            "repository": { "repo_name": repository, "name": "site", "namespace": "team" },
        });
        Ok(self.client.post(&format!("{}{query}", self.url), &hook).await?.0)
    }

    /// The same with the key; it must be accepted.
    async fn accepts(&self, tag: &str) -> anyhow::Result<()> {
        let status = self.tell(&format!("?key={}", self.key), "team/site", tag).await?;
        ensure!(status == 200, "the right key: HTTP {status}");
        Ok(())
    }

    /// How often a reload was begun.
    async fn reloads(&self) -> anyhow::Result<usize> {
        Ok(output_of(self.vps, LOG).await?.matches("executing /srv/image-hook/reload").count())
    }
}

/// Puts a version of the site into the registry, and takes it off the engine again.
async fn publish(vps: &Vps, version: &str) -> anyhow::Result<()> {
    write_version(vps, version).await?;
    let publish = format!(
        "cd /srv/static-image && DOCKER_BUILDKIT=0 docker build --quiet --tag {IMAGE}:latest . && \
         docker push --quiet {IMAGE}:latest && docker image rm --force {IMAGE}:latest"
    );
    output_of(vps, &publish).await?;
    is_not_on_the_engine(vps, &format!("{IMAGE}:latest")).await
}

/// Proves that a webhook of Docker Hub's shape, over TLS and with the key, makes the VPS pull and serve the new image; that
/// without the key nothing changes; and that a reload that fails is in the log, while listener and site go on.
#[apply(every_system)]
#[tokio::test]
async fn a_webhook_with_the_key_pulls_the_image_and_a_failed_reload_changes_nothing(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_sized_vps_with_engine((os, version), Size::default(), async |it| {
        let vps = &it.vps;
        with_registry(it, "webhook").await?;
        let listener = Listener::start(vps).await?;
        let strangers = Client::new()?.get(&listener.url).await;
        ensure!(strangers.is_err(), "a certificate of an unknown authority is accepted: {strangers:?}");
        publish(vps, "1").await?;
        listener.accepts("latest").await?;
        serves(vps, "1").await?;

        publish(vps, "2").await?;
        let short = format!("?key={}", &listener.key[1..]);
        for query in ["", "?key=", "?key=wrong", &short] {
            let status = listener.tell(query, "team/site", "latest").await?;
            ensure!(status == 403, "a webhook without the right key: HTTP {status}");
        }
        let other = listener.tell(&format!("?key={}", listener.key), "team/other", "latest").await?;
        ensure!(other == 403, "a webhook about another image: HTTP {other}");
        still_serves(vps, "1").await?;
        listener.accepts("latest").await?;
        serves(vps, "2").await?;

        let process = output_of(vps, "pidof webhook").await?;
        listener.accepts("missing").await?;
        until(vps, "the failed reload in the log", LOG, |log| {
            log.contains("site:missing") && log.contains("error occurred: exit status 1")
        })
        .await?;
        still_serves(vps, "2").await?;
        publish(vps, "3").await?;
        listener.accepts("latest").await?;
        serves(vps, "3").await?;
        ensure!(output_of(vps, "pidof webhook").await? == process, "the listener is another process");
        let reloads = listener.reloads().await?;
        ensure!(reloads == 4, "{reloads} reloads for four webhooks with the key");
        Ok(())
    })
    .await
}

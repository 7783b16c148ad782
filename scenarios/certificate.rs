//! The certificate of the daemon: a client that verifies refuses the self-signed one and accepts the owner's.

use std::time::Duration;

use anyhow::ensure;
use harness::deployer::{Api, Bootstrapped};
use harness::ssh::Exec;
use harness::wait::{Seen, wait_until};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rstest_reuse::apply;

use crate::every_system;
use crate::support::{Stage, on_a_stage};

/// What an owner has: the certificate of an authority that clients trust, and a certificate of that for the VPS.
struct Owned {
    authority: String,
    certificate: String,
    key: String,
}

fn own(stage: &Stage<'_>) -> anyhow::Result<Owned> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority of the owner");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec![stage.vps().info().address.to_string()])?;
    let certificate = params.signed_by(&key, &authority)?.pem();
    Ok(Owned { authority: authority.as_ref().pem(), certificate, key: key.serialize_pem() })
}

/// Puts a file of the daemon in place, as an owner would.
async fn put(stage: &Stage<'_>, name: &str, content: &str) -> anyhow::Result<()> {
    let command = format!("umask 077; cat > /var/lib/deployd/tls/{name}");
    stage.vps().ssh().await?.run_with(&command, Exec::new().stdin(content.as_bytes().to_vec())).await?;
    Ok(())
}

#[apply(every_system)]
#[tokio::test]
async fn a_verifying_client_refuses_the_self_signed_certificate_and_accepts_the_owners(
    os: &str,
    version: &str,
) -> anyhow::Result<()> {
    on_a_stage(os, version, "dockerfile-web", async |stage| {
        let owned = own(stage)?;
        let trusting = Bootstrapped { certificate: owned.authority.clone(), ..stage.access.clone() };
        let verifying = Api::new(stage.vps().subject(), &trusting)?;
        let refused = verifying.send("GET", "/", None, None).await.err().map(|error| error.to_string());
        let refused = refused.unwrap_or_default();
        ensure!(refused.contains("certificate"), "the self-signed certificate is not refused: {refused:?}");
        let (status, _) = stage.api()?.as_admin("GET", "/status", None).await?;
        ensure!(status == 200, "whoever pins the self-signed certificate: {status}");

        put(stage, "key.pem", &owned.key).await?;
        put(stage, "cert.pem", &owned.certificate).await?;
        stage.vps().ssh().await?.run("docker restart deployd").await?;
        let accepted = wait_until(Duration::from_mins(1), "the owner's certificate", || async {
            match verifying.as_admin("GET", "/status", None).await {
                Ok((200, _)) => Seen::Ready(()),
                Ok((status, answer)) => Seen::NotYet(format!("{status} {answer}")),
                Err(error) => Seen::NotYet(error.to_string()),
            }
        });
        accepted.await?;
        let pinning = stage.api()?.send("GET", "/", None, None).await;
        ensure!(pinning.is_err(), "the self-signed certificate is still served");
        let session = stage.vps().ssh().await?;
        let kept = session.run("cat /var/lib/deployd/tls/cert.pem").await?.stdout_text().into_owned();
        ensure!(kept == owned.certificate, "the owner's certificate was changed:\n{kept}");
        session.run("docker exec deployd deployd ready").await?;
        Ok(())
    })
    .await
}

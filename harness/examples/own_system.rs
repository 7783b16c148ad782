//! A system that the built-in catalog does not have, from an entry of one's own: `cargo run -p harness --example own_system`.

use std::path::Path;

use harness::catalog::Catalog;
use harness::{TestEnv, VpsRequest};

/// What `vps-images/catalog.toml` explains at its head. A base from another registry, or from a package mirror with other
/// suites, is said here; this is Debian 12 without its updates, with the user that a provider of one's own makes.
const ENTRY: &str = r#"
[[system]]
os = "house"
version = "12"
family = "apt"
package_manager = "apt"
architectures = ["amd64", "arm64"]
end_of_life = "2028-06-30"
base = "docker.io/library/debian:12"
systemd = { version = 252, cgroup = [1, 2] }
engine = { channel = "distribution", packages = ["docker.io"], version = "20.10.24" }
user = "operator"
admin_group = "sudo"
units = { ssh = "ssh", engine = "docker" }

[system.mirror.apt]
url = "http://deb.debian.org/debian"
suites = ["bookworm"]
components = ["main"]
keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
keyring_package = "debian-archive-keyring"
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let catalog = Catalog::parse(ENTRY, Path::new("ENTRY"))?;
    let env = TestEnv::open().await?;
    let vps = VpsRequest::new(catalog.find("house", "latest")?).start(&env).await?;
    println!("{}, of {}", vps.subject(), vps.info().base.reference);
    println!("{}", vps.ssh().await?.run("cat /etc/debian_version").await?.stdout_text().trim());
    vps.close().await?;
    Ok(env.close().await?)
}

//! What makes a VPS this one and no other: host key, machine-id, who may log in, its engine's settings.

use data_encoding::{BASE64, HEXLOWER};
use serde_json::json;

use crate::catalog::Arch;
use crate::error::{Error, Failure, Result};
use crate::image::{Stock, archive};
use crate::ssh::KeyPair;

/// Address pools for networks inside a VPS: they must not clash with those of the engine that the VPS runs on.
const INNER_BRIDGE: &str = "10.209.0.1/24";
const INNER_POOL: &str = "10.210.0.0/16";

/// The files that a VPS gets before its first start, as a tar archive in Base64: `vps-init` unpacks them.
pub(super) fn files(host_key: &KeyPair, login: &KeyPair, stock: &Stock, arch: Arch) -> Result<String> {
    let mirrors = stock.registry_mirrors(arch);
    let engine = json!({
        "registry-mirrors": mirrors.iter().map(|mirror| format!("http://{mirror}")).collect::<Vec<_>>(),
        "insecure-registries": mirrors,
        "bip": INNER_BRIDGE,
        "default-address-pools": [{ "base": INNER_POOL, "size": 24 }],
        // the resolver of a container on a user network is on loopback, where inner containers cannot reach it
        "dns": [stock.address()],
    });
    let private = host_key.private_text()?;
    let (host_line, login_line) = (host_key.public_line() + "\n", login.public_line() + "\n");
    let (machine_id, engine) = (machine_id() + "\n", format!("{engine:#}\n"));
    let files = [
        ("etc/ssh/ssh_host_ed25519_key", 0o600, private.as_bytes()),
        ("etc/ssh/ssh_host_ed25519_key.pub", 0o644, host_line.as_bytes()),
        ("root/.ssh/authorized_keys", 0o600, login_line.as_bytes()),
        ("etc/machine-id", 0o444, machine_id.as_bytes()),
        ("etc/docker/daemon.json", 0o644, engine.as_bytes()),
    ];
    archive(files.into_iter())
        .map(|tar| BASE64.encode(&tar))
        .map_err(|error| Error::Boot(Failure::new("VPS", "pack its keys and settings").saw(error)))
}

/// A fresh machine-id, as systemd-machine-id-setup makes it: a random UUID of version 4 without dashes.
fn machine_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    HEXLOWER.encode(&bytes)
}

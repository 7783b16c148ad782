//! Files and folders to a VPS and back, with modes and links: `cargo run -p harness --example copy_files`.

use std::os::unix::fs::symlink;

use harness::TestEnv;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = tempfile::tempdir()?;
    let site = here.path().join("site");
    std::fs::create_dir(&site)?;
    std::fs::write(site.join("index.html"), "<h1>It works</h1>\n")?;
    symlink("index.html", site.join("home.html"))?;

    let env = TestEnv::open().await?;
    let vps = env.vps("debian", "12")?.start(&env).await?;
    let session = vps.ssh().await?;

    // a name that ends in / is the folder to put it into
    session.upload(&site, "/srv/").await?;
    session.upload_bytes(b"listen 80;\n", "/srv/site/site.conf", 0o640).await?;
    println!("{}", session.run("ls -l /srv/site").await?.stdout_text());

    session.download("/srv/site", &here.path().join("back")).await?;
    println!("home.html is a link to {}", std::fs::read_link(here.path().join("back/home.html"))?.display());
    println!("{}", String::from_utf8_lossy(&session.download_bytes("/etc/hostname").await?).trim());

    vps.close().await?;
    Ok(env.close().await?)
}

//! Writes a made-up report into a folder, for whoever changes the page: `cargo run -p harness --example sample_report DIR`.

#[path = "../tests/report/sample.rs"]
mod sample;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("the folder is missing")?;
    std::fs::create_dir_all(&dir)?;
    let dir = std::path::Path::new(&dir).canonicalize()?;
    sample::sample(&dir).write(&dir)?;
    println!("{}", dir.join("index.html").display());
    let of_others = dir.join("of-others");
    sample::of_others().write(&of_others)?;
    println!("{}", of_others.join("index.html").display());
    Ok(())
}

//! Writes the pages that are made from the code: `configs/reference.toml`, `docs/metrics.md`.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::write(root.join("configs/reference.toml"), routing::reference())?;
    std::fs::write(root.join("docs/metrics.md"), metrics::documentation())
}

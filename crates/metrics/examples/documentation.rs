//! Writes `docs/metrics.md` to the standard output.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(metrics::documentation().as_bytes())
}

//! Goes down one hot path so many times, for callgrind to count: `hot-path NAME TIMES`.

use anyhow::Context as _;
use m2m_bench::hot::Hot;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().context("which path?")?;
    let times: u32 = arguments.next().context("how many times?")?.parse()?;
    let hot = Hot::new(&name)?;
    (0..times).for_each(|_| hot.go());
    Ok(())
}

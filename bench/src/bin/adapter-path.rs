//! Sends and receives so many messages through one client, for callgrind to count: `adapter-path BROKER bare|wrapped SIZE COUNT`.

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bus, side, size, count] = arguments.as_slice() else {
        anyhow::bail!("which broker and side, what size, how many?");
    };
    let size = size.parse().context("what size?")?;
    let count = count.parse().context("how many?")?;
    m2m_bench::adapters::overhead::once(bus, side == "wrapped", size, count)
}

//! How long a topic's log is, asked of Kafka with the request of its LogDirs tool, which librdkafka does not have
//! (Kafka protocol: DescribeLogDirs, version 1).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::Context as _;
use bytes::{Buf, BufMut};

const DESCRIBE_LOG_DIRS: i16 = 35;
const VERSION: i16 = 1;
const CORRELATION: i32 = 1;
/// Far more than one partition's answer takes, in bytes.
const LONGEST: usize = 1 << 20;

/// Bytes of the log of a topic's partition 0.
///
/// # Errors
/// When the broker does not answer, or does not have the topic.
pub fn bytes(bootstrap: &str, topic: &str) -> anyhow::Result<u64> {
    let mut broker = TcpStream::connect(bootstrap)?;
    broker.write_all(&request(topic)?)?;
    let mut len = [0; 4];
    broker.read_exact(&mut len)?;
    let len = usize::try_from(i32::from_be_bytes(len))?;
    anyhow::ensure!(len <= LONGEST, "an answer of {len} bytes");
    let mut answer = vec![0; len];
    broker.read_exact(&mut answer)?;
    read(&answer, topic).with_context(|| format!("DescribeLogDirs of {topic}"))
}

fn request(topic: &str) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    body.put_i16(DESCRIBE_LOG_DIRS);
    body.put_i16(VERSION);
    body.put_i32(CORRELATION);
    body.put_i16(-1); // no client id
    body.put_i32(1); // one topic
    body.put_i16(topic.len().try_into()?);
    body.put_slice(topic.as_bytes());
    body.put_i32(1); // one partition
    body.put_i32(0);
    let mut request = i32::try_from(body.len())?.to_be_bytes().to_vec();
    request.append(&mut body);
    Ok(request)
}

/// The sizes in all folders, of which one has the partition.
fn read(mut answer: &[u8], topic: &str) -> anyhow::Result<u64> {
    let answer = &mut answer;
    anyhow::ensure!(answer.try_get_i32()? == CORRELATION, "another request's answer");
    let _throttled = answer.try_get_i32()?;
    let mut found = None;
    for _folder in 0..answer.try_get_i32()? {
        let error = answer.try_get_i16()?;
        anyhow::ensure!(error == 0, "Kafka's error {error}");
        let _path = text(answer)?;
        for _topic in 0..answer.try_get_i32()? {
            let asked_for = text(answer)? == topic.as_bytes();
            for _partition in 0..answer.try_get_i32()? {
                let _index = answer.try_get_i32()?;
                let size = u64::try_from(answer.try_get_i64()?)?;
                let (_lag, _future) = (answer.try_get_i64()?, answer.try_get_u8()?);
                if asked_for {
                    *found.get_or_insert(0) += size;
                }
            }
        }
    }
    found.context("no folder has it")
}

fn text<'a>(answer: &mut &'a [u8]) -> anyhow::Result<&'a [u8]> {
    let len = usize::try_from(answer.try_get_i16()?)?;
    answer.split_off(..len).context("the answer ends within a name")
}

//! The source on a stream.

mod consumer;
mod settle;

use std::time::Duration;

use anyhow::Result;
use async_nats::jetstream::{self, Context};
use m2m_engine::bus::{Delivery, Receipt, Source};
use m2m_nats::link::{StreamReceipt, StreamSource, StreamSourceConfig};

use super::{bare, stream, within};

const ACK_WAIT: Duration = Duration::from_secs(1);

struct Setup {
    context: Context,
    stream: String,
}

impl Setup {
    async fn new() -> Result<Self> {
        let context = jetstream::new(bare().await?);
        let stream = stream(&context, Default::default()).await?;
        Ok(Self { context, stream })
    }

    fn config(&self) -> StreamSourceConfig {
        StreamSourceConfig {
            stream: self.stream.clone(),
            durable: "d".into(),
            ack_wait: ACK_WAIT,
            nack_delay: Duration::from_millis(20),
            ..StreamSourceConfig::default()
        }
    }

    fn source(&self) -> StreamSource {
        StreamSource::new(self.context.clone(), self.config())
    }

    async fn publish(&self, numbers: std::ops::Range<usize>) -> Result<()> {
        for n in numbers {
            let subject = format!("{}.a", self.stream);
            self.context.publish(subject, n.to_string().into()).await?.await?;
        }
        Ok(())
    }

    async fn info(&self) -> jetstream::consumer::Info {
        let stream = self.context.get_stream(&self.stream).await.unwrap();
        stream.consumer_info("d").await.unwrap()
    }
}

fn number(delivery: &Delivery<StreamReceipt>) -> usize {
    let payload = delivery.envelope.payload.as_deref().unwrap();
    std::str::from_utf8(payload).unwrap().parse().unwrap()
}

async fn take(source: &mut StreamSource, count: usize) -> Result<Vec<Delivery<StreamReceipt>>> {
    let mut came = Vec::new();
    while came.len() < count {
        came.extend(within("messages", source.recv()).await??);
    }
    Ok(came)
}

async fn numbers(source: &mut StreamSource, count: usize) -> Result<Vec<usize>> {
    let mut came = Vec::new();
    for delivery in take(source, count).await? {
        came.push(number(&delivery));
        within("an acknowledgement", delivery.receipt.ack()).await??;
    }
    Ok(came)
}

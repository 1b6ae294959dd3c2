use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// Takes everything that is ready out of a set of futures, without exception: what was ready before any of the results came is
/// among them. [`FuturesUnordered`] alone gives up now and then to let others run, and says so by waking.
///
/// Not for futures that pend on tokio's cooperative budget; lapin's do not.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    woken: Arc<Woken>,
}

#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Drain {
    /// Ready with at least one result; pending where there is none, also where the set is empty.
    pub(crate) fn poll<F: Future>(
        &self,
        futures: &mut FuturesUnordered<F>,
        cx: &mut Context<'_>,
    ) -> Poll<Vec<F::Output>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut ready = Vec::new();
        loop {
            match futures.poll_next_unpin(&mut Context::from_waker(&waker)) {
                Poll::Ready(Some(result)) => ready.push(result),
                Poll::Pending if self.woken.0.swap(false, Ordering::SeqCst) => {}
                Poll::Pending | Poll::Ready(None) if !ready.is_empty() => {
                    return Poll::Ready(ready);
                }
                // Once more with the caller's waker, which is then the one that the next result wakes.
                Poll::Pending | Poll::Ready(None) => match futures.poll_next_unpin(cx) {
                    Poll::Ready(Some(result)) => ready.push(result),
                    Poll::Pending | Poll::Ready(None) => return Poll::Pending,
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn everything_ready_comes_at_once() {
        const COUNT: usize = 1_000;
        let mut futures: FuturesUnordered<_> = (0..COUNT)
            .map(|number| async move {
                // Twice as often as the set puts up with.
                for _ in 0..4 {
                    yield_once().await;
                }
                number
            })
            .collect();
        let drain = Drain::default();
        let mut all = std::future::poll_fn(|cx| drain.poll(&mut futures, cx)).await;
        all.sort_unstable();
        assert_eq!(all, (0..COUNT).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_later_result_wakes_the_caller() {
        let (sender, receiver) = oneshot::channel();
        let mut futures: FuturesUnordered<_> = [receiver].into_iter().collect();
        let waiting = tokio::spawn(async move {
            let drain = Drain::default();
            std::future::poll_fn(|cx| drain.poll(&mut futures, cx)).await
        });
        tokio::task::yield_now().await;
        sender.send(7).unwrap();
        assert_eq!(waiting.await.unwrap(), vec![Ok(7)]);
    }

    async fn yield_once() {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

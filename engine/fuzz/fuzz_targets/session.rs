#![no_main]
use std::sync::{Arc, LazyLock};
static ENGINE: LazyLock<Arc<m2m_engine::Engine>> = LazyLock::new(|| Arc::new(m2m_engine::fuzz::engine()));
libfuzzer_sys::fuzz_target!(|data: &[u8]| m2m_engine::fuzz::session(&ENGINE, data));

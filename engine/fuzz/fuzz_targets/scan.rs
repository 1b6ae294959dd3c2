#![no_main]
use std::sync::LazyLock;
static ENGINE: LazyLock<m2m_engine::Engine> = LazyLock::new(m2m_engine::fuzz::engine);
libfuzzer_sys::fuzz_target!(|data: &[u8]| m2m_engine::fuzz::scan(&ENGINE, data));

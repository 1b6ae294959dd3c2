#![no_main]
use std::sync::LazyLock;
static ENGINES: LazyLock<[m2m_engine::Engine; 2]> = LazyLock::new(m2m_engine::fuzz::secured_engines);
libfuzzer_sys::fuzz_target!(|data: &[u8]| m2m_engine::fuzz::open_secured(&ENGINES, data));

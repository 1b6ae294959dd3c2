//! `[buses.NAME]`: which keys go with which kind of bus.

use toml::Spanned;

use super::Compiler;
use crate::config::{BusKind, nearest};

impl Compiler<'_> {
    pub(super) fn buses(&mut self) {
        for bus in self.config.buses.values() {
            let (span, bus) = (bus.span(), bus.get_ref());
            let kind = bus.url.kind();
            let allowed: &[&str] = match kind {
                BusKind::Memory => &["url", "capacity"],
                BusKind::Nats => &["url", "user", "password", "token", "creds_file", "nkey", "tls"],
                BusKind::Kafka => &["url", "user", "password", "mechanism", "tls", "properties"],
                BusKind::Amqp => &["url", "user", "password", "tls"],
            };
            let set = [
                ("user", bus.user.is_some()),
                ("password", bus.password.is_some()),
                ("token", bus.token.is_some()),
                ("creds_file", bus.creds_file.is_some()),
                ("nkey", bus.nkey.is_some()),
                ("mechanism", bus.mechanism.is_some()),
                ("tls", bus.tls.is_some()),
                ("properties", !bus.properties.is_empty()),
                ("capacity", bus.capacity.is_some()),
            ];
            self.only(&span, &format!("a {kind} bus"), allowed, set);
            if bus.user.is_some() != bus.password.is_some() {
                self.problem(span.clone(), "`user` and `password` go together".to_owned());
            }
            let pair =
                bus.tls.as_ref().map(|tls| (tls.cert_file.is_some(), tls.key_file.is_some()));
            if pair.is_some_and(|(cert, key)| cert != key) {
                self.problem(span, "`tls.cert_file` and `tls.key_file` go together".to_owned());
            }
        }
    }

    pub(super) fn bus(&mut self, name: &Spanned<String>) -> Option<BusKind> {
        if let Some(bus) = self.config.buses.get(name.get_ref()) {
            return Some(bus.get_ref().url.kind());
        }
        let known: Vec<&str> = self.config.buses.keys().map(String::as_str).collect();
        let meant = nearest(name.get_ref(), known.iter().copied());
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        let message =
            format!("no bus is called `{}`{meant} (known: {})", name.get_ref(), known.join(", "));
        self.problem(name.span(), message);
        None
    }
}

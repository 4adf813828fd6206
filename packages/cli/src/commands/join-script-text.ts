/** What a fresh machine needs to know to join by itself. */
export interface JoinScriptInput {
  readonly token: string;
  /** `host:port` of a manager. */
  readonly manager: string;
  /** `key=value`. */
  readonly labels: readonly string[];
  readonly availability: string;
  /** Where swarm comes from: a directory or tar archive on the machine, or the URL of an archive. */
  readonly swarm: string;
  readonly installEngine: boolean;
}

/** Quotes a word for a POSIX shell. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The script, POSIX sh. Every step looks first whether its work is done already, so running it again does no harm. The
 * token is in it: keep it as you keep a password.
 */
export function joinScriptText(input: JoinScriptInput): string {
  const flags = [...input.labels.flatMap((label) => ['--label', label]), '--availability', input.availability].map(shellQuote).join(' ');
  return `#!/bin/sh
# Makes this machine a node of a swarm cluster. Run as root, once or again: what is done already is left alone.
# It holds a join token: whoever has it can add nodes. "swarm join-token --rotate worker" makes it worthless.
set -eu

TOKEN=${shellQuote(input.token)}
MANAGER=${shellQuote(input.manager)}
SOURCE=${shellQuote(input.swarm)}
INSTALL_ENGINE=${input.installEngine ? 'yes' : 'no'}
HOME_DIR=/opt/swarm
BIN_DIR=/usr/local/bin
LOG=/var/log/swarm-join.log
ENGINE=/var/run/docker.sock
ROUTES=/proc/net
WAIT_SECONDS=600
export PATH="\${PATH:-}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

[ "$(id -u)" = 0 ] || { echo "swarm-join: run this script as root" >&2; exit 1; }
umask 077
exec 3>&1 >>"$LOG" 2>&1

say() {
  printf '%s swarm-join: %s\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"
  printf 'swarm-join: %s\\n' "$*" >&3
}

die() {
  say "failed: $*"
  say "the whole story is in $LOG; run the script again when the cause is gone"
  exit 1
}

# wait_for WHAT TEST...: until TEST succeeds, or WAIT_SECONDS have passed.
wait_for() {
  what=$1
  shift
  left=$WAIT_SECONDS
  said=no
  until "$@"; do
    [ "$said" = yes ] || { say "waiting for $what"; said=yes; }
    [ "$left" -gt 0 ] || return 1
    sleep 2
    left=$((left - 2))
  done
}

has_route() {
  # A default route, IPv4 or IPv6: in the tables an all-zero destination.
  awk 'NR > 1 && $2 == "00000000" && $8 == "00000000" { found = 1 } END { exit !found }' "$ROUTES/route" 2>/dev/null ||
    awk '$1 == "00000000000000000000000000000000" && $2 == "00" && $10 != "lo" { found = 1 } END { exit !found }' "$ROUTES/ipv6_route" 2>/dev/null
}

engine_there() {
  [ -S "$ENGINE" ]
}

install_engine() {
  say "installing the Docker Engine from this system's packages"
  if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update && apt-get install -y --no-install-recommends docker.io ca-certificates
  elif command -v dnf >/dev/null; then
    dnf install -y moby-engine || dnf install -y docker
  elif command -v zypper >/dev/null; then
    zypper --non-interactive install docker
  elif command -v apk >/dev/null; then
    apk add docker && rc-update add docker default
  else
    return 1
  fi
}

start_engine() {
  if [ -d /run/systemd/system ]; then systemctl enable --now docker
  elif command -v rc-service >/dev/null; then rc-service docker start
  elif command -v service >/dev/null; then service docker start
  else return 1
  fi
}

fetch() {
  if command -v curl >/dev/null; then curl -fsSL --retry 5 --retry-connrefused -o "$2" "$1"
  elif command -v wget >/dev/null; then wget -q -t 5 -O "$2" "$1"
  else say "neither curl nor wget is installed"; return 1
  fi
}

unpack() {
  rm -rf "$HOME_DIR.new"
  mkdir -p "$HOME_DIR.new"
  tar -xf "$1" -C "$HOME_DIR.new" || return 1
  # An archive of one directory counts as that directory.
  if [ ! -x "$HOME_DIR.new/packages/cli/bin/swarm" ]; then
    for inner in "$HOME_DIR.new"/*/; do
      [ -x "$inner/packages/cli/bin/swarm" ] && { mv "$inner" "$HOME_DIR.one"; rm -rf "$HOME_DIR.new"; mv "$HOME_DIR.one" "$HOME_DIR.new"; break; }
    done
  fi
  [ -x "$HOME_DIR.new/packages/cli/bin/swarm" ] || { say "$SOURCE holds no swarm (no packages/cli/bin/swarm in it)"; return 1; }
  rm -rf "$HOME_DIR"
  mv "$HOME_DIR.new" "$HOME_DIR"
}

get_swarm() {
  SWARM=$HOME_DIR/packages/cli/bin/swarm
  if [ -x "$SOURCE/packages/cli/bin/swarm" ]; then
    SWARM=$SOURCE/packages/cli/bin/swarm
    return 0
  fi
  [ ! -x "$SWARM" ] || return 0
  case $SOURCE in
    http://* | https://*)
      say "fetching swarm from $SOURCE"
      fetch "$SOURCE" "$HOME_DIR.tar" && unpack "$HOME_DIR.tar" && rm -f "$HOME_DIR.tar"
      ;;
    *) [ -f "$SOURCE" ] && unpack "$SOURCE" ;;
  esac
}

is_member() {
  "$SWARM" info --format json 2>/dev/null | grep -q '"LocalNodeState":"active"'
}

join() {
  SWARM_JOIN_TOKEN=$TOKEN "$SWARM" join ${flags} "$MANAGER"
}

wait_for "the network" has_route || die "there is no default route after $WAIT_SECONDS s"

if ! engine_there && [ "$INSTALL_ENGINE" = yes ]; then
  command -v dockerd >/dev/null || wait_for "the package manager" install_engine || die "the Docker Engine could not be installed"
  start_engine || say "the Docker Engine could not be started by this system's service manager"
fi
wait_for "the Docker Engine at $ENGINE" engine_there || die "no Docker Engine runs here; install one, or make this script with --install-engine"

wait_for "swarm from $SOURCE" get_swarm || die "swarm could not be had from $SOURCE"
mkdir -p "$BIN_DIR"
# A link into a tree that has moved since is there and leads nowhere.
[ -e "$BIN_DIR/swarm" ] || ln -sf "$SWARM" "$BIN_DIR/swarm"

if is_member; then
  say "this machine is a node of a cluster already; nothing to do"
  exit 0
fi
pause=2
deadline=$(($(date +%s) + WAIT_SECONDS))
until join; do
  # Another run of this script may have been quicker.
  is_member && break
  [ "$(date +%s)" -lt "$deadline" ] || die "joining $MANAGER did not succeed within $WAIT_SECONDS s"
  say "joining $MANAGER did not succeed yet, trying again in $pause s"
  sleep "$pause"
  [ "$pause" -ge 30 ] || pause=$((pause * 2))
done
say "this machine has joined the cluster of $MANAGER"
`;
}

/** The same script as user data for cloud-init, which runs it once at the first boot. */
export function cloudInitText(script: string): string {
  const indented = script
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `      ${line}`))
    .join('\n');
  return `#cloud-config
write_files:
  - path: /var/lib/swarm-join/join.sh
    owner: root:root
    permissions: '0700'
    content: |
${indented}
runcmd:
  - [/bin/sh, /var/lib/swarm-join/join.sh]
`;
}

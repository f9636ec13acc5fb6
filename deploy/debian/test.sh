#!/usr/bin/env bash
# make deb-test: the package's life on a Debian that is booted for it: install, run, upgrade, two upgrades that fail, a
# province's upgrade, remove, purge.
# Needs root, debootstrap and systemd-container. ROOT=/some/folder keeps the Debian for the next time.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=${1:-$(ls -t dist/lapor-sync_*.deb | head -1)}
suite=${SUITE:-bookworm}
work=$(mktemp -d)
base=${ROOT:-$work/base}
machine=$work/machine
boot=
cleanup() {
  [[ -z $boot ]] || { kill "$boot" 2> /dev/null && wait "$boot" 2> /dev/null; } || true
  rm -rf "$work"
}
trap cleanup EXIT

began=$(date +%s%N)
said() {
  local now
  now=$(date +%s%N)
  printf '%6.1f s  %s\n' "$(((now - began) / 100000000))e-1" "$*"
  began=$(date +%s%N)
}
fail() { echo "FAILED: $*" >&2 && exit 1; }

[[ -d $base/usr ]] || debootstrap --variant=minbase \
  --include=systemd,systemd-sysv,dbus,python3,ca-certificates,sudo,postgresql "$suite" "$base" > "$work/debootstrap.log"
cp -a --reflink=auto "$base" "$machine"
said "a fresh Debian ($suite)"

# Packages of later versions, made of the first: one that is well, two that are not.
version=$(dpkg-deb -f "$package" Version)
later() { # NAME VERSION SCRIPT: SCRIPT changes the unpacked package in its folder
  local tree=$work/$1
  dpkg-deb -R "$package" "$tree"
  sed -i "s/^Version: .*/Version: $2/" "$tree/DEBIAN/control"
  (cd "$tree" && program=$(echo usr/lib/lapor-sync/lib/python3.*/site-packages/lapor_sync) && eval "$3" &&
    find "$program" -name __pycache__ -prune -exec rm -rf {} +)
  dpkg-deb --root-owner-group -Znone --build "$tree" "$machine/root/$1.deb" > /dev/null
  rm -rf "$tree"
}
# A migration that does its work, and what it is named after.
migration='last=$(ls $program/store/migrations/versions | grep -o "^[0-9]*" | tail -1)
next=$(printf %04d $((10#$last + 1)))
sed -i "s/\"$last\"/\"$next\"/" $program/store/schema.py
grep -q "\"$next\"" $program/store/schema.py
printf "%s\n" "from alembic import op" "revision, down_revision = \"$next\", \"$last\"" "def upgrade():" "    op.execute(\"CREATE TABLE later (n INTEGER)\")" > $program/store/migrations/versions/${next}_later.py'
cp "$package" "$machine/root/first.deb"
later well "$version+later1" "$migration"
later breaks "$version+later2" "$migration; echo '    raise RuntimeError(\"no\")' >> \$program/store/migrations/versions/*_later.py"
later half "$version+later3" "$migration; sed -i '1a raise SystemExit(70)' \$program/commands/looking.py
  sed -i 's/^import os\$/import os, sqlite3; sqlite3.connect(\"\\/var\\/lib\\/lapor-sync\\/lapor-sync.db\").executescript(\"DROP TABLE IF EXISTS mark\")/' \$program/cli.py"
said "packages of later versions"

systemd-nspawn --quiet --directory="$machine" --register=no --keep-unit --private-network --console=pipe --boot \
  > "$work/boot.log" 2>&1 < /dev/null &
boot=$!
leader() { pgrep --parent "$boot" | head -1; }
inside() { nsenter --target "$(leader)" --all --wdns=/ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
for _ in $(seq 100); do
  inside systemctl is-active --quiet multi-user.target 2> /dev/null && break
  sleep 0.3
done
inside systemctl is-active --quiet multi-user.target || { tail -5 "$work/boot.log" && fail "it does not boot"; }
said "booted: $(inside sh -c '. /etc/os-release; echo "$PRETTY_NAME"')"

as_service() { inside runuser -u lapor-sync -- "$@"; }
served() { inside python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode().strip())' "$1"; }
answers() { # URL WORDS: waits until it says so
  for _ in $(seq 60); do
    [[ $(served "$1" 2> /dev/null) == "$2" ]] && return
    sleep 0.5
  done
  inside journalctl --no-pager -n 20 -u lapor-sync -u lapor-sync-board >&2
  fail "$1 does not say $2"
}
installed() { inside dpkg-query -W -f '${Status} ${Version}' lapor-sync; }
schema() { as_service python3 -c 'import sqlite3; print(*sqlite3.connect("/var/lib/lapor-sync/lapor-sync.db").execute("SELECT version_num FROM alembic_version").fetchone())'; }

# Install.
inside dpkg -i /root/first.deb > "$work/install.log" 2>&1 || { cat "$work/install.log" && fail "it does not install"; }
[[ $(installed) == "install ok installed $version" ]] || fail "$(installed)"
[[ $(inside stat -c '%a %U %G' /etc/lapor-sync/config.toml /etc/lapor-sync/bearer /var/lib/lapor-sync | tr '\n' ' ') == \
  "640 root lapor-sync 600 root root 750 lapor-sync lapor-sync " ]] || fail "modes"
said "installed: $(inside lapor-sync --version)"

# A first day: the folder of exports instead of an account, metrics, board, backup.
inside sh -c 'printf "import_dir = \"/srv/lapor-sync/import\"\nmetrics_listen = \"9464\"\npoll_seconds = 2\nreadback_grace_seconds = 0\n" >> /etc/lapor-sync/config.toml'
inside systemctl enable --quiet --now lapor-sync
answers http://127.0.0.1:9464/readyz ready
inside systemctl enable --quiet --now lapor-sync-board lapor-sync-backup.timer
answers http://127.0.0.1:8080/readyz ready
inside systemctl start lapor-sync-backup
[[ -n $(inside sh -c 'ls /var/backups/lapor-sync/*.db') ]] || fail "no backup"
as_service lapor-sync people invite "Sari" --sign-in sari --role admin > /dev/null 2>&1
inside lapor-sync-root check > "$work/check.log" 2>&1 || true
grep -q "Are the settings right" "$work/check.log" || { cat "$work/check.log" && fail "lapor-sync-root check"; }
[[ -z $(inside systemctl --failed --no-legend | grep lapor) ]] || fail "a unit failed"
said "daemon, board, backup and lapor-sync-root work"
for unit in lapor-sync lapor-sync-board lapor-sync-backup; do
  printf '          %s\n' "$(inside systemd-analyze security "$unit" --no-pager | tail -1)"
done

people() { as_service lapor-sync people --json | grep -c '"sign_in": "sari"'; }
works() { # WHAT VERSION STATUS: what must hold after every upgrade
  answers http://127.0.0.1:9464/readyz ready
  answers http://127.0.0.1:8080/readyz ready
  [[ $(people) == 1 ]] || fail "$1: the accounts are not there"
  [[ $(as_service lapor-sync audit verify 2> /dev/null) == ok* ]] || fail "$1: the audit does not verify"
  [[ $(installed) == "install ok $3 $2" ]] || fail "$1: $(installed)"
}

# Upgrades: one whose migration breaks, one that dies on what it made of the database, one that is well.
before=$(schema)
began=$(date +%s%N)
inside dpkg -i /root/breaks.deb > "$work/breaks.log" 2>&1 && fail "a broken migration was taken"
works breaks "$version+later2" half-configured
[[ $(schema) == "$before" && $(inside lapor-sync --version) ]] || fail "breaks: schema $(schema)"
grep "old program" "$work/breaks.log" | sed 's/^/          /'
said "an upgrade whose migration breaks went back: schema $before, daemon and board run"

inside dpkg -i /root/half.deb > "$work/half.log" 2>&1 && fail "a program that dies was taken"
grep -q "on the backup of before the upgrade" "$work/half.log" || { cat "$work/half.log" && fail "half: not restored"; }
works half "$version+later3" half-configured
[[ $(as_service lapor-sync status --json) == *'"why": "restored"'* ]] || fail "half: delivery is not paused"
grep "old program" "$work/half.log" | sed 's/^/          /'
as_service lapor-sync outbox resume > /dev/null 2>&1 || fail "half: not resumed"
said "an upgrade that spoilt the database went back to its backup; delivery waited for a person"

inside dpkg -i /root/well.deb > "$work/well.log" 2>&1 || { cat "$work/well.log" && fail "it does not upgrade"; }
works well "$version+later1" installed
[[ $(schema) != "$before" ]] || fail "well: not migrated"
[[ -z $(inside sh -c 'ls -d /usr/lib/lapor-sync.* 2> /dev/null') ]] || fail "well: something was left behind"
said "upgraded: schema $before -> $(schema), backed up before, daemon and board run"

# A province: its workers are ended and started again as a daemon is, once PostgreSQL's own tool made a backup.
inside runuser -u postgres -- createuser lapor-sync
inside runuser -u postgres -- createdb --owner lapor-sync --encoding UTF8 --template template0 lapor-sync
inside systemctl disable --quiet --now lapor-sync
inside sh -c 'cd /etc/lapor-sync && mv config.toml one.toml && mkdir agencies && for prefix in 1 2; do
    install -d -o lapor-sync -g lapor-officers /srv/lapor-sync/import/$prefix
    printf "import_dir = \"/srv/lapor-sync/import/$prefix\"\nref_prefix = \"$prefix\"\n" > agencies/city-$prefix.toml
  done
  printf "agencies_dir = \"/etc/lapor-sync/agencies\"\npoll_seconds = 2\n" > config.toml
  printf "database_url = \"postgresql+psycopg://lapor-sync@/lapor-sync?host=/run/postgresql\"\n" >> config.toml
  chgrp lapor-sync config.toml && chmod 640 config.toml'
inside systemctl enable --quiet --now lapor-sync-worker@1 lapor-sync-worker@2
worked() { # WHAT: both agencies are worked
  for _ in $(seq 60); do
    [[ $(as_service lapor-sync agencies --json | grep -c '"last_success_at": "') == 2 ]] && return
    sleep 0.5
  done
  inside journalctl --no-pager -n 20 -u 'lapor-sync-worker@*' >&2
  fail "$1: the agencies are not worked"
}
workers() { inside systemctl show --property MainPID --value lapor-sync-worker@1 lapor-sync-worker@2 | tr '\n' ' '; }
worked install
inside lapor-sync-root agencies check > /dev/null || fail "lapor-sync-root agencies check"
were=$(workers)
inside dpkg -i /root/well.deb > "$work/refused.log" 2>&1 && fail "a province was upgraded without a backup"
grep -q pg_dump "$work/refused.log" || { cat "$work/refused.log" && fail "the tool is not named"; }
worked refused
as_service pg_dump --format=custom --file=/var/backups/lapor-sync/province.dump lapor-sync
inside dpkg -i /root/well.deb > "$work/province.log" 2>&1 || { cat "$work/province.log" && fail "a province is not upgraded"; }
worked upgraded
for one in $(workers); do [[ $one != 0 && " $were " != *" $one "* ]] || fail "the workers are $(workers), were $were"; done
said "a province with two workers: refused without a pg_dump, upgraded with one, both run again"

# Remove and purge: the data stays unless it is said otherwise.
inside dpkg -r lapor-sync > /dev/null 2>&1
for unit in lapor-sync lapor-sync-worker@1 lapor-sync-worker@2; do
  [[ $(inside systemctl is-active $unit || true) == inactive ]] || fail "$unit still runs"
done
[[ -z $(inside sh -c 'ls /etc/systemd/system/*.wants | grep lapor') ]] || fail "remove left a unit enabled"
inside mv /etc/lapor-sync/one.toml /etc/lapor-sync/config.toml
inside test -e /var/lib/lapor-sync/lapor-sync.db || fail "remove took the database"
[[ -z $(inside sh -c 'ls -d /usr/lib/lapor-sync* /usr/bin/lapor-sync 2> /dev/null') ]] || fail "remove left the program"
said "removed: settings and data stay"
inside dpkg -P lapor-sync > /dev/null 2>&1
inside test -e /var/lib/lapor-sync/lapor-sync.db || fail "purge took the database"
said "purged without a question: data stays"
inside dpkg -i /root/well.deb > /dev/null 2>&1
[[ $(people) == 1 ]] || fail "the data was not found again"
inside env LAPOR_SYNC_PURGE_DATA=yes dpkg -P lapor-sync > "$work/purge.log" 2>&1
inside sh -c 'ls -d /etc/lapor-sync /var/lib/lapor-sync /var/backups/lapor-sync /srv/lapor-sync 2> /dev/null' && fail "something is left"
inside getent passwd lapor-sync && fail "its user is left"
said "installed again, found its data, and purged with LAPOR_SYNC_PURGE_DATA=yes: nothing is left"
echo "The package's life is as it should be."

#!/usr/bin/env bash
# make deb: the Debian package, with a Python environment of its own from the wheels of requirements.lock, hash by hash.
# The same sources make the same package, byte by byte: times are those of the last commit.
#   PYTHON=python3.11  the version that the package is for: that of the Debian or Ubuntu it goes to
#   VERSION=0.1.0      default: that of pyproject.toml
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-.venv/bin/python}
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=${minor%.*}.$((${minor#*.} + 1))
arch=$(dpkg --print-architecture)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || stat -c %Y pyproject.toml)}
export PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
umask 022

out=$PWD/dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
lib=$root/usr/lib/lapor-sync
site=$lib/lib/python$minor/site-packages
mkdir -p "$out" "$site" "$lib/bin"

# The program and what it needs. Nothing is built but our own wheel.
"$python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work" .
"$python" -m pip install --quiet --require-hashes --only-binary :all: --no-compile --target "$site" -r requirements.lock
rm -rf "$site/bin"
"$python" -m pip install --quiet --no-deps --no-compile --no-warn-conflicts --target "$site" "$work"/lapor_sync-*.whl
rm -rf "$site/bin" "$site"/*.dist-info/direct_url.json
"$python" -m compileall -q -j 2 --invalidation-mode unchecked-hash -s "$root" -p / "$site" || true # templates of libraries

# A virtual environment on Debian's own interpreter: children of the program find their way by it.
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "$minor" > "$lib/pyvenv.cfg"
ln -s "/usr/bin/python$minor" "$lib/bin/python"
install -m 755 deploy/debian/lapor-sync "$lib/bin/lapor-sync"
mkdir -p "$root/usr/bin" "$root/usr/sbin"
ln -s ../lib/lapor-sync/bin/lapor-sync "$root/usr/bin/lapor-sync"
install -m 755 deploy/debian/lapor-sync-root "$root/usr/sbin/lapor-sync-root"

# Units, users, folders.
mkdir -p "$root/usr/lib/systemd/system"
for unit in deploy/systemd/*.service deploy/systemd/*.timer; do
  sed 's#/opt/lapor-sync/venv/bin/#/usr/bin/#' "$unit" > "$root/usr/lib/systemd/system/${unit##*/}"
done
install -D -m 644 deploy/debian/sysusers.conf "$root/usr/lib/sysusers.d/lapor-sync.conf"
install -D -m 644 deploy/debian/tmpfiles.conf "$root/usr/lib/tmpfiles.d/lapor-sync.conf"

# What is read: pages, examples, completion.
doc=$root/usr/share/doc/lapor-sync
mkdir -p "$doc/examples" "$root/usr/share/man/man1"
cp deploy/systemd/config.toml deploy/debian/sudoers deploy/monitoring/*.yml deploy/monitoring/*.json "$doc/examples/"
cp -r README.md README.id.md CHANGELOG.md SECURITY.md docs "$doc/"
cp LICENSE "$doc/copyright"
PYTHONPATH=$site "$python" deploy/debian/manpages.py "$root/usr/share/man/man1"
gzip -9n "$root"/usr/share/man/man1/*
for shell in bash:bash-completion/completions/lapor-sync zsh:zsh/vendor-completions/_lapor-sync \
  fish:fish/vendor_completions.d/lapor-sync.fish; do
  mkdir -p "$(dirname "$root/usr/share/${shell#*:}")"
  PYTHONPATH=$site "$python" -P -m lapor_sync completion "${shell%%:*}" > "$root/usr/share/${shell#*:}"
done

# The package.
mkdir "$root/DEBIAN"
for script in preinst postinst prerm postrm; do
  install -m 755 "deploy/debian/$script" "$root/DEBIAN/$script"
done
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@PYTHON@/$minor/g" -e "s/@NEXT@/$next/" \
  -e "s/@SIZE@/$(du -sk --apparent-size "$root" | cut -f1)/" deploy/debian/control > "$root/DEBIAN/control"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum > DEBIAN/md5sums)
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zzstd --build "$root" "$out/lapor-sync_${version}_$arch.deb"

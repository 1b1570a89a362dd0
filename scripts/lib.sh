# Sourced by the scripts beside it: finds a Python, makes .venv and installs the project into it, once.
# shellcheck shell=bash
# Everything said here goes to stderr: stdout belongs to the program that is run in the end.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
PYTHONS=(python3 python3.13 python3.12 python3.11 python3.14)
# Programs that tests start and pip cannot bring: "program Debian-package...". Pages are Korean too, hence the font.
TEST_PROGRAMS=("mosquitto mosquitto" "mosquitto_sub mosquitto-clients" "chromium chromium fonts-nanum")

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
fail() {
  say "$*"
  exit 2
}

# Prints a Python of at least 3.11 that runs: a name on the PATH may be a shim that only fails.
find_python() {
  local name
  for name in "${PYTHONS[@]}"; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "Python 3.11 or newer with its venv module is needed (on Debian: apt-get install python3-venv)"
}

# install_into_venv EXTRA: ready .venv with the project and the given extra ("" or "test"), if it is not yet.
install_into_venv() {
  local extra=$1 stamp=$venv/.installed want
  # The folder counts too: a .venv that was moved or copied with its checkout still points to the old one.
  want=$({ echo "$root" && cat "$root/pyproject.toml" "$root/constraints.txt"; } | sha256sum | cut -d ' ' -f 1)
  exec 9>"$root/.venv.lock"
  flock 9
  # What was installed with the test extra serves without it as well.
  if ! grep -qxs -e "$want $extra" -e "$want test" "$stamp" || ! "$venv/bin/python" -c '' 2>/dev/null; then
    make_venv "$extra"
    printf '%s %s\n' "$want" "$extra" >"$stamp"
  fi
  exec 9>&-
}

make_venv() {
  local extra=$1
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    local python
    python=$(find_python)
    say "making .venv with $python"
    "$python" -m venv --clear "$venv" >&2
  fi
  rm -f "$venv/.installed"
  say "installing baybroker${extra:+ with what its tests need}"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -c "$root/constraints.txt" -e "$root${extra:+[$extra]}" >&2
}

# Installs the missing test programs where that is possible; the tests that need them skip otherwise.
install_test_programs() {
  local entry packages missing=()
  for entry in "${TEST_PROGRAMS[@]}"; do
    PATH=$PATH:/usr/sbin command -v "${entry%% *}" >/dev/null && continue
    read -ra packages <<<"${entry#* }"
    missing+=("${packages[@]}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "not installed: ${missing[*]}; the tests that need them will be skipped"
    return 0
  fi
  say "installing ${missing[*]} with apt-get"
  apt_install "${missing[@]}" || say "apt-get could not install ${missing[*]}; the tests that need them will be skipped"
}

# apt_install PACKAGE...: without letting a package start its service.
apt_install() {
  local policy=/usr/sbin/policy-rc.d made='' rc=0
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=yes
  fi
  DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' \
    sh "$@" >&2 || rc=$?
  [ -z "$made" ] || rm -f "$policy"
  return "$rc"
}

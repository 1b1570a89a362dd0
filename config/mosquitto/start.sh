#!/bin/sh
# Makes what Mosquitto must not find in the repository - secrets, password hashes, its own copies of the
# configuration - and becomes Mosquitto. The compose file runs it in the container; tests run it anywhere.
#
# CONFIG_DIR   mosquitto.conf and acl, read only          (default: where this script lies)
# SECRETS_DIR  one file per built-in user with its password, kept over restarts   (/secrets)
# RUN_DIR      what Mosquitto reads: written anew at each start                   (/run/baybroker)
# DATA_DIR     Mosquitto's persistence                                            (/mosquitto/data)
# LISTEN       port and, optionally, address to listen on                         (1883)
# SERVICES_UID who may read the allocator's, the simulator's and the web's secret  (10001)
# BAYBROKER_{ALLOCATOR,SIMULATOR,WEB,OPERATOR,VIEWER,HEALTH}_PASSWORD   instead of a random one
# BAYBROKER_EXTRA_USERS   more users: gw-1:secret,drv-7:secret
set -eu
umask 077

CONFIG_DIR=${CONFIG_DIR:-$(cd "$(dirname "$0")" && pwd)}
SECRETS_DIR=${SECRETS_DIR:-/secrets}
RUN_DIR=${RUN_DIR:-/run/baybroker}
DATA_DIR=${DATA_DIR:-/mosquitto/data}
LISTEN=${LISTEN:-1883}
SERVICES_UID=${SERVICES_UID:-10001}
BROKER_USER=mosquitto
PATH=$PATH:/usr/sbin

fail() {
  echo "start.sh: $1" >&2
  exit 2
}

as_root() { [ "$(id -u)" = 0 ]; }

# write FILE: stdin to FILE, whole or not at all.
write() {
  cat >"$1.new"
  mv -f "$1.new" "$1"
}

random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# secret USER GIVEN: the given password, else the one made before, else a random one; kept in SECRETS_DIR/USER.
secret() {
  file=$SECRETS_DIR/$1
  if [ -n "$2" ]; then
    printf '%s\n' "$2" | write "$file"
  elif [ ! -s "$file" ]; then
    { random_secret; echo; } | write "$file"
  fi
  chmod 600 "$file"
  cat "$file"
}

# add USER PASSWORD: a line of the password file. A line break would make a second user, and at a second colon
# mosquitto_passwd would cut the password off.
add() {
  case $2 in
    *'
'*) fail "the password of $1 has a line break in it" ;;
    *:*) fail "the password of $1 has a colon in it, which Mosquitto's password file cannot hold" ;;
  esac
  printf '%s:%s\n' "$1" "$2" >>passwd
}

add_extra() {
  user=${1%%:*} password=${1#*:}
  case $user in
    *[!a-z0-9-]*) fail "BAYBROKER_EXTRA_USERS: '$user' is no name (use a-z, 0-9 and -)" ;;
    gw-?* | drv-?* | res-?* | op-?*) ;;
    *) fail "BAYBROKER_EXTRA_USERS: '$user' must begin with its role: gw-, drv-, res- or op-" ;;
  esac
  [ "$user" != "$1" ] && [ -n "$password" ] || fail "BAYBROKER_EXTRA_USERS: $user has no password (write $user:password)"
  add "$user" "$password"
  case $user in op-*) operator_section "$user" >>acl ;; esac
}

# operator_section USER: the access rules of the user `operator`, for USER.
operator_section() {
  echo
  sed -n "/^user operator\$/,/^\$/{s/^user operator\$/user $1/;s|/operators/operator/|/operators/$1/|;p;}" "$CONFIG_DIR/acl"
}

mkdir -p "$SECRETS_DIR" "$RUN_DIR" "$DATA_DIR"
cd "$RUN_DIR"
rm -f passwd
cat "$CONFIG_DIR/acl" >acl
for user in allocator simulator web operator viewer health; do
  variable=BAYBROKER_$(printf %s "$user" | tr '[:lower:]' '[:upper:]')_PASSWORD
  eval "given=\${$variable:-}"
  password=$(secret "$user" "$given")
  add "$user" "$password"
done
set -f
IFS=,
for entry in ${BAYBROKER_EXTRA_USERS:-}; do add_extra "$entry"; done
unset IFS
set +f
mosquitto_passwd -U passwd

{
  cat "$CONFIG_DIR/mosquitto.conf"
  printf '\nlistener %s\npassword_file passwd\nacl_file acl\npersistence_location %s\n' "$LISTEN" "$DATA_DIR"
} >mosquitto.conf
chmod 600 passwd acl mosquitto.conf

if as_root; then
  chown -R "$BROKER_USER:$(id -g "$BROKER_USER")" "$RUN_DIR" "$DATA_DIR"
  # Anyone may pass through to the own file; nobody else's can be listed or read.
  chmod 711 "$SECRETS_DIR"
  chown "$SERVICES_UID" "$SECRETS_DIR/allocator" "$SECRETS_DIR/simulator" "$SECRETS_DIR/web"
fi

# Passwords were wanted here only, not in the environment of a process that lives for months.
unset BAYBROKER_ALLOCATOR_PASSWORD BAYBROKER_SIMULATOR_PASSWORD BAYBROKER_WEB_PASSWORD \
  BAYBROKER_OPERATOR_PASSWORD BAYBROKER_VIEWER_PASSWORD BAYBROKER_HEALTH_PASSWORD BAYBROKER_EXTRA_USERS
exec mosquitto -c mosquitto.conf

#!/usr/bin/env bash
# install.sh PACKAGE...: installs packages of servers with apt-get, as root, for their programs alone: no service of
# theirs is started, and PostgreSQL makes no cluster of its own. What keeps it so is taken away again.
set -euo pipefail

policy=/usr/sbin/policy-rc.d
clusters=/etc/postgresql-common/createcluster.d
made=()
trap '[ ${#made[@]} -eq 0 ] || rm -f "${made[@]}"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ ! -e "$policy" ]; then
  made+=("$policy")
  # For these services alone: should this process be killed, what it leaves behind hinders no other.
  # shellcheck disable=SC2016
  printf '%s\n' '#!/bin/sh' 'case $1 in postgresql* | pgbouncer* | redis* | prometheus*) exit 101 ;; esac' >"$policy"
  chmod 755 "$policy"
fi
mkdir -p "$clusters"
made+=("$clusters/orchestrator-tests.conf")
printf 'create_main_cluster = off\n' >"$clusters/orchestrator-tests.conf"

apt-get install -y -qq --no-install-recommends "$@"

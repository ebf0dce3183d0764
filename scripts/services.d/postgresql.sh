# PostgreSQL: a server of its own for InvenioRDM, its data in a folder of its own. Sourced by `services`.

url_postgresql() { echo "postgresql+psycopg2://invenio@127.0.0.1:$(port_of postgresql port)/postgres"; }
variable_postgresql() { echo DATABASE_URL; }
mark_postgresql() { echo "postgres -D $(port_of postgresql data) "; }

program_of_postgresql() { first_program /usr/lib/postgresql/*/bin/"$1" "$(command -v "$1" || true)"; }

install_postgresql() { if ! program_of_postgresql postgres >/dev/null; then install_packages PostgreSQL postgresql; fi; }

# PostgreSQL refuses root: then it runs as the user that its package brings.
as_postgres=()
if [[ $(id -u) == 0 ]]; then as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups --); fi

# $dir is closed to other users, so the data are beside it; what is there from before is used again.
make_data_of_postgresql() {
  local data parent=${dir%/*} log=$dir/postgresql/initdb-log
  if [[ -d $(port_of postgresql data) ]]; then return; fi
  if ! "${as_postgres[@]}" test -x "$parent"; then parent=/tmp; fi
  data=$(mktemp -d "$parent/invenio-stats-postgresql.XXXXXX") && chmod 700 "$data"
  if [[ $(id -u) == 0 ]]; then chown postgres:postgres "$data"; fi
  if ! (cd / && "${as_postgres[@]}" "$(program_of_postgresql initdb)" -D "$data" -U invenio -A trust -E UTF8 --locale=C.UTF-8 -N) >"$log" 2>&1; then
    rm -rf "$data"
    tail -20 "$log" >&2
    die "initdb failed: $log"
  fi
  echo "$data" >"$dir/postgresql/data"
}

start_postgresql() {
  local program
  choose_port postgresql port 5499
  make_data_of_postgresql
  program=$(program_of_postgresql postgres)
  # Data of tests need not survive a crash of the machine: no waiting for the disk.
  (cd / && spawn postgresql "${as_postgres[@]}" "$program" -D "$(port_of postgresql data)" -p "$(port_of postgresql port)" -h 127.0.0.1 -k '' \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off)
  wait_for postgresql "$(port_of postgresql port)"
  until "$(program_of_postgresql pg_isready)" -q -h 127.0.0.1 -p "$(port_of postgresql port)"; do sleep 0.1; done
}

# SIGINT ends the sessions of clients, too; SIGTERM would wait for them.
stop_postgresql() { signal postgresql INT; }

purge_postgresql() {
  local data
  data=$(port_of postgresql data) || return 0
  if [[ $data == */invenio-stats-postgresql.?????? ]]; then rm -rf "$data"; fi
}

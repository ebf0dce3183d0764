# RabbitMQ: a node of its own with its own port mapper, as any user, all of it on loopback. Sourced by `services`.

url_rabbitmq() { echo "amqp://guest:guest@127.0.0.1:$(port_of rabbitmq port)//"; }
variable_rabbitmq() { echo BROKER_URL; }
mark_rabbitmq() { echo "-home $dir/rabbitmq "; }
log_rabbitmq() { echo "$dir/rabbitmq/logs"; }

# The server's own script: Debian's wrapper around it insists on root or the user rabbitmq.
program_of_rabbitmq() {
  first_program "/usr/lib/rabbitmq/bin/$1" /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/"$1" \
    /opt/rabbitmq/sbin/"$1" "$(command -v "$1" || true)"
}

install_rabbitmq() {
  if ! program_of_rabbitmq rabbitmq-server >/dev/null || ! command -v erl >/dev/null; then
    install_packages RabbitMQ rabbitmq-server
  fi
}

environment_of_rabbitmq() {
  local home=$dir/rabbitmq
  export HOME=$home ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME=stats@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
  ERL_EPMD_PORT=$(port_of rabbitmq epmd-port) RABBITMQ_NODE_PORT=$(port_of rabbitmq port) RABBITMQ_DIST_PORT=$(port_of rabbitmq dist-port)
  export ERL_EPMD_PORT RABBITMQ_NODE_PORT RABBITMQ_DIST_PORT
  export RABBITMQ_BASE=$home RABBITMQ_MNESIA_BASE=$home/mnesia RABBITMQ_LOG_BASE=$home/logs RABBITMQ_SCHEMA_DIR=$home/schema
  export RABBITMQ_GENERATED_CONFIG_DIR=$home/generated RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf RABBITMQ_CONF_ENV_FILE=$home/env.conf
  export RABBITMQ_ADVANCED_CONFIG_FILE=$home/advanced.config RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins
  export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
  export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$RABBITMQ_CTL_ERL_ARGS LC_ALL=C.UTF-8
}

configure_rabbitmq() {
  local home=$dir/rabbitmq
  mkdir -p "$home"/{mnesia,logs,schema,generated}
  echo '[].' >"$home/enabled_plugins"
  : >"$home/env.conf"
  printf '%s\n' 'log.file.level = warning' 'disk_free_limit.absolute = 20MB' 'vm_memory_high_watermark.absolute = 1GB' \
    'max_message_size = 2000000' >"$home/rabbitmq.conf"
}

start_rabbitmq() {
  choose_port rabbitmq port 5679
  choose_port rabbitmq dist-port 25679
  configure_rabbitmq
  start_epmd
  # As under systemd: the script becomes the server, so that its pid is the server's.
  (environment_of_rabbitmq && RUNNING_UNDER_SYSTEMD=true spawn rabbitmq "$(program_of_rabbitmq rabbitmq-server)")
  wait_for rabbitmq "$(port_of rabbitmq port)"
}

# Erlang's port mapper outlives the node that starts one, so ours is started and stopped by hand.
epmd_pid() {
  local pid
  pid=$(cat "$dir/rabbitmq/epmd-pid" 2>/dev/null) && grep -qa epmd "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}
start_epmd() {
  local program port
  if epmd_pid >/dev/null; then return; fi
  program=$(first_program "$(command -v epmd || true)" /usr/lib/erlang/erts-*/bin/epmd /usr/local/lib/erlang/erts-*/bin/epmd) ||
    die "no epmd on PATH: install Erlang (Debian: erlang-base)"
  choose_port rabbitmq epmd-port 4379
  port=$(port_of rabbitmq epmd-port)
  setsid "$program" -address 127.0.0.1 -port "$port" >"$dir/rabbitmq/epmd-log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/rabbitmq/epmd-pid"
  until is_open "$port"; do # else Erlang starts one that nobody stops
    kill -0 "$(cat "$dir/rabbitmq/epmd-pid")" 2>/dev/null || die "epmd died: $dir/rabbitmq/epmd-log"
    sleep 0.1
  done
}

stop_rabbitmq() {
  local pid
  signal rabbitmq TERM
  if pid=$(epmd_pid); then kill "$pid"; end_of "$pid"; fi
  rm -f "$dir/rabbitmq/epmd-pid"
}

rabbitmqctl_of_ours() {
  is_up rabbitmq || die "rabbitmq is not running: scripts/services start rabbitmq"
  (environment_of_rabbitmq && "$(program_of_rabbitmq rabbitmqctl)" "$@")
}

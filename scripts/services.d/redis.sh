# Redis: cache, results, and a broker that keeps what it has when it is killed. Sourced by `services`.

url_redis() { echo "redis://127.0.0.1:$(port_of redis port)/0"; }
variable_redis() { echo CACHE_REDIS_URL; }
mark_redis() { echo "redis-server 127.0.0.1:$(port_of redis port)"; }

install_redis() { if ! command -v redis-server >/dev/null; then install_packages Redis redis-server; fi; }

start_redis() {
  choose_port redis port 6399
  spawn redis redis-server --bind 127.0.0.1 --port "$(port_of redis port)" --dir "$dir/redis" --save '' --appendonly yes
  wait_for redis "$(port_of redis port)"
}

stop_redis() { signal redis TERM; }

# The embedded engine: osmem-server, a program that a Python package brings. Sourced by `services`.

url_osmem() { echo "http://127.0.0.1:$(port_of osmem port)"; }
variable_osmem() { echo SEARCH_URL; }
mark_osmem() { echo "osmem-server --addr 127.0.0.1:$(port_of osmem port)"; }

python_of_osmem() { first_program "${PYTHON:-}" "$here/../.venv-tests/bin/python" "$(command -v python3)"; }
program_of_osmem() { "$(python_of_osmem)" -c 'import osmem_server; print(osmem_server.resolve_binary())' 2>/dev/null; }

install_osmem() {
  program_of_osmem >/dev/null || die "$(python_of_osmem) has no osmem-server: set PYTHON to one that has 'pip install osmem-server'"
}

start_osmem() {
  choose_port osmem port 9271
  spawn osmem "$(program_of_osmem)" --addr "127.0.0.1:$(port_of osmem port)" --no-stdin-watch
  wait_for osmem "$(port_of osmem port)"
}

stop_osmem() { signal osmem TERM; }

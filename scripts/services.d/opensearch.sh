# Search engines: one real node each, started quickly, its data in $dir. Sourced by `services`.
# OpenSearch here; opensearch3.sh and elasticsearch7.sh are other versions on ports of their own.

url_opensearch() { url_of_node opensearch; }
variable_opensearch() { echo SEARCH_URL; }
mark_opensearch() { mark_of_node opensearch; }
log_opensearch() { log_of_node opensearch; }
install_opensearch() { install_node opensearch "${OPENSEARCH_VERSION:-2.19.6}"; }
start_opensearch() { start_node opensearch "${OPENSEARCH_VERSION:-2.19.6}" 9270 1g; }
stop_opensearch() { stop_node opensearch; }

# --- what they share: NAME is the service's ---

url_of_node() { echo "http://127.0.0.1:$(port_of "$1" port)"; }
mark_of_node() { echo "--home $dir/$1/n1 "; }
log_of_node() { echo "$dir/$1/n1/log"; }

# node NAME VERSION ARGUMENTS of opensearch-node
node() {
  local name=$1 version=$2
  shift 2
  OPENSEARCH_NODE_DIR=$dir/$name OPENSEARCH_VERSION=$version PYTHON=$(python_with_pip) "$here/engine/opensearch-node" "$@" 9>&-
}

# A Java runtime may have to come from PyPI; a Python of the system often has no pip.
python_with_pip() {
  local python
  for python in "${PYTHON:-}" "$here/../.venv-tests/bin/python" python3; do
    if [[ $python ]] && "$python" -m pip --version >/dev/null 2>&1; then echo "$python"; return; fi
  done
  echo python3
}

install_node() {
  local missing=()
  if ! command -v curl >/dev/null; then missing+=(curl ca-certificates); fi
  if ! command -v ps >/dev/null; then missing+=(procps); fi
  if ! command -v mvn >/dev/null; then missing+=(maven); fi
  if ! first_program "${OPENSEARCH_JAVA_HOME:-}/bin/javac" "${JAVA_HOME:-}/bin/javac" "$(command -v javac)" /usr/lib/jvm/*/bin/javac >/dev/null; then
    missing+=(openjdk-17-jdk-headless)
  fi
  if ((${#missing[@]})); then install_packages "what a search engine needs" "${missing[@]}"; fi
  node "$1" "$2" install
}

# start_node NAME VERSION PORT HEAP
start_node() {
  choose_port "$1" port "$3"
  # An index of a test is small, and a crash of the machine is nothing to survive: no waiting for the disk.
  # shellcheck disable=SC2086 # options are several words
  node "$1" "$2" start ${OPENSEARCH_OPTIONS:---quick --heap $4} --port "$(port_of "$1" port)" >&2
  ln -sf n1/pid "$dir/$1/pid"
  say "$1 is up at $(url_of_node "$1")"
}

# What a node was started with, opensearch-node remembers.
stop_node() { if is_up "$1"; then OPENSEARCH_NODE_DIR=$dir/$1 "$here/engine/opensearch-node" stop 9>&-; fi; }

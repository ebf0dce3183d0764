# OpenSearch: one real node, started quickly, its data in $dir. Sourced by `services`.

url_opensearch() { echo "http://127.0.0.1:$(port_of opensearch port)"; }
variable_opensearch() { echo SEARCH_URL; }
mark_opensearch() { echo "--home $dir/opensearch/n1 "; }
log_opensearch() { echo "$dir/opensearch/n1/log"; }
opensearch_node() { OPENSEARCH_NODE_DIR=$dir/opensearch "$here/engine/opensearch-node" "$@" 9>&-; }

install_opensearch() {
  local missing=()
  if ! command -v curl >/dev/null; then missing+=(curl ca-certificates); fi
  if ! command -v ps >/dev/null; then missing+=(procps); fi
  if ! command -v mvn >/dev/null; then missing+=(maven); fi
  if ! first_program "${OPENSEARCH_JAVA_HOME:-}/bin/javac" "${JAVA_HOME:-}/bin/javac" "$(command -v javac)" /usr/lib/jvm/*/bin/javac >/dev/null; then
    missing+=(openjdk-17-jdk-headless)
  fi
  if ((${#missing[@]})); then install_packages "what OpenSearch needs" "${missing[@]}"; fi
  opensearch_node install
}

start_opensearch() {
  choose_port opensearch port 9270
  # An index of a test is small, and a crash of the machine is nothing to survive: no waiting for the disk.
  # shellcheck disable=SC2086 # options are several words
  opensearch_node start ${OPENSEARCH_OPTIONS:---quick --heap 1g} --port "$(port_of opensearch port)" >&2
  ln -sf n1/pid "$dir/opensearch/pid"
  say "opensearch is up at $(url_opensearch)"
}

stop_opensearch() { if is_up opensearch; then opensearch_node stop; fi; }

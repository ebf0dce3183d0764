# OpenSearch 3, which needs Java 21 or newer: opensearch-node fetches one where there is none. Sourced by `services`.

url_opensearch3() { url_of_node opensearch3; }
variable_opensearch3() { echo SEARCH_URL; }
mark_opensearch3() { mark_of_node opensearch3; }
log_opensearch3() { log_of_node opensearch3; }
install_opensearch3() { install_node opensearch3 3.8.0; }
start_opensearch3() { start_node opensearch3 3.8.0 9470 512m; }
stop_opensearch3() { stop_node opensearch3; }

# Elasticsearch 7.10, the last under the Apache licence. Sourced by `services`.

url_elasticsearch7() { url_of_node elasticsearch7; }
variable_elasticsearch7() { echo SEARCH_URL; }
mark_elasticsearch7() { mark_of_node elasticsearch7; }
log_elasticsearch7() { log_of_node elasticsearch7; }
install_elasticsearch7() { install_node elasticsearch7 elasticsearch-7.10.2; }
start_elasticsearch7() { start_node elasticsearch7 elasticsearch-7.10.2 9670 512m; }
stop_elasticsearch7() { stop_node elasticsearch7; }

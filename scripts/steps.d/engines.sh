# The step `engines` of run-tests.sh: the short pass of tests/engines on each engine, with each client. Sourced by it.

# How the engine calls itself, the service that is it, and the clients to ask it with: names of extras in setup.cfg.
engine_passes=(
  "opensearch 2.19:opensearch:opensearch2 opensearch1"
  "opensearch 3:opensearch3:opensearch2"
  "elasticsearch 7.10:elasticsearch7:elasticsearch7"
)

# One engine at a time, stopped before the next one is started unless it ran before.
step_engines() {
  local engine service clients client begin result table=() failures=0 passes=0 before=${#started[@]}
  while IFS=: read -r engine service clients <&3; do
    for client in $clients; do
      begin=$SECONDS result=0
      engine_pass "$engine" "$service" "$client" || result=$?
      case $result in
        0) result=passed passes=$((passes + 1)) ;;
        5) result=skipped ;;
        *) result=FAILED failures=$((failures + 1)) ;;
      esac
      table+=("$(printf '%-20s %-16s %-8s %4d s' "$engine" "$client" "$result" "$((SECONDS - begin))")")
    done
    stop_services_after "$before"
  done 3< <(printf '%s\n' "${engine_passes[@]}")
  echo
  printf '%-20s %-16s %s\n' engine client result
  printf '%s\n' "${table[@]}"
  if ((failures)); then return 1; fi
  if ((!passes)); then return 5; fi
}

# engine_pass ENGINE SERVICE CLIENT: 5 when there is no such engine here.
engine_pass() {
  say "engines: $1, client $3"
  if ! OPENSEARCH_OPTIONS=${OPENSEARCH_OPTIONS:---quick --heap 512m} start_services "$2"; then
    if [[ ${CI:-} == true ]]; then echo "$1 cannot be started (CI=true: nothing is skipped)" >&2; return 1; fi
    echo "skipped: $1 cannot be started on this machine, the lines above say why" >&2
    return 5
  fi
  local tests=$venv
  # The client of OpenSearch 2 is in the environment of the tests; two clients do not fit into one.
  if [[ $3 != opensearch2 ]]; then
    tests=${venv/venv-tests/venv-engines-$3}
    make_environment "$tests" "$venv/bin/python" -e ".[$3]" -r tests/engines/requirements.txt || return 1
  fi
  local venv=$tests
  pytest "${without_services[@]}" "SEARCH_URL=$SEARCH_URL" "EXPECTED_ENGINE=$1" -- -q tests/engines
}

# Stops what was started since there were that many services.
stop_services_after() {
  if [[ $keep ]] || ((${#started[@]} <= $1)); then return 0; fi
  scripts/services stop "${started[@]:$1}" --purge
  started=("${started[@]:0:$1}")
}

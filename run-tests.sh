#!/usr/bin/env bash
# Run all tests: create an environment, start the services that the tests need, stop them, and print a summary.
set -euo pipefail

usage() {
  cat <<'TEXT'
run-tests.sh [OPTIONS] [PYTEST ARGUMENTS]
Installs the package and its test dependencies into a separate environment, and runs these steps in order:
    manifest   check that every file of the repository is in the source distribution or excluded explicitly
    style      run ruff, the linter and the formatter
    types      run mypy
    unit       run the tests that need no services
    docs       build the documentation; warnings are errors
    flow       run the tests on a real application with an embedded search engine
With --full, also:
    package    check the contents of the wheel and of the source distribution; install the minimal instance and run it;
               read COUNTER reports with celus-nigiri, in an environment of its own
    services   run flow again, the tests of faults, load and holdings, and the minimal instance, on OpenSearch, RabbitMQ,
               Redis and PostgreSQL; installs and starts these services
    browser    open the pages in the system's headless Chromium (installed by apt-get as root): accessibility, keyboard,
               widths, colours, paper; skipped if there is no Chromium
    engines    run a short pass on OpenSearch 2.19 (with its own client and that of 1), OpenSearch 3 and Elasticsearch
               7.10; an engine that cannot be installed is skipped
    rdm        run the tests on a real InvenioRDM with PostgreSQL, in a separate environment: usage, queries, upgrade
               from the public 7.0.2, and downgrade
Options:
    --full               run all steps (about 20 minutes more); without root the services must be installed already
    --only STEP          run only this step; may be repeated
    --engine ENGINE      search engine for `flow`: embedded (default), opensearch (is installed and started), or a URL
    --keep-services      leave the services running for the next run; `scripts/services stop` stops them
    --explore            run only property tests, with 30 times as many random examples; prints how to repeat a failure
    --python PYTHON      Python interpreter, 3.10 or newer; default: the first suitable one that is found
    --help               print this text
All other arguments are passed to pytest: ./run-tests.sh --only flow -k bookmark -x
If CI=true, a test whose service is missing fails instead of being skipped; so do browser, engines and rdm if their
requirements are missing.
TEXT
}

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
cd "$here"
all=(manifest style types unit docs flow package services browser engines rdm)
steps=(manifest style types unit docs flow)
only=() engine=embedded keep="" python="" explore="" pytest_arguments=() child=""

say() { printf '\n== %s\n' "$*"; }
die() { echo "run-tests.sh: $*" >&2; exit 2; }

while (($#)); do
  case $1 in
    --only | --engine | --python) [[ -n ${2:-} ]] || die "$1 needs a value, see --help" ;;&
    --full) steps=("${all[@]}") ;;
    --only) [[ $2 != *" "* && " ${all[*]} " == *" $2 "* ]] || die "'$2' is not a step; the steps are: ${all[*]}"; only+=("$2"); shift ;;
    --engine) engine=$2; shift ;;
    --keep-services) keep=1 ;;
    --explore) explore=1 ;;
    --python) python=$2; shift ;;
    -h | --help) usage; exit ;;
    --) shift; pytest_arguments+=("$@"); break ;;
    *) pytest_arguments+=("$1") ;;
  esac
  shift
done
if [[ $explore ]]; then
  export EXPLORE_LAWS=1
  steps=(unit flow)
  pytest_arguments+=(-m "hypothesis and not slow" --timeout 0)
fi
if ((${#only[@]})); then steps=("${only[@]}"); fi
case $engine in
  embedded | opensearch | http://* | https://*) ;;
  *) die "--engine is '$engine'; give embedded, opensearch or a URL" ;;
esac

# --- running and stopping ---

# Run a command so that a signal to this script also ends the command; it keeps the standard input.
run() {
  local status=0
  "$@" <&0 &
  child=$!
  wait "$child" || status=$?
  child=""
  return "$status"
}

started=()
start_services() {
  local name running lines
  running=$(scripts/services status 2>/dev/null || true)
  for name in "$@"; do if ! grep -q "^$name *up" <<<"$running"; then started+=("$name"); fi; done
  lines=$(PYTHON=$venv/bin/python scripts/services start "$@") || return 1
  eval "$lines"
}

finish() {
  if [[ $child ]]; then kill "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; fi
  if ((${#started[@]})) && [[ ! $keep ]]; then scripts/services stop "${started[@]}" --purge; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the environment ---

suits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
  local candidate
  if [[ $python ]]; then suits "$python" || die "$python is not a Python 3.10 or newer with venv and pip"; return; fi
  for candidate in python3.13 python3.12 python3.11 python3.10 python3 \
    "${HOME:-/nonexistent}"/.pyenv/versions/3.1[0-3]*/bin/python /usr/local/bin/python3; do
    if suits "$candidate"; then python=$candidate; return; fi
  done
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    say "installing python3-venv"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv; } >/dev/null
    if suits python3; then python=python3; return; fi
  fi
  die "no Python 3.10 or newer with venv and pip: install one (Debian: python3-venv), or name it with --python"
}

folder_of() {
  if [[ -w $here ]]; then echo "$here/.$1"; return; fi
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/invenio-stats/$1-$(printf %s "$here" | cksum | cut -d' ' -f1)"
}
venv=$(folder_of venv-tests)
venv_rdm=$(folder_of venv-rdm)

# make_environment FOLDER PYTHON ARGUMENTS OF PIP: used again as long as what it was made from is the same.
make_environment() {
  local place=$1 base=$2 log=$1/install.log stamp file inputs=(setup.cfg setup.py pyproject.toml)
  shift 2
  for file in "$@"; do if [[ -f $file ]]; then inputs+=("$file"); fi; done
  stamp=$(cat "${inputs[@]}" <(echo "$base" "$@"; if [[ $base ]]; then "$base" --version; fi) | cksum)
  if [[ $(cat "$place/stamp" 2>/dev/null) == "$stamp" ]] && suits "$place/bin/python"; then
    say "environment: $place, $("$place/bin/python" --version), as it is"
    return
  fi
  if [[ ! $base ]]; then find_python; base=$python; fi
  say "environment: $place, $("$base" --version), new (a minute or two)"
  rm -rf "$place"
  "$base" -m venv "$place"
  local install=("$place/bin/python" -m pip install)
  if command -v uv >/dev/null; then install=(uv pip install --python "$place/bin/python"); fi
  run "${install[@]}" "$@" >"$log" 2>&1 || { tail -30 "$log" >&2; echo "cannot install the package: $log" >&2; return 1; }
  echo "$stamp" >"$place/stamp"
}

# InvenioRDM is tested on Python 3.12. The public release is installed into a folder that only some processes use.
make_rdm_environment() {
  local stamp log=$venv_rdm/install.log candidate before=$python pip
  stamp=$(cat setup.cfg setup.py pyproject.toml tests/rdm/requirements.txt <(echo "$python") | cksum)
  if [[ $(cat "$venv_rdm/stamp" 2>/dev/null) == "$stamp" ]] && suits "$venv_rdm/bin/python"; then return; fi
  for candidate in python3.12 "${HOME:-/nonexistent}"/.pyenv/versions/3.12*/bin/python; do
    if [[ ! $python ]] && suits "$candidate"; then python=$candidate; fi
  done
  find_python
  echo "environment: $venv_rdm, $("$python" --version), new (some minutes)"
  rm -rf "$venv_rdm"
  "$python" -m venv "$venv_rdm"
  python=$before
  pip=("$venv_rdm/bin/python" -m pip --disable-pip-version-check install)
  { run "${pip[@]}" -r tests/rdm/requirements.txt -e . &&
    run "${pip[@]}" --no-deps --target "$venv_rdm/public-release" -r tests/rdm/public-release.txt; } >"$log" 2>&1 ||
    { tail -30 "$log" >&2; echo "cannot install InvenioRDM: $log" >&2; return 1; }
  echo "$stamp" >"$venv_rdm/stamp"
}

# --- the steps: each returns 0 if it passed, 5 if there was nothing to do ---

without_services=(-u SEARCH_URL -u BROKER_URL -u CACHE_REDIS_URL)
# pytest [ARGUMENTS OF env] -- ARGUMENTS
pytest() {
  local environment=()
  while [[ $1 != -- ]]; do environment+=("$1"); shift; done
  shift
  run env "${environment[@]}" "$venv/bin/python" -m pytest "$@" "${pytest_arguments[@]}"
}

step_manifest() {
  if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then echo "not a git repository: nothing to compare with"; return 5; fi
  PATH=$venv/bin:$PATH run "$venv/bin/check-manifest" --no-build-isolation
}

step_style() { run "$venv/bin/ruff" check . && run "$venv/bin/ruff" format --check .; }

step_types() { run "$venv/bin/mypy"; }

# Files of tests run beside each other, each in one process.
parallel=(--numprocesses auto --maxprocesses 4 --dist loadfile)

step_unit() { pytest "${without_services[@]}" -- "${parallel[@]}" tests/unit tests/test_*.py -m "not slow"; }

step_docs() {
  if [[ ! -f docs/conf.py ]]; then echo "no docs/conf.py yet"; return 5; fi
  run "$venv/bin/sphinx-build" -W --keep-going -n -q -b html -d "$venv/docs/doctrees" docs "$venv/docs/html"
}

step_flow() {
  local url=()
  case $engine in
    embedded) ;;
    opensearch) start_services opensearch || return 1; url=("SEARCH_URL=$SEARCH_URL") ;;
    *) url=("SEARCH_URL=$engine") ;;
  esac
  pytest "${without_services[@]}" "${url[@]}" -- "${parallel[@]}" tests/flow tests/compat -m "not slow"
}

step_package() { pytest "${without_services[@]}" -- tests/test_package.py tests/counter_reader -m slow; }

source scripts/steps.d/engines.sh
source scripts/steps.d/browser.sh

step_services() {
  start_services opensearch rabbitmq redis postgresql && add_virtual_host || return 1
  local status=0
  pytest -- "${beside_each_other[@]}" tests/flow tests/compat -m "not embedded" || status=1
  # These stop services, or look at all that a service does: alone.
  pytest -- tests/services tests/unit/queries/test_holdings.py \
    tests/test_package.py::test_the_minimal_instance_counts_as_its_page_says || status=1
  return $status
}

# Two processes of tests wait for the same services; each has its own prefix of indices and of keys, and its own queues.
beside_each_other=(--numprocesses 2 --dist loadfile)
add_virtual_host() {
  scripts/services ctl list_vhosts --quiet | grep -qx gw1 && return
  run scripts/services ctl --quiet add_vhost gw1 && run scripts/services ctl --quiet set_permissions -p gw1 guest '.*' '.*' '.*'
}

step_rdm() {
  if ! { make_rdm_environment && start_services postgresql opensearch rabbitmq redis; }; then
    if [[ ${CI:-} == true ]]; then return 1; fi
    echo "the step rdm is skipped: its requirements are missing"
    return 5
  fi
  run "$venv_rdm/bin/python" -m pytest tests/rdm --timeout 600 "${pytest_arguments[@]}"
}

# --- the run ---

unset PYTHONPATH PYTHONHOME
begin=$SECONDS
if [[ $python ]]; then find_python; fi
if [[ ${steps[*]} != rdm ]]; then make_environment "$venv" "$python" -e '.[tests,docs,demo]' || exit 2; fi
summary=$(printf '%-10s %-7s %5d s' environment ready "$((SECONDS - begin))") passed=0 failed=0
for step in "${steps[@]}"; do
  say "$step"
  step_begin=$SECONDS status=0
  "step_$step" || status=$?
  case $status in
    0) word=passed passed=$((passed + 1)) ;;
    5) word=nothing ;;
    *) word=FAILED failed=$((failed + 1)) ;;
  esac
  summary+=$(printf '\n%-11s %-7s %5d s' "$step" "$word" "$((SECONDS - step_begin))")
done
say "summary"
echo "$summary"
echo "total               $(printf '%5d s' "$((SECONDS - begin))")"
echo "steps: $passed passed, $failed failed"
((failed == 0))

#!/usr/bin/env bash
# Runs all tests: makes its own environment, starts what it needs, stops it again, says how it went.
set -euo pipefail

usage() {
  cat <<'TEXT'
run-tests.sh [OPTIONS] [PYTEST ARGUMENTS]
Installs the package with all it needs for tests into an environment of its own and runs, one after the other:
    manifest   everything in the repository is in the source distribution, or left out on purpose
    style      ruff, the linter and the formatter
    types      mypy on the typed parts
    unit       tests without services
    docs       the documentation builds without a warning
    flow       tests on a real application and an embedded search engine
and with --full also:
    package    the wheel and the source distribution hold what they should
    services   flow again, and faults and load, on real OpenSearch, RabbitMQ and Redis, which it installs and starts
    engines    a short pass on OpenSearch 2.19 (with its own client and that of 1), OpenSearch 3 and Elasticsearch 7.10;
               an engine that cannot be installed is left out
    rdm        a real InvenioRDM in an environment of its own, with PostgreSQL as well: used, asked, begun with
               the public 7.0.2, switched and switched back
Options:
    --full               all steps (some 20 minutes more); without root the services must be installed already
    --only STEP          this step only; may be given several times
    --engine ENGINE      what `flow` runs on: embedded (as usual), opensearch (installed and started here), or a URL
    --keep-services      leave the services running for the next run; `scripts/services stop` stops them
    --explore            property tests only, with random examples and 30 times as many; prints how to repeat a failure
    --python PYTHON      the Python to use (3.10 or newer); otherwise the first suitable one that is found
    --help               this text
Whatever else is given goes to pytest: ./run-tests.sh --only flow -k bookmark -x
CI=true: a test that misses its service fails instead of being skipped; so do engines and rdm without what they need.
TEXT
}

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
cd "$here"
all=(manifest style types unit docs flow package services engines rdm)
steps=(manifest style types unit docs flow)
only=() engine=embedded keep="" python="" explore="" pytest_arguments=() child=""

say() { printf '\n== %s\n' "$*"; }
die() { echo "run-tests.sh: $*" >&2; exit 2; }

while (($#)); do
  case $1 in
    --only | --engine | --python) [[ -n ${2:-} ]] || die "$1 wants a value, see --help" ;;&
    --full) steps=("${all[@]}") ;;
    --only) [[ $2 != *" "* && " ${all[*]} " == *" $2 "* ]] || die "'$2' is no step; there are: ${all[*]}"; only+=("$2"); shift ;;
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

# Runs a command so that a signal to this script ends it too; standard input stays with it.
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

# InvenioRDM is tried on Python 3.12; with it comes the public release, in a folder that only some processes look into.
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

# --- the steps: each returns 0 when it passed, 5 when there was nothing to do ---

without_services=(-u SEARCH_URL -u BROKER_URL -u CACHE_REDIS_URL)
# pytest [CHANGES OF THE ENVIRONMENT] -- ARGUMENTS
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

step_unit() { pytest "${without_services[@]}" -- tests/unit tests/test_*.py -m "not slow"; }

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
  pytest "${without_services[@]}" "${url[@]}" -- tests/flow tests/compat -m "not slow"
}

step_package() { pytest -- tests/test_package.py -m slow; }

source scripts/steps.d/engines.sh

step_services() {
  start_services opensearch rabbitmq redis || return 1
  pytest -- tests/flow tests/compat tests/services
}

step_rdm() {
  if ! { make_rdm_environment && start_services postgresql opensearch rabbitmq redis; }; then
    if [[ ${CI:-} == true ]]; then return 1; fi
    echo "InvenioRDM is left out: this machine lacks what it needs"
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

#!/usr/bin/env bash
# Runs a small Invenio instance with simulated traffic and checks that all of it was counted.
set -euo pipefail

usage() {
  cat <<'TEXT'
run-demo.sh [OPTIONS]
Installs the package with all it needs for the demo into an environment of its own (.venv-demo, once), and then,
in about two minutes: starts an embedded search engine, a small Invenio instance (records with files, users, a
search page) behind gunicorn, and a Celery worker with its beat; lets some thousand requests of browsers, robots,
double clicks, signed-in readers, broken downloads and dead links come over HTTP; and prints what was asked and
what was counted: in the raw events, in the totals, and through the REST API; asks with `invenio stats query` how often
files were downloaded, which records are used most, who uploads most, how open and controlled use compare, how a
community's records are used, what is new, and where readers come from (some use of the month before is published for
that), and compares each answer with what was sent; and shows whether `invenio stats verify` finds the totals equal to
a recount. Exit code: 0 when all agree with what was sent, 1 when they do not, 2 when the demo could
not run.
Options:
    --serve          add a year of use beforehand (which is counted for some minutes), and leave the instance up
                     afterwards: prints the address of the pages
                     of statistics, who may log in as uploader, manager of a community and administrator, and how to
                     run commands of the instance; some visitors keep coming, and now and then a robot that asks for
                     everything; Ctrl-C stops all of it
    --seed N         which traffic; the same number, the same traffic (default: 1)
    --requests N     about how many requests it makes (default: 4000)
    --json           print the result as JSON on standard output, and everything else on standard error
    --package FILE   install this wheel instead of the checkout
    --python PYTHON  the Python to use (3.10 or newer); otherwise the first suitable one that is found
    --help           this text
BROKER_URL: a broker to use instead of a file, for example amqp://guest:guest@localhost:5672/demo; a virtual host
that nobody else uses.
Everything listens on 127.0.0.1 only, on free ports, and is stopped at the end. All data are in a temporary folder
that is removed at the end.
TEXT
}

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
python="" package="" arguments=() scratch=""

say() { printf '%s\n' "$*" >&2; }
die() { say "run-demo.sh: $*"; exit 2; }

while (($#)); do
  case $1 in
    --seed | --requests | --package | --python) [[ -n ${2:-} ]] || die "$1 wants a value, see --help" ;;&
    --serve | --json) arguments+=("$1") ;;
    --seed | --requests) [[ $2 =~ ^[0-9]+$ ]] || die "$1 is '$2'; give a whole number"; arguments+=("$1" "$2"); shift ;;
    --package) package=$(readlink -f "$2") && [[ -f $package ]] || die "--package: there is no file '$2'"; shift ;;
    --python) python=$2; shift ;;
    -h | --help) usage; exit ;;
    *) die "'$1' is no option, see --help" ;;
  esac
  shift
done

# --- the environment ---

venv=$here/.venv-demo
if [[ ! -w $here ]]; then venv=${XDG_CACHE_HOME:-$HOME/.cache}/invenio-stats/venv-demo-$(printf %s "$here" | cksum | cut -d' ' -f1); fi

suits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; }

find_python() {
  local candidate
  if [[ $python ]]; then suits "$python" || die "$python is not a Python 3.10 or newer with venv and pip"; return; fi
  if [[ $(cat "$venv/base" 2>/dev/null) == "$venv: "* ]] && suits "$venv/bin/python"; then python=$venv/bin/python; return; fi
  for candidate in python3.13 python3.12 python3.11 python3.10 python3 \
    "${HOME:-/nonexistent}"/.pyenv/versions/3.1[0-3]*/bin/python /usr/local/bin/python3; do
    if suits "$candidate"; then python=$candidate; return; fi
  done
  die "no Python 3.10 or newer with venv and pip: install one (Debian: python3-venv), or name it with --python"
}

checksum() { LC_ALL=C sort -z | xargs -0 cksum | cksum; }
sources() { find invenio_stats setup.cfg setup.py pyproject.toml -type f -not -name '*.pyc' -print0; }

# Builds from a copy: the checkout stays clean, and what an older build left there stays out.
copy_sources() {
  local name
  for name in invenio_stats setup.cfg setup.py pyproject.toml MANIFEST.in README.rst CHANGES.rst LICENSE; do
    if [[ -e $here/$name ]]; then cp -R "$here/$name" "$scratch/"; fi
  done
  find "$scratch" -name __pycache__ -prune -exec rm -rf {} +
}

make_environment() {
  local base stamp log=$venv/install.log what
  base="$venv: $("$python" -c 'import sys; print(sys.version, sys.base_prefix)')"
  if [[ $package ]]; then what="$package $(cksum <"$package")"; else what=$(cd "$here" && sources | checksum); fi
  stamp="$base $what"
  if [[ $(cat "$venv/stamp" 2>/dev/null) == "$stamp" ]]; then return; fi
  if [[ $(cat "$venv/base" 2>/dev/null) != "$base" ]]; then
    say "Making $venv with $("$python" --version); this takes a minute or two ..."
    rm -rf "$venv"
    "$python" -m venv "$venv"
    printf %s "$base" >"$venv/base"
  else
    say "The package has changed; installing it into $venv ..."
  fi
  rm -f "$venv/stamp"
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  if [[ ! $package ]]; then copy_sources; fi
  {
    # Otherwise pip would keep an older build of the same version.
    "$venv/bin/python" -m pip uninstall --yes --disable-pip-version-check invenio-stats
    "$venv/bin/python" -m pip install --disable-pip-version-check "${package:-$scratch}[demo]"
  } >"$log" 2>&1 || { tail -30 "$log" >&2; die "pip could not install; the whole log is $log"; }
  rm -rf "$scratch"
  trap - EXIT
  printf %s "$stamp" >"$venv/stamp"
}

unset PYTHONPATH PYTHONHOME
find_python
make_environment
# The demo stops what it has started, also on Ctrl-C; it takes the place of this script, so that signals reach it.
export PYTHONPATH=$here/examples PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" -m demo ${arguments[@]+"${arguments[@]}"}

# What all services need: folder, lock, ports, pid files, packages of the system. Sourced by `services`.

say() { echo "services: $*" >&2; }
die() { say "$*"; exit 1; }
misuse() { say "$*"; usage >&2; exit 2; }

# A folder in memory when there is room for an engine and programs may run from it: an engine unpacks one there.
fits() {
  local free probe
  free=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 {print $4}')
  [[ -w $1 && ${free:-0} -gt 1500000 ]] || return 1
  probe=$(mktemp "$1/.services.XXXXXX") && printf '#!/bin/sh\n' >"$probe" && chmod +x "$probe"
  "$probe" 2>/dev/null && rm -f "$probe" || { rm -f "$probe"; return 1; }
}

find_dir() {
  local own parent
  own=invenio-stats-$(id -u)-$(printf %s "$here" | cksum | cut -d' ' -f1)
  for parent in /dev/shm "${TMPDIR:-/tmp}"; do if [[ -O $parent/$own ]]; then echo "$parent/$own"; return; fi; done
  if fits /dev/shm; then echo "/dev/shm/$own"; else echo "${TMPDIR:-/tmp}/$own"; fi
}
dir=$(realpath -m "${SERVICES_DIR:-$(find_dir)}")

lock() {
  (umask 077; mkdir -p "$dir")
  [[ -O $dir ]] || die "$dir belongs to somebody else: set SERVICES_DIR to a folder of your own"
  exec 9>"$dir/.lock"
  flock -w 600 9 || die "another 'services' works on $dir"
}

log_of() { if declare -F "log_$1" >/dev/null; then "log_$1"; else echo "$dir/$1/log"; fi; }

command_of() { if [[ -r /proc/$1/cmdline ]]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -ww -o command= -p "$1"; fi 2>/dev/null; }

# The pid of a service, if its process is really ours: a pid file may outlive its process.
pid_of() {
  local pid
  pid=$(cat "$dir/$1/pid" 2>/dev/null) && [[ $(command_of "$pid") == *"$("mark_$1")"* ]] && echo "$pid"
}
is_up() { pid_of "$1" >/dev/null; }
is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Remembers a port for a service under a name: the same one after a crash, the next free one the first time. Each clone
# begins at another one: two that start at once would find the same one free, and only one could have it.
port_of() { cat "$dir/$1/$2" 2>/dev/null; }
choose_port() {
  local port
  mkdir -p "$dir/$1"
  port=$(port_of "$1" "$2" || echo $(($3 + $(printf %s "$dir" | cksum | cut -d' ' -f1) % 100)))
  while is_open "$port"; do port=$((port + 1)); done
  echo "$port" >"$dir/$1/$2"
}

# Runs a command as a service of its own: spawn NAME COMMAND... (its children do not hold the lock).
spawn() {
  local name=$1
  shift
  setsid "$@" >"$dir/$name/log" 2>&1 </dev/null 9>&- &
  echo $! >"$dir/$name/pid"
}

wait_for() {
  local name=$1 port=$2 begin=$SECONDS
  until is_open "$port"; do
    if ! kill -0 "$(cat "$dir/$name/pid")" 2>/dev/null; then tail -20 "$dir/$name/log" >&2; die "$name died while starting: $dir/$name/log"; fi
    if ((SECONDS > begin + 120)); then tail -20 "$dir/$name/log" >&2; die "$name is not usable after 120 s: $dir/$name/log"; fi
    sleep 0.2
  done
  say "$name is up at $("url_$name") ($((SECONDS - begin)) s)"
}

signal() {
  local pid
  pid=$(pid_of "$1") || { if [[ $2 == KILL ]]; then die "$1 is not running"; fi; return 0; }
  kill "-$2" "$pid"
  end_of "$pid"
  rm -f "$dir/$1/pid"
}

# Waits for the end of a process, and after 30 s makes it.
end_of() {
  local i
  for ((i = 0; i < 300; i++)); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL "$1" 2>/dev/null || true
}

# Installs system packages where that can be done: install_packages WHAT PACKAGE...
install_packages() {
  local what=$1 policy=/usr/sbin/policy-rc.d ours=""
  shift
  command -v apt-get >/dev/null || die "$what is missing: install it with your system's package manager (Debian: $*)"
  [[ $(id -u) == 0 ]] || die "$what is missing: run 'sudo apt-get install -y $*', then start again"
  say "installing $*"
  # A package of a server starts it on all interfaces: not wanted here.
  if [[ ! -e $policy ]]; then printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod +x "$policy"; ours=$policy; fi
  local log status=0
  log=$(mktemp)
  {
    apt-get -o DPkg::Lock::Timeout=300 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
  } >"$log" 2>&1 9>&- </dev/null || status=$?
  if [[ $ours ]]; then rm -f "$ours"; fi
  if ((status)); then tail -20 "$log" >&2; die "apt-get could not install $*: $log"; fi
  rm -f "$log"
}

# The first of some paths that is a program.
first_program() {
  local path
  for path in "$@"; do if [[ -x $path ]]; then echo "$path"; return; fi; done
  return 1
}

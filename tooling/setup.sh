# Sourced by ./learn and ./test: makes the Python environment in .venv, once.
# Works with bash 3.2 (macOS). Safe to run twice, at once, and after a run that was killed:
# the environment counts only when its mark is there, and the mark is written last.

say() { printf '%s\n' "$*" >&2; }

set_up() { # ROOT EXTRA: EXTRA is "" for learners, "test" for the tests
  local root=$1 extra=$2
  local venv=$root/.venv mark
  mark=$venv/.made-for-$(printf '%s' "$root" | cat - "$root/pyproject.toml" | cksum | tr ' ' -)
  [ -e "$mark$extra" ] && return 0
  take_lock "$root/.venv.lock"
  if [ ! -e "$mark$extra" ]; then
    install_into "$root" "$venv" "$mark" "$extra"
    touch "$mark" "$mark$extra"
  fi
  rm -rf "$root/.venv.lock"
  trap - EXIT INT TERM
}

take_lock() { # FOLDER
  local lock=$1 owner told= orphan=0 failed=0
  until mkdir "$lock" 2>/dev/null; do
    if [ ! -d "$lock" ] && [ $((failed += 1)) -ge 5 ]; then
      say "nodebynode: nothing can be written in $(dirname "$lock"). Give yourself the rights, or make room, and run the command again."
      exit 2
    fi
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    [ -n "$owner" ] || orphan=$((orphan + 1))
    if [ "$orphan" -gt 5 ]; then
      rm -rf "$lock" # it was killed before it could say who it is
      orphan=0
      continue
    fi
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
      rm -rf "$lock" # its owner was killed
      continue
    fi
    [ -n "$told" ] || say "Another set-up (process ${owner:-unknown}) is at work in this folder; waiting for it."
    told=yes
    sleep 1
  done
  echo $$ >"$lock/pid"
  trap 'rm -rf "'"$lock"'"' EXIT
  trap 'exit 130' INT TERM
}

install_into() { # ROOT VENV MARK EXTRA
  local root=$1 venv=$2 mark=$3 extra=$4 python uv
  local wanted=$root
  [ -z "$extra" ] || wanted="$root[$extra]"
  uv=$(command -v uv || true)
  case $uv in "$venv"/*) uv= ;; esac # an activated .venv is no tool to make itself with
  if [ -n "$uv" ]; then
    [ -e "$mark" ] || step "Make the Python environment" "$uv" venv --quiet --clear --python '>=3.11' "$venv"
    step "Install the Python packages (half a minute)" "$uv" pip install --quiet --python "$venv/bin/python" -e "$wanted"
  else
    python=$(find_python)
    [ -e "$mark" ] || step "Make the Python environment" "$python" -m venv --clear "$venv"
    step "Install the Python packages (one to two minutes)" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e "$wanted"
  fi
}

find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  say "nodebynode: there is no Python 3.11 or newer with venv on PATH."
  say "Install one from https://www.python.org (Debian, Ubuntu: sudo apt install python3-venv), or install uv, and try again."
  exit 2
}

step() { # TEXT COMMAND...: runs it, shows its seconds, and on failure its last lines
  local text=$1 log began=$SECONDS job code=0
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null &
  job=$!
  trap 'kill "'"$job"'" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$job" 2>/dev/null; do
    [ ! -t 2 ] || printf '\r  %s … %s s ' "$text" $((SECONDS - began)) >&2
    sleep 0.5
  done
  wait "$job" || code=$?
  [ ! -t 2 ] || printf '\r\033[K' >&2
  if [ "$code" -ne 0 ]; then
    say "✗ $text: failed after $((SECONDS - began)) s."
    tail -n 12 "$log" >&2
    say "nodebynode: this step failed; the lines above say why. Is there a network, and room on the disk? Then run the command again."
    rm -f "$log"
    exit 2
  fi
  rm -f "$log"
  [ $((SECONDS - began)) -lt 2 ] || say "✓ $text ($((SECONDS - began)) s)"
}

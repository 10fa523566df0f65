# Sourced by ./test: what the tests need of the machine beyond Python. Installs it where it may
# (root on Debian), names it with the command where it may not; the tests then say what they miss.

prepare_machine() { # ROOT
  local root=$1 missing=
  command -v neato >/dev/null || missing="$missing graphviz"
  command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"
  command -v cc >/dev/null || missing="$missing gcc libc6-dev"
  if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      step "Look up Debian's packages" apt-get update -qq
      step "Install$missing" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
    else
      say "The tests need$missing. On Debian or Ubuntu: sudo apt-get install$missing"
    fi
  fi
  use_offline_kind "${NODEBYNODE_OFFLINE_KIND:-$root/../shared/kind}"
}

# Where a folder with tools for a machine without a container registry stands beside this one,
# they start Docker and make the images that cannot be pulled.
use_offline_kind() { # FOLDER
  local tools=$1
  [ -x "$tools/start-docker" ] || return 0
  step "Start Docker" "$tools/start-docker"
  if [ -z "${NODEBYNODE_APP_BASE:-}" ]; then
    step "Make the app's base image" "$tools/build-node-image" app-base
    NODEBYNODE_APP_BASE=$("$tools/build-node-image" app-base | tail -n 1)
  fi
  if [ -z "${NODEBYNODE_KIND_IMAGE:-}" ]; then
    step "Make the node image (ten minutes, once)" "$tools/build-node-image"
    NODEBYNODE_KIND_IMAGE=$("$tools/build-node-image" | tail -n 1)
  fi
  export NODEBYNODE_APP_BASE NODEBYNODE_KIND_IMAGE
}

# The step `browser` of run-tests.sh: the pages in the system's Chromium. Sourced by it.

find_chromium() {
  local program
  for program in ${CHROMIUM:-chromium chromium-browser google-chrome}; do
    if command -v "$program" >/dev/null; then return; fi
  done
  return 1
}

install_chromium() {
  if ! command -v apt-get >/dev/null || [[ $(id -u) != 0 ]]; then return 1; fi
  say "installing chromium"
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-liberation; } >/dev/null
  find_chromium
}

step_browser() {
  if ! { find_chromium || install_chromium; }; then
    echo "there is no Chromium (Debian: apt-get install chromium); CHROMIUM names one that is elsewhere"
    if [[ ${CI:-} == true ]]; then return 1; fi
    echo "the step browser is skipped"
    return 5
  fi
  # What only this step needs is added to the environment of the tests, once.
  if ! "$venv/bin/python" -c "import axe_playwright_python, flask_fomanticui, playwright, pypdf" 2>/dev/null; then
    run "$venv/bin/python" -m pip --disable-pip-version-check install --quiet -e '.[browser]' || return 1
  fi
  pytest "${without_services[@]}" -- tests/browser
}

#!/bin/sh
# Make .venv with what uv.lock names: for the server alone, or with the argument `tests` for the tests too. uv comes from PATH or from the Python that runs this; where there is none it is
# fetched from the package registry into .venv-tools, so that nothing is installed outside this folder. (Debian's bare
# python3 has neither venv nor pip: then, and only then, its package python3-venv is installed, if we may.)
set -eu
python=${PYTHON:-python3}
tools=.venv-tools

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "heliograph needs Python 3.11 or newer; $python is $("$python" --version 2>&1)" >&2
    exit 1
}

make_tools() {
    "$python" -m venv "$tools" >/dev/null 2>&1 || { rm -rf "$tools"; return 1; }
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check "uv>=0.9"
}

install_venv_module() {
    command -v apt-get >/dev/null || return 1
    as_root=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || return 1
        as_root="sudo -n"
    fi
    $as_root apt-get update -qq && $as_root apt-get install -y -qq python3-venv >/dev/null
}

if command -v uv >/dev/null; then
    uv=uv
elif "$python" -m uv --version >/dev/null 2>&1; then
    uv="$python -m uv"
else
    uv=$tools/bin/uv
    if [ ! -x "$uv" ]; then
        make_tools || { install_venv_module && make_tools; } || {
            echo "$python has no venv module: install it (Debian: apt-get install python3-venv)" >&2
            exit 1
        }
    fi
fi
# "inexact": what the tests added stays, when the server alone is set up again.
case ${1:-} in
    tests) what= ;;
    *) what="--no-dev --inexact" ;;
esac
# shellcheck disable=SC2086
UV_PYTHON_DOWNLOADS=never $uv sync --quiet --locked --python "$python" $what

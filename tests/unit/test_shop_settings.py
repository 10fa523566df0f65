"""What `shop` says of settings that it cannot use, and what its image needs."""

from __future__ import annotations

import ast
import json
import re
import sys

import pytest

from tests.unit.running_shop import APP, LINE, SHOP, Start, wait_for

# --- Settings ---

BAD = [
    ("SHOP_VERSION", "", "1 to 253 printable"),
    ("SHOP_VERSION", "v\n1", "1 to 253 printable"),
    ("POD_NAME", "", "1 to 253 printable"),
    ("NODE_NAME", "n" * 254, "1 to 253 printable"),
    ("SHOP_BIND", "localhost", "an IP address"),
    ("SHOP_BIND", "", "an IP address"),
    ("SHOP_BIND", "127.0.0.256", "an IP address"),
    ("SHOP_PORT", "", "0 to 65535"),
    ("SHOP_PORT", "http", "0 to 65535"),
    ("SHOP_PORT", "-1", "0 to 65535"),
    ("SHOP_PORT", "65536", "0 to 65535"),
    ("SHOP_PORT", "9" * 5000, "0 to 65535"),
    ("SHOP_STARTUP_SECONDS", "-1", "0 to 86400"),
    ("SHOP_STARTUP_SECONDS", "never", "0 to 86400"),
    ("SHOP_STARTUP_SECONDS", "nan", "0 to 86400"),
    ("SHOP_READY_AFTER_SECONDS", "soon", "or the word never"),
    ("SHOP_READY_AFTER_SECONDS", "inf", "or the word never"),
    ("SHOP_WORK_SECONDS", "1s", "0 to 86400"),
    ("SHOP_WORK_SECONDS", "1e300", "0 to 86400"),
    ("SHOP_ERROR_RATE", "1.1", "0 to 1"),
    ("SHOP_ERROR_RATE", "50%", "0 to 1"),
    ("SHOP_CRASH_AFTER_SECONDS", "-0.1", "or the word never"),
    ("SHOP_CRASH_AFTER_SECONDS", "", "or the word never"),
    ("SHOP_ON_SIGTERM", "FINISH", "finish, exit, ignore, drain"),
    ("SHOP_ON_SIGTERM", "", "finish, exit, ignore, drain"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_bad_value_is_one_clear_line(start: Start, name: str, value: str, allowed: str) -> None:
    shop = start(**{name: value})
    assert shop.exit_code() == 2
    text = shop.stderr()
    assert LINE.fullmatch(text.rstrip("\n"))
    assert text.count("\n") == 1
    assert f"{name} is {value!r}; it must be " in text
    assert allowed in text
    assert shop.lines == []


def test_a_port_in_use_is_one_clear_line(start: Start) -> None:
    taken = start().port
    shop = start(SHOP_PORT=str(taken))
    assert shop.exit_code() == 2
    text = shop.stderr()
    assert text.count("\n") == 1
    assert f"SHOP_PORT {taken}" in text


def test_a_service_called_shop_does_not_stop_it(start: Start) -> None:
    # Kubernetes writes this into every pod that starts after a Service called `shop` exists. The
    # default port may be taken on this machine; what counts is that 8080 was meant.
    shop = start(SHOP_PORT="tcp://10.96.0.1:80")
    wait_for(lambda: bool(shop.lines) or shop.process.poll() is not None)
    text = shop.lines[0] if shop.lines else shop.stderr()
    assert re.search(r"(port|SHOP_PORT) 8080", text)


# --- What its image needs ---


def test_it_needs_nothing_but_the_standard_library() -> None:
    for node in ast.walk(ast.parse(SHOP.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_dockerfile_fits_old_builders_and_the_app() -> None:
    lines = (APP / "Dockerfile").read_text().splitlines()
    steps = [line for line in lines if line and not line.startswith(("#", " "))]
    assert steps[:2] == ["ARG BASE=python:3.13-slim", "FROM ${BASE} AS packed"]
    assert "USER 65534:65534" in steps
    assert not [line for line in lines if "<<" in line or "--mount" in line or "--chmod" in line]
    baked = re.findall(r"(SHOP_\w+)=", "\n".join(lines))
    assert baked == [
        "SHOP_VERSION",
        "SHOP_CRASH_AFTER_SECONDS",
        "SHOP_READY_AFTER_SECONDS",
        "SHOP_ERROR_RATE",
    ]
    assert all(f'"{name}"' in SHOP.read_text() for name in baked)
    entry = next(line for line in steps if line.startswith("ENTRYPOINT"))
    assert json.loads(entry.removeprefix("ENTRYPOINT "))[-1] == "/shop.py"

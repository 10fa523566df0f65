"""The app's images: built once with Docker, kept as one archive, known by their content."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from filelock import FileLock

from nodebynode import settings
from nodebynode.cluster.docker import docker, has_image
from nodebynode.errors import ClusterError, NodebynodeError
from nodebynode.reporting import Reporter

REPOSITORY = "localhost/shop"
"""`localhost` names no registry on the internet, so that a mistyped tag is never pulled from a
stranger."""

TAGS: dict[str, dict[str, str]] = {
    "v1": {},
    "v2": {},
    "v3": {},
    "v4-crash": {"CRASH_AFTER": "1"},
    "v4-never-ready": {"READY_AFTER": "never"},
    "v4-errors": {"ERROR_RATE": "0.5"},
}
"""The tags, and the build arguments that make a broken one broken."""

_ENVIRONMENT = {
    "SHOP_VERSION": ("VERSION", "dev"),
    "SHOP_CRASH_AFTER_SECONDS": ("CRASH_AFTER", "never"),
    "SHOP_READY_AFTER_SECONDS": ("READY_AFTER", "0"),
    "SHOP_ERROR_RATE": ("ERROR_RATE", "0"),
}
"""The Dockerfile's ENV: each variable's build argument, and the argument's default."""

DEFAULT_BASE = "python:3.13-slim"
_APP = Path(__file__).parents[1] / "app"


def base_image() -> str:
    """Return the image that the app is built upon (`NODEBYNODE_APP_BASE`)."""
    return os.environ.get("NODEBYNODE_APP_BASE") or DEFAULT_BASE


def image_environment(tag: str) -> dict[str, str] | None:
    """Return what the image of a tag sets for the app; None when there is no such tag."""
    if tag not in TAGS:
        return None
    given = {"VERSION": tag, **TAGS[tag]}
    return {
        name: given.get(argument, default) for name, (argument, default) in _ENVIRONMENT.items()
    }


def content_hash() -> str:
    """Return a hash of all that decides what the images are."""
    digest = hashlib.sha256()
    for name in ("shop.py", "pack.py", "Dockerfile"):
        digest.update((_APP / name).read_bytes())
    digest.update(f"{base_image()} {REPOSITORY} {TAGS}".encode())
    return digest.hexdigest()[:16]


def app_archive(reporter: Reporter) -> Path:
    """Return the archive of the images, building it if it is not in the cache.

    Raises:
        BadInput: the cache cannot be written.
        ClusterError: the base image is absent and cannot be pulled, or the build failed.
    """
    archive = settings.cache_dir() / "apps" / f"shop-{content_hash()}.tar"
    if archive.is_file():
        return archive
    with settings.writing(archive.parent, "NODEBYNODE_CACHE"):
        archive.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{archive}.lock"):
            if archive.is_file():
                return archive
            _build(archive, reporter)
    return archive


def _build(archive: Path, reporter: Reporter) -> None:
    with reporter.step(f"Build the app's images on {base_image()} (once)") as step:
        _require_base(base_image())
        part = archive.with_name(f"{archive.name}.part")  # one at a time: we hold the lock
        try:
            step.update("Python, as far as it is needed")
            _docker_build("packed", "--target=packed", f"--build-arg=BASE={base_image()}")
            for tag, arguments in TAGS.items():
                step.update(tag)
                given = {"BASE": base_image(), "VERSION": tag, **arguments}
                _docker_build(tag, *(f"--build-arg={name}={given[name]}" for name in given))
            step.update("archive")
            docker("save", "--output", part, *map(_image, TAGS), timeout=300)
            part.replace(archive)
        finally:
            part.unlink(missing_ok=True)
            docker("image", "rm", *map(_image, [*TAGS, "packed"]), check=False)


def _docker_build(tag: str, *flags: str) -> None:
    docker("build", "--quiet", "--tag", _image(tag), *flags, _APP, timeout=600)


def _require_base(image: str) -> None:
    if has_image(image):
        return
    try:
        docker("pull", "--quiet", image, timeout=600)
    except NodebynodeError as error:
        raise ClusterError(
            f"The app's base image {image} is not on this machine and cannot be pulled: "
            f"{error.seen}",
            "Connect to a network that reaches the registry, or set NODEBYNODE_APP_BASE to an "
            "image with Python 3.11 or newer that is here (`docker images`).",
        ) from error


def _image(tag: str) -> str:
    return f"{REPOSITORY}:{tag}"

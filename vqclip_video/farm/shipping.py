"""What a machine needs to render a film that another one has read: the storyboard and its files,
which are known by their content and brought to a machine once.

In a workspace they lie as on the first machine, so that everything that is kept beside a film says
what it would say there: files of the storyboard's folder in `home`, others in `beside`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from ..catalogue.store import models_dir
from ..disk.cache import cache_dir
from ..disk.checksums import remembered_sha256, sha256_of
from ..disk.files import explained, remove
from ..disk.lock import waited_for
from ..errors import OutputError, VqclipError
from ..materials import CLIPFile, Materials, find_materials
from ..storyboard.reader import parse
from ..storyboard.schema import Storyboard
from ..storyboard.writer import dump, files_of, paths_in
from .store import Store

STORED = ".farm/files"  # in the store
HOME, BESIDE, OUTPUT = "home", "beside", "output"  # in a workspace
# Folders that every machine has, wherever: those of the package, of fetched models.
ROOTS = {"package": lambda: Path(__file__).parents[1], "models": models_dir}


@dataclass(frozen=True)
class Shipped:
    """A file: where it lies on the machine that read the storyboard, its content, and the files
    that have to lie beside it, each with its sha256.
    """

    path: Path
    sha256: str
    beside: tuple[tuple[Path, str], ...] = ()
    root: tuple[str, str] | None = None  # one of ROOTS that it lies in, and where

    @property
    def all(self) -> tuple[tuple[Path, str], ...]:
        """It and those beside it, each with its sha256."""
        return (self.path, self.sha256), *self.beside

    @property
    def key(self) -> str:
        """What its folder is called, in the store and in a machine's cache."""
        return digest_of(f"{path.name} {sha256}" for path, sha256 in self.all)[:32]


@dataclass(frozen=True)
class Cargo:
    """A storyboard and its files, ready to be sent: picklable, all paths those of the sender.

    key: what makes it this film and no other, by its content. models_key: what its networks are.
    """

    storyboard: Storyboard
    materials: Materials
    files: tuple[Shipped, ...]
    places: Mapping[Path, str]  # in a workspace, of what the storyboard names and reads
    output: str  # the film's place in a workspace, with its suffix
    key: str
    models_key: str


def digest_of(lines) -> str:
    """The sha256 of lines of text."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def packed(storyboard: Storyboard, name: str, folder: Path | None) -> Cargo:
    """A storyboard with all its files, found on this machine, for a film of that name.

    folder: that the film goes to, where it is a path. Raises UsageError and ModelError as
    `find_materials`.
    """
    materials, home = find_materials(storyboard), storyboard.home
    named = paths_in(storyboard)
    inside = folder is not None and folder.is_relative_to(home)
    output = f"{HOME}/{folder.relative_to(home).as_posix()}" if inside else OUTPUT
    models = materials.models
    found = [shipped(clip.path, clip.beside) for clip in models.clips]
    rest = (models.vqgan, models.vqgan_config, materials.sketchbook, materials.prior)
    files = [path for path in (*rest, *materials.named) if path]
    found += [shipped(path) for path in dict.fromkeys(files)]
    own = (path for file in found if not file.root for path, _ in file.all)
    places = {path: _place(path, home) for path in (*named, *own)}
    plain = replace(storyboard, marks={}, warnings=(), source=None)
    contents, identity = materials.contents, materials.identity()
    models_key = digest_of(f"{name} {sha256}" for name, sha256 in identity.items())
    text = dump(plain, lambda path: contents.get(path, "a file"))
    key = digest_of([text, models_key])
    return Cargo(plain, materials, tuple(found), places, f"{output}/{name}.mp4", key, models_key)


def shipped(path: Path, beside: tuple[Path, ...] = ()) -> Shipped:
    """A file of this machine, with its content's digest."""
    root = None
    for name, folder in ROOTS.items():
        if path.is_relative_to(folder()):
            root = (name, path.relative_to(folder()).as_posix())
    others = tuple((other, remembered_sha256(other)) for other in beside)
    return Shipped(path, remembered_sha256(path), others, root)


@dataclass(frozen=True)
class Unpacked:
    """A cargo on the machine that renders it."""

    storyboard: Storyboard
    materials: Materials


def put(store: Store, file: Shipped) -> None:
    """Puts a file of this machine into the store, for those that do not have it."""
    for path, _ in file.all:
        store.upload(path, f"{STORED}/{file.key}/{path.name}")


def locate(store: Store, file: Shipped) -> Path | None:
    """Where this machine has a file, after a look into the store; None where nobody has it.

    It is fetched once for all processes of the machine, and verified. Raises OutputError.
    """
    for path in _candidates(file):
        if _is(path, file):
            return path
    folder = cache_dir() / "farm" / "files" / file.key
    path = folder / file.path.name
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with waited_for(folder.with_suffix(".lock")):
        if _is(path, file):
            return path
        if not store.names(f"{STORED}/{file.key}"):
            return None
        for other, sha256 in file.all:
            _fetch(store, f"{STORED}/{file.key}/{other.name}", folder / other.name, sha256)
    return path


def unload(cargo: Cargo, found: Mapping[Path, Path], workspace: Path) -> Unpacked:
    """The storyboard and the materials on this machine.

    found: where each of the cargo's files lies here, by the sender's path. Raises OutputError.
    """
    places = {path: workspace / place for path, place in cargo.places.items()}
    with explained(workspace):
        (workspace / HOME).mkdir(parents=True, exist_ok=True)
        for file in cargo.files:
            for path, _ in file.all:
                if path in places:
                    places[path].parent.mkdir(parents=True, exist_ok=True)
                    _link(found[file.path].with_name(path.name), places[path])
    found = {**found, **{path: place for path, place in places.items() if path in found}}
    text = dump(cargo.storyboard, lambda path: str(places[path]))
    storyboard = replace(parse(text, base=workspace), source=workspace / HOME / "story.yaml")
    here = cargo.materials
    models = replace(
        here.models,
        clips=tuple(CLIPFile(found[clip.path], clip.config) for clip in here.models.clips),
        vqgan=found[here.models.vqgan],
        vqgan_config=found[here.models.vqgan_config],
    )
    sketchbook, prior = (found.get(path) for path in (here.sketchbook, here.prior))
    named = tuple(files_of(storyboard))
    return Unpacked(storyboard, Materials(models, here.config, sketchbook, prior, named))


def _place(path: Path, home: Path) -> str:
    """Where a file lies in a workspace: as it lies to the storyboard, or to other files."""
    if path.is_relative_to(home):
        return f"{HOME}/{path.relative_to(home).as_posix()}"
    return f"{BESIDE}/{path.relative_to(path.anchor).as_posix()}"


def _candidates(file: Shipped) -> list[Path]:
    if not file.root:
        return [file.path]
    name, place = file.root
    return [ROOTS[name]() / place, file.path]


def _is(path: Path, file: Shipped) -> bool:
    """Whether the file is at `path`, with those beside it."""
    with suppress(VqclipError, OSError):
        return all(
            remembered_sha256(path.with_name(other.name)) == sha256 for other, sha256 in file.all
        )
    return False


def _fetch(store: Store, name: str, target: Path, sha256: str) -> None:
    store.download(name, target)
    if sha256_of(target) != sha256:
        remove(target)
        raise OutputError(
            f"{store}/{name}: its content is not what it should be; remove it there, then try again"
        )


def _link(source: Path, place: Path) -> None:
    """The same file at another place, copied where there are no links."""
    remove(place)
    try:
        place.symlink_to(source)
    except OSError:
        shutil.copyfile(source, place)

"""scripts/inputs.mjs as a command: what it writes, keeps and removes, and what it says when it cannot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.trpc.inputs_command import written
from tests.trpc.real_peers import HERE

HEAD = """\
import { initTRPC } from "@trpc/server";
import { z } from "zod";
const t = initTRPC.create();
const open = t.procedure;
"""


class Project:
    """A router's project with the packages of this folder, and the folder that its schemas are written to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "inputs"
        (folder / "node_modules").symlink_to(HERE / "node_modules")

    def run(self, *more: str, router: str = "router.mjs") -> tuple[int, str]:
        return written(str(self.folder / router), self.out, *more)

    def router(self, procedures: str, export: str = "export const appRouter = ", name: str = "router.mjs") -> None:
        (self.folder / name).write_text(f"{HEAD}{export}t.router({{{procedures}}});\n")

    def schema(self, name: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.out / f"{name}.json").read_text())
        return found


@pytest.fixture
def project(packages: None, tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_folder_follows_its_router(project: Project) -> None:
    project.router("a: open.input(z.object({ x: z.string() })).query(() => 1), b: open.query(() => 1)")
    assert project.run()[1].endswith("2 procedures: 2 written, 0 up to date, 0 yours, 0 removed\n")
    assert project.schema("a")["required"] == ["x"]
    before = (project.out / "a.json").read_bytes()
    assert project.run("--check") == (0, "2 procedures: 0 to be written, 2 up to date, 0 yours, 0 to be removed\n")
    project.router("a: open.input(z.object({ x: z.number() })).query(() => 1)")
    code, printed = project.run("--check")
    assert (code, (project.out / "a.json").read_bytes()) == (1, before)
    assert "a.json: not up to date" in printed and "b.json: its procedure is gone" in printed
    assert project.run()[0] == 0
    assert project.schema("a")["properties"] == {"x": {"type": "number"}}
    assert not (project.out / "b.json").exists()
    assert project.run("--check")[0] == 0


def test_what_is_written_by_hand_stays(project: Project) -> None:
    """A file without the mark: a route's, one that was tightened, one of a procedure whose input is no zod."""
    project.out.mkdir()
    own = {"a": '{"type": "object"}', "some-route": '{"type": "array"}', "c": "{}"}
    for name, text in own.items():
        (project.out / f"{name}.json").write_text(text)
    project.router(
        "a: open.input(z.object({})).query(() => 1), b: open.query(() => 1), c: open.input((v) => v).query(() => 1)"
    )
    code, printed = project.run()
    assert (code, "a.json: yours, left as it is" in printed) == (0, True)
    assert {name: (project.out / f"{name}.json").read_text() for name in own} == own
    assert project.schema("b")["type"] == "null"
    assert project.run("--check")[0] == 0


def test_an_input_that_is_no_zod_is_named_and_the_others_are_written(project: Project) -> None:
    project.router("a: open.input((value) => value).query(() => 1), b: open.query(() => 1)")
    code, printed = project.run()
    assert (code, "a: its input is no schema of zod 4" in printed) == (2, True)
    assert [path.name for path in project.out.iterdir()] == ["b.json"]


def test_another_name_of_a_procedure_has_no_file(project: Project) -> None:
    project.router("a: open.query(() => 1), b: open.query(() => 1), c: open.query(() => 1)")
    assert project.run("--alias", "b=a", "--alias", "c=a")[0] == 0
    assert [path.name for path in project.out.iterdir()] == ["a.json"]
    code, printed = project.run("--alias", "b=z")
    assert (code, "the router has no procedure z" in printed) == (2, True)


def test_which_export_is_the_router(project: Project) -> None:
    project.router("a: open.query(() => 1)", export="export const first = ")
    assert project.run()[0] == 0
    with (project.folder / "router.mjs").open("a") as file:
        file.write("export const second = t.router({ b: open.query(() => 1) });\n")
    code, printed = project.run()
    assert (code, "its routers are first, second: name one with --export" in printed) == (2, True)
    assert project.run("--export", "second")[0] == 0
    assert [path.name for path in project.out.iterdir()] == ["b.json"]
    assert project.run("--export", "third")[0] == 2
    project.router("a: open.query(() => 1)", export="export default ")
    assert project.run()[0] == 0
    project.router("a: open.query(() => 1)", export="export const first = ")
    with (project.folder / "router.mjs").open("a") as file:
        file.write("export default first;\n")
    assert project.run()[0] == 0


@pytest.mark.parametrize("exported", ["module.exports = found;", "module.exports = found.appRouter;"])
def test_a_router_in_commonjs(project: Project, exported: str) -> None:
    """As compilers write it whose exports Node does not see by name."""
    head = re.sub(r"import (.+) from (.+);", r"const \1 = require(\2);", HEAD)
    router = "const found = { appRouter: t.router({ a: open.query(() => 1) }) };"
    (project.folder / "router.cjs").write_text(f"{head}{router}\n{exported}\n")
    assert project.run(router="router.cjs")[1].endswith("1 procedures: 1 written, 0 up to date, 0 yours, 0 removed\n")


def test_a_router_that_writes_its_own_lines_and_keeps_itself_busy(project: Project) -> None:
    project.router("a: open.query(() => 1)")
    with (project.folder / "router.mjs").open("a") as file:
        file.write("setInterval(() => {}, 1000);\n")
    assert project.run()[0] == 0


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nowhere.mjs", None, "there is no such file"),
        ("router.ts", "export const a: number = 1;", "cannot be imported"),
        ("router.mjs", "this is no code", "cannot be imported"),
        ("router.mjs", "throw new Error('DATABASE_URL is not set')", "DATABASE_URL is not set"),
        ("router.mjs", "throw 'no database'", "no database"),
        ("router.mjs", "export const a = 1;", "it exports no tRPC router"),
        ("router.cjs", "module.exports = { a: 1 };", "it exports no tRPC router"),
        (
            "router.mjs",
            f"{HEAD}export const r = t.router({{ 'a/b': open.query(() => 1) }});",
            "a file cannot have the name",
        ),
    ],
)
def test_what_cannot_be_read_is_said(project: Project, name: str, content: str | None, sentence: str) -> None:
    if content is not None:
        (project.folder / name).write_text(content)
    code, printed = project.run(router=name)
    assert (code, sentence in printed) == (2, True), printed
    assert "    at " not in printed, "a sentence and no stack"


def test_a_project_without_zod_4(packages: None, tmp_path: Path) -> None:
    (tmp_path / "node_modules" / "@trpc").mkdir(parents=True)
    (tmp_path / "node_modules" / "@trpc" / "server").symlink_to(HERE / "node_modules" / "@trpc" / "server")
    router = tmp_path / "router.mjs"
    router.write_text(HEAD.replace('import { z } from "zod";\n', "") + "export const r = t.router({});\n")
    code, printed = written(str(router), tmp_path / "inputs")
    assert (code, "its project has no zod 4" in printed) == (2, True)


def test_a_file_in_place_of_the_folder(project: Project) -> None:
    project.router("a: open.query(() => 1)")
    project.out.write_text("{}")
    for more in ((), ("--check",)):
        code, printed = project.run(*more)
        assert (code, "is no folder" in printed, "    at " in printed) == (2, True, False)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--no-such",),
        *(("--alias", alias) for alias in ("a", "=a", "a=", "a=b=c", "chat.translate=chat.translate")),
    ],
)
def test_options_that_are_not_understood(packages: None, tmp_path: Path, options: tuple[str, ...]) -> None:
    out = tmp_path / "inputs" if options else Path()
    code, printed = written("tutor.mjs", out, *(options or ("more.mjs",)))
    assert (code, "usage: node scripts/inputs.mjs" in printed) == (2, True)


def test_a_router_that_is_not_there_is_said_to_be_so_outside_of_a_project_too(packages: None, tmp_path: Path) -> None:
    code, printed = written(str(tmp_path / "router.mjs"), tmp_path / "inputs")
    assert (code, printed.splitlines()) == (2, [f"{tmp_path}/router.mjs: there is no such file"])

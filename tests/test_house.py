"""The house's rules: imports run one way, the server has no torch, sentences go through ``_``, no file knows its machine."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCIENCE = (
    *("training", "model", "penalties", "features", "augment", "audio", "containers", "decoding", "limits", "media"),
    *("sparsity", "listening", "weights"),
    *("checkpoint", "forms", "payoff", "recognition"),
    *("espeak", "synthesis"),
    *("onnx_export", "standalone", "standalone_script", "model_claims", "origin"),
    "class_clips",
)
FORBIDDEN = {"streamlit", "distributed", "dask", "sqlite3", "plotly"}
ABOVE = {
    "l1demo.ui",
    "l1demo.engine",
    "l1demo.desk",
    "l1demo.attempts",
    "l1demo.ledger",
    "l1demo.link",
    "l1demo.store",
    "l1demo.database",
    "l1demo.tasks",
    "l1demo.job_tasks",
    "l1demo.data_tasks",
    "l1demo.synthesis_tasks",
    "l1demo.class_sets",
    "l1demo.class_tasks",
    "l1demo.jobs",
    "l1demo.cluster",
    "l1demo.charts",
}
SERVER = (
    *(
        "presets",
        "control",
        "gates",
        "spec",
        "text",
        "store",
        "desk",
        "link",
        "engine",
        "charts",
        "sound_charts",
        "stage",
        "tasks",
        "ui",
    ),
    *("home", "shelf", "jobs", "job_tasks", "model_tasks", "synthesis_tasks"),
    *("data_tasks", "data_charts", "corpora/download", "corpora/fsdd", "corpora/speech_commands"),
    *("class_rules", "class_sets", "class_tasks", "class_training", "class_charts"),
    *("recognise_charts", "confusion_charts", "deaf_charts"),
    *("payoff_charts", "payoff_tasks", "advice", "intervals", "overfit", "overfit_charts"),
    *("attempts", "ledger", "database", "film"),
    *("methods", "methods_charts", "article"),
    *("choices", "differences", "dead", "compare_charts"),
    *("path", "path_charts", "path_weights", "path_stage", "paths"),
)
BELOW_THE_PAGES = {
    *("ui", "engine", "tasks", "charts", "sound_charts", "payoff_charts", "stage", "store", "presets", "spec", "text"),
    *("overfit", "overfit_charts", "film", "differences", "compare_charts"),
    *("methods", "methods_charts", "article"),
    *("path", "path_charts", "path_stage"),
    *("shelf", "job_tasks", "payoff_tasks", "synthesis_tasks"),
    *("data_tasks", "data_charts", "corpora", "jobs"),
    *("class_rules", "class_tasks"),
    *("recognise_charts", "confusion_charts", "deaf_charts"),
}
SHOWS_TEXT = {  # Streamlit's functions whose words a visitor reads
    *("title", "header", "subheader", "markdown", "write", "caption", "text", "info", "warning", "error", "success", "metric"),
    *("button", "toggle", "checkbox", "radio", "selectbox", "multiselect", "segmented_control", "pills", "slider", "expander"),
    *("select_slider", "number_input", "text_input", "text_area", "audio_input", "file_uploader", "popover", "download_button"),
    *("link_button", "page_link", "Page", "toast", "spinner", "status", "progress", "dialog", "form_submit_button", "html", "tabs"),
    *("DatetimeColumn", "NumberColumn", "TextColumn", "latex"),
}
WORDS_OF = {"title", "help", "placeholder", "label", "text", "caption"}  # keywords that hold words too


def modules(*names: str) -> list[Path]:
    """Files of modules or packages of ``l1demo``, those that stand."""
    found: list[Path] = []
    for name in names:
        path = ROOT / "l1demo" / name
        found += sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return [path for path in found if path.exists()]


def imports(path: Path, at_import: bool = False) -> Iterator[str]:
    """Every module that a file names in an import, with ``from a import b`` as both; or those that importing it imports."""

    def walk(node: ast.AST) -> Iterator[str]:
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    return walk(ast.parse(path.read_text(encoding="utf-8")))


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a checkout of git")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


@pytest.mark.parametrize("path", modules(*SCIENCE, "corpora"), ids=lambda path: path.stem)
def test_science_knows_no_screen_no_cluster_and_no_history(path: Path) -> None:
    assert [name for name in imports(path) if within(name, FORBIDDEN | ABOVE)] == []


@pytest.mark.parametrize("path", modules(*SERVER), ids=lambda path: path.stem)
def test_importing_a_module_of_the_server_imports_no_torch(path: Path) -> None:
    heavy = {"torch", "torchaudio", "soundfile", "av"}
    heavy |= {f"l1demo.{name}" for name in SCIENCE if name not in ("audio", "containers")}
    assert [name for name in imports(path, at_import=True) if within(name, heavy)] == []
    if not path.stem.endswith("tasks"):  # which is what workers run
        assert [name for name in imports(path) if within(name, heavy)] == []


@pytest.mark.parametrize("path", modules(*(name for name in SERVER if name != "ui")))
def test_only_the_ui_knows_streamlit(path: Path) -> None:
    assert [name for name in imports(path) if within(name, {"streamlit", "l1demo.ui"})] == []


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_pages_speak_to_the_layer_below_them_alone(path: Path) -> None:
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("l1demo.")}
    assert ours <= BELOW_THE_PAGES
    assert [name for name in imports(path) if within(name, {"torch", "sqlite3", "distributed", "dask"})] == []


WALK = """
import sys
from pathlib import Path

import app  # the composition root, as the server imports it
from streamlit.testing.v1 import AppTest
from l1demo import engine, link

engine.STARTING = link.CONNECTING = 0.01
with engine.Engine(scheduler="tcp://127.0.0.1:9") as ours:  # nobody there: pages open before there are workers
    engine.use(ours)
    visit = AppTest.from_file(Path("l1demo/ui/navigation.py").resolve(), default_timeout=60).run()
    for page in sorted(Path("pages").resolve().glob("*.py")):
        visit.switch_page(str(page)).run()
        assert not visit.exception, (page, visit.exception)
        assert visit.title[0].value
        print(page.stem)
print(sorted({"torch", "torchaudio", "av"} & set(sys.modules)))
"""


def test_every_page_opens_without_torch(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "L1DEMO_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", WALK], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
    assert done.stdout.splitlines() == [*pages, "[]"]


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SHOWS_TEXT:
            yield node, node.func.attr


def bare_words(node: ast.AST) -> Iterator[str]:
    """Literal words of an expression that do not pass through ``_``; symbols, icons and our name are no words."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("_", "N_"):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("format", "join"):
        yield from bare_words(node.func.value)  # what is filled in is data
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = re.sub(r":material/\w+:|\w+\.py|L1 Speech Lab", "", node.value)
        if re.search(r"[^\W\d_]{3,}", text):
            yield node.value
        return
    if isinstance(node, ast.Call | ast.Subscript | ast.Compare | ast.Lambda):
        return  # what a function, a table or a test gives
    for child in ast.iter_child_nodes(node):
        yield from bare_words(child)


@pytest.mark.parametrize("path", [*sorted((ROOT / "pages").glob("*.py")), *modules("ui")], ids=lambda path: path.stem)
def test_every_sentence_that_a_visitor_reads_can_be_translated(path: Path) -> None:
    found = [
        (call.lineno, words)
        for call, name in calls(path)
        if name not in ("html", "latex")
        for part in (*call.args[:1], *(k.value for k in call.keywords if k.arg in WORDS_OF))
        for words in bare_words(part)
    ]
    assert found == []


def test_the_check_of_sentences_finds_a_bare_one() -> None:
    call = ast.parse('st.info("Press Train.", help=_("x") if a else f"{b} is not done")').body[0]
    assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
    assert list(bare_words(call.value.args[0])) == ["Press Train."]
    assert list(bare_words(call.value.keywords[0].value)) == [" is not done"]
    assert list(bare_words(ast.parse('_("Press {x}").format(x="here it is")', mode="eval").body)) == []
    assert list(bare_words(ast.parse('f"λ = {lam:g}"', mode="eval").body)) == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    homes = re.compile(rb"(?<![\w.:/])/(?:home|root|Users|work|opt|tmp|mnt|private|usr/local)/[\w.]|[A-Z]:\\\\?Users")
    found = []
    for path in sources():
        data = path.read_bytes()
        if b"\0" not in data[:8000] and path != Path(__file__):
            found += [(path.name, match.group().decode()) for match in homes.finditer(data)]
    assert found == []


def test_every_module_says_what_it_is_for_and_none_is_a_book() -> None:
    for path in sources():
        if path.suffix == ".py" and path.is_relative_to(ROOT / "l1demo"):
            text = path.read_text(encoding="utf-8")
            assert ast.get_docstring(ast.parse(text)), path.name
            assert len(text.splitlines()) < 400, path.name

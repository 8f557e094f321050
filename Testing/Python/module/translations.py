"""The module's texts and their translations: python translations.py [--lrelease PROGRAM] brings the files up to date.

Resources/Translations/ReVerteR.ts is the template with every text, ReVerteR_de-DE.ts a translation, ReVerteR_de-DE.qm
its compiled form that the module loads. Contexts are those that Slicer looks under: class of the .ui file, and for
Python files "package.file" or, without a package, the file's name (slicer.i18n.getContext).
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = REPOSITORY / "Resources" / "Translations"
TEMPLATE = FOLDER / "ReVerteR.ts"
MODULE = REPOSITORY / "ReVerteR" / "ReVerteR.py"
PANEL = REPOSITORY / "ReVerteR" / "ReVerteRPanel"
SCENE = REPOSITORY / "ReVerteRLib" / "scene"


@dataclass(frozen=True, order=True)
class Text:
    """A text in English, where Slicer looks for its translation, and the file that it is in."""

    context: str
    source: str
    file: str


def texts() -> list[Text]:
    """Every text that the panel can show and translate, without repetitions, in a fixed order."""
    found = {}
    for text in (*_of_calls(), *_of_titles(), *_of_keys(), *_of_windows()):
        found.setdefault((text.context, text.source), text)
    return sorted(found.values())


def context_of(path: Path) -> str:
    """As slicer.i18n.getContext."""
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


def placeholders(text: str) -> set[str]:
    """The fields of a format string, as slicer.i18n.tr compares them."""
    return set(re.findall(r"(?<!\{)\{([^\{\}]+)\}(?!\})", text))


def read(path: Path) -> dict[tuple[str, str], str]:
    """Translations of a .ts file by context and source; '' for what is unfinished."""
    found = {}
    for context in ET.parse(path).getroot().iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            done = translation is not None and translation.get("type") is None
            key = context.findtext("name") or "", message.findtext("source") or ""
            found[key] = (translation.text or "") if done and translation is not None else ""
    return found


def write(path: Path, wanted: list[Text], translated: dict[tuple[str, str], str], language: str) -> None:
    """A .ts file with all texts; those without a translation are marked as unfinished."""
    head = f' language="{language}"' if language else ""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        f'<TS version="2.1"{head} sourcelanguage="en_US">',
    ]
    for context in dict.fromkeys(text.context for text in wanted):
        lines += ["<context>", f"    <name>{context}</name>"]
        for text in (t for t in wanted if t.context == context):
            there = translated.get((text.context, text.source), "")
            state = "" if there else ' type="unfinished"'
            lines += [
                "    <message>",
                f'        <location filename="../../{text.file}"/>',
                f"        <source>{escape(text.source)}</source>",
                f"        <translation{state}>{escape(there)}</translation>",
                "    </message>",
            ]
        lines.append("</context>")
    path.write_text("\n".join([*lines, "</TS>", ""]), encoding="utf-8")


def translations() -> list[Path]:
    return sorted(FOLDER.glob("ReVerteR_*.ts"))


def _of_calls() -> Iterator[Text]:
    """_("...") in the module, the panel and what of the library is told through them."""
    for path in (MODULE, *sorted(PANEL.glob("*.py")), *sorted(SCENE.glob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_" and node.args:
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield Text(context_of(path), argument.value, _relative(path))


def _of_titles() -> Iterator[Text]:
    """Titles of tasks, which the module translates when it says them."""
    for path in sorted(SCENE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "title":
                value = getattr(node.value, "value", "")
                if value:
                    yield Text(context_of(MODULE), str(value), _relative(path))


def _of_keys() -> Iterator[Text]:
    """Texts of the keys, which the section of the vertebrae translates."""
    path = SCENE / "keys.py"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Key":
            last = node.args[-1]
            assert isinstance(last, ast.Constant)
            yield Text(context_of(PANEL / "vertebrae.py"), str(last.value), _relative(path))


def _of_windows() -> Iterator[Text]:
    """Strings of the .ui files, those aside that are marked as not for translation."""
    for path in sorted((REPOSITORY / "Resources" / "UI").glob("*.ui")):
        root = ET.parse(path).getroot()
        kept = {text for part in root.iter("stringlist") if part.get("notr") == "true" for text in part}
        for text in root.iter("string"):
            if text not in kept and text.get("notr") != "true" and (text.text or "").strip():
                yield Text(root.findtext("class") or "", text.text or "", _relative(path))


def _relative(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lrelease", default="pyside6-lrelease", help="Qt's program that compiles .ts files")
    program = parser.parse_args().lrelease
    wanted = texts()
    write(TEMPLATE, wanted, {}, "")
    for path in translations():
        write(path, wanted, read(path), path.stem.partition("_")[2].replace("-", "_"))
        command = [program, "-silent", "-nounfinished", str(path), "-qm", str(path.with_suffix(".qm"))]
        subprocess.run(command, check=True)
        left = sum(not text for text in read(path).values())
        sys.stdout.write(f"{path.name}: {len(wanted)} texts, {left} not translated\n")


if __name__ == "__main__":
    main()

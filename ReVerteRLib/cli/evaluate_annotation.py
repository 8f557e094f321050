"""`reverter evaluate-annotation`: score automatic centroids of several detectors."""

from __future__ import annotations

import argparse
import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ReVerteRLib.cli import options
from ReVerteRLib.cli.console import Console
from ReVerteRLib.cli.staging import staged_folder

if TYPE_CHECKING:
    from ReVerteRLib.datasets.verse import VerseSubject
    from ReVerteRLib.evaluation.annotation import CaseOutcome, PairAnnotator
    from ReVerteRLib.evaluation.annotation_cases import AnnotationCase
    from ReVerteRLib.evaluation.comparison import SharedViews
    from ReVerteRLib.progress import Progress

NAME = "evaluate-annotation"
_SHOWN = (0, 1, 2, 3, 4, 8, 9)  # columns of the report that fit on a console
SUMMARY = "score automatic centroids of known spines: found, placed, named, corners and angles"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--data", type=Path, metavar="VERSE_DIR", help="data in the VerSe layout")
    parser.add_argument("--subjects", type=options.names, metavar="LIST", help="only these, for example verse014,a")
    parser.add_argument(
        "--sample", action="store_true", help="also the demo's sample chest CT (fetched the first time)"
    )
    parser.add_argument(
        "--detector",
        action="append",
        metavar="NAME",
        help="learned, classical or a weights file; repeat it to put several side by side, for example "
        "single=FOLDER/detector.safetensors (default: the default one; a file is called by its name)",
    )
    parser.add_argument(
        "--crops",
        type=options.count,
        default=4,
        metavar="N",
        help="partial fields of view of 3 to 6 vertebrae per spine (default: 4)",
    )
    parser.add_argument("--seed", type=options.count, default=0, metavar="N", help="of the crops (default: 0)")
    parser.add_argument("--beam", choices=("parallel", "cone"), default="parallel", help="of the simulated radiographs")
    options.add_out(parser)
    options.add_device(parser)


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Writes annotation.json, annotation.md, errors.png and a picture of every whole case and detector."""
    from ReVerteRLib.errors import ArgumentError
    from ReVerteRLib.evaluation.annotation_report import GROUPS, HEAD, table_rows, write_annotation_report

    if arguments.data is None and not arguments.sample:
        raise ArgumentError("there is nothing to evaluate", where="--data", remedy="Give --data, --sample or both")
    annotators = _annotators(arguments)
    with staged_folder(arguments.out) as folder:
        with console.progress("annotate") as progress:
            cases, skipped = _cases(arguments, progress)
            outcomes = _measure(cases, annotators, progress)
        _draw(cases, outcomes, folder, console)
        write_annotation_report(outcomes, folder, skipped=skipped)
    for name, reason in skipped:
        console.note(f"{name} was skipped: {reason}")
    for key, title in GROUPS.items():
        if rows := table_rows(outcomes, key):
            console.table(title, [HEAD[n] for n in _SHOWN], [[row[n] for n in _SHOWN] for row in rows])
    console.say(f"Results: {arguments.out}")
    return 0


def _annotators(arguments: argparse.Namespace) -> dict[str, PairAnnotator]:
    from ReVerteRLib.detection.annotator import Annotator
    from ReVerteRLib.detection.opening import default_detector, detector_name, open_detector
    from ReVerteRLib.errors import ArgumentError

    found: dict[str, PairAnnotator] = {}
    for value in arguments.detector or [default_detector()]:
        name = detector_name(value)
        if name in found:
            raise ArgumentError(
                f"'{name}' is given twice", where="--detector", remedy="Name each detector once, as NAME=FILE"
            )
        found[name] = Annotator(open_detector(value))
    return found


def _cases(arguments: argparse.Namespace, progress: Progress) -> tuple[list[AnnotationCase], list[tuple[str, str]]]:
    """Whole cases followed by their crops; and what could not be used, with the reason."""
    import numpy as np

    from ReVerteRLib.errors import DatasetError, InputError
    from ReVerteRLib.evaluation.annotation_cases import partial_cases

    rng = np.random.default_rng(arguments.seed)
    subjects = _subjects(arguments)
    views = _views(arguments, subjects, progress)
    cases: list[AnnotationCase] = []
    skipped: list[tuple[str, str]] = []
    total = len(subjects) + arguments.sample
    for number, subject in enumerate(subjects):
        progress(number, total, f"radiographs of {subject.key}")
        try:
            whole = _case_of(subject, views)
        except InputError as error:
            skipped.append((subject.key, error.message()))
            continue
        cases += [whole, *partial_cases(whole, arguments.crops, rng)]
    if arguments.sample:
        progress(len(subjects), total, "radiographs of the sample CT")
        whole = _sample_case(views)
        cases += [whole, *partial_cases(whole, arguments.crops, rng)]
    if not cases:
        reasons = "\n".join(reason for _, reason in skipped)
        raise DatasetError(f"nothing could be evaluated:\n{reasons}", problems=tuple(r for _, r in skipped))
    return cases, skipped


def _subjects(arguments: argparse.Namespace) -> list[VerseSubject]:
    if arguments.data is None:
        return []
    from ReVerteRLib.cli.evaluate import chosen_subjects

    return chosen_subjects(arguments)


def _views(arguments: argparse.Namespace, subjects: Sequence[VerseSubject], progress: Progress) -> SharedViews:
    import dataclasses

    from ReVerteRLib.datasets.atlas import atlas_of
    from ReVerteRLib.evaluation.comparison import SharedViews
    from ReVerteRLib.geometry import Beam

    views = SharedViews(device=arguments.device, beam=Beam(arguments.beam))
    if all(subject.ct_path is not None for subject in subjects):
        return views
    return dataclasses.replace(views, atlas=atlas_of(arguments.data, lambda text: progress(0, 1, text)))


def _case_of(subject: VerseSubject, views: SharedViews) -> AnnotationCase:
    from ReVerteRLib.datasets.verse import load_subject
    from ReVerteRLib.errors import DatasetError
    from ReVerteRLib.evaluation.annotation_cases import AnnotationCase, reference_of

    loaded = load_subject(subject)
    reference = reference_of(loaded.labels, loaded.whole_levels, loaded.centroids)
    if not reference:
        raise DatasetError(f"{subject.key} has no whole vertebra", where=subject.mask_path)
    return AnnotationCase(subject.key, views.simulate(loaded).pair, reference)


def _sample_case(views: SharedViews) -> AnnotationCase:
    from ReVerteRLib.cli.demo import body_centres
    from ReVerteRLib.datasets.sample import sample_ct
    from ReVerteRLib.drr import simulate_pair
    from ReVerteRLib.evaluation.annotation_cases import AnnotationCase, reference_of

    sample = sample_ct()
    centroids = body_centres(sample.labels, sample.name)
    pair = simulate_pair(sample.ct, beam=views.beam, spacing_mm=views.spacing_mm, device=views.device)
    reference = reference_of(sample.labels, [c.level for c in centroids], centroids)
    return AnnotationCase(sample.name, pair, reference)


def _measure(
    cases: Sequence[AnnotationCase], annotators: Mapping[str, PairAnnotator], progress: Progress
) -> dict[str, list[CaseOutcome]]:
    from ReVerteRLib.evaluation.annotation import measure_case

    outcomes: dict[str, list[CaseOutcome]] = {name: [] for name in annotators}
    done, total = 0, len(cases) * len(annotators)
    for name, annotator in annotators.items():
        for case in cases:
            progress(done, total, f"{name}: {case.name}")
            outcomes[name].append(measure_case(case, annotator))
            done += 1
    progress(total, total, "")
    return outcomes


def _draw(
    cases: Sequence[AnnotationCase], outcomes: Mapping[str, Sequence[CaseOutcome]], folder: Path, console: Console
) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        console.note("the pictures were not drawn: matplotlib is missing (pip install matplotlib)")
        return
    import numpy as np

    from ReVerteRLib.evaluation.annotation_plots import draw_annotation, plot_annotation_errors

    for name, found in outcomes.items():
        for case, outcome in zip(cases, found, strict=True):
            if outcome.annotation is not None:
                target = folder / "pictures" / name / (re.sub(r"[^\w.-]+", "-", case.name) + ".png")
                places = [np.array(v.position_lps_mm) for v in case.reference]
                draw_annotation(case.pair, outcome.annotation, target, reference=places, title=f"{case.name}, {name}")
    plot_annotation_errors(
        {n: [r for o in found for r in o.rows] for n, found in outcomes.items()}, folder / "errors.png"
    )

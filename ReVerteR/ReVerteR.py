"""ReVerteR: labelled 3D vertebrae from two orthogonal radiographs. The panel and its console functions.

The work itself is done by ReVerteRLib, the panel's sections are in ReVerteRPanel; this file connects them to 3D Slicer.
Nothing heavy is imported here, and both packages only inside functions, so that Slicer starts as fast as without it
and 'Reload' fetches new code.
"""

import importlib.util
import pathlib
import sys
import time
from typing import Annotated

import qt
import slicer
import vtk
from slicer import vtkMRMLMarkupsFiducialNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

HERE = pathlib.Path(__file__).resolve().parent
HOMEPAGE = "https://example.org/SlicerReVerteR"
POLL_MS = 100
SECTIONS = (
    "radiographsSection",
    "vertebraeSection",
    "reconstructSection",
    "lookSection",
    "resultsSection",
    "setupSection",
)
# Choices by which the sections and the buttons look different; of the others each is seen in its own widget only.
SHOWN = ("ct", "ap", "lateral", "centroids", "segmentation", "weights", "device", "silhouettes")
CT_CHEST_SHA256 = "4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e"
CT_CHEST_URL = f"https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/{CT_CHEST_SHA256}"


def makeLibraryImportable() -> None:
    """In a source tree ReVerteRLib lies beside this folder, where Slicer does not look; installed, it lies in it."""
    for package, folder in (("ReVerteRLib", HERE.parent), ("ReVerteRPanel", HERE)):
        if importlib.util.find_spec(package) is None and (folder / package / "__init__.py").is_file():
            sys.path.append(str(folder))


def resourceFile(name: str) -> str:
    """Path of a file in Resources, which lies in this folder when installed and beside it in a source tree."""
    installed = HERE / "Resources" / name
    return str(installed if installed.exists() else HERE.parent / "Resources" / name)


class ReVerteR(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        makeLibraryImportable()
        from ReVerteRPanel.language import installTranslation

        self.translator = installTranslation(resourceFile("Translations"))
        parent.title = "ReVerteR"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Markups", "Segmentations", "Volumes"]
        parent.contributors = ["ReVerteR contributors"]
        parent.helpText = _(
            "Reconstructs labelled 3D vertebrae from an AP and a lateral radiograph.<p>"
            "In three minutes: 1. Press <b>Phantom CT</b>, then <b>Simulate radiographs</b>. "
            "2. Press <b>Find vertebrae</b>, correct the points in either radiograph and name one with <b>Anchor</b> "
            "if all are a level off. 3. Press <b>Reconstruct</b>; each vertebra appears when it is finished. "
            "4. Turn the spine with the sliders. 5. Choose a folder and press <b>Export</b>.<p>"
            "Research use only, not for clinical decisions."
            ' See the <a href="{url}">documentation</a>.'
        ).format(url=HOMEPAGE)
        parent.acknowledgementText = _(
            "After Y. Chen et al., Automatic 3D Reconstruction of Vertebrae from Orthogonal Bi-Planar Radiographs."
        )
        parent.icon = qt.QIcon(resourceFile("Icons/ReVerteR.svg"))
        slicer.app.connect("startupCompleted()", registerSampleData)

    def resourcePath(self, filename):
        return resourceFile(filename)


def registerSampleData() -> None:
    """Lists this module's samples in Slicer's module Sample Data."""
    from SampleData import SampleDataLogic

    register = SampleDataLogic.registerCustomSampleDataSource
    thumbnail = resourceFile("Icons/ReVerteR.png")
    register(
        category="ReVerteR",
        sampleName="ReVerteRChestCT",
        uris=CT_CHEST_URL,
        fileNames="CT-chest.nrrd",
        nodeNames="CTChest",
        checksums=f"SHA256:{CT_CHEST_SHA256}",
        thumbnailFileName=thumbnail,
    )
    register(
        category="ReVerteR",
        sampleName="ReVerteRPhantom",
        customDownloader=lambda _source: [ReVerteRLogic().makePhantom()],
        thumbnailFileName=thumbnail,
    )


@parameterNodeWrapper
class ReVerteRParameterNode:
    """Everything the user chooses; it is saved with the scene."""

    ct: vtkMRMLScalarVolumeNode  # to simulate radiographs from
    beam: Annotated[str, Choice(["parallel", "cone"])] = "parallel"
    pixelSpacingMm: Annotated[float, WithinRange(0.3, 3.0)] = 1.0  # of simulated radiographs, at the patient
    ap: vtkMRMLScalarVolumeNode
    lateral: vtkMRMLScalarVolumeNode
    centroids: vtkMRMLMarkupsFiducialNode  # one point per vertebra, named C1 to L6; check marks and locks live in it
    weights: str = ""  # one of the names in weightsComboBox, or a file of the user
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    segmentation: vtkMRMLSegmentationNode  # the result
    rotationDeg: Annotated[float, WithinRange(-180.0, 180.0)] = 0.0
    elevationDeg: Annotated[float, WithinRange(-90.0, 90.0)] = 0.0
    rollDeg: Annotated[float, WithinRange(-180.0, 180.0)] = 0.0
    silhouettes: bool = False
    exportStl: bool = True
    exportObj: bool = False
    exportPly: bool = False
    exportNifti: bool = False
    exportSegNrrd: bool = True
    exportDicomSeg: bool = False
    exportFrame: Annotated[str, Choice(["LPS", "RAS"])] = "LPS"


class ReVerteRWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: its sections, the worker behind them, and what is said to the user."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = self.controller = self.timer = None
        self.views = None
        self.parameterNode = None
        self.finishedTask = None  # the task whose result is being taken over
        self.parts = ()
        self._guiTag = None
        self._done = self._failed = self._shown = None
        self._started = 0.0

    def resourcePath(self, filename):
        return resourceFile(filename)

    # --- life --------------------------------------------------------------------------------

    def setup(self) -> None:
        from ReVerteRPanel.icons import putIcons
        from ReVerteRPanel.views import Views

        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/ReVerteR.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = ReVerteRLogic()
        putIcons(self.ui, resourceFile)
        self.views = Views(self)
        self.timer = qt.QTimer()
        self.timer.interval = POLL_MS
        self.timer.connect("timeout()", self.onTimer)
        self._makeParts()
        self._makeController()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        self.ui.cancelButton.connect("clicked()", self.onCancel)
        self.ui.helpButton.connect("clicked()", self.onHelp)
        self._recallSections()
        self._showBusy(False)
        self.initializeParameterNode()

    def _makeParts(self) -> None:
        from ReVerteRPanel.look import LookPart
        from ReVerteRPanel.radiographs import RadiographsPart
        from ReVerteRPanel.reconstruct import ReconstructPart
        from ReVerteRPanel.results import ResultsPart
        from ReVerteRPanel.setup import SetupPart
        from ReVerteRPanel.vertebrae import VertebraePart

        self.vertebrae, self.reconstruct, self.look = VertebraePart(self), ReconstructPart(self), LookPart(self)
        self.parts = (
            RadiographsPart(self),
            self.vertebrae,
            self.reconstruct,
            self.look,
            ResultsPart(self),
            SetupPart(self),
        )

    def cleanup(self) -> None:
        """The widget is about to be destroyed: Slicer quits, or the module is reloaded."""
        self.exit()
        if self.controller is not None:
            self.controller.close()
        self.timer.stop()
        self.removeObservers()

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        for part in self.parts:
            part.enter()
        self.update()

    def exit(self) -> None:
        """The user opens another module. Views and keys go back to how they were; a running task goes on."""
        for part in self.parts:
            part.exit()
        if self.views is not None:
            self.views.restore()
        self._forgetParameterNode()

    def onReload(self) -> None:
        """Developers' 'Reload': the packages are forgotten as a whole, so that their next import is all new.

        importlib.reload file by file would leave classes of two generations side by side.
        """
        for name in [name for name in sys.modules if name.split(".")[0] in ("ReVerteRLib", "ReVerteRPanel")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller=None, event=None) -> None:
        if self.controller is not None:
            self.controller.forget()
        for part in self.parts:
            part.exit()
        self._forgetParameterNode()

    def onSceneEndClose(self, caller=None, event=None) -> None:
        if self.parent.isEntered:
            self.enter()

    def onSceneEndImport(self, caller=None, event=None) -> None:
        """A saved scene was read: its parameter node takes the place of the present one."""
        if self.parent.isEntered:
            for part in self.parts:
                part.exit()
            self.enter()

    # --- state -------------------------------------------------------------------------------

    @property
    def scene(self):
        return slicer.mrmlScene

    @property
    def busy(self) -> bool:
        return self.controller is not None and self.controller.busy

    def initializeParameterNode(self) -> None:
        """Connects the panel to the scene's parameter node and proposes what is already loaded."""
        from ReVerteRLib.scene import roles

        self._forgetParameterNode()
        self.parameterNode = node = self.logic.getParameterNode()
        found = (
            ("ap", roles.AP),
            ("lateral", roles.LATERAL),
            ("centroids", roles.CENTROIDS),
            ("segmentation", roles.SEGMENTATION),
        )
        for field, role in found:
            if getattr(node, field) is None:
                setattr(node, field, next(reversed(roles.nodes_with_role(slicer.mrmlScene, role)), None))
        self._guiTag = node.connectGui(self.ui)
        self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.update)
        self.update()

    def _forgetParameterNode(self) -> None:
        if self.parameterNode is not None:
            self.parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self.update)
        self.parameterNode = self._guiTag = self._shown = None
        if self.parts:
            self.updateButtons()

    def update(self, caller=None, event=None) -> None:
        """Something was chosen. While the view is only turned nothing else changes."""
        node = self.parameterNode
        shown = tuple(getattr(node, name) for name in SHOWN) if node is not None else None
        if caller is not None and shown == self._shown:
            return
        self._shown = shown
        for part in self.parts:
            part.update()
        self.updateButtons()

    def facts(self):
        """What there is, for the buttons."""
        from ReVerteRLib.scene.centroid_table import chosen_levels
        from ReVerteRLib.scene.panel_look import doubtful_names
        from ReVerteRLib.scene.panel_state import Facts
        from ReVerteRLib.scene.results import changed_levels

        node, ui = self.parameterNode, self.ui
        if node is None:
            return Facts(busy=self.busy)
        editor, rows = self.vertebrae.editor, self.vertebrae.rows
        selected = editor.selected if editor is not None and editor.alive else None
        return Facts(
            busy=self.busy,
            ct=node.ct is not None,
            ap=node.ap is not None,
            lateral=node.lateral is not None,
            centroids=node.centroids is not None,
            doubtful=doubtful_names(rows),
            chosen=chosen_levels(rows),
            changed=changed_levels(node.segmentation, node.centroids),
            segmentation=node.segmentation is not None,
            redoable=self.reconstruct.redoable(),
            selected=selected is not None,
            locked=selected is not None and editor.points[selected].locked,
            can_undo=editor is not None and editor.can_undo,
            can_redo=editor is not None and editor.can_redo,
            export_folder=bool(ui.exportPathLineEdit.currentPath),
            formats=bool(self.parts[4].formats()),
        )

    def updateButtons(self, caller=None, event=None) -> None:
        """Enables what can be done now and says in the tooltip what is missing."""
        from ReVerteRLib.scene.panel_state import next_step, permissions

        if not self.parts:
            return
        facts = self.facts()
        for name, permission in permissions(facts, _).items():
            button = getattr(self.ui, name)
            button.enabled = permission.allowed
            button.toolTip = permission.tool_tip
        self.ui.nextLabel.text = next_step(facts, _)

    # --- tasks -------------------------------------------------------------------------------

    def _makeController(self) -> None:
        from ReVerteRLib.scene.controller import Controller, Listener
        from ReVerteRLib.worker.client import WorkerClient
        from ReVerteRLib.worker.launch import Launch

        listener = Listener(
            started=self.onStarted,
            progress=self.onProgress,
            part=lambda _level: self.look.onTurn(),
            warning=self.say,
            done=self.onDone,
            failed=self.onFailed,
            cancelled=self.onCancelled,
        )
        python = self.ui.pythonPathLineEdit.currentPath
        self.controller = Controller(listener, WorkerClient(Launch.of(python) if python else None))

    def restartWorker(self) -> None:
        """The next task begins in a new worker process."""
        if self.controller is not None:
            self.controller.close()
            self._makeController()
            self.updateButtons()

    def run(self, make, done, failed=None, needsPackages=True) -> None:
        """Begins the task that make() gives; done(value) or failed(error) is called when it has ended."""
        ownPython = bool(self.ui.pythonPathLineEdit.currentPath)
        if needsPackages and not ownPython and not self.attempt(self.logic.installDependencies):
            return
        self._done, self._failed, self._started = done, failed, time.monotonic()
        self.attempt(lambda: self.controller.start(make()))
        self._showBusy(self.busy)
        if self.busy:
            self.timer.start()

    def onTimer(self) -> None:
        """Takes in what the worker has said; never waits."""
        self.controller.poll()
        if not self.controller.busy:
            self.timer.stop()

    def secondsOfTask(self) -> float:
        return time.monotonic() - self._started

    def onStarted(self, state) -> None:
        self.say(_(state.title) + "...")

    def onProgress(self, state) -> None:
        from ReVerteRLib.scene.controller import time_left_text
        from ReVerteRLib.scene.panel_state import stage_text

        self.ui.progressBar.setRange(0, state.total)
        self.ui.progressBar.value = state.done
        counted = f"{state.done}/{state.total}" if state.total else ""
        parts = (f"{_(state.title)}: {stage_text(state.text, _)}", counted, time_left_text(state.seconds_left, _))
        self.say(", ".join(part for part in parts if part))

    def onDone(self, task, value) -> None:
        self.finishedTask = task
        self._showBusy(False)
        self.say(_("{task}: done in {seconds:.0f} s.").format(task=_(task.title), seconds=self.secondsOfTask()))
        self._done(value)
        self.updateButtons()

    def onFailed(self, task, error) -> None:
        self._showBusy(False)
        self.showError(error)
        if self._failed is not None:
            self._failed(error)

    def onCancelled(self, task) -> None:
        self._showBusy(False)
        self.say(_("Cancelled; earlier results are unchanged."))

    def onCancel(self) -> None:
        self.controller.cancel()
        self.say(_("Cancelling..."))

    def _showBusy(self, busy: bool) -> None:
        self.ui.progressBar.setRange(0, 0 if busy else 1)
        self.ui.progressBar.value = 0
        self.ui.progressBar.visible = self.ui.cancelButton.visible = busy
        self.updateButtons()

    # --- what is said ------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self.ui.statusLabel.text = text

    def showError(self, error) -> None:
        """One message: what, where, what to do."""
        self.say(error.message())
        slicer.util.errorDisplay(error.message(), windowTitle="ReVerteR")

    def attempt(self, function, *arguments, **options):
        """Calls it; what is wrong with the input or the computer is said and gives None. Other faults are passed on."""
        from ReVerteRLib.errors import as_known

        try:
            return function(*arguments, **options)
        except Exception as error:
            known = as_known(error)
            if known is None:
                raise
            self.showError(known)
            return None

    def onHelp(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl(HOMEPAGE))

    def _recallSections(self) -> None:
        """Which sections are open is the user's habit, so it is kept in the settings and not in the scene."""
        for name in SECTIONS:
            section, key = getattr(self.ui, name), f"ReVerteR/Collapsed/{name}"
            stored = slicer.app.settings().value(key)
            section.collapsed = name == "setupSection" if stored is None else str(stored).lower() in ("true", "1")
            section.connect(
                "contentsCollapsed(bool)",
                lambda collapsed, key=key: slicer.app.settings().setValue(key, bool(collapsed)),
            )

    def showLayout(self) -> None:
        """AP, lateral and 3D view side by side, with the chosen radiographs in them."""
        self.views.show()


class ReVerteRLogic(ScriptedLoadableModuleLogic):
    """The work, without the panel and without questions. In Slicer's Python console:

    >>> logic = slicer.util.getModuleLogic("ReVerteR")
    >>> ap, lateral = logic.simulateRadiographs(getNode("CTChest"))
    >>> ap, lateral = logic.importRadiographs("/data/ap.dcm", "/data/lateral.dcm", apChoices={"spacing_mm": 0.14})
    >>> centroids = logic.annotateCentroids(ap, lateral)
    >>> segmentation = logic.reconstruct(ap, lateral, centroids, levels=["T12", "L1"])
    >>> logic.measure(segmentation, ap, lateral)["spine"]["lordosis_deg"]
    >>> logic.exportResults(segmentation, "/tmp/spine", ["stl", "dicom-seg"], frame="RAS")
    >>> logic.processBatch("/data/cases.csv", "/tmp/results").failed

    All wait until they are done. progress(done, total, text) is called on the way, cancelled() is asked; when it
    returns True nothing is added to the scene (CancelledError). Errors are ReVerteRLib.errors.ReVerteRError and say
    what is wrong, where, and what to do.
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        makeLibraryImportable()

    def getParameterNode(self):
        return ReVerteRParameterNode(super().getParameterNode())

    def weightNames(self) -> tuple:
        """Names of the installed weights and the name of the default ones."""
        from ReVerteRLib.inference.weights import weights_index

        index = weights_index()
        return sorted(index["weights"]), index["default"]

    def readWeightsCard(self, path) -> dict:
        """What a weights file says of itself; nothing in it is executed. Raises WeightsError."""
        from ReVerteRLib.inference.weights import read_generator_card

        return read_generator_card(pathlib.Path(path))

    def makePhantom(self):
        """A made-up CT of a lumbar spine as a new volume node, for trying things out without a patient or a network."""
        import numpy as np

        from ReVerteRLib.scene.frames import matrix_to_ras
        from ReVerteRLib.scene.phantom import phantom_ct

        ct = phantom_ct()
        return slicer.util.addVolumeFromArray(ct.array_kji, np.asarray(matrix_to_ras(ct.ijk_to_lps_mm)), "Phantom CT")

    def simulateRadiographs(self, ctNode, beam="parallel", spacingMm=1.0, device="auto") -> tuple:
        """AP and lateral radiograph of a CT as two new volume nodes, standing in their planes.

        beam: "parallel" or "cone". spacingMm: pixel size at the patient. device: "auto", "cpu" or "cuda".
        """
        from ReVerteRLib.geometry import Beam
        from ReVerteRLib.scene.workflow import simulate_radiographs

        return simulate_radiographs(slicer.mrmlScene, ctNode, beam=Beam(beam), spacing_mm=spacingMm, device=device)

    def importRadiographs(
        self, apFile, latFile, apChoices=None, latChoices=None, views="auto", verticalOffsetMm=0.0
    ) -> tuple:
        """Two radiograph files as two new volume nodes, standing in their planes.

        apChoices, latChoices: decisions for each image, see ReVerteRLib.scene.import_session.Choices.
        views:                 "auto", "as-given" or "swapped".
        verticalOffsetMm:      raises the lateral image, or "estimate".
        What was decided is in the nodes' attribute "ReVerteR.Import" (JSON).
        """
        from ReVerteRLib.scene.workflow import import_radiographs

        options = {"ap_choices": apChoices, "lateral_choices": latChoices, "views": views}
        return import_radiographs(slicer.mrmlScene, apFile, latFile, vertical_offset_mm=verticalOffsetMm, **options)

    def annotateCentroids(self, apNode, latNode, centroidsNode=None, detector=None, progress=None, cancelled=None):
        """The vertebrae of both radiographs as a list of centroids, a new one if None.

        Points of the list that are locked or were placed by hand stay, deleted ones do not come back.
        """
        from ReVerteRLib.scene.workflow import annotate_nodes

        options = {"detector": detector, "progress": progress, "cancelled": cancelled}
        return annotate_nodes(slicer.mrmlScene, apNode, latNode, centroidsNode, **options)

    def reconstruct(
        self, apNode, latNode, centroidsNode, levels=None, weights=None, device="auto", progress=None, cancelled=None
    ):
        """The vertebrae as a new segmentation node, with a folder of models beside it in the same study.

        levels:  names as a list or as text with commas; those that are checked in the list when empty.
        weights: name or path of the weights; the best installed ones when None.
        """
        from ReVerteRLib.scene.workflow import reconstruct_nodes

        options = {"levels": levels, "weights": weights, "device": device, "progress": progress, "cancelled": cancelled}
        return reconstruct_nodes(slicer.mrmlScene, apNode, latNode, centroidsNode, **options).segmentation

    def measure(self, segmentationNode, apNode=None, latNode=None, centroidsNode=None, progress=None, cancelled=None):
        """Numbers of a result as a dictionary ("vertebrae", "spine", "silhouettes"), and as two table nodes.

        With both radiographs also the distance of the silhouettes from the edges in them.
        """
        from ReVerteRLib.measure.tables import measurements_record
        from ReVerteRLib.scene.workflow import measure_nodes

        nodes = {"ap_node": apNode, "lateral_node": latNode, "centroids_node": centroidsNode}
        found = measure_nodes(slicer.mrmlScene, segmentationNode, progress=progress, cancelled=cancelled, **nodes)
        return measurements_record(found.found, found.quality)

    def exportResults(self, segmentationNode, folder, formats=None, frame="LPS", overwrite=False) -> dict:
        """Writes a result as it is now and returns the paths by kind.

        formats: of stl, obj, ply, nifti, seg.nrrd, dicom-seg; stl, nifti and seg.nrrd when None.
        frame:   of the meshes' points, "LPS" or "RAS". overwrite: whether to replace files.
        """
        from ReVerteRLib.scene.workflow import EXPORTED, export_nodes

        return export_nodes(segmentationNode, folder, formats or EXPORTED, frame=frame, overwrite=overwrite)

    def processBatch(self, csvOrFolder, outputFolder, progress=None, cancelled=None, **options):
        """Many cases, one folder and one line of index.csv each; the scene is not touched.

        Run it again to go on after an interruption. A failed case never stops the rest; see .failed of the result.
        options: levels, weights, device, detector, beam, spacing_mm, pictures, scene, measure.
        """
        from ReVerteRLib.scene.workflow import process_batch

        return process_batch(csvOrFolder, outputFolder, progress=progress, cancelled=cancelled, **options)

    def turnView(self, rotationDeg, elevationDeg, rollDeg, segmentationNode) -> None:
        """Turns the camera of ReVerteR's 3D view to absolute angles about the spine."""
        from ReVerteRLib.scene.workflow import turn_view

        camerasLogic = slicer.modules.cameras.logic()
        turn_view(slicer.mrmlScene, camerasLogic, (rotationDeg, elevationDeg, rollDeg), segmentationNode)

    def installDependencies(self) -> bool:
        """Asks for and installs what Slicer lacks; False when the user declines. The only method that asks."""
        from ReVerteRLib.scene.install import ensure_packages

        return ensure_packages(pathlib.Path(resourceFile("requirements.txt")))


class ReVerteRTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer ('Reload and Test'); needs PyTorch for its second half."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        self.setUp()
        self.test_mainJob()

    def test_mainJob(self) -> None:
        """A made-up CT becomes two radiographs, and these and one centroid become a segmentation."""
        import numpy as np

        from ReVerteRLib.scene.install import missing_packages

        logic = ReVerteRLogic()
        if missing_packages():
            self.delayDisplay("PyTorch is not installed, nothing to test")
            return
        k, j, i = np.mgrid[:120, :80, :80]
        phantom = np.where(np.hypot(i - 40, j - 40) < 36, 40, -1000)
        phantom[(abs(i - 40) < 10) & (abs(j - 40) < 9) & (k % 16 < 13)] = 400
        ct = slicer.util.addVolumeFromArray(phantom.astype(np.int16), np.diag([2.0, 2.0, 2.0, 1.0]), "Phantom")
        ap, lateral = logic.simulateRadiographs(ct)
        self.assertEqual(ap.GetImageData().GetDimensions(), (161, 241, 1))
        self.assertGreater(slicer.util.arrayFromVolume(lateral).max(), 3.0)
        centroids = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Centroids")
        centroids.AddControlPoint([80.0, 80.0, 124.0], "L1")
        if not logic.weightNames()[0]:
            self.delayDisplay("No weights are installed, the reconstruction is not tested")
            return
        result = logic.reconstruct(ap, lateral, centroids, levels=["L1"])
        self.assertEqual(result.GetSegmentation().GetNthSegmentID(0), "L1")
        self.delayDisplay("Test passed")

"""ReVerteR: labelled 3D vertebrae from two orthogonal radiographs. The panel and its console functions.

The work itself is done by ReVerteRLib; this file connects it to 3D Slicer. Nothing heavy is imported here, and the
library only inside functions, so that Slicer starts as fast as without it and 'Reload' fetches new code.
"""

import importlib.util
import pathlib
import sys
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


def makeLibraryImportable() -> None:
    """In a source tree ReVerteRLib lies beside this folder, where Slicer does not look; installed, it lies in it."""
    if importlib.util.find_spec("ReVerteRLib") is None and (HERE.parent / "ReVerteRLib" / "__init__.py").is_file():
        sys.path.append(str(HERE.parent))


def resourceFile(name: str) -> str:
    """Path of a file in Resources, which lies in this folder when installed and beside it in a source tree."""
    installed = HERE / "Resources" / name
    return str(installed if installed.exists() else HERE.parent / "Resources" / name)


class ReVerteR(ScriptedLoadableModule):
    """What Slicer shows about the module."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        makeLibraryImportable()
        parent.title = "ReVerteR"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Markups", "Segmentations", "Volumes"]
        parent.contributors = ["ReVerteR contributors"]
        parent.helpText = _(
            "Reconstructs labelled 3D vertebrae from an AP and a lateral radiograph and one centroid per vertebra. "
            "The radiographs can be simulated from a CT. Research use only, not for clinical decisions."
            ' See the <a href="{url}">documentation</a>.'
        ).format(url=HOMEPAGE)
        parent.acknowledgementText = _(
            "After Y. Chen et al., Automatic 3D Reconstruction of Vertebrae from Orthogonal Bi-Planar Radiographs."
        )
        parent.icon = qt.QIcon(resourceFile("Icons/ReVerteR.svg"))

    def resourcePath(self, filename):
        return resourceFile(filename)


@parameterNodeWrapper
class ReVerteRParameterNode:
    """Everything the user chooses; it is saved with the scene."""

    ct: vtkMRMLScalarVolumeNode  # to simulate radiographs from
    beam: Annotated[str, Choice(["parallel", "cone"])] = "parallel"
    pixelSpacingMm: Annotated[float, WithinRange(0.3, 3.0)] = 1.0  # of simulated radiographs, at the patient
    ap: vtkMRMLScalarVolumeNode
    lateral: vtkMRMLScalarVolumeNode
    centroids: vtkMRMLMarkupsFiducialNode  # one point per vertebra, labelled C1 to L6
    levels: str = ""  # names separated by commas; empty means all that have a centroid
    weights: str = ""  # one of the names in weightsComboBox, which is filled with those that are installed
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    segmentation: vtkMRMLSegmentationNode  # the result, to be exported


class ReVerteRWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._guiTag = None
        self._layoutBefore = None
        self._running = False
        self._cancel = False

    def resourcePath(self, filename):
        return resourceFile(filename)

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/ReVerteR.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = ReVerteRLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        names, default = self.logic.weightNames()
        self.ui.weightsComboBox.addItems(names)
        self.ui.weightsComboBox.currentText = default or ""
        self.ui.progressBar.visible = False
        self._connectWidgets()
        self.initializeParameterNode()

    def _connectWidgets(self) -> None:
        ui = self.ui
        ui.sampleButton.connect("clicked()", self.onSample)
        ui.helpButton.connect("clicked()", self.onHelp)
        ui.simulateButton.connect("clicked()", self.onSimulate)
        ui.reconstructButton.connect("clicked()", self.onReconstruct)
        ui.cancelButton.connect("clicked()", self.onCancel)
        ui.layoutButton.connect("clicked()", self.showLayout)
        ui.exportButton.connect("clicked()", self.onExport)
        ui.weightsComboBox.connect("currentTextChanged(QString)", self.onWeightsChosen)
        for slider in (ui.rotationSlider, ui.elevationSlider, ui.rollSlider):
            slider.connect("valueChanged(double)", self.onTurn)

    def cleanup(self) -> None:
        self._cancel = True
        self._restoreLayout()
        self.removeObservers()

    def enter(self) -> None:
        self.initializeParameterNode()

    def exit(self) -> None:
        """Called each time the user opens another module; the views go back to how they were."""
        self._restoreLayout()
        self._forgetParameterNode()

    def onReload(self) -> None:
        """Developers' 'Reload': the library is forgotten as a whole, so that its next import is all new.

        importlib.reload file by file would leave classes of two generations side by side.
        """
        for name in [name for name in sys.modules if name.split(".")[0] == "ReVerteRLib"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        ScriptedLoadableModuleWidget.onReload(self)

    def onSceneStartClose(self, caller=None, event=None) -> None:
        self._cancel = True
        self._forgetParameterNode()

    def onSceneEndClose(self, caller=None, event=None) -> None:
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Connects the panel to the scene's parameter node and proposes what is already loaded."""
        from ReVerteRLib.scene import roles

        self._forgetParameterNode()
        self._parameterNode = node = self.logic.getParameterNode()
        for field, role in (("ap", roles.AP), ("lateral", roles.LATERAL), ("centroids", roles.CENTROIDS)):
            if getattr(node, field) is None:
                setattr(node, field, next(reversed(roles.nodes_with_role(slicer.mrmlScene, role)), None))
        self._guiTag = node.connectGui(self.ui)
        self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.updateButtons)
        if node.weights:
            self.ui.weightsComboBox.currentText = node.weights
        self.updateButtons()

    def _forgetParameterNode(self) -> None:
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updateButtons)
        self._parameterNode = self._guiTag = None

    def onWeightsChosen(self, name: str) -> None:
        if self._parameterNode is not None:
            self._parameterNode.weights = name

    def updateButtons(self, caller=None, event=None) -> None:
        """Enables what can be done now and says in the tooltip what is missing."""
        node, ui = self._parameterNode, self.ui
        idle = node is not None and not self._running
        self._allow(ui.simulateButton, idle and node.ct, _("Compute both radiographs"), _("Choose a CT volume first"))
        ready = idle and node.ap and node.lateral and node.centroids
        missing = _("Choose an AP radiograph, a lateral radiograph and a list of centroids first")
        self._allow(ui.reconstructButton, ready, _("Compute the vertebrae"), missing)
        result = idle and node.segmentation
        self._allow(ui.exportButton, result, _("Write the result to files"), _("Choose a result first"))
        ui.cancelButton.enabled = self._running

    @staticmethod
    def _allow(button, allowed, purpose: str, missing: str) -> None:
        button.enabled = bool(allowed)
        button.toolTip = purpose if allowed else missing

    def onSimulate(self) -> None:
        node = self._parameterNode
        with slicer.util.tryWithErrorDisplay(_("The radiographs could not be computed."), waitCursor=True):
            if not self.logic.installDependencies():
                return
            pair = self.logic.simulateRadiographs(node.ct, node.beam, node.pixelSpacingMm, node.device)
            node.ap, node.lateral = pair
            self.showLayout()

    def onReconstruct(self) -> None:
        """Button 'Reconstruct'. Slicer's events are handled after each vertebra, so it can be cancelled there."""
        from ReVerteRLib.errors import CancelledError
        from ReVerteRLib.scene.workflow import NOTES

        node = self._parameterNode
        with slicer.util.tryWithErrorDisplay(_("The vertebrae could not be computed.")):
            if not self.logic.installDependencies():
                return
            inputs = node.ap, node.lateral, node.centroids, node.levels, node.weights, node.device
            self._setRunning(True, _("Loading the network..."))
            outcome = _("Failed")
            try:
                node.segmentation = self.logic.reconstruct(*inputs, self._showProgress, lambda: self._cancel)
                outcome = node.segmentation.GetAttribute(NOTES) or _("Done")
                self.onTurn()
            except CancelledError as error:
                outcome = str(error)
            finally:
                self._setRunning(False, outcome)

    def _setRunning(self, running: bool, text: str) -> None:
        self._running, self._cancel = running, False
        self.ui.progressBar.setRange(0, 0)
        self.ui.progressBar.visible = running
        self.ui.statusLabel.text = text
        self.updateButtons()
        slicer.app.processEvents()

    def _showProgress(self, done: int, total: int, text: str) -> None:
        self.ui.progressBar.setRange(0, total)
        self.ui.progressBar.value = done
        self.ui.statusLabel.text = _("{level} done, {done} of {total}").format(level=text, done=done, total=total)
        slicer.app.processEvents()

    def onCancel(self) -> None:
        """Button 'Cancel': takes effect when the present vertebra is finished."""
        self._cancel = True
        self.ui.statusLabel.text = _("Cancelling...")

    def onExport(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for the results"))
        if not folder:
            return
        with slicer.util.tryWithErrorDisplay(_("The result could not be written."), waitCursor=True):
            files = self.logic.exportResults(self._parameterNode.segmentation, folder)
            self.ui.statusLabel.text = _("{count} files written to {folder}").format(count=len(files), folder=folder)

    def onSample(self) -> None:
        """Button 'Sample CT': Slicer's own chest CT, downloaded by Slicer."""
        with slicer.util.tryWithErrorDisplay(_("The sample could not be loaded."), waitCursor=True):
            import SampleData

            self._parameterNode.ct = SampleData.downloadSample("CTChest")

    def onHelp(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl(HOMEPAGE))

    def showLayout(self) -> None:
        """AP, lateral and 3D view side by side, with the chosen radiographs in them."""
        from ReVerteRLib.scene import builder, layout

        before = layout.show_layout(slicer.app.layoutManager().layoutLogic().GetLayoutNode())
        if before != layout.LAYOUT_ID:
            self._layoutBefore = before
        node = self._parameterNode
        layout.show_spine(builder.SpineScene(slicer.mrmlScene, "", ap=node.ap, lateral=node.lateral))
        self.onTurn()

    def _restoreLayout(self) -> None:
        from ReVerteRLib.scene import layout

        if self._layoutBefore is not None and slicer.app.layoutManager().layout == layout.LAYOUT_ID:
            slicer.app.layoutManager().setLayout(self._layoutBefore)
        self._layoutBefore = None

    def onTurn(self, value=None) -> None:
        """Rotation, elevation and roll as absolute angles; the same sliders always give the same picture."""
        angles = (slider.value for slider in (self.ui.rotationSlider, self.ui.elevationSlider, self.ui.rollSlider))
        if self._parameterNode is not None and self._parameterNode.segmentation is not None:
            self.logic.turnView(*angles, self._parameterNode.segmentation)


class ReVerteRLogic(ScriptedLoadableModuleLogic):
    """The work, without the panel. In Slicer's Python console:

    >>> logic = slicer.util.getModuleLogic("ReVerteR")
    >>> ap, lateral = logic.simulateRadiographs(getNode("CTChest"))
    >>> segmentation = logic.reconstruct(ap, lateral, getNode("Centroids"), levels=["T12", "L1"])
    >>> logic.exportResults(segmentation, "/tmp/spine")

    Errors are ReVerteRLib.errors.ReVerteRError and say what is wrong, where, and what to do.
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

    def simulateRadiographs(self, ctNode, beam="parallel", spacingMm=1.0, device="auto") -> tuple:
        """AP and lateral radiograph of a CT as two new volume nodes, standing in their planes.

        beam: "parallel" or "cone". spacingMm: pixel size at the patient. device: "auto", "cpu" or "cuda".
        """
        from ReVerteRLib.geometry import Beam
        from ReVerteRLib.scene.workflow import simulate_radiographs

        return simulate_radiographs(slicer.mrmlScene, ctNode, beam=Beam(beam), spacing_mm=spacingMm, device=device)

    def reconstruct(
        self, apNode, latNode, centroidsNode, levels=None, weights=None, device="auto", progress=None, cancelled=None
    ):
        """The vertebrae as a new segmentation node, with a folder of models beside it in the same study.

        levels:    names as a list or as text with commas; all that have a centroid when empty.
        weights:   name or path of the weights; the best installed ones when None.
        progress:  progress(done, total, level) after each vertebra.
        cancelled: asked between vertebrae; when it returns True nothing is added to the scene (CancelledError).
        """
        from ReVerteRLib.scene.workflow import reconstruct_nodes

        options = {"levels": levels, "weights": weights, "device": device, "progress": progress, "cancelled": cancelled}
        return reconstruct_nodes(slicer.mrmlScene, apNode, latNode, centroidsNode, **options).segmentation

    def exportResults(self, segmentationNode, folder) -> dict:
        """Writes spine.seg.nrrd, labels.nii.gz and models/LEVEL.stl (LPS mm); returns the paths by kind."""
        from ReVerteRLib.scene.export import export_segmentation

        return export_segmentation(segmentationNode, pathlib.Path(folder))

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

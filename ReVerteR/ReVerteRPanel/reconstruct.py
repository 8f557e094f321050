"""Section 3: the reconstruction."""

from slicer.i18n import tr as _

from ReVerteRPanel.part import Part


class ReconstructPart(Part):
    def __init__(self, widget):
        Part.__init__(self, widget)
        self.earlier = None
        self.ui.reconstructButton.connect("clicked()", self.onReconstruct)
        self.ui.againButton.connect("clicked()", self.onAgain)
        self.ui.weightsComboBox.connect("currentTextChanged(QString)", self.onWeightsChosen)
        names, default = widget.logic.weightNames()
        self.ui.weightsComboBox.addItems(names)
        self.ui.weightsComboBox.currentText = default or ""

    def enter(self):
        weights = self.node.weights if self.node is not None else ""
        if weights:
            self.offer(weights)

    def update(self):
        from ReVerteRLib.scene.panel_state import device_note
        from ReVerteRLib.scene.results import DEVICE

        if self.node is not None:
            result = self.node.segmentation
            used = result.GetAttribute(DEVICE) if result is not None else None
            self.ui.deviceLabel.text = device_note(self.node.device, used, _)

    def redoable(self):
        """Whether the other levels of the chosen result can be kept."""
        earlier = self.earlier
        return earlier is not None and earlier.usable and earlier.segmentation is self.node.segmentation

    def offer(self, weights):
        """Chooses weights, and adds them to the list first where they are a file of the user."""
        if self.ui.weightsComboBox.findText(weights) < 0:
            self.ui.weightsComboBox.addItem(weights)
        self.ui.weightsComboBox.currentText = weights

    def onWeightsChosen(self, name):
        if self.node is not None:
            self.node.weights = name

    def onReconstruct(self):
        self._start({"hidden": self.node.segmentation})

    def onAgain(self):
        """Only what was moved or added since; the rest of the result is kept."""
        self._start({"levels": self.widget.facts().changed, "earlier": self.earlier})

    def _start(self, options):
        from ReVerteRLib.scene.task_reconstruct import ReconstructTask

        node = self.node
        inputs = (self.scene, node.ap, node.lateral, node.centroids)
        settings = {"weights": self.ui.weightsComboBox.currentText, "device": node.device}
        self.widget.run(lambda: ReconstructTask(*inputs, **settings, **options), self.finished)

    def finished(self, spine):
        from ReVerteRLib.scene.panel_state import outcome_text

        self.earlier = self.widget.finishedTask.earlier_result
        if self.node is None:
            return
        self.node.segmentation = spine.segmentation
        self.widget.say(outcome_text(spine.segmentation, self.widget.secondsOfTask(), _))
        self.widget.showLayout()
        self.widget.look.newResult()

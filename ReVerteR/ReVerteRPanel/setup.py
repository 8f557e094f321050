"""Section 6: what is installed, and whether it fits."""

import qt
import slicer
from slicer.i18n import tr as _

from ReVerteRPanel.part import Part

PYTHON_SETTING = "ReVerteR/Python"


class SetupPart(Part):
    def __init__(self, widget):
        Part.__init__(self, widget)
        self.ui.preflightButton.connect("clicked()", self.onCheck)
        self.ui.copyReportButton.connect("clicked()", self.onCopy)
        self.ui.installButton.connect("clicked()", self.onInstall)
        self.ui.pythonPathLineEdit.currentPath = slicer.app.settings().value(PYTHON_SETTING, "") or ""
        self.ui.weightsPathLineEdit.connect("currentPathChanged(QString)", self.onWeights)
        self.ui.pythonPathLineEdit.connect("currentPathChanged(QString)", self.onPython)

    def onCheck(self):
        from ReVerteRLib.scene.preflight import PreflightTask, report_text

        task = PreflightTask(self.node.device)

        def show(findings):
            self.ui.preflightText.plainText = report_text(findings)

        self.widget.run(lambda: task, show, lambda error: show(task.without_worker(error)), needsPackages=False)

    def onCopy(self):
        qt.QApplication.clipboard().setText(self.ui.preflightText.plainText)
        self.widget.say(_("The report is on the clipboard."))

    def onInstall(self):
        if self.widget.attempt(self.widget.logic.installDependencies):
            self.widget.restartWorker()
            self.widget.say(_("Everything that is needed is installed."))

    def onWeights(self, path):
        """A weights file of the user: looked at first, so that a wrong one is refused here and now."""
        if not path:
            return
        card = self.widget.attempt(self.widget.logic.readWeightsCard, path)
        if card is not None:
            self.widget.reconstruct.offer(path)
            self.widget.say(_("Weights '{name}' are chosen.").format(name=card.get("name", path)))

    def onPython(self, path):
        slicer.app.settings().setValue(PYTHON_SETTING, path)
        self.widget.restartWorker()

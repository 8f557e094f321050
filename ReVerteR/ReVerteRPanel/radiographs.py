"""Section 1: radiographs chosen, imported, or simulated from a CT."""

import slicer
from slicer.i18n import tr as _

from ReVerteRPanel.part import Part


class RadiographsPart(Part):
    def __init__(self, widget):
        Part.__init__(self, widget)
        self.dialog = None
        self.ui.importButton.connect("clicked()", self.onImport)
        self.ui.simulateButton.connect("clicked()", self.onSimulate)
        self.ui.sampleButton.connect("clicked()", self.onSample)
        self.ui.phantomButton.connect("clicked()", self.onPhantom)

    def exit(self):
        if self.dialog is not None:
            self.dialog.close()

    def onSimulate(self):
        from ReVerteRLib.scene.task_radiographs import SimulateTask

        node = self.node
        options = {"beam": node.beam, "spacing_mm": node.pixelSpacingMm, "device": node.device}
        self.widget.run(lambda: SimulateTask(self.scene, node.ct, **options), self.choose)

    def choose(self, nodes):
        """Takes two new radiographs into use and shows them."""
        if self.node is None:
            return
        self.node.ap, self.node.lateral = nodes
        self.widget.showLayout()

    def onImport(self):
        from ReVerteRPanel.import_dialog import ImportDialog

        if self.dialog is None:
            self.dialog = ImportDialog(self.widget, self.choose)
        self.dialog.open()

    def onSample(self):
        """Slicer's own chest CT, downloaded by Slicer and checked by its SHA-256."""
        with slicer.util.tryWithErrorDisplay(_("The sample could not be loaded."), waitCursor=True):
            import SampleData

            self.node.ct = SampleData.downloadSample("CTChest")

    def onPhantom(self):
        with slicer.util.tryWithErrorDisplay(_("The phantom could not be made."), waitCursor=True):
            self.node.ct = self.widget.logic.makePhantom()

"""Section 5: numbers and files."""

import slicer
from slicer.i18n import tr as _

from ReVerteRPanel.part import Part, cell, fill, prepare

FORMATS = {
    "stlCheckBox": "stl",
    "objCheckBox": "obj",
    "plyCheckBox": "ply",
    "niftiCheckBox": "nifti",
    "segNrrdCheckBox": "seg.nrrd",
    "dicomSegCheckBox": "dicom-seg",
}


class ResultsPart(Part):
    def __init__(self, widget):
        Part.__init__(self, widget)
        prepare(self.ui.measurementsTable, stretched=(0,))
        self.ui.measureButton.connect("clicked()", self.onMeasure)
        self.ui.exportButton.connect("clicked()", self.onExport)
        self.ui.exportPathLineEdit.connect("currentPathChanged(QString)", lambda _path: widget.updateButtons())
        for name in FORMATS:
            getattr(self.ui, name).connect("toggled(bool)", lambda _on: widget.updateButtons())

    def update(self):
        from ReVerteRLib.scene.panel_look import spine_rows

        rows = spine_rows(self.scene) if self.node is not None else []
        fill(self.ui.measurementsTable, [tuple(cell(text, text) for text in row) for row in rows])

    def formats(self):
        return [kind for name, kind in FORMATS.items() if getattr(self.ui, name).checked]

    def onMeasure(self):
        from ReVerteRLib.scene.task_measure import MeasureTask

        node = self.node
        options = {"ap": node.ap, "lateral": node.lateral, "centroids_node": node.centroids}
        self.widget.run(lambda: MeasureTask(self.scene, node.segmentation, **options), self.measured)

    def measured(self, found):
        self.widget.say(_("{count} vertebrae measured.").format(count=len(found.found.vertebrae)))
        self.update()
        self.widget.look.newResult()

    def onExport(self):
        folder = self.ui.exportPathLineEdit.currentPath
        options = {"frame": self.node.exportFrame, "overwrite": self.ui.overwriteCheckBox.checked}
        with slicer.util.WaitCursor():
            files = self.widget.attempt(
                self.widget.logic.exportResults, self.node.segmentation, folder, self.formats(), **options
            )
        if files is not None:
            self.widget.say(_("{count} files written to {folder}.").format(count=len(files), folder=folder))

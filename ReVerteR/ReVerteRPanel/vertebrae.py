"""Section 2: the centroids, found and corrected."""

import qt
import slicer
from slicer.i18n import tr as _

from ReVerteRPanel.part import Part, cell, fill, highlighted, isChecked, prepare

LEVEL, SURE, OFF, LOCK, REMARK = range(5)


class VertebraePart(Part):
    """While the module is open, the chosen list is under edit: handles in both views, keys, undo."""

    def __init__(self, widget):
        Part.__init__(self, widget)
        self.editor = self.placer = self.table = None
        self.rows = ()
        self.shortcuts = []
        self._edited = None
        self._open = self._selecting = False
        self._fillLevels()
        prepare(self.ui.levelsTable)
        self._note("")
        self._connect()

    def _fillLevels(self):
        from ReVerteRLib.anatomy import VERTEBRAE

        self.ui.levelComboBox.addItems([level.name for level in VERTEBRAE])
        self.ui.levelComboBox.currentText = "L1"

    def _connect(self):
        ui = self.ui
        ui.findButton.connect("clicked()", self.onFind)
        ui.addButton.connect("toggled(bool)", self.onAdd)
        ui.deleteButton.connect("clicked()", lambda: self.onSelected("delete"))
        ui.renameButton.connect("clicked()", lambda: self.onSelected("rename", ui.levelComboBox.currentText))
        ui.anchorButton.connect("clicked()", lambda: self.onSelected("anchor", ui.levelComboBox.currentText))
        ui.undoButton.connect("clicked()", lambda: self.edit("undo"))
        ui.redoButton.connect("clicked()", lambda: self.edit("redo"))
        ui.checkAllButton.connect("clicked()", lambda: self.edit("set_all", checked=True))
        ui.checkNoneButton.connect("clicked()", lambda: self.edit("set_all", checked=False))
        ui.levelsTable.connect("cellChanged(int,int)", self.onCell)
        ui.levelsTable.connect("itemSelectionChanged()", self.onTableSelection)

    # --- life --------------------------------------------------------------------------------

    def enter(self):
        self._open = True
        self._makeShortcuts()
        self.update()

    def exit(self):
        self._open = False
        self._closeEditor()
        for shortcut in self.shortcuts:
            shortcut.enabled = False
            shortcut.setParent(None)
            shortcut.deleteLater()
        self.shortcuts = []

    def update(self):
        """Another list or other radiographs: the editor is made anew; the old one takes its drawings along."""
        node = self.node
        chosen = (node.centroids, node.ap, node.lateral) if node is not None and self._open else None
        alive = self.editor is not None and self.editor.alive
        if chosen == self._edited and (alive or chosen is None or chosen[0] is None):
            return
        self._closeEditor()
        self._edited = chosen
        if chosen is not None and chosen[0] is not None:
            self._openEditor(*chosen)

    def _openEditor(self, centroids, ap, lateral):
        from ReVerteRLib.scene.centroid_editor import CentroidEditor
        from ReVerteRLib.scene.centroid_table import CentroidTable, rows_of
        from ReVerteRLib.scene.panel_look import pair_or_none
        from ReVerteRLib.scene.placing import ClickPlacer

        pair, error = pair_or_none(ap, lateral)
        self._note(error.message() if error is not None else "")
        self.editor = CentroidEditor(self.scene, centroids, pair)
        self.editor.subscribe(self.onEditor)
        self.placer = ClickPlacer(self.editor, lambda _index: self.widget.updateButtons(), self.widget.showError)
        self.table = CentroidTable(centroids, self.showRows, lambda function: qt.QTimer.singleShot(30, function))
        self.showRows(rows_of(centroids))

    def _closeEditor(self):
        editor, self.editor = self.editor, None
        self.ui.addButton.checked = False
        if self.placer is not None:
            self.placer.stop()
        if self.table is not None:
            self.table.close()
        if editor is not None:
            editor.close()
        self.placer = self.table = self._edited = None
        self.showRows(())

    def _note(self, text):
        self.ui.annotationLabel.text = text
        self.ui.annotationLabel.visible = bool(text)

    # --- what the user does ------------------------------------------------------------------

    def onFind(self):
        from ReVerteRLib.scene.task_annotate import AnnotateTask

        node = self.node
        make = lambda: AnnotateTask(self.scene, node.ap, node.lateral, node.centroids, editor=self.editor)  # noqa: E731
        self.widget.run(make, self.found)

    def found(self, centroids):
        if self.node is None:
            return
        self.node.centroids = centroids
        task = self.widget.finishedTask
        warnings = task.annotation.warnings if task is not None and task.annotation is not None else ()
        self._note("\n".join(warnings))
        self.widget.say(_("{count} vertebrae found.").format(count=centroids.GetNumberOfControlPoints()))
        self.widget.showLayout()

    def onAdd(self, on):
        """Button 'Add', which stays pressed while clicks are awaited."""
        if self.placer is None:
            return
        if not on:
            self.placer.stop()
            return
        self.widget.showLayout()
        self.widget.attempt(self.placer.start)
        self.widget.say(_("Click a vertebral body in one radiograph, then the same one in the other."))
        if not self.placer.active:
            self.ui.addButton.checked = False

    def onSelected(self, operation, *arguments):
        """An operation of the editor on the selected vertebra."""
        if self.editor is not None and self.editor.selected is not None:
            self.edit(operation, self.editor.selected, *arguments)

    def edit(self, operation, *arguments, **options):
        """An operation of the editor; what is wrong with it is said."""
        if self.editor is not None and self.editor.alive and not self.widget.busy:
            self.widget.attempt(getattr(self.editor, operation), *arguments, **options)
            self._refresh()

    def onCell(self, row, column):
        """A check box: to be reconstructed, or locked."""
        if row >= len(self.rows) or column not in (LEVEL, LOCK):
            return
        checked = isChecked(self.ui.levelsTable.item(row, column))
        operation = "set_checked" if column == LEVEL else "set_locked"
        self.edit(operation, self.rows[row].index, checked)

    def onTableSelection(self):
        from ReVerteRLib.scene.visibility import centre_slice_views

        row = self.ui.levelsTable.currentRow()
        if self._selecting or self.editor is None or not self.editor.alive or not 0 <= row < len(self.rows):
            return
        self._selecting = True
        self.widget.attempt(self.editor.select, self.rows[row].index)
        self._selecting = False
        chosen = self.rows[row]
        if chosen.level is not None:
            self.ui.levelComboBox.currentText = chosen.level.name
        pair = self._pair()
        if pair is not None and chosen.position_lps_mm is not None:
            projections = {view.projection.view: view.projection for view in pair}
            centre_slice_views(self.scene, chosen.position_lps_mm, projections)
        self.widget.updateButtons()

    def onKey(self, action):
        from ReVerteRLib.scene.keys import perform

        if self.editor is not None and self.editor.alive and not self.widget.busy:
            self.widget.attempt(perform, action, self.editor, lambda _level: self.ui.levelComboBox.currentText)
            self._refresh()

    # --- what is shown -----------------------------------------------------------------------

    def onEditor(self, change):
        if change.name == "CLOSED":
            self.ui.addButton.checked = False
        self._showSelection()
        self.widget.updateButtons()

    def showRows(self, rows):
        self.rows = tuple(rows)
        fill(self.ui.levelsTable, [self._cells(row) for row in self.rows])
        self._showSelection()
        self.widget.updateButtons()

    def _cells(self, row):
        from ReVerteRLib.scene.panel_look import is_doubtful

        point, doubtful = row.point, is_doubtful(row)
        sure = _("by hand") if point.by_hand else f"{100 * point.confidence:.0f} %" + ("  !" if doubtful else "")
        doubt = _("Look at this vertebra in both radiographs; moving or locking it confirms it")
        cells = (
            cell(row.label, _("Check it to reconstruct this vertebra"), point.checked),
            cell(sure, doubt if doubtful else _("How sure the name and place are")),
            cell(f"{point.residual_mm:.1f}", _("How far the rays of both radiographs pass each other")),
            cell("", _("Locked vertebrae keep place and name"), point.locked),
            cell(row.remark, row.remark),
        )
        return highlighted(cells) if doubtful else cells

    def _refresh(self):
        if self.table is not None:
            self.table.flush()
        self.widget.updateButtons()

    def _showSelection(self):
        if self._selecting or self.editor is None or not self.editor.alive:
            return
        table = self.ui.levelsTable
        wanted = next((n for n, row in enumerate(self.rows) if row.index == self.editor.selected), -1)
        blocked = table.blockSignals(True)
        if wanted < 0:
            table.clearSelection()
            table.setCurrentCell(-1, -1)
        else:
            table.selectRow(wanted)
        table.blockSignals(blocked)

    def _pair(self):
        from ReVerteRLib.scene.panel_look import pair_or_none

        return pair_or_none(self.node.ap, self.node.lateral)[0] if self.node is not None else None

    def _makeShortcuts(self):
        from ReVerteRLib.scene.keys import KEYS

        window = slicer.util.mainWindow()
        if window is None or self.shortcuts:
            return
        for key in KEYS:
            shortcut = qt.QShortcut(qt.QKeySequence(key.sequence), window)
            shortcut.connect("activated()", lambda action=key.action: self.onKey(action))
            self.shortcuts.append(shortcut)
        lines = "\n".join(f"{key.sequence}: {_(key.text)}" for key in KEYS)
        self.ui.levelsTable.toolTip = _("From the head down. Keys while this module is open:") + "\n" + lines

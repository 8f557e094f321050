"""Section 4: turning, showing and hiding."""

import qt
import slicer
from slicer.i18n import tr as _

from ReVerteRPanel.part import Part, cell, fill, isChecked, prepare

PRESETS = {"frontButton": "front", "sideButton": "side", "topButton": "top", "angle60Button": "60"}
STEP_MS, STEPS = 40, 180


class LookPart(Part):
    def __init__(self, widget):
        Part.__init__(self, widget)
        self.levels = ()
        self._drawn = None
        self._turns = None
        self._timer = qt.QTimer()
        self._timer.interval = STEP_MS
        self._timer.connect("timeout()", self.onTurnStep)
        prepare(self.ui.lookTable)
        self._connect()

    def _connect(self):
        ui = self.ui
        ui.layoutButton.connect("clicked()", self.widget.showLayout)
        for button, preset in PRESETS.items():
            getattr(ui, button).connect("clicked()", lambda preset=preset: self.onPreset(preset))
        ui.turntableButton.connect("toggled(bool)", self.onTurntable)
        for slider in (ui.rotationSlider, ui.elevationSlider, ui.rollSlider):
            slider.connect("valueChanged(double)", self.onTurn)
        ui.opacitySlider.connect("valueChanged(double)", self.onOpacity)
        ui.showAllButton.connect("clicked()", self.onShowAll)
        ui.lookTable.connect("cellChanged(int,int)", self.onCell)
        ui.silhouettesCheckBox.connect("toggled(bool)", self.onSilhouettes)

    def exit(self):
        self.ui.turntableButton.checked = False
        self._drawn = None

    def update(self):
        self._showTable()
        self._drawSilhouettes()

    # --- turning -----------------------------------------------------------------------------

    def angles(self):
        return tuple(s.value for s in (self.ui.rotationSlider, self.ui.elevationSlider, self.ui.rollSlider))

    def onTurn(self, _value=None):
        """Rotation, elevation and roll as absolute angles; the same sliders always give the same picture."""
        from ReVerteRLib.scene.turntable import c_arm_text

        rotation, elevation, roll = self.angles()
        self.ui.cArmLabel.text = c_arm_text(rotation, elevation)
        if self.node is not None and self.node.segmentation is not None:
            self.widget.logic.turnView(rotation, elevation, roll, self.node.segmentation)

    def onPreset(self, name):
        from ReVerteRLib.scene.layout import PRESETS as ANGLES

        self._setAngles(ANGLES[name])
        self.onTurn()  # also when the sliders stood there already and the user has turned the view by the mouse

    def _setAngles(self, angles):
        sliders = (self.ui.rotationSlider, self.ui.elevationSlider, self.ui.rollSlider)
        for slider, angle in zip(sliders, angles, strict=True):
            slider.value = angle

    def onTurntable(self, on):
        from ReVerteRLib.scene.turntable import turntable

        if on:
            self._turns = turntable(self.angles(), STEPS)
            self._timer.start()
        else:
            self._timer.stop()

    def onTurnStep(self):
        """One step; a whole turn ends where it began, and the next one begins."""
        from ReVerteRLib.scene.turntable import turntable

        angles = next(self._turns, None)
        if angles is None:
            self._turns = turntable(self.angles(), STEPS)
            angles = next(self._turns)
        self._setAngles(angles)

    # --- showing -----------------------------------------------------------------------------

    def visibility(self):
        """Of the chosen result, None when there is none."""
        from ReVerteRLib.scene.visibility import LevelVisibility

        result = self.node.segmentation if self.node is not None else None
        return LevelVisibility.of_segmentation(result) if result is not None else None

    def _showTable(self):
        from ReVerteRLib.scene.panel_look import distance_text, silhouette_distances

        shown = self.visibility()
        self.levels = shown.levels if shown is not None else ()
        distances = silhouette_distances(self.scene) if self.levels else {}
        rows = []
        for level in self.levels:
            text, doubtful = distance_text(distances, level)
            if not distances:
                text, hint = "\u2013", _("Press 'Measure' in section 5 to see it")
            else:
                hint = _("Look at this vertebra again") if doubtful else ""
            rows.append(
                (
                    cell(level.name, _("Check it to show this vertebra"), shown.is_visible(level)),
                    cell(f"{100 * shown.opacity(level):.0f} %"),
                    cell(text + ("  !" if doubtful else ""), hint),
                )
            )
        fill(self.ui.lookTable, rows)

    def onCell(self, row, column):
        shown = self.visibility()
        if column == 0 and shown is not None and row < len(self.levels):
            checked = isChecked(self.ui.lookTable.item(row, column))
            self.widget.attempt(shown.set_visible, self.levels[row], checked)

    def onShowAll(self):
        shown = self.visibility()
        if shown is not None:
            shown.show_all()
            self._showTable()

    def onOpacity(self, value):
        shown = self.visibility()
        if shown is None:
            return
        row = self.ui.lookTable.currentRow()
        chosen = [self.levels[row]] if 0 <= row < len(self.levels) else self.levels
        with slicer.util.RenderBlocker():
            for level in chosen:
                self.widget.attempt(shown.set_opacity, level, value / 100)
        self._showTable()

    def onSilhouettes(self, _on):
        self._drawSilhouettes()

    def newResult(self):
        """A new result or new measurements are there: everything that is drawn of it is drawn anew."""
        self._drawn = None
        self.update()
        self.onTurn()

    def _drawSilhouettes(self):
        """Outlines over both radiographs, when they are wanted and possible; drawn once for the same nodes."""
        from ReVerteRLib.scene.panel_look import hide_silhouettes, show_silhouettes

        node = self.node
        wanted = None
        if node is not None and node.ap and node.lateral and node.segmentation and self.ui.silhouettesCheckBox.checked:
            wanted = (node.ap, node.lateral, node.segmentation)
        if node is None or wanted == self._drawn:
            return
        self._drawn = wanted
        if wanted is None:
            hide_silhouettes(self.scene)
        else:
            self.widget.attempt(show_silhouettes, self.scene, *wanted)

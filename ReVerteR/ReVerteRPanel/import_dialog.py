"""The window in which two radiograph files are imported, with every decision shown and changeable."""

import pathlib
import tempfile

import qt
import slicer
from slicer.i18n import tr as _

from ReVerteRPanel.icons import putIcons
from ReVerteRPanel.part import cell, fill, prepare

SIDES = ("ap", "lateral")
GREYS = ("auto", "as-stored", "inverted", "intensity")  # what the lines of the combo boxes stand for, in any language
VIEWS = ("auto", "as-given", "swapped")


class ImportDialog:
    """widget: the panel. imported(nodes): what happens with the two new volume nodes."""

    def __init__(self, widget, imported):
        from ReVerteRLib.scene.import_session import ImportSession

        self.widget, self.imported = widget, imported
        self.session = ImportSession()
        self.window = slicer.util.loadUI(widget.resourcePath("UI/ImportRadiographs.ui"))
        self.ui = slicer.util.childWidgetVariables(self.window)
        putIcons(self.ui, widget.resourcePath)
        self._filling = False
        self._pictures = tempfile.TemporaryDirectory(prefix="reverter-import-")
        self._connect()
        self.refresh()

    def _connect(self):
        for side in SIDES:
            prepare(self.of(side, "DecisionsTable"))
            self.of(side, "PathLineEdit").connect("currentPathChanged(QString)", self.onFiles)
            self.of(side, "RotateButton").connect("clicked()", lambda side=side: self.onRotate(side))
            for name in ("FlipButton", "OverButton"):
                self.of(side, name).connect("clicked()", self.onChoices)
            for name in ("SpacingSpinBox", "MagnificationSpinBox", "SadSpinBox", "SddSpinBox"):
                self.of(side, name).keyboardTracking = False
                self.of(side, name).connect("valueChanged(double)", self.onChoices)
            for name in ("PositionComboBox", "GreyComboBox"):
                self.of(side, name).connect("currentTextChanged(QString)", self.onChoices)
        self.ui.viewsComboBox.connect("currentTextChanged(QString)", self.onChoices)
        self.ui.offsetSpinBox.connect("valueChanged(double)", self.onChoices)
        self.ui.estimateCheckBox.connect("clicked()", self.onChoices)
        self.ui.acceptButton.connect("clicked()", self.onAccept)
        self.ui.closeButton.connect("clicked()", self.close)

    def of(self, side, name):
        """The widget of one side."""
        return getattr(self.ui, side + name)

    def open(self):
        self.window.show()
        self.window.raise_()

    def close(self):
        self.window.close()

    def onFiles(self, _path=None):
        self.session.set_files(*(self.of(side, "PathLineEdit").currentPath for side in SIDES))
        self._showChoices()
        self.refresh()

    def onRotate(self, side):
        from ReVerteRLib.scene.import_session import with_choice

        view = self.view(side)
        choices = self.session.choices(view)
        self.session.choose(view, with_choice(choices, rotate_deg=(choices.rotate_deg + 90) % 360))
        self.refresh()

    def onChoices(self, _value=None):
        """Any other decision: all are read anew from the form."""
        if self._filling:
            return
        from ReVerteRLib.scene.import_session import with_choice

        for side in SIDES:
            position = self.of(side, "PositionComboBox")
            self.session.choose(
                self.view(side),
                with_choice(
                    self.session.choices(self.view(side)),
                    spacing_mm=self.of(side, "SpacingSpinBox").value,
                    magnification=self.of(side, "MagnificationSpinBox").value,
                    sad_mm=self.of(side, "SadSpinBox").value,
                    sdd_mm=self.of(side, "SddSpinBox").value,
                    position=position.currentText if position.currentIndex > 0 else "",
                    flip_horizontal=self.of(side, "FlipButton").checked,
                    flip_vertical=self.of(side, "OverButton").checked,
                    grey=GREYS[self.of(side, "GreyComboBox").currentIndex],
                ),
            )
        self.session.choose_pair(
            VIEWS[self.ui.viewsComboBox.currentIndex],
            self.ui.offsetSpinBox.value,
            estimate_offset=self.ui.estimateCheckBox.checked,
        )
        self.refresh()

    def refresh(self):
        """Reads the files where needed and shows how they are understood, or what is wrong with them."""
        from ReVerteRLib.errors import as_known

        try:
            if not self.session.complete:
                self._show(_("Choose the two files."), False)
                return
            warnings = self.session.warnings
            for side in SIDES:
                self._showImage(side)
            self._show("\n".join(warnings) or _("Nothing to object."), True)
        except Exception as error:
            known = as_known(error)
            if known is None:
                raise
            self._show(known.message(), False)

    def onAccept(self):
        nodes = self.widget.attempt(self.session.add_to_scene, slicer.mrmlScene)
        if nodes is not None:
            self.imported(nodes)
            self.close()

    def view(self, side):
        from ReVerteRLib.geometry import View

        return View(side)

    def _show(self, text, usable):
        self.ui.importWarnings.text = text
        self.ui.acceptButton.enabled = usable
        self.ui.acceptButton.toolTip = (
            _("Put both radiographs into the scene, in their true planes") if usable else text
        )
        self.ui.estimateCheckBox.enabled = usable
        if not usable:
            for side in SIDES:
                self.of(side, "Picture").text = _("no picture")
                fill(self.of(side, "DecisionsTable"), [])

    def _showImage(self, side):
        path = pathlib.Path(self._pictures.name) / f"{side}.png"
        self.session.picture(self.view(side), path)
        self.of(side, "Picture").pixmap = qt.QPixmap(str(path))
        rows = [
            (cell(topic), cell(value), cell(f"{reason} ({certainty})", reason))
            for topic, value, reason, certainty in self.session.decisions(self.view(side))
        ]
        fill(self.of(side, "DecisionsTable"), rows)

    def _showChoices(self):
        """The form of a new file says what the session says."""
        self._filling = True
        for side in SIDES:
            choices = self.session.choices(self.view(side))
            self.of(side, "SpacingSpinBox").value = choices.spacing_mm
            self.of(side, "MagnificationSpinBox").value = choices.magnification
            self.of(side, "SadSpinBox").value = choices.sad_mm
            self.of(side, "SddSpinBox").value = choices.sdd_mm
            self.of(side, "FlipButton").checked = choices.flip_horizontal
            self.of(side, "OverButton").checked = choices.flip_vertical
            self.of(side, "GreyComboBox").currentIndex = GREYS.index(choices.grey)
            if not choices.position:
                self.of(side, "PositionComboBox").currentIndex = 0
        self._filling = False

"""What all sections have in common, and small helpers for tables."""

import qt


class Part:
    """One section. widget: the ReVerteRWidget that it belongs to; its state comes from there."""

    def __init__(self, widget):
        self.widget = widget
        self.ui = widget.ui

    @property
    def node(self):
        """The parameter node, None while there is none."""
        return self.widget.parameterNode

    @property
    def scene(self):
        return self.widget.scene

    def enter(self):
        """The module is opened, or a new scene is there."""

    def exit(self):
        """The module is left, or the scene is about to close; called in any state and more than once."""

    def update(self):
        """The parameter node has changed."""


def cell(text, toolTip="", checked=None):
    """One cell of a table, with a check box when `checked` is no None."""
    item = qt.QTableWidgetItem(text)
    flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
    if checked is not None:
        flags = flags | qt.Qt.ItemIsUserCheckable
    item.setFlags(flags)
    if checked is not None:
        item.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
    if toolTip:
        item.setToolTip(toolTip)
    return item


def highlighted(cells):
    """The cells of one line on amber, which stands out in light and in dark themes."""
    for item in cells:
        item.setBackground(qt.QBrush(qt.QColor(221, 148, 32, 90)))
    return cells


def isChecked(item):
    return item.checkState() == qt.Qt.Checked


def fill(table, rows):
    """Makes the table's cells be these, without telling anyone; keeps the selected line."""
    selected = table.currentRow()
    blocked = table.blockSignals(True)
    table.rowCount = len(rows)
    for row, cells in enumerate(rows):
        for column, item in enumerate(cells):
            table.setItem(row, column, item)
    if 0 <= selected < len(rows):
        table.selectRow(selected)
    table.blockSignals(blocked)


def prepare(table, stretched=()):
    """Looks of a table: no line numbers; the last column and those of `stretched` share the room."""
    table.verticalHeader().visible = False
    header, last = table.horizontalHeader(), table.columnCount - 1
    for column in range(last + 1):
        wide = column == last or column in stretched
        header.setSectionResizeMode(column, qt.QHeaderView.Stretch if wide else qt.QHeaderView.ResizeToContents)

"""The layout AP | lateral | 3D with its letters, and the way back to the user's own layout."""

import slicer


class Views:
    """widget: the panel, whose chosen radiographs are shown."""

    def __init__(self, widget):
        from ReVerteRLib.scene.orientation_marks import MarkedViews

        self.widget = widget
        self.marks = MarkedViews()
        self._before = None

    def show(self):
        """AP, lateral and 3D view side by side, with the chosen radiographs and letters at their edges."""
        from ReVerteRLib.scene import builder, layout
        from ReVerteRLib.scene.orientation_marks import slice_view

        manager, node = slicer.app.layoutManager(), self.widget.parameterNode
        if manager is None or node is None:
            return
        before = layout.show_layout(manager.layoutLogic().GetLayoutNode())
        if before != layout.LAYOUT_ID:
            self._before = before
        layout.show_spine(builder.SpineScene(slicer.mrmlScene, "", ap=node.ap, lateral=node.lateral))
        self.marks.show({name: slice_view(manager, name) for name in (layout.AP_VIEW, layout.LATERAL_VIEW)})
        self.widget.look.onTurn()

    def restore(self):
        """The letters go, and the earlier layout comes back, unless the user has chosen another one meanwhile."""
        from ReVerteRLib.scene import layout

        self.marks.remove()
        manager = slicer.app.layoutManager()
        if self._before is not None and manager is not None and manager.layout == layout.LAYOUT_ID:
            manager.setLayout(self._before)
        self._before = None

"""Pictures on the buttons: the file of a button is named as the button, Resources/Icons/find.svg for findButton."""

import pathlib
import re

import qt

SUFFIX = "Button"


def putIcons(ui, resourceFile):
    """Gives every button of `ui` its icon, where there is one. resourceFile: from a name in Resources to its path."""
    for name, button in vars(ui).items():
        if name.endswith(SUFFIX):
            path = resourceFile(f"Icons/{iconName(name)}.svg")
            if pathlib.Path(path).is_file():
                button.icon = qt.QIcon(path)


def iconName(button):
    """The AP and the lateral side of a window share their icons: rotate for apRotateButton."""
    stem = re.sub(r"^(ap|lateral)(?=[A-Z])", "", button.removesuffix(SUFFIX))
    return stem[:1].lower() + stem[1:]

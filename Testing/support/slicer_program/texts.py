"""Stand-in for ``slicer.i18n``: the texts stay English, unless a test gives translations to the application."""

import logging
import re

import slicer

FIELD = re.compile(r"(?<!{){([^{}]+)}(?!})")


def translate(context, text):
    return slicer.app.translate(context, text)


def tr(text):
    """Return the text in the language of the program; one with other fields in braces is not used."""
    translated = slicer.app.translate("", text)
    if set(FIELD.findall(text)) != set(FIELD.findall(translated)):
        logging.warning(f"the translation {translated!r} of {text!r} has other fields")
        return text
    return translated

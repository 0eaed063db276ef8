"""Prints TagScript.swift, made from tag.js by the PyPI package tdewolff-minify."""

import pathlib

import minify

# Nothing newer than browsers of 2017 can read.
minify.config({"js-version": 2016})
text = minify.string(
    "application/javascript", pathlib.Path(__file__).with_name("tag.js").read_text()
)
assert '"""#' not in text
print(
    f'''\
// swift-format-ignore-file
//
// Made by `make tag` from tag.js.

/// The tag with short names and without white space; what stands in braces is configured.
let tagScriptText = #"""
{text}
"""#'''
)

"""Prints TagScript.swift, made from tag.js by the PyPI package rjsmin."""

import pathlib

import rjsmin

source = pathlib.Path(__file__).with_name("tag.js").read_text()
text = rjsmin.jsmin(source)
assert '"""#' not in text
print(
    f'''\
// swift-format-ignore-file
//
// Made by `make tag` from tag.js.

/// The tag without white space and comments, with names in braces for what is configured.
let tagScriptText = #"""
{text}
"""#'''
)

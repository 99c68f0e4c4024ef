"""Text extraction from a PDF made by WeasyPrint, as a person who selects and copies it."""

import re
import zlib

_OBJECT = re.compile(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"stream\n(.*)\nendstream", re.DOTALL)
_FONT = re.compile(rb"/(\w+) (\d+) 0 R")
_WRITTEN = re.compile(rb"/(\w+) [\d.]+ Tf|\[([^\]]*)\] ?TJ|<([0-9a-f]+)> ?Tj|\b(ET)\b")


def text_of(pdf: bytes) -> str:
    """Return the text of all pages, a line for each piece that was placed on its own; believes
    nothing but the maps from glyphs to letters that the file carries for its embedded fonts."""
    return "\n".join(pages_of(pdf))


def pages_of(pdf: bytes) -> list[str]:
    """Return the text of each page, in the order in which the file holds them."""
    objects = _objects(pdf)
    letters = {
        name: _letters(objects, objects[int(number)])
        for body in objects.values()
        for name, number in _FONT.findall(body)
        if b"/Type0" in objects.get(int(number), b"")
    }
    pages = [body for body in objects.values() if b"\nBT\n" in body]
    return [_text(page, letters) for page in pages]


def _objects(pdf: bytes) -> dict[int, bytes]:
    found = {}
    for number, body in _OBJECT.findall(pdf):
        stream = _STREAM.search(body)
        head = body[: stream.start()] if stream else body
        content = stream[1] if stream else b""
        plain = zlib.decompress(content) if b"/FlateDecode" in head else content
        found[int(number)] = head + plain
        if b"/ObjStm" in head:
            count, first = _number(rb"/N", head), _number(rb"/First", head)
            places = [int(word) for word in plain[:first].split()][: 2 * count]
            ends = [*places[3::2], len(plain)]
            for inner, start, end in zip(places[::2], places[1::2], ends, strict=True):
                found[inner] = plain[first + start : first + end]
    return found


def _number(key: bytes, body: bytes) -> int:
    found = re.search(key + rb" ?(\d+)", body)
    assert found, f"no {key.decode()}"
    return int(found[1])


def _letters(objects: dict[int, bytes], font: bytes) -> dict[str, str]:
    """Return letters by glyph, in hex, of a font that is embedded."""
    descendant = objects[_number(rb"/DescendantFonts \[", font)]
    descriptor = objects[_number(rb"/FontDescriptor", descendant)]
    assert b"/FontFile" in descriptor, "every font is embedded"
    unicode_map = objects[_number(rb"/ToUnicode", font)]
    return {
        glyph.decode(): bytes.fromhex(letters.decode()).decode("utf-16-be")
        for glyph, letters in re.findall(rb"<(\w{4})> <(\w+)>\n", unicode_map)
        if glyph != b"0000"
    }


def _text(page: bytes, letters: dict[bytes, dict[str, str]]) -> str:
    font, text = b"", ""
    for name, pieces, piece, end in _WRITTEN.findall(page):
        font = name or font
        glyphs = b"".join(re.findall(rb"<([0-9a-f]+)>", pieces)) + piece
        text += "".join(letters[font][glyph.decode()] for glyph in re.findall(rb"....", glyphs))
        text += "\n" if end else ""
    return text

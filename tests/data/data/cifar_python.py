"""Writes two images in the Python version of CIFAR, as Python 2 and 3 pickle them.

Python 2's cPickle wrote the official files (protocol 2, strings as bytes); those instructions are put together by hand here and
checked with Python 3's unpickler. Byte i of image n is (7 i + 13 n) mod 256. Run in this folder: `python cifar_python.py` (NumPy).
"""

import pickle
import struct

import numpy

COUNT = 2
pixels = ((7 * numpy.arange(3072)[None] + 13 * numpy.arange(COUNT)[:, None]) % 256).astype(numpy.uint8)
labels = {b"fine_labels": [7, 99], b"coarse_labels": [3, 19]}


def short(text):
    return b"U" + bytes([len(text)]) + text


def python2():
    out = b"\x80\x02}q\x01("
    for name, values in labels.items():
        out += short(name) + b"]q\x02(" + b"".join(b"K" + bytes([v]) for v in values) + b"e"
    out += short(b"data") + b"cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85" + short(b"b") + b"\x87Rq\x05("
    out += b"K\x01K" + bytes([COUNT]) + b"M\x00\x0c\x86cnumpy\ndtype\nq\x06" + short(b"u1") + b"K\x00K\x01\x87Rq\x07(K\x03"
    out += short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<I", pixels.size) + pixels.tobytes()
    return out + b"tb" + short(b"batch_label") + short(b"training batch 1 of 1") + b"u."


official = python2()
read = pickle.loads(official, encoding="bytes")
assert (read[b"data"] == pixels).all() and read[b"fine_labels"] == labels[b"fine_labels"]
with open("cifar_python2", "wb") as f:
    f.write(official)
for protocol in (2, 4):
    with open(f"cifar_python3_protocol{protocol}", "wb") as f:
        pickle.dump({b"data": pixels, **labels}, f, protocol=protocol)

"""Writes folders of images of one pixel, classes 0, 1, 2, 10, and weights whose outputs stand in the order in which Python sorts these names.

Class k has pixels of lightness v_k; output k is 2 v_k x - v_k^2, largest where x is nearest to v_k. Only the standard library is needed.
"""
import json
import struct
import zlib
from pathlib import Path

HERE = Path(__file__).parent
LIGHT = {"0": 0, "1": 60, "2": 120, "10": 250}


def png(path, grey):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes([0, grey]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def safetensors(path, tensors):
    header, data = {}, b""
    for name, (shape, numbers) in tensors.items():
        packed = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


for name, grey in LIGHT.items():
    png(HERE / "order" / "Train" / name / "a.png", grey)
    png(HERE / "order" / "validation" / name / "deep" / "b.png", min(grey + 5, 255))
names = sorted(LIGHT)
v = [LIGHT[n] / 255 for n in names]
safetensors(HERE / "order.safetensors", {"model.fc.weight": ([4, 1], [2 * x for x in v]), "model.fc.bias": ([4], [-x * x for x in v]), "queue": ([2], [0.0, 0.0])})

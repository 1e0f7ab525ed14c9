"""
Writes test/golden/chunks.json: messages as the real OpenMSIStream makes them, for the tests of the codec.

    ~/.cache/dfsp-test/openmsistream-1.8.8/venv/bin/python scripts/golden-vectors.py test/golden/chunks.json

That environment is made by the first `npm test`; no broker is needed.

Its public classes do all the work: UploadDataFile cuts the files, DataFileChunk names the keys,
DataFileChunkSerializer packs the values, DownloadDataFileToMemory says which path and bytes come back.
Contents, names and times are fixed, so that the same version writes the same file again.
"""

import base64
import hashlib
import importlib.metadata
import json
import os
import pathlib
import sys
import tempfile

import msgpack
from openmsistream.data_file_io.config import DATA_FILE_HANDLING_CONST
from openmsistream.data_file_io.entity.download_data_file import DownloadDataFileToMemory
from openmsistream.data_file_io.entity.upload_data_file import UploadDataFile
from openmsistream.kafka_wrapper.serialization import (
    DataFileChunkDeserializer,
    DataFileChunkSerializer,
)

MTIME = 1_764_000_000.25


class SelectedBytes(UploadDataFile):
    """Sends two ranges of the file only (release 1.8.8 fails when the first does not begin at byte 0)."""

    select_bytes = [(0, 110), (300, 450)]


# name, path under the upload root, bytes, chunk size, and what is special
CASES = [
    ("one-chunk", "one.csv", 100, 1024, {}),
    ("short-last-chunk", "scan_01.csv", 300, 128, {}),
    ("exact-multiple", "exact.bin", 256, 64, {}),
    ("one-byte", "tiny", 1, 64, {}),
    ("sub-folder", "beam/2026/run_7.dat", 200, 128, {}),
    ("underscored-folder", "a_b/c.txt", 70, 64, {}),
    ("same-key-other-folder", "a/b_c.txt", 70, 64, {}),
    ("non-ascii", "Größe/試料 №1 µm.tif", 150, 128, {}),
    ("odd-name", "a;b, c\td'\"%.csv", 80, 64, {}),
    ("decomposed-unicode", "e\u0301te\u0301.txt", 40, 64, {}),
    ("append", "plots/fit.png", 150, 128, {"filename_append": "_copy"}),
    ("append-two-suffixes", "data.tar.gz", 65, 64, {"filename_append": "_v2"}),
    ("append-no-suffix", "README", 20, 64, {"filename_append": "_v2"}),
    ("append-dot-file", ".profile", 20, 64, {"filename_append": "_v2"}),
    ("append-dot-at-end", "odd.", 20, 64, {"filename_append": "_v2"}),
    ("selected-bytes", "big/raw.bin", 512, 64, {"type": SelectedBytes}),
    ("no-mtime", "old/clock.txt", 90, 64, {"mtime": False}),
    ("nine-fields", "older/producer.txt", 130, 64, {"fields": 9}),
    ("many-chunks", "many.bin", 64 * 130, 64, {"only": [1, 127, 128, 130]}),
]


def content(name, size):
    """Bytes that look like nothing in particular and are always the same for a name."""
    return hashlib.shake_128(name.encode()).digest(size)


def vectors_of(root, name, path, size, chunk_size, special):
    """The messages of one file, as JSON-ready dictionaries."""
    source = root / path
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(content(name, size))
    os.utime(source, (MTIME, MTIME))
    upload = special.get("type", UploadDataFile)(
        source, rootdir=root, filename_append=special.get("filename_append"), logger_file=root / "LOGS"
    )
    upload.add_chunks_to_upload(chunk_size=chunk_size, capture_mtime=special.get("mtime", True))

    chunks, result = [], None
    for chunk in upload.chunks_to_upload:
        value = DataFileChunkSerializer()(chunk)
        if "fields" in special:
            # Older releases packed the first nine fields in the same way and stopped there.
            value = msgpack.packb(msgpack.unpackb(value)[: special["fields"]], use_bin_type=True)
        read = DataFileChunkDeserializer()(value)
        if not chunks:
            result = DownloadDataFileToMemory(read.filepath, logger_file=root / "LOGS")
        code = result.add_chunk(read)
        chunks.append(
            {
                "key": chunk.msg_key,
                "value": base64.b64encode(value).decode(),
                "filename": read.filename,
                "fileHash": read.file_hash.hex(),
                "chunkHash": read.chunk_hash.hex(),
                "offset": read.chunk_offset_write,
                "index": read.chunk_i,
                "total": read.n_total_chunks,
                "subdir": read.subdir_str,
                "append": read.filename_append,
                "size": len(read.data),
                "mtime": read.file_mtime or 0,
            }
        )
    assert code == DATA_FILE_HANDLING_CONST.FILE_SUCCESSFULLY_RECONSTRUCTED_CODE, (name, code)
    kept = special.get("only", range(1, len(chunks) + 1))
    return {
        "name": name,
        "path": result.full_filepath.as_posix(),
        "size": len(result.bytestring),
        "sha512": hashlib.sha512(result.bytestring).hexdigest(),
        "chunks": [chunk for chunk in chunks if chunk["index"] in kept],
    }


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "LOGS").mkdir()
        files = [vectors_of(pathlib.Path(folder), *case) for case in CASES]
    golden = {"openmsistream": importlib.metadata.version("openmsistream"), "files": files}
    pathlib.Path(target).write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

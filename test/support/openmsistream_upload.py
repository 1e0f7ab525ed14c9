"""
Uploads every file below a folder with OpenMSIStream's public API and returns when the broker has
acknowledged every chunk: UploadDataFile cuts the files, OpenMSIStreamProducer sends the chunks.

    python openmsistream_upload.py CONFIG TOPIC FOLDER CHUNK_SIZE

Prints {"files": n, "chunks": n}. Much faster than its watching program, with the same messages.
"""

import json
import pathlib
import queue
import sys
import tempfile
import threading

from openmsistream.data_file_io.entity.upload_data_file import UploadDataFile
from openmsistream.kafka_wrapper import OpenMSIStreamProducer


def main(config, topic, folder, chunk_size):
    root = pathlib.Path(folder).resolve()
    producer = OpenMSIStreamProducer.from_file(pathlib.Path(config))
    counts = {"files": 0, "chunks": 0}
    failures = []

    def on_delivery(error, _message, _producer_id, **_chunk):
        if error is not None:
            failures.append(str(error))
        else:
            counts["chunks"] += 1

    # Bounded: a chunk's bytes are read when it is produced.
    chunks = queue.Queue(1000)
    sender = threading.Thread(
        target=producer.produce_from_queue_looped,
        args=(chunks, topic),
        kwargs={"callback": on_delivery, "retry_sleep": 0.05},
    )
    sender.start()
    # Its file objects want to write a log beside the file.
    with tempfile.TemporaryDirectory() as logs:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                file = UploadDataFile(path, rootdir=root, logger_file=pathlib.Path(logs))
                # Each call adds nothing where the queue is full.
                while not file.fully_enqueued:
                    file.enqueue_chunks_for_upload(chunks, chunk_size=chunk_size)
                counts["files"] += 1
        chunks.put(None)
        sender.join()
        producer.flush(timeout=-1)
    if failures:
        sys.exit(f"{len(failures)} chunks were not delivered: {failures[0]}")
    print(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))

"""
OpenMSIStream's side of `scripts/side-by-side.ts`: a DataFileStreamProcessor that takes 20 ms for each file and then
appends its path to a file.

    python peer.py CONFIG TOPIC GROUP OUTPUT_DIR CALLS
"""

import os
import pathlib
import sys
import time

from openmsistream import DataFileStreamProcessor

config, topic, group, output_dir, calls = sys.argv[1:]
calls_fd = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
sys.stdin = os.fdopen(os.pipe()[0])  # it takes commands there: none will come


class Noting(DataFileStreamProcessor):
    def _process_downloaded_data_file(self, datafile, lock):
        time.sleep(0.02)
        os.write(calls_fd, f"{datafile.relative_filepath}\n".encode())
        return None

    @classmethod
    def run_from_command_line(cls, args=None):
        raise NotImplementedError


processor = Noting(
    pathlib.Path(config),
    topic,
    output_dir=pathlib.Path(output_dir),
    mode="memory",
    n_threads=2,
    consumer_group_id=group,
    update_secs=-1,
)
processor.process_files_as_read()

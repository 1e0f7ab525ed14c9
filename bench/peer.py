"""Baseline: OpenMSIStream's own DataFileStreamProcessor over a filled topic, with a plugin that does nothing.

  python3 peer.py BOOTSTRAP TOPIC N_FILES N_THREADS MODE OUTPUT_DIR [TIMEOUT_S]

OpenMSIStream and its dependencies must be importable (PYTHONPATH). Prints one JSON line. "s" runs from the first
message read to the last file processed, so the group join does not count; "wall_s" counts it.
A private group id is made per run; the output folder must be new. PEER_CONSUMER: a further line for [consumer].
"""
import json, os, pathlib, resource, sys, threading, time

boot, topic, n_files, n_threads, mode, out = sys.argv[1:7]
timeout = float(sys.argv[7]) if len(sys.argv) > 7 else 300.0
sys.stdin = os.fdopen(os.pipe()[0])  # never a command
from openmsistream import DataFileStreamProcessor

class Nothing(DataFileStreamProcessor):
    t_first = None
    t_last = None
    done = 0
    n_bytes = 0
    def _process_message(self, lock, msg, *a, **k):
        if self.t_first is None:
            self.t_first = time.monotonic()
            self.c_first = time.process_time()
        ret = super()._process_message(lock, msg, *a, **k)
        if self.n_processed_files >= int(n_files) and self.t_last is None:
            self.t_last = time.monotonic()
            self.c_last = time.process_time()
        return ret
    def _process_downloaded_data_file(self, datafile, lock):
        return None
    @classmethod
    def run_from_command_line(cls, args=None):
        raise NotImplementedError

pathlib.Path(out).mkdir(parents=True)
config = pathlib.Path(out) / "peer.config"
config.write_text(f"""[broker]
bootstrap.servers = {boot}

[producer]
batch.size = 2000000
linger.ms = 100
compression.type = lz4
key.serializer = StringSerializer
value.serializer = DataFileChunkSerializer

[consumer]
group.id = create_new
auto.offset.reset = earliest
enable.auto.commit = False
fetch.min.bytes = 100000
key.deserializer = StringDeserializer
value.deserializer = DataFileChunkDeserializer
{os.environ.get("PEER_CONSUMER", "")}
""")
t0 = time.monotonic()
p = Nothing(config, topic, output_dir=pathlib.Path(out) / "o", mode=mode, n_threads=int(n_threads),
            consumer_group_id="create_new", update_secs=-1)
def watch():
    while p.t_last is None and time.monotonic() - t0 < timeout:
        time.sleep(0.02)
    p.control_command_queue.put("q")
threading.Thread(target=watch, daemon=True).start()
r = p.process_files_as_read()
ok = p.t_last is not None
t_first, c_first = (p.t_first, p.c_first) if p.t_first else (t0, 0)  # the limit may come before the first message
s = (p.t_last if ok else time.monotonic()) - t_first
print(json.dumps(dict(who="openmsistream", topic=topic, threads=int(n_threads), mode=mode, finished=ok, files=r[2], msgs=r[0],
    s=round(s, 3), files_per_s=round(r[2] / s, 1), msgs_per_s=round(r[0] / s, 1),
    cpu_s=round((p.c_last if ok else time.process_time()) - c_first, 2), wall_s=round((p.t_last or 0) - t0, 2),
    rss_MB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)), flush=True)
os._exit(0)

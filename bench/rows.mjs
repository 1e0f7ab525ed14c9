// What `npm run bench` measures: each row is data. Sizes in bytes; a row's topic is filled anew for it.
//
// kind        consume (default), upload, start, idle or steady: what the contenders are asked to do
// data        files x size in chunks of `chunk`, over `partitions` (8); `open` of the files (1) in progress at once;
//             content 'csv' compresses to half; `codec` of the producer
// n           records per call of the yardstick and of the raw Node consumer
// contenders  a name of contenders.mjs, or { who, label, flags } (flags go to the contender)
// targets     rate of dfsp divided by that contender's, at least (`most`: highest allowed value of another figure)
// on          brokers: memory, kafka (both unless given)
// rare        only when named, or with --all
// quick       also with --quick

const MB = 1_000_000
const KIB = 1024

const ALL = ['yardstick', 'dfsp', 'node', 'c', 'openmsistream', 'openmsistream-tuned']
const OURS = ['yardstick', 'dfsp']
const PEER = ['yardstick', 'dfsp', 'openmsistream']

/** 100 KB files in 7 chunks, so many of them open at once. */
const open = (together, rest = {}) => ({
  name: `open-${together}`,
  title: `${together} files of 100 KB open at once`,
  data: {
    files: Math.max(3000, together),
    size: 100_000,
    chunk: 16 * KIB,
    open: together,
  },
  n: 256,
  unit: 'files_per_s',
  contenders: [{ who: 'dfsp', label: 'dfsp', flags: ['--memory', '2GiB'] }, 'yardstick'],
  on: ['memory'],
  ...rest,
})

/** One file, in memory or on disk. */
const one = (mb, rest = {}) => ({
  name: `one-${mb < 1000 ? `${mb}m` : `${mb / 1000}g`}`,
  title: `one file of ${mb < 1000 ? `${mb} MB` : `${mb / 1000} GB`}`,
  data: { files: 1, size: mb * MB, chunk: 512 * KIB },
  n: 8,
  contenders: [
    { who: 'dfsp', label: 'dfsp', flags: ['--memory', mb > 400 ? '5GiB' : '512MiB'] },
    { who: 'dfsp', label: 'dfsp, disk mode', flags: ['--mode', 'disk'] },
  ],
  on: ['memory'],
  ...rest,
})

export const ROWS = [
  {
    name: '512k',
    title: '512 KiB chunks, 100 files of 10 MB',
    data: { files: 100, size: 10 * MB, chunk: 512 * KIB },
    n: 8,
    contenders: ALL,
    targets: { yardstick: 0.85, node: 0.4, c: 0.26, openmsistream: 4.5, 'openmsistream-tuned': 3.8 },
    most: { rss_MB: 200 + 1.2 * 537, loop_p99_ms: 50 },
    quick: true,
  },
  {
    name: '16k',
    title: '16 KiB chunks, 10 files of 10 MB',
    data: { files: 10, size: 10 * MB, chunk: 16 * KIB },
    n: 256,
    contenders: ALL,
    targets: { yardstick: 0.85, node: 0.4, c: 0.23, openmsistream: 15, 'openmsistream-tuned': 12 },
    most: { loop_p99_ms: 50 },
    quick: true,
  },
  {
    name: '16k-long',
    title: '16 KiB chunks, 40 files of 10 MB',
    data: { files: 40, size: 10 * MB, chunk: 16 * KIB },
    n: 256,
    contenders: ALL,
    targets: { yardstick: 0.85, node: 0.4, c: 0.23, openmsistream: 15, 'openmsistream-tuned': 12 },
  },
  {
    name: '1m',
    title: '1 MiB chunks, 100 files of 10 MB',
    data: { files: 100, size: 10 * MB, chunk: 1024 * KIB },
    n: 8,
    contenders: ['yardstick', 'dfsp', 'node', 'c'],
    targets: { yardstick: 0.85, node: 0.35, c: 0.28 },
    most: { loop_p99_ms: 50 },
  },
  {
    name: 'small',
    title: '10,000 files of 100 KB in one chunk',
    data: { files: 10_000, size: 100_000, chunk: 512 * KIB },
    n: 64,
    unit: 'files_per_s',
    contenders: ['yardstick', 'dfsp', 'node', 'c', 'openmsistream'],
    targets: { yardstick: 0.75, node: 0.3, c: 0.17, openmsistream: 5.5 },
    most: { loop_p99_ms: 50 },
    quick: true,
  },
  {
    name: 'small-long',
    title: '30,000 files of 100 KB in one chunk',
    data: { files: 30_000, size: 100_000, chunk: 512 * KIB },
    n: 64,
    unit: 'files_per_s',
    contenders: ['yardstick', 'dfsp', 'node', 'c', 'openmsistream'],
    targets: { yardstick: 0.75, node: 0.3, c: 0.17, openmsistream: 5.5 },
  },
  {
    name: 'small-7',
    title: '1,000 files of 100 KB in 7 chunks',
    data: { files: 1000, size: 100_000, chunk: 16 * KIB },
    n: 256,
    unit: 'files_per_s',
    contenders: PEER,
    targets: { openmsistream: 12 },
  },
  one(10, { contenders: ['dfsp', 'openmsistream'] }),
  one(100),
  one(400, {
    contenders: [
      'yardstick',
      'dfsp',
      { who: 'dfsp', label: 'dfsp, disk mode', flags: ['--mode', 'disk'] },
      'openmsistream',
      { who: 'openmsistream', label: 'OpenMSIStream, disk', flags: ['disk'] },
    ],
    targets: { openmsistream: 75 },
    most: { rss_MB: 650 },
  }),
  one(4000, { rare: true }),
  open(300),
  open(1000),
  open(3000, {
    contenders: [{ who: 'dfsp', label: 'dfsp', flags: ['--memory', '2GiB'] }, 'yardstick', 'openmsistream'],
    targets: { openmsistream: 30 },
  }),
  open(10_000),
  ...[1, 64].map(partitions => ({
    name: `partitions-${partitions}`,
    title: `${partitions} partition${partitions > 1 ? 's' : ''}, 50 files of 10 MB`,
    data: { files: 50, size: 10 * MB, chunk: 512 * KIB, partitions },
    n: 8,
    contenders: OURS,
    targets: { yardstick: 0.85 },
  })),
  ...['lz4', 'zstd'].map(codec => ({
    name: codec,
    title: `${codec}, numbers as text, 50 files of 10 MB`,
    data: { files: 50, size: 10 * MB, chunk: 512 * KIB, content: 'csv', codec },
    n: 8,
    contenders: OURS,
    targets: { yardstick: 0.85 },
  })),
  {
    name: 'plugin-5ms',
    title: 'a plugin that works 5 ms, 600 files of 100 KB',
    data: { files: 600, size: 100_000, chunk: 512 * KIB },
    unit: 'files_per_s',
    contenders: [1, 2, 4].map(threads => ({
      who: 'dfsp',
      label: `dfsp, ${threads} thread${threads > 1 ? 's' : ''}`,
      flags: ['--threads', threads],
      plugin: 'works',
    })),
    on: ['memory'],
  },
  {
    name: 'backlog',
    title: 'a backlog of 20 times the budget: 128 files of 10 MB, 64 MiB',
    data: { files: 128, size: 10 * MB, chunk: 512 * KIB },
    n: 8,
    contenders: ['yardstick', { who: 'dfsp', label: 'dfsp', flags: ['--memory', '64MiB'] }],
    most: { rss_MB: 200 + 1.2 * 67 },
  },
  {
    name: 'upload-large',
    kind: 'upload',
    title: 'upload of 50 files of 10 MB',
    data: { files: 50, size: 10 * MB, chunk: 512 * KIB },
    contenders: ['dfsp-upload', 'openmsistream-upload'],
    targets: { 'openmsistream-upload': 3 },
  },
  {
    name: 'upload-small',
    kind: 'upload',
    title: 'upload of 1,000 files of 100 KB',
    data: { files: 1000, size: 100_000, chunk: 512 * KIB },
    unit: 'files_per_s',
    contenders: ['dfsp-upload', 'openmsistream-upload'],
    targets: { 'openmsistream-upload': 3 },
  },
  {
    name: 'start',
    kind: 'start',
    title: 'start-up, in times of `node -e 0`',
    unit: 'ms',
    contenders: ['start'],
    most: { version: 2.2, help: 2.8, ready_ts: 6 },
    on: ['memory'],
    quick: true,
  },
  {
    name: 'idle',
    kind: 'idle',
    title: '30 s on an empty topic',
    contenders: ['idle'],
    most: { cpu_percent: 1 },
  },
  {
    name: 'steady',
    kind: 'steady',
    title: 'an hour of 10 MB a second in files of 1 MB',
    seconds: 3600,
    data: { size: MB, chunk: 512 * KIB },
    contenders: ['steady'],
    most: { growth_MB: 20 },
    on: ['memory'],
    rare: true,
  },
]

/** Over several rows: dfsp's figure in them lies within this factor. */
export const GROWTH = [
  { rows: ['one-10m', 'one-100m', 'one-400m', 'one-4g'], figure: 'MBps', label: 'dfsp', within: 2 },
  { rows: ['one-100m', 'one-400m', 'one-4g'], figure: 'MBps', label: 'dfsp, disk mode', within: 2 },
  {
    rows: ['open-300', 'open-1000', 'open-3000', 'open-10000'],
    figure: 'files_per_s',
    label: 'dfsp',
    within: 1.5,
  },
]

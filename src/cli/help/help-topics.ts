/** Short texts of `dfsp help TOPIC`, beside those on commands and error codes. */
import { POLICIES } from '../../core/disposition.ts'
import { HOOKS } from '../../plugin/plugin.ts'
import { wrapped } from './error-page-text.ts'

export interface HelpTopic {
  readonly summary: string
  readonly text: string
}

export const HELP_TOPICS: Readonly<Record<string, HelpTopic>> = {
  plugins: {
    summary: 'what a plugin is given and gives back',
    text: `A plugin is a .ts, .mts, .js or .mjs file whose default export is a function.
It is called once with each whole file, its SHA-512 verified:

  export default async function (file, ctx) {
    if (file.size === 0) return new Error('empty')   // failed: tried again
    await ctx.produce({ key: file.path, value: file.text() })
    return null                                      // done: may be committed
  }

file  path, name, subdir, size, bytes, text(), stream(), diskPath, sha512,
      mtime, topic, attempt,
      deliveryId (the same for every attempt: a key for idempotence)
ctx   options, config, state, logger, signal, lock(fn), produce(record),
      outputDir, tmpDir, final
also  export const options = { column: { type: 'number', default: 1 } }
      ${HOOKS.join(', ')}

A plugin that runs itself: the first line #!/usr/bin/env -S dfsp run --plugin,
then
  chmod +x plot.ts; ./plot.ts -t xrd
or, where dfsp is installed in the plugin's folder only, the line
import { main } from 'dfsp/main' and as the last line main(import.meta):
  npx tsx plot.ts -t xrd

Start:  dfsp init plugin plot; dfsp try ./plot.ts samples/*.csv
`,
  },
  settings: {
    summary: 'where settings come from',
    text: `Settings are merged in this order, the first wins:

  1. flags                 --threads 4
  2. variables             DFSP_THREADS=4, DFSP_PLUGIN_COLUMN=2,
                           DFSP_KAFKA_SASL_USERNAME=u
  3. the config file       threads = 4 in [dfsp], sasl.username = u in [broker]
  4. defaults              dfsp run --help shows them

The config file is -c FILE, else ./dfsp.config, else dfsp/dfsp.config in
$XDG_CONFIG_HOME or ~/.config. It is an INI file as OpenMSIStream has it:

  [broker]      any property of librdkafka, for all clients
  [consumer]    the same, for reading        [producer]   for writing
  [dfsp]        any long flag without --
  [plugin]      options of the plugin; it may read sections of its own

A value that begins with $ is taken from the environment: password = $LAB_PW.

Look:  dfsp config check; dfsp config show --origin
`,
  },
  scaling: {
    summary: 'more files in less time',
    text: `One process owns all partitions of a topic, because the chunks of a file may lie
in any of them. A second process in the same group ends with 75 (E_GROUP_BUSY).

  --threads N     as many files at once, up to the number of cores (default 2)
  --memory SIZE   the budget of open files; beyond it chunks go to disk
  --mode disk     for files that are larger than memory

More than one machine, where each file lies in one partition (dfsp upload sends
it so): the same command on each, with --shared. Kafka gives each some of the
partitions, and moves them when a process comes, ends or is killed.
  dfsp run -p ./plot.ts -t xrd --shared
Any other topic dfsp repartition copies into such a one, which they then read.
To add a host, start it there; to take one away, SIGTERM. With --member NAME, a
name of its own for each, one that is restarted has its partitions back.
  dfsp status -t xrd -g dfsp.plot.xrd           who has which partitions
  dfsp init systemd plot -t xrd --shared        units; also compose, kubernetes

Where chunks are scattered (OpenMSIStream sends them so), copy the topic into
one in which each file lies in one partition, and read that. One copy serves all
groups, and any command reads it. Several machines may copy, too.
  dfsp repartition -t xrd                          # goes on, into xrd.by-path
  dfsp run -p ./plot.ts -t xrd.by-path --shared
From one machine to several: stop dfsp run, then begin where its group stands.
Nothing is lost, and what it had done is not done again.
  dfsp repartition -t xrd --from-group dfsp.plot.xrd
  dfsp run -p ./plot.ts -t xrd.by-path -g dfsp.plot.xrd --shared

Else split by topic, or let several groups take different files:
  dfsp run -p ./plot.ts -t xrd -g plot.a --files '^a/'
  dfsp run -p ./plot.ts -t xrd -g plot.b --files '^b/'
Each reads the whole topic, and processes its part.

A second machine that stands by: start the same command there in a loop, such as
systemd's Restart=; it takes over within a minute when the first one is gone.
`,
  },
  monitoring: {
    summary: 'status page, Prometheus, heartbeats',
    text: `On a terminal   the block below the log; keys: c = in detail, q = finish, quit
Off it          kill -USR2 PID prints what c does
In a browser    dfsp run … --http 9464, then http://127.0.0.1:9464/
                from elsewhere: ssh -L 9464:127.0.0.1:9464 HOST
Probes          /livez; /readyz is 503 with the reason while the broker is away,
                the group is not joined, or everything is paused
Prometheus      /metrics; alert rules and a Grafana dashboard lie in config/ of
                the package: $(npm root -g)/dfsp/config
Cron            --metrics-file /var/lib/prometheus/node-exporter/xrd.prom, and
                an alert on dfsp_last_success_timestamp_seconds
Scripts         --json: one object per line, the summary last; /status: one
OpenMSIStream   its CSV registries in LOGS; --heartbeat-topic T, --log-topic T

Look:  curl -s 127.0.0.1:9464/readyz; curl -s 127.0.0.1:9464/status
`,
  },
  services: {
    summary: 'cron, systemd, containers',
    text: `Always on     dfsp run -p ./plot.ts -t xrd
              SIGTERM finishes what runs, commits and ends with 0. What is not
              done within --drain-timeout (20 s) is taken up by the next start.
Now and then  dfsp run -p ./plot.ts -t xrd --until-end
              0 all done, 3 a file was not processed, 75 another run is there

cron          */15 * * * * cd /data && dfsp run -p ./p.ts -t xrd --until-end -q
              A run that is still there is no harm: the second one ends with 75.
systemd       dfsp init systemd plot -t xrd            look at the units
              sudo dfsp init systemd plot -t xrd --install
containers    dfsp init compose plot -t xrd            compose.yaml, Dockerfile
              dfsp init kubernetes plot -t xrd         kubernetes.yaml, too
              A grace period longer than --drain-timeout, and one replica.
several       dfsp init systemd plot -t xrd --shared   also compose, kubernetes:
              where each file lies in one partition (dfsp help scaling)
watching      --http 9464 for /metrics, /livez, /readyz and a status page
              --metrics-file FILE.prom for runs that end
`,
  },
  failures: {
    summary: 'what becomes of a file that fails',
    text: `A file fails when the plugin returns or throws an Error, or anything but null.

  1. It is tried again, --retries times (5), after 1, 2, 4 ... up to 60 s.
  2. Then --on-error decides:
${policies()}
  3. With the plugin mended:
       dfsp retry -p ./plot.ts -t xrd -g GROUP    what was held
       dfsp retry -p ./plot.ts --dlq TOPIC        what became a dead letter

A finite run in which a file was not processed ends with 3. If many different
files fail one after the other, everything pauses (dfsp help E_BREAKER). Records
that are no chunk, and contents that do not match their SHA-512, are counted,
told, and set aside.
`,
  },
  s3: {
    summary: 'files to a bucket',
    text: `The built-in plugin s3 puts each file into a bucket, as OpenMSIStream's
S3TransferStreamProcessor does: key TOPIC/PATH, checksum compared after the
transfer. It needs, beside dfsp:
  npm install @aws-sdk/client-s3 @aws-sdk/lib-storage

  dfsp run -p s3 --help                        its options, with their variables
  dfsp run -p s3 -t xrd --bucket measurements

Credentials come from the environment (AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY), the standard chain, or the section [s3]
of the config file.
`,
  },
}

/** What --on-error may be, the default first. */
function policies(): string {
  return Object.entries(POLICIES)
    .flatMap(([name, { effect }], i) =>
      wrapped(`${i === 0 ? '(default) ' : ''}${effect}`, `       ${name.padEnd(7)}`, ' '.repeat(14)),
    )
    .join('\n')
}

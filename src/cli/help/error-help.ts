/** What `dfsp help E_CODE` and docs/troubleshooting.md say of each error code. */
import type { ErrorCode } from '../../base/errors.ts'
import { BUILD_PACKAGES } from '../../kafka/build-packages.ts'

export interface ErrorPage {
  /** After the code: what failed, in a few words. */
  readonly title: string
  readonly meaning: string
  readonly causes: readonly string[]
  /** Commands that show which cause it is. */
  readonly look: readonly (readonly [line: string, what: string])[]
  /** What mends it. */
  readonly mend: readonly string[]
  /** As dfsp prints it. */
  readonly example: string
}

export const ERROR_HELP: Readonly<Record<ErrorCode, ErrorPage>> = {
  E_INTERNAL: {
    title: 'something in dfsp itself went wrong',
    meaning:
      'dfsp met a state that its authors did not expect. What was committed stays; the rest is read again.',
    causes: ['a defect of dfsp', 'the machine ran out of memory or file descriptors'],
    look: [
      ['dfsp run … --debug', 'the same call, with the place in the code'],
      ['ulimit -n', 'file descriptors: librdkafka needs two for each broker'],
    ],
    mend: ['Start it again: nothing is lost.', 'Report it with what --debug prints.'],
    example: "dfsp: Cannot read properties of undefined (reading 'offset') [E_INTERNAL]",
  },
  E_USAGE: {
    title: 'an argument is wrong or missing',
    meaning:
      'A flag, its value, a variable or a word on the command line cannot be used. Nothing was read or sent.',
    causes: [
      'a typing error: the nearest name is told',
      'a value without its unit, such as --memory 512',
      'an option of the plugin, given to a plugin that has no such option (its own are in dfsp run -p PLUGIN --help)',
      'a DFSP_ variable that is set in this shell',
    ],
    look: [
      ['dfsp run --help', 'what each flag takes'],
      ['env | grep ^DFSP_', 'variables that count as flags'],
    ],
    mend: ['Correct what the message names; all problems are listed at once.'],
    example: 'dfsp: --memory: "512" has no unit [E_USAGE]\nTry: 512MiB?',
  },
  E_NO_BROKER: {
    title: 'nothing names a Kafka broker',
    meaning: 'dfsp has no default broker, so that nothing is sent to the wrong one by accident.',
    causes: [
      'neither -b, DFSP_BROKERS nor bootstrap.servers in [broker] is set',
      'the config file is in another folder',
    ],
    look: [
      ['dfsp config path', 'which config file is read'],
      ['dfsp config show --origin', 'what holds, and from where'],
    ],
    mend: [
      'dfsp run -b lab1:9092 …',
      'bootstrap.servers = lab1:9092 below [broker] in ./dfsp.config',
      'Without Kafka: dfsp demo, dfsp try',
    ],
    example: 'dfsp: no broker given [E_NO_BROKER]',
  },
  E_NOT_FOUND: {
    title: 'a file that the call names does not exist',
    meaning: 'A config file, an --env-file or an input path is not there, or may not be read.',
    causes: [
      'a path that is relative to another folder than the one you are in',
      'missing permission to read it',
    ],
    look: [
      ['pwd; ls -l PATH', 'is it there, and whose is it?'],
      ['dfsp config path', 'which config file is found'],
    ],
    mend: [
      'Give the right path, or an absolute one (in cron and systemd always).',
      'dfsp init config writes a config file.',
    ],
    example: 'dfsp: no config file "lab.config" [E_NOT_FOUND]',
  },
  E_PLUGIN_MISSING: {
    title: 'the plugin is not there',
    meaning:
      'There is no file of the name that --plugin gives, and no plugin that comes with dfsp is called so.',
    causes: [
      'a typing error',
      'a path that is relative to another folder',
      'a name without ./ is first taken for a built-in plugin',
    ],
    look: [['ls *.ts *.mjs', 'what is here']],
    mend: ['Correct the path: ./plot.ts', 'dfsp init plugin plot writes one to start from.'],
    example: 'dfsp: there is no plugin ./plto.ts [E_PLUGIN_MISSING]\n  did you mean ./plot.ts?',
  },
  E_BROKER_UNREACHABLE: {
    title: 'no connection to any broker',
    meaning:
      'None of the brokers answered as a Kafka broker does. While a run goes on, this is a warning and the client keeps trying; at the start it ends the call.',
    causes: [
      'Connection refused: nothing listens on that port, or a firewall refuses',
      'no answer: a firewall drops packets, or the host is down',
      'Failed to resolve: the name is unknown to this machine',
      'it connects, then fails with another host name: the broker advertises an address that this machine cannot reach (advertised.listeners)',
      'closed by peer, or an invalid response size: a TLS port was asked without TLS, or no Kafka broker listens there',
    ],
    look: [
      ['getent hosts HOST', 'does the name resolve?'],
      ['nc -vz HOST PORT', 'does the port answer?'],
      ['kcat -L -b HOST:PORT', 'which addresses the brokers give out'],
      ['openssl s_client -connect HOST:PORT', 'a certificate appears: it is a TLS port'],
    ],
    mend: [
      'Correct -b, or add all brokers: -b lab1:9092,lab2:9092.',
      'A TLS port: -X security.protocol=SSL (with a login: SASL_SSL).',
      'An advertised address that is wrong is mended on the broker: advertised.listeners.',
    ],
    example:
      'dfsp: cannot reach lab1:9092 [E_BROKER_UNREACHABLE]\n  Connect to ipv4#10.0.4.7:9092 failed: Connection refused',
  },
  E_TLS: {
    title: 'no secure connection to the broker',
    meaning: 'The port answers, but TLS could not be set up. Nothing was sent, no password either.',
    causes: [
      'the port speaks no TLS (connecting to a PLAINTEXT broker listener?)',
      "the broker's certificate is signed by an authority that this machine does not know",
      'the certificate is for another name than the one in -b, or has expired',
      'the broker wants a certificate of the client',
    ],
    look: [
      [
        'openssl s_client -connect HOST:PORT -verify_return_error',
        'the certificate, its names, what is wrong with it',
      ],
      ['dfsp config show --origin', 'security.protocol and ssl.* as they hold'],
    ],
    mend: [
      'A port without TLS: -X security.protocol=PLAINTEXT, with a login SASL_PLAINTEXT.',
      "The laboratory's own authority: ssl.ca.location = /etc/ssl/certs/lab-ca.pem in [broker].",
      'Another name: use the name that stands in the certificate in -b.',
      'A client certificate: ssl.certificate.location and ssl.key.location.',
    ],
    example:
      'dfsp: no secure connection to lab1:9093 [E_TLS]\n  SSL handshake failed: … certificate verify failed',
  },
  E_TOPIC_MISSING: {
    title: 'the topic does not exist',
    meaning: 'The broker was asked and has no topic of that name. dfsp run does not make topics.',
    causes: [
      'a typing error (the nearest name is told)',
      'another broker than the one you meant',
      'nobody has sent anything yet',
      'without DESCRIBE permission a topic looks as if it were not there',
    ],
    look: [['kcat -L -b HOST:PORT', 'all topics of this broker']],
    mend: [
      'kafka-topics.sh --bootstrap-server HOST:PORT --create --topic xrd --partitions 4',
      'dfsp run … --wait-for-topic waits until somebody makes it.',
    ],
    example: 'dfsp: topic "xdr" does not exist [E_TOPIC_MISSING]\n  did you mean "xrd"?',
  },
  E_KAFKA: {
    title: 'the broker or the client reported an error',
    meaning:
      'An answer from which the call cannot go on, and that has no code of its own. What was committed stays.',
    causes: [
      'a record is larger than the topic takes (max.message.bytes)',
      'the offsets could not be committed: no coordinator, too few replicas',
      'a broker, the leader of a partition or the coordinator of the group did not answer for a minute, and the run is a finite one',
      'a batch of records is damaged, so that a finite run cannot get past it (others go on with the other partitions)',
      'a setting of the broker that dfsp did not meet before',
    ],
    look: [
      ['dfsp run … -vv', "what the client does, librdkafka's own words"],
      ["the broker's server.log", 'the same moment, seen from there'],
    ],
    mend: [
      'Too large: dfsp upload --chunk-size 256KiB, or a larger max.message.bytes.',
      'Damaged: kafka-dump-log.sh shows it, kafka-consumer-groups.sh --reset-offsets goes past it; its files are sent again.',
      'Otherwise start it again: nothing is lost.',
    ],
    example: 'dfsp: a record is larger than topic xrd takes [E_KAFKA]',
  },
  E_OUTPUT: {
    title: 'the output cannot be written',
    meaning:
      'The folder of --output-dir, or a file that a command writes, cannot be made or written at the start. A disk that fills up later pauses the run instead (E_BREAKER).',
    causes: [
      'no permission',
      'the disk is full or mounted read-only',
      'a file stands where the folder should be, or a pipe, a device or a folder where the file should be',
    ],
    look: [
      ['ls -ld DIR; id', 'whose it is, and who you are'],
      ['df -h DIR; df -i DIR', 'room, and inodes'],
    ],
    mend: [
      'Give another folder: -o /data/out',
      'Under systemd: StateDirectory=, as dfsp init systemd writes it.',
    ],
    example: 'dfsp: cannot write to the output directory /data/out [E_OUTPUT]\n  EACCES: permission denied',
  },
  E_GROUP_BUSY: {
    title: 'another process is in the consumer group',
    meaning:
      'The chunks of a file may lie in all partitions of the topic, so one process must own them all. The second one ends with 75 and disturbs nothing.',
    causes: [
      'cron started a run while the one before is still at it: harmless',
      'the same plugin runs on another machine or in another terminal',
      'a process that was killed is still a member until its session ends (up to 45 s)',
      'two of dfsp repartition, or of dfsp run --shared, have one name (--member, for repartition by default the host name)',
    ],
    look: [['dfsp status -t TOPIC -g GROUP', 'members and their hosts']],
    mend: [
      'Stop the other one, or wait until it has ended.',
      'For a second, independent run: --group another-name.',
      'For more speed: --threads, not more processes (dfsp help scaling).',
      'For several hosts, where each file lies in one partition (dfsp upload sends it so): --shared for all of them.',
      'For several hosts on any other topic: dfsp repartition makes a copy in which each file lies in one partition, which they read with --shared.',
    ],
    example:
      'dfsp: group dfsp.plot.xrd is in use [E_GROUP_BUSY]\n  member dfsp-lab2-4711 on 10.0.4.9 owns partitions 0-3',
  },
  E_UPLOAD_BUSY: {
    title: 'the folder is being watched already',
    meaning:
      'Another dfsp upload --watch watches the same folder for the same topic. Both would send every file, so the second one ends.',
    causes: ['a second service or terminal with the same upload'],
    look: [['ps -fp PID', 'what the process is that the message names']],
    mend: ['Stop one of the two.', 'Watch another folder, or send to another topic.'],
    example:
      'dfsp: /data is being watched for topic xrd already [E_UPLOAD_BUSY]\n  by process 4711\nTry: stop that one: kill 4711',
  },
  E_NOT_DRAINED: {
    title: 'files were still running when time was up',
    meaning:
      'A stop waits for running files for --drain-timeout (20 s), a run with --max-time ends then. Nothing is lost: the next run takes these files up again, and they may run twice.',
    causes: [
      "the broker's offset.metadata.max.bytes has no room for what a commit has to say",
      'the plugin needs longer for a file than --drain-timeout',
      'the plugin waits for something that does not come',
      'it is in a call that blocks its thread, such as execFileSync or a query of a native module',
    ],
    look: [['dfsp run … -v', 'how long each file takes']],
    mend: [
      '--drain-timeout 2m; under systemd and Docker also TimeoutStopSec and stop_grace_period',
      '--timeout 5m gives up an attempt that hangs.',
      'Programs that a blocked thread waits for are ended with it. A thread in native code cannot be ended: before Node.js 22.15 the process then kills itself (137), once all is committed.',
    ],
    example: '{"v":1,"type":"summary","done":12,"exit":75}',
  },
  E_BREAKER: {
    title: 'everything fails, so everything pauses',
    meaning:
      'Many different files failed one after the other, the disk takes nothing, the plugin says that it is not the file but what it works with, its setup does not end, its module does not load within --max-time, or no plugin thread is left and none can be started for want of files, memory or processes. Instead of giving up good files, dfsp pauses and tries one file, the disk, or a thread, every 10 s. It goes on by itself; a run that has an end stops with 75.',
    causes: [
      'the disk is full (ENOSPC) or went read-only',
      'what the plugin needs is away or does not answer: a database, a server, a share, a licence',
      'a mistake in the plugin that hits every file',
    ],
    look: [
      ['df -h DIR', 'is there room?'],
      ['dfsp run … -v', 'why the last files failed'],
    ],
    mend: [
      'Mend the cause; a run that is still there goes on within 10 s.',
      'If it is really the files that are bad: --breaker 0.',
    ],
    example: 'dfsp: nothing can be processed: disk full on /data/out (ENOSPC) [E_BREAKER]',
  },
  E_PORT: {
    title: 'the port of --http is taken',
    meaning: 'Another program, or another run of dfsp, listens there. Nothing was read.',
    causes: ['two runs with the same --http', 'another program that has the port'],
    look: [['ss -ltnp', 'who listens where']],
    mend: [
      'A port of its own for each run: --http 9465.',
      '--http 0 takes any that is free; the start prints it.',
    ],
    example: 'dfsp: --http: cannot listen on 127.0.0.1:9464 [E_PORT]',
  },
  E_OPEN_FILES: {
    title: 'no further file can be opened',
    meaning:
      'The system lets this process, or all together, open no more files, so that it cannot even begin. Nothing was read. Where it happens later, all pauses instead (E_BREAKER).',
    causes: [
      'a low ulimit -n, of the shell, of systemd (LimitNOFILE) or of the container',
      'another program that leaves files open (ENFILE: the limit of the whole machine)',
    ],
    look: [
      ['ulimit -n', 'how many this process may open'],
      ['cat /proc/sys/fs/file-nr', 'how many are open on the machine, and the most'],
    ],
    mend: ['ulimit -n 1024 before it, or LimitNOFILE=1024 in the unit.'],
    example: 'dfsp: no further file can be opened [E_OPEN_FILES]\n  EMFILE: too many open files',
  },
  E_AUTH: {
    title: 'the broker refused the login',
    meaning:
      'User, password or mechanism is not what the broker expects. It ends at once, since waiting does not mend it; while a run goes on it is told and tried again.',
    causes: [
      'a wrong or outdated password',
      'another mechanism than the broker offers (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512)',
      'a login was given to a port that takes none',
    ],
    look: [
      ['dfsp config show --origin', 'mechanism, user, and which variable or line the password is from'],
      ['dfsp config show --reveal', 'with the password in clear'],
    ],
    mend: [
      'export the variable of the password, or name a file: --env-file lab.env',
      'sasl.mechanism = SCRAM-SHA-512 in [broker].',
      'A port without login: security.protocol = PLAINTEXT or SSL.',
    ],
    example: 'dfsp: login refused by lab1:9093 [E_AUTH]\n  mechanism SCRAM-SHA-512, user "beamline4"',
  },
  E_ACL: {
    title: 'access rules forbid it',
    meaning: 'The broker knows who you are, but its ACLs do not allow the operation that the message names.',
    causes: [
      'no READ on the topic',
      'no READ on the group',
      'no WRITE on the output topic, or on the topic of dead letters',
    ],
    look: [
      [
        'kafka-acls.sh --bootstrap-server HOST:PORT --list',
        'what is allowed to whom (an administrator may ask)',
      ],
    ],
    mend: [
      'kafka-acls.sh … --add --allow-principal User:beamline4 --operation Read --topic xrd --group dfsp. --resource-pattern-type prefixed',
      'Where only some group names are allowed: --group lab.plot.',
    ],
    example: 'dfsp: READ on group dfsp.plot.xrd is not allowed for user "beamline4" [E_ACL]',
  },
  E_CONFIG: {
    title: 'the settings cannot be used',
    meaning:
      'The config file or the properties of the client are wrong. Every problem is listed with its line.',
    causes: [
      'a variable such as $LAB_PW is not set in this shell, in cron or in the unit',
      'a property or a section that is misspelt',
      'properties that contradict each other, or name a file that does not exist (ssl.ca.location)',
    ],
    look: [
      ['dfsp config check', 'all problems, without a broker'],
      ['dfsp run -X list', 'every property that is known'],
    ],
    mend: ['export LAB_PW=…, or put it into a file for --env-file', 'Correct the lines that are named.'],
    example: 'dfsp: dfsp.config:6: $LAB_PW is not set [E_CONFIG]',
  },
  E_ENCRYPTION: {
    title: 'the config asks for encryption, which is not built in',
    meaning:
      'The config file has a section for KafkaCrypto, by which OpenMSIStream encrypts records. dfsp neither encrypts nor decrypts. What sends, or may send, ends here, since it would go out in plain text: upload, run, retry and replay. ls, get and status read what is not encrypted, and say so. Nothing was sent.',
    causes: [
      '[kafkacrypto] in the config file, with its node_id or config_file',
      'a section whose name is a slip of that',
      "KafkaCrypto's own file of a node, given as the config file",
    ],
    look: [
      ['dfsp config path', 'which config file is read'],
      ['dfsp ls -t TOPIC', 'says how many records are no chunks, and that they begin as encrypted ones do'],
    ],
    mend: [
      'For a topic that is encrypted: OpenMSIStream.',
      'For any other topic: a config file without that section, -c FILE.',
    ],
    example:
      'dfsp: lab.config:1: [kafkacrypto] asks for encryption, which is not built in [E_ENCRYPTION]\n  what is sent would go out in plain text, so nothing is sent',
  },
  E_PLUGIN: {
    title: 'the plugin cannot be used',
    meaning: 'Its module could be found, but not started. Nothing was read from the topic.',
    causes: [
      'it does not compile, or its tsconfig.json cannot be read: file, line and column are told',
      'it awaits at the top level, or uses a package that can only be imported, and is declared CommonJS',
      'it imports a package that is not installed beside it',
      'it has no default export, or a class instead of a function',
      'setup() threw, or the module ended the process',
      'an option has a name that dfsp uses itself',
    ],
    look: [
      ['dfsp try ./plot.ts samples/*.csv', 'the same plugin, without Kafka'],
      ['npx tsc --noEmit --strict plot.ts', 'its types, which dfsp does not check'],
    ],
    mend: [
      'Correct the line that is named.',
      "npm install PACKAGE in the plugin's folder.",
      'export default function (file, ctx) { … return null }',
    ],
    example: 'dfsp: ./plot.ts does not compile [E_PLUGIN]\n  plot.ts:12:7 Expected ";" but found "error"',
  },
  E_NOT_KEYED: {
    title: 'the topic cannot be shared: the chunks of a file lie in several partitions',
    meaning:
      'With --shared each partition is read by one process, so all chunks of a file must lie in one of them. A chunk was found that is not in the partition of its path, and no header says that its file is together. What was finished is committed; the file stays as it is.',
    causes: [
      'the topic is written by OpenMSIStream, whose chunks go to any partition',
      'dfsp upload was called with --partition-by key',
      'the number of partitions was raised, and a dfsp upload of before sent the file before that',
    ],
    look: [['dfsp ls xrd --raw 3:4711', 'the record that is named: its key and headers']],
    mend: [
      'dfsp repartition -t TOPIC copies it into TOPIC.by-path, which can be shared (dfsp help scaling).',
      'dfsp run without --shared reads such a topic with one process.',
      'Send with dfsp upload, which puts each file into the partition of its path.',
    ],
    example:
      'dfsp: xrd holds files whose chunks lie in several partitions [E_NOT_KEYED]\n  record xrd[3]@4711 is a chunk of run1/a.raw, which belongs into partition 0',
  },
  E_ADDON: {
    title: 'the Kafka client is not built, or without what is needed',
    meaning:
      'The native part of @confluentinc/kafka-javascript is not there for this system and this Node.js, or was compiled without a library, such as that of zstd, with which records are compressed. Nothing was skipped.',
    causes: [
      'npm ran without install scripts (--ignore-scripts, or not allowed by allow-scripts)',
      'no binary could be fetched, and there is no compiler',
      'Node.js was changed to another major version since',
      'it was compiled where the headers of zstd were missing',
    ],
    look: [
      ['node -p process.versions.modules', 'which binary is wanted'],
      [
        `node -p "require('@confluentinc/kafka-javascript').features.join()"`,
        'in the folder of dfsp: what it was compiled with',
      ],
    ],
    mend: [
      `apt-get install ${BUILD_PACKAGES}`,
      'CKJS_LINKING=dynamic npm rebuild @confluentinc/kafka-javascript, with --global where dfsp is installed so',
    ],
    example:
      'dfsp: the Kafka client is not built [E_ADDON]\n  no binary of @confluentinc/kafka-javascript for linux-x64, Node 20.20.2',
  },
}

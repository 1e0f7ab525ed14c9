/** What `dfsp help E_CODE` says of each error code. */
import type { ErrorCode } from '../errors.ts'

export const ERROR_HELP: Readonly<Record<ErrorCode, string>> = {
  E_INTERNAL: 'Something in dfsp itself went wrong. Run it again with --debug and report what it prints.',
  E_USAGE: 'A flag or an argument is wrong or missing. Each command has --help; nothing was read or sent.',
  E_NO_BROKER:
    'Nothing names a Kafka broker: give -b HOST:PORT, set DFSP_BROKERS, or write bootstrap.servers into [broker] of the config file. `dfsp demo` and `dfsp try` need none.',
  E_NOT_FOUND: 'A config file or an input path does not exist or cannot be read.',
  E_PLUGIN_MISSING: 'The file that --plugin names is not there, and no built-in plugin is called so.',
  E_BROKER_UNREACHABLE:
    'No connection to any of the brokers. If the port can be reached (`nc -vz HOST PORT`) but dfsp fails later, the broker advertises another address than the one that you gave: `kcat -L -b HOST:PORT` shows it. With TLS, look at security.protocol and ssl.ca.location.',
  E_TOPIC_MISSING: 'The broker has no topic of that name. Create it, or wait for it with --wait-for-topic.',
  E_KAFKA: 'The broker or its client reported an error from which a run cannot go on.',
  E_OUTPUT: 'The output directory or a file in it cannot be written.',
  E_GROUP_BUSY:
    'Another process is in the consumer group. The chunks of a file lie in all partitions of the topic, so one process must own them all: stop the other one, or use another --group.',
  E_NOT_DRAINED:
    'Files were still being processed when --drain-timeout or --max-time was over. Nothing is lost: the next run takes them up again.',
  E_BREAKER:
    'Many different files failed one after the other, or the disk takes nothing: everything pauses, nothing is given up, and one file or the disk is tried every 10 s. It goes on by itself; a run that has an end (--until-end and the like) ends with 75. If it is the files that are bad: --breaker 0.',
  E_PORT:
    'Another program, or another run of dfsp, listens on the port that --http names. Give each run a port of its own, or port 0 for any that is free: the start prints it. Nothing was read.',
  E_AUTH: 'The broker refused user, password or mechanism (sasl.* in [broker] of the config file).',
  E_ACL: 'The broker knows you, but its access rules forbid the operation that the message names.',
  E_CONFIG: 'The config file cannot be used; every problem in it is listed with its line.',
  E_PLUGIN: 'The plugin does not compile, does not export what it should, or failed in setup().',
  E_ADDON:
    'The native part of the Kafka client is not there for this system. With g++, make, python3 and the headers of zlib and OpenSSL: npm rebuild @confluentinc/kafka-javascript',
}
